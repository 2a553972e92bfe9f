"""Numbers 25 to 36: statuses, redirects, pages, cookies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from cc_async import AkSk, Breaker, Retry, Timeouts
from cc_async.errors import (
    AddressBlocked,
    CcError,
    CircuitOpen,
    DecodeError,
    HttpError,
    NotDeployed,
    NotTheApi,
    ServerError,
    SignatureRejected,
    Throttled,
)

from . import answers
from . import behaviours as do
from .checks import ACCESS_KEY, AGENT, GUID, SECRET_KEY, asking, asking_gateway, failing
from .server import FaultServer, Seen, Wire

LOGIN = "<!doctype html><html><head><title>x</title></head><body>Please <b>log in</b>\x1b[31m</body></html>"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_fault_25_redirect_to_another_host(code: int) -> None:
    """A redirect is told and never followed: the other host gets no connection, from either client."""
    async with FaultServer(then=do.good) as other:
        location = ("Location", f"{other.url}/rest/cmsapp?guid={GUID}")
        async with FaultServer(then=do.status(code, location)) as server:
            async with asking(server) as cms:
                error = await failing(cms.skill_call_stats([1]), NotTheApi, within=3, attempts=1)
                assert other.name in error.message
            async with asking_gateway(server) as gateway:
                await failing(gateway.agent_call_stats([AGENT]), NotTheApi, within=3, attempts=1)
        assert other.counters.connections == 0


async def test_fault_26_redirect_to_the_same_host() -> None:
    """A redirect within the host is an error too."""
    async with FaultServer(then=do.status(307, ("Location", "/login"))) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats([1]), NotTheApi, within=3, attempts=1, code="307")
        assert "never followed" in error.message
        assert len(server.requests) == 1


@pytest.mark.parametrize("empty", [do.raw(b"HTTP/1.1 204 No Content\r\n\r\n"), do.body(b""), do.body(b" \n")])
async def test_fault_27_empty_answer(empty: Any) -> None:
    """204 and an empty 200 are transient."""
    async with FaultServer(empty, then=do.good) as server, asking(server) as cms:
        assert (await cms.skill_call_stats([1])).request_count == 2
    async with FaultServer(then=empty) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats([1]), DecodeError, within=3, attempts=3, retryable=True)
        assert "empty" in error.message


@pytest.mark.parametrize("code", [200, 201, 400, 405, 406, 415, 451, 499])
async def test_fault_28_a_page_in_place_of_the_interface(code: int) -> None:
    """A page is told with its first 200 characters, cleaned of tags and control characters."""
    async with FaultServer(then=do.page(LOGIN + "y" * 1000, code)) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats([1]), NotTheApi, within=3, attempts=1)
        assert "Please log in" in error.message
        assert "<" not in error.message
        assert "\x1b" not in error.message
        assert len(error.message) < 320


async def test_fault_28_a_page_that_repeats_what_was_sent() -> None:
    """A page that echoes the request back to us does not bring our signature or GUID into the error."""

    async def echo(wire: Wire, seen: Seen) -> None:
        told = "".join(f"<p>{name}: {value}</p>" for name, value in seen.headers.items())
        await do.page(f"<html>{told}{answers.PHONE}</html>", 400)(wire, seen)

    async with FaultServer(then=echo) as server:
        async with asking(server) as cms:
            await failing(cms.skill_call_stats([1]), NotTheApi, within=3)
        async with asking_gateway(server) as gateway:
            await failing(gateway.agent_call_stats([AGENT]), NotTheApi, within=3)


NAMED = {401: SignatureRejected, 403: AddressBlocked, 404: NotDeployed, 429: Throttled, 500: ServerError}


@pytest.mark.parametrize(("code", "kind"), NAMED.items())
async def test_fault_28_a_page_with_a_status_that_has_a_meaning(code: int, kind: type[CcError]) -> None:
    """There the status decides, and the page's text is shown."""
    once = Retry(attempts=1)
    async with FaultServer(then=do.page(LOGIN, code)) as server, asking(server, retry=once) as cms:
        error = await failing(cms.skill_call_stats([1]), kind, within=3, attempts=1)
        assert "Please log in" in error.message


