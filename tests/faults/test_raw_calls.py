"""Raw calls under failure: what may be sent twice, and what many of them leave behind."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from cc_async import CmsClient
from cc_async.contract.endpoints import raw_endpoint
from cc_async.contract.spec import KeyKind
from cc_async.errors import ConnectError, ServerError
from cc_async.session.auth import Auth
from cc_async.session.locks import interface_key
from cc_async.session.route import Route

from . import behaviours as do
from .checks import asking, failing
from .server import FaultServer

UNKNOWN = "outbound/ofwhichnobodyknows"
FINE = do.body(b'{"resultCode": "0100000", "resultDesc": []}')


def signs_for(cms: CmsClient) -> Auth:
    """The credential a client signs with."""
    return cms._core.open().credentials[KeyKind.TENANT]


@pytest.mark.parametrize(
    ("path", "options", "sent"),
    [
        ("vdn/totalagentstate", {}, 2),  # documented, and it reads
        ("skill/stateinfo", {}, 2),  # of the table
        ("/rest/cmsapp/v1/openapi/skill/stateinfo", {}, 2),
        ("/rest/cmsapp/v1/ping", {}, 2),
        (UNKNOWN, {}, 1),
        ("/some/where/else", {}, 1),
        (UNKNOWN, {"method": "GET"}, 2),
        (UNKNOWN, {"retryable": True}, 2),
        (UNKNOWN, {"method": "GET", "retryable": False}, 1),
        ("vdn/totalagentstate", {"retryable": False}, 1),
    ],
)
async def test_what_may_be_asked_twice(path: str, options: dict[str, Any], sent: int) -> None:
    """Documented reads and GETs are repeated after a 503, another POST only for a caller who says it may."""
    async with FaultServer(do.status(503), then=FINE) as server, asking(server) as cms:
        if sent == 2:
            await cms.call(path, **options)
        else:
            await failing(cms.call(path, **options), ServerError, within=2, attempts=1)
        assert len(server.requests) == sent


async def test_what_never_left_is_sent_again() -> None:
    """Nobody listens any more, so nothing can have arrived: even what must not be repeated is."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        await server.stop()
        with pytest.raises(ConnectError, match="refused") as caught:
            await cms.call(UNKNOWN)
        assert cms.health.retry_budget < 500
        assert caught.value.attempts == 3


@pytest.mark.parametrize("value", [1, 0, "yes", 1.0])
async def test_retryable_is_a_bool(value: Any) -> None:
    """Anything else is a TypeError, and nothing is sent."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        with pytest.raises(TypeError, match="retryable must be True, False or None"):
            await cms.call("vdn/totalagentstate", retryable=value)
        assert not server.requests


async def test_many_different_paths_leave_nothing_behind() -> None:
    """A program that makes up paths without an end makes nothing grow: no route, no proven key, no shape."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        await cms.skill_states([1])
        session, auth = cms._core.open(), signs_for(cms)
        paths = [f"made/up/n{number}" for number in range(50)]
        for path in paths:
            await cms.call(path)
        gc.collect()
        routes = [each for each in gc.get_objects() if isinstance(each, Route) and each.auth is auth]
        assert [route.endpoint.name for route in routes] == ["skill_states"]
        proven = session.exchange.probation.is_proven
        assert proven(interface_key((session.host, auth.identity), "skill_states"))
        assert not any(proven(interface_key((session.host, auth.identity), path)) for path in paths)


async def test_raw_calls_prove_the_habit_of_a_host_together() -> None:
    """All a raw call learns of shapes is the habit of the host: two paths have one probation key."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        one, other = (
            Route("host", raw_endpoint(path), signs_for(cms), 1).shape for path in ("made/up/a", "made/up/b")
        )
        assert one == other
