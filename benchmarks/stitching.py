"""Line 9: the calls of a day that a poller keeps, of counters that restart every 5 minutes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import looptime
from attrs import define

from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient, SkillCallStats
from cc_async.monitor import Stitcher, watch
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC).timestamp()
QUEUES, AGENTS, CALLS = 2_000, 2_000, 200_000
BUCKET = 300
VDN = 170


@define
class Kept:
    """What one way of asking kept of one day."""

    calls: int
    polls: int


async def aligned(cms: CmsClient, until: float, clock: LoopClock) -> tuple[Kept, Stitcher]:
    """A beat right before the end of each bucket, stitched."""
    stitcher, polls = Stitcher(), 0
    async with watch(cms.skill_call_stats(), aligned=True) as beats:
        async for beat in beats:
            if beat.error is not None:
                raise beat.error
            polls = beat.number
            stitcher.feed(beat.batch or ())
            # The last bucket of the day has been asked: less than half a bucket is left.
            if until - clock.wall() < BUCKET / 2:
                break
    return Kept(sum(sums.offered or 0 for sums in stitcher.sums.values()), polls), stitcher


async def naive(cms: CmsClient, until: float, clock: LoopClock, every: float) -> Kept:
    """Ask, keep the last answer of each bucket, sleep, ask again."""
    last: dict[tuple[int, datetime | None], SkillCallStats] = {}
    polls = 0
    while clock.wall() < until:
        for row in await cms.skill_call_stats():
            last[row.skill_id, row.interval_start] = row
        polls += 1
        await asyncio.sleep(every)
    return Kept(sum(row.offered or 0 for row in last.values()), polls)


async def day(buckets: int, every: float) -> tuple[Kept, Kept, Stitcher, dict[int, int]]:
    """Both ways at the same contact center at the same time; and the truth, calls by queue."""
    clock = LoopClock(MIDNIGHT)
    until = MIDNIGHT + buckets * BUCKET
    size = {"vdns": [], "skills_per_vdn": QUEUES, "agents_per_vdn": AGENTS, "calls_per_day": CALLS}
    world = {"world": "living", "begins": MIDNIGHT, "clock": clock}
    habits = {"latency": 0.05, "jitter": 0.05, "record_requests": False}
    options: dict[str, Any] = {**size, **world, **habits}
    async with Simulator(**options) as sim:
        auth = AkSk(sim.access_key, sim.secret_key)
        async with (
            CmsClient(sim.cms_url, auth, vdn=VDN) as ours,
            CmsClient(sim.cms_url, auth, vdn=VDN) as plain,
        ):
            async with asyncio.TaskGroup() as group:
                mine = group.create_task(aligned(ours, until, clock))
                other = group.create_task(naive(plain, until, clock, every))
            await asyncio.sleep(max(until - clock.wall(), 0.0))
            truth: dict[int, int] = {}
            for call in sim.world.calls(VDN, MIDNIGHT, until):
                truth[call.skill_id] = truth.get(call.skill_id, 0) + 1
    kept, stitcher = mine.result()
    return kept, other.result(), stitcher, truth


def in_virtual_time(run: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run on a loop whose time passes as soon as nobody has anything to do; sockets work as ever."""
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(run())


def run(smoke: bool) -> list[Line]:
    """A day of 2 000 queues; in a smoke run half an hour."""
    buckets = 6 if smoke else 288
    began = time.perf_counter()
    ours, other, stitcher, truth = in_virtual_time(lambda: day(buckets, 60.0))
    took = time.perf_counter() - began
    calls = sum(truth.values())
    too_many = sum(
        max((sums.offered or 0) - truth.get(skill, 0), 0) for (_, skill), sums in stitcher.sums.items()
    )
    coverage = sum(sums.coverage for sums in stitcher.sums.values()) / len(stitcher.sums)
    share, poor = 100 * ours.calls / calls, 100 * other.calls / calls
    return [
        line("true calls", float(calls), "calls"),
        line("aligned beats: calls kept", share, "%", "99.5 or more", share >= 99.5),
        line("aligned beats: polls", float(ours.polls), "polls", "at most 300", ours.polls <= 300),
        line("aligned beats: calls too many", float(too_many), "calls", "0", too_many == 0),
        line("aligned beats: coverage they claim", 100 * coverage, "%"),
        line("every 60 s, last of each bucket: calls kept", poor, "%"),
        line("every 60 s, last of each bucket: polls", float(other.polls), "polls"),
        line("the day took", took, "s"),
    ]