async def test_fault_29_wrong_key_is_one_request() -> None:
    """401 is never repeated; it ends the whole batch and locks the credential that never succeeded."""
    async with FaultServer(then=do.status(401)) as server, asking(server) as cms:
        await failing(cms.signed_in_agents(range(1, 201)), SignatureRejected, within=3, attempts=1)
        error = await failing(cms.skill_states([1]), SignatureRejected, within=0.5, attempts=0)
        assert "not sent" in error.message
        assert len(server.requests) == 1


async def test_fault_29_waiting_and_running_calls_end() -> None:
    """A proven key that is refused ends what waits and runs at that interface, and nothing elsewhere."""

    async def behave(wire: Wire, seen: Seen) -> None:
        skill = seen.json.get("skillId", 0)
        if skill == 9:
            await wire.pause(0.05)
            await do.status(401)(wire, seen)
        else:
            await wire.pause(0 if skill < 2 else 20)
            await do.good(wire, seen)

    limits = Timeouts(connect=1, read=10, attempt=10)
    async with FaultServer(then=behave) as server, asking(server, timeouts=limits, concurrency=5) as cms:
        await cms.signed_in_agents([1])
        calls = [asyncio.ensure_future(cms.signed_in_agents([skill])) for skill in (9, *range(2, 9))]
        elsewhere = asyncio.ensure_future(cms.skill_states([2]))
        ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 1)
        assert {type(each) for each in ended} == {SignatureRejected}
        assert len(await elsewhere) == 1
        assert len(server.requests) <= 1 + 5 + 1


async def test_fault_29_a_new_key_unlocks() -> None:
    """``replace_auth`` unlocks at once."""
    async with FaultServer(do.status(401), then=do.good) as server, asking(server) as cms:
        await failing(cms.skill_states([1]), SignatureRejected, within=3)
        await cms.replace_auth(AkSk(ACCESS_KEY, SECRET_KEY))
        assert len(await cms.skill_states([1])) == 1


async def test_fault_30_blocked_address() -> None:
    """403 names its three causes, is not repeated, and opens the breaker for its longest time."""
    async with FaultServer(then=do.page("<html>Request blocked</html>", 403)) as server:
        async with asking(server, breaker=Breaker(longest=20)) as cms:
            error = await failing(cms.signed_in_agents(range(1, 99)), AddressBlocked, within=3, attempts=1)
            assert error.hint is not None
            assert all(cause in error.hint for cause in ("firewall", "bad signatures", "without permission"))
            later = await failing(cms.skill_states([1]), CircuitOpen, within=0.5, attempts=0)
            assert later.retry_after is not None
            assert 19 < later.retry_after <= 22
        assert len(server.requests) == 1


async def test_fault_31_not_deployed() -> None:
    """404 is final and says what to look at; for outbound tasks it names the module."""
    async with FaultServer(then=do.status(404)) as server, asking(server) as cms:
        error = await failing(cms.skill_states([1]), NotDeployed, within=3, attempts=1)
        assert "base URL" in (error.hint or "")
        error = await failing(cms.task_stats(["1122104910"]), NotDeployed, within=3, attempts=1)
        assert "iSales" in (error.hint or "")


@pytest.mark.parametrize("code", [408, 425, 429])
async def test_fault_32_throttled(code: int) -> None:
    """Too many requests: asked again after a pause."""
    async with FaultServer(do.status(code), then=do.good) as server, asking(server) as cms:
        assert (await cms.skill_states([1])).request_count == 2
    async with FaultServer(then=do.status(code)) as server, asking(server) as cms:
        await failing(cms.skill_states([1]), Throttled, within=3, attempts=3, code=str(code))


def _date(seconds: float) -> Callable[[], str]:
    """A Date so many seconds from when the test runs, which may be minutes after it was collected."""
    return lambda: formatdate(time() + seconds, usegmt=True)


