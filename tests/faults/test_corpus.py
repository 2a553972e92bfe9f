"""Every malformed answer of the corpus, over a real socket: our own errors or rows, in time, nothing left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cc_async import Breaker, Retry, Timeouts
from cc_async.errors import CcError

from . import behaviours as do
from .checks import asking, checked
from .corpus import BODIES, HTTP
from .server import Behaviour, FaultServer

LIMITS: dict[str, Any] = {
    "timeouts": Timeouts(connect=1, read=0.3, attempt=1),
    "retry": Retry(attempts=1),
    "breaker": Breaker(failures=1_000_000),
}


async def survives(behaviour: Behaviour, within: float = 2.0) -> None:
    """Ask, be answered badly, and be fine: an error of ours or rows now, and rows from the next request."""
    async with FaultServer(behaviour, then=do.good) as server, asking(server, **LIMITS) as cms:
        try:
            async with asyncio.timeout(within):
                batch = await cms.skill_call_stats([1])
        except CcError as error:
            checked(error, CcError)
        else:
            assert [row.skill_id for row in batch] in ([], [1])
        assert len(server.requests) <= 2
        again = await cms.skill_call_stats([1, 2])
        assert [(row.skill_id, row.offered) for row in again] == [(1, 6), (2, 7)]


def test_there_are_enough() -> None:
    """A hundred of them at least, each different from the others."""
    assert len(HTTP) + len(BODIES) >= 100
    assert len(set(HTTP.values())) == len(HTTP)
    assert len(set(BODIES.values())) == len(BODIES)


@pytest.mark.parametrize("data", HTTP.values(), ids=HTTP.keys())
async def test_malformed_http(data: bytes) -> None:
    """The bytes come, then the connection ends."""
    await survives(do.raw(data, close=True))


@pytest.mark.parametrize("data", BODIES.values(), ids=BODIES.keys())
async def test_malformed_json(data: bytes) -> None:
    """The body comes whole, on a connection that stays."""
    await survives(do.body(data))


@pytest.mark.parametrize("name", ["nothing", "chunk too large", "no end of headers", "length in hex"])
async def test_malformed_http_and_silence(name: str) -> None:
    """The bytes come and the connection stays open: the read timeout ends it."""
    await survives(do.raw(HTTP[name]))
