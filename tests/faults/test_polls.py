"""Numbers 53, 66 and 67: polls that bring rows of another age, are not fetched, or take too long."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from cc_async import Timeouts
from cc_async.monitor import watch

from . import answers
from . import behaviours as do
from .checks import asking
from .server import FaultServer, Seen, Wire

NOON = int(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp())
BUCKET = 300
EVERY, TAKES = 10.0, 25.0
pytestmark = pytest.mark.looptime


async def test_fault_53_a_bucket_of_another_age_is_suspect() -> None:
    """Rows that began in 1970, an hour ago or in an hour are kept, and their beat says so; others do not."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    right = None
    told = [right, right, 0, right, NOON - 3600, NOON + 3 * 3600, right]
    starts = list(told)

    async def dated(wire: Wire, seen: Seen) -> None:
        now = NOON + 100 + int(loop.time() - began)
        start = starts.pop(0)
        row = answers.skill_row(1, startTime=1000 * (now - now % BUCKET if start is right else start))
        await wire.write(do.http(answers.cms([row]), 200, ("Date", formatdate(now, usegmt=True))))

    async with (
        FaultServer(then=dated) as server,
        asking(server) as cms,
        watch(cms.skill_call_stats([1]), every=BUCKET, spread=0) as beats,
    ):
        polls = [await anext(beats) for _ in told]
    assert [poll.batch is not None and len(poll.batch) for poll in polls] == [1] * len(told)
    # Of the first bucket nobody knows whether it was seen from its start.
    assert [poll.suspect for poll in polls[1:]] == [start is not right for start in told[1:]]


async def test_fault_66_a_slow_reader_of_polls_is_told_what_it_missed() -> None:
    """Who comes back after 35 s of a poll every 10 s gets the newest answer, and how many were dropped."""
    async with (
        FaultServer(then=do.good) as server,
        asking(server) as cms,
        watch(cms.skill_states([1]), every=EVERY, spread=0) as beats,
    ):
        assert (await anext(beats)).dropped == 0
        await asyncio.sleep(3.5 * EVERY)
        newest = await anext(beats)
        assert (newest.number, newest.dropped) == (4, 2)
        assert (await anext(beats)).dropped == 0
        assert len(server.requests) == 5


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
    # The next may have begun before the reader left.
    moments = [seen.at - begun for seen in server.requests[:20]]
    assert moments == pytest.approx([3 * EVERY * number for number in range(20)], abs=0.5)