WAITS: dict[str, tuple[str | Callable[[], str], float | None, float | None]] = {
    "seconds": ("7", 7, 7),
    "blanks": ("  7 ", 7, 7),
    "zero": ("0", 0, 0),
    "date": (_date(290), 200, 291),
    "past": (_date(-90), 0, 0),
    "negative": ("-5", 0, 0),
    "beyond measure": ("1000000000", 300, 300),
    "digits without end": ("9" * 4000, 300, 300),
    "far date": (_date(10**8), 300, 300),
    "garbage": ("soon", None, None),
    "other digits": ("１２", None, None),
    "nothing": ("", None, None),
    "infinity": ("inf", None, None),
}


@pytest.mark.parametrize(("text", "low", "high"), WAITS.values(), ids=WAITS.keys())
async def test_fault_32_retry_after(
    text: str | Callable[[], str], low: float | None, high: float | None
) -> None:
    """``Retry-After`` in every form: read and clamped to 0..300 s, or as if it were not there."""
    header = (text if isinstance(text, str) else text()).encode("utf-8").decode("latin-1")
    throttled = do.status(429, ("Retry-After", header))
    async with FaultServer(then=throttled) as server, asking(server, retry=Retry(attempts=1)) as cms:
        error = await failing(cms.ping(), Throttled, within=3, attempts=1)
        if low is None or high is None:
            assert error.retry_after is None
        else:
            assert error.retry_after is not None
            assert low <= error.retry_after <= high


async def test_fault_32_a_wait_beyond_the_time_left_fails_at_once() -> None:
    """Told to wait longer than the call may take, it ends now and not at its timeout."""
    async with FaultServer(then=do.status(429, ("Retry-After", "60"))) as server, asking(server) as cms:
        error = await failing(cms.ping(timeout=5), Throttled, within=0.5, attempts=1)
        assert error.retry_after == 60


@pytest.mark.parametrize("code", [500, 502, 503, 504])
async def test_fault_33_server_error(code: int) -> None:
    """A failing server is asked three times."""
    async with FaultServer(do.status(code), then=do.good) as server, asking(server) as cms:
        assert (await cms.skill_states([1])).request_count == 2
    async with FaultServer(then=do.status(code)) as server, asking(server) as cms:
        await failing(cms.skill_states([1]), ServerError, within=3, attempts=3, retryable=True)
        assert len(server.requests) == 3


@pytest.mark.parametrize("code", [501, 505])
async def test_fault_34_not_implemented(code: int) -> None:
    """What the server says it cannot do is not asked again."""
    async with FaultServer(then=do.status(code)) as server, asking(server) as cms:
        await failing(cms.skill_states([1]), ServerError, within=3, attempts=1, retryable=False)


async def test_fault_35_teapot() -> None:
    """418 comes from a firewall that saw an address: the hint says what to do."""
    async with FaultServer(then=do.page("<html>blocked</html>", 418)) as server, asking(server) as cms:
        error = await failing(cms.skill_states([1]), NotTheApi, within=3, attempts=1)
        assert error.hint == "use the host name, not the address"
        assert isinstance(error, HttpError)
        assert error.status == 418


async def test_fault_36_cookies_of_cms_are_ignored() -> None:
    """What CC-CMS sets is never sent back."""
    setting = do.good_with(("Set-Cookie", "JSESSIONID=abc; Path=/"), ("Set-Cookie", "lb=1"))
    async with FaultServer(then=setting) as server, asking(server) as cms:
        for skill in (1, 2, 3):
            await cms.skill_states([skill])
        assert [seen.headers.get("Cookie") for seen in server.requests] == [None] * 3


async def test_fault_36_cookies_of_the_gateway_belong_to_one_agent() -> None:
    """What the gateway sets for an agent comes back with that agent only."""

    async def setting(wire: Wire, seen: Seen) -> None:
        agent = seen.path.split("/")[4]
        await do.good_with(("Set-Cookie", f"node=n{agent}; Path=/; HttpOnly"))(wire, seen)

    guids = dict.fromkeys((101, 102), GUID)
    async with FaultServer(then=setting) as server, asking_gateway(server, guids=guids) as gateway:
        await gateway.agent_call_stats([101])
        await gateway.agent_call_stats([101, 102])
        await gateway.agent_call_stats([102])
        found = [(seen.path.split("/")[4], seen.headers.get("Cookie", "")) for seen in server.requests]
        assert sorted(found) == [("101", ""), ("101", "node=n101"), ("102", ""), ("102", "node=n102")]
