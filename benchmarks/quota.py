"""Line 6: a quota that costs nothing when free, is never exceeded, and is used up."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence

from benchmarks import by_hand, lab
from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient, Quota
from cc_async.session.pacer import MemoryPacer, PaceKey

KEY: PaceKey = ("cms.example.com:28443", "ak-0123456789ab", "skill_call_stats")
GOALS = {0.005: 99.0, 0.05: 95.0}
"""Seconds the server takes to answer, and the share of the quota that must be used then."""


async def acquiring(count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Microseconds of an acquire from a quota that is free, alone and with the rest of a slot's life."""
    quota = Quota(10 * count, per=1.0)
    wants = ((KEY, quota),)
    alone, lives = [], []
    for _ in range(rounds):
        gc.collect()
        pacer = MemoryPacer()
        began = time.process_time()
        for _ in range(count):
            await pacer.acquire(wants)
        alone.append((time.process_time() - began) * 1e6 / count)
        gc.collect()
        pacer = MemoryPacer()
        began = time.process_time()
        for _ in range(count):
            slot = await pacer.acquire(wants)
            slot.sent()
            slot.answered()
        lives.append((time.process_time() - began) * 1e6 / count)
    return alone, lives


async def arrivals(server: lab.Server, delay: float, quota: Quota, windows: int) -> list[float]:
    """When the requests of a call that wants more than the quota reached the server's handler."""
    server.ask(f"/delay/{delay}")
    auth = AkSk(by_hand.ACCESS_KEY, by_hand.SECRET_KEY)
    async with CmsClient(server.url, auth, vdn=170, quota=quota, concurrency=64) as cms:
        # The first request of a credential travels alone; the window it opens is let pass.
        await cms.signed_in_agents(skill_ids=[1])
        await asyncio.sleep(quota.per + 0.1)
        server.ask("/forget")
        await cms.signed_in_agents(skill_ids=range(1, quota.limit * windows + 1))
    return [float(moment) for moment in server.ask("/arrivals")]


def over(moments: Sequence[float], quota: Quota) -> int:
    """By how many the fullest window of ``per`` seconds exceeds the limit."""
    fullest, first = 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= quota.per:
            first += 1
        fullest = max(fullest, last - first + 1)
    return max(0, fullest - quota.limit)


def used(moments: Sequence[float], quota: Quota) -> float:
    """Percent of the quota used: whole windows' worth of requests over the time they took."""
    spare = len(moments) - quota.limit
    return 100.0 * spare * quota.per / quota.limit / (moments[spare] - moments[0])


def run(smoke: bool) -> list[Line]:
    """Acquire in memory, then ask a server that notes when each request arrives."""
    count, rounds, windows = (500, 1, 2) if smoke else (50_000, 11, 6)
    with lab.pinned():
        alone, lives = (lab.Spread.of(one) for one in asyncio.run(acquiring(count, rounds)))
    lines = [
        line("acquire when free", alone, "us CPU", "at most 1", alone.median <= 1),
        line("acquire, sent, answered", lives, "us CPU"),
    ]
    with lab.canned_server() as server:
        for limit in (10,) if smoke else (10, 100):
            quota = Quota(limit, per=0.2 if smoke else 1.0)
            for delay, goal in GOALS.items():
                moments = asyncio.run(arrivals(server, delay, quota, windows))
                share, excess = used(moments, quota), over(moments, quota)
                name = f"{limit} in {quota.per:g} s, answers after {delay * 1000:g} ms"
                lines.append(line(f"{name}: used", share, "%", f"at least {goal:g}", share >= goal))
                lines.append(line(f"{name}: over, at worst", excess, "requests", "0", excess == 0))
    return lines
