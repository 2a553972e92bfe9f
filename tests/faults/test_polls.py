"""Number 67: a poll that takes longer than the time between two."""

from __future__ import annotations

import asyncio

import pytest

from cc_async import Timeouts
from cc_async.monitor import watch

from . import behaviours as do
from .checks import asking
from .server import FaultServer, Seen, Wire

EVERY, TAKES = 10.0, 25.0


@pytest.mark.looptime
async def test_fault_67_a_poll_that_overruns_is_skipped() -> None:
    """Answers after 25 s, polls every 10 s: two are skipped and told, none piles up, the grid stays."""
    under_way = most = 0

    async def slow(wire: Wire, seen: Seen) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await wire.pause(TAKES)
        under_way -= 1
        await do.good(wire, seen)

    patient = Timeouts(connect=5, read=60, attempt=60)
    async with (
        FaultServer(then=slow) as server,
        asking(server, timeout=60, timeouts=patient) as cms,
        watch(cms.skill_states([1]), every=EVERY, spread=0) as beats,
    ):
        begun = asyncio.get_running_loop().time()
        polls = [await anext(beats) for _ in range(20)]
    assert [(poll.error, poll.skipped) for poll in polls] == [(None, 0)] + 19 * [(None, 2)]
    assert most == 1
    # The last may have begun already when the reader left; an answer of the 20th came before it.
    moments = [seen.at - begun for seen in server.requests[:20]]
    assert moments == pytest.approx([3 * EVERY * number for number in range(20)], abs=0.5)
