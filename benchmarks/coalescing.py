"""Line 5: a thousand callers who want one queue each."""

from __future__ import annotations

import asyncio
import time

from benchmarks import canned, floor, lab, work
from benchmarks.report import Line, line
from benchmarks.stream import client

VDN, REQUESTS, TIMES = 170, 6, 12.0


def alone(ids: range) -> work.Work:
    """A request for each queue."""
    bodies = (canned.minified({"ccId": canned.CC_ID, "vdn": VDN, "skillIds": [one]}) for one in ids)
    return work.Work("one queue", tuple(work.Ask("POST", canned.SKILLS_PATH, body) for body in bodies), 1)


async def measure(server: lab.Server, ids: range, rounds: int) -> list[Line]:
    """All callers at once: joined, each with a request of its own, and as bare requests."""
    job = alone(ids)
    async with client(server.url) as cms, floor.ways(server, (job,)) as bare:
        queues = cms.with_options(vdn=VDN)

        async def joined() -> int:
            query = queues.skill_call_stats()
            rows = await asyncio.gather(*(query.one(one) for one in ids))
            assert [row.skill_id for row in rows] == list(ids)
            return len(ids)

        async def apart() -> int:
            batches = await asyncio.gather(*(queues.skill_call_stats([one]) for one in ids))
            assert sum(map(len, batches)) == len(ids)
            return len(ids)

        ways: dict[str, lab.Way] = {"joined": joined, "apart": apart, "floor": bare[job.name]}
        taken = await lab.alternate(ways, rounds, time.perf_counter)
        before = server.ask("/cpu")["requests"]
        await joined()
        asked = server.ask("/cpu")["requests"] - before
        share = await lab.server_share(server, bare[job.name])
    milliseconds = {
        name: lab.Spread.of([each * len(ids) / 1000 for each in found]) for name, found in taken.items()
    }
    times, over_floor = (
        lab.Spread.of([slow / fast for slow, fast in zip(taken[name], taken["joined"], strict=True)])
        for name in ("apart", "floor")
    )
    count = f"{len(ids):,}".replace(",", " ")
    return [
        line(
            f"{count} callers: requests", float(asked), "requests", f"at most {REQUESTS}", asked <= REQUESTS
        ),
        line(f"{count} callers, joined", milliseconds["joined"], "ms"),
        line(f"{count} requests of one queue each", milliseconds["apart"], "ms"),
        line(f"{count} requests, joined: times faster", times, "x", "at least 12", times.median >= TIMES),
        line(f"{count} requests, floor: bytes only", milliseconds["floor"], "ms"),
        line("floor / joined", over_floor, "x"),
        line("the server's share of its core", share, "%", "below 100: no limit"),
    ]


def run(smoke: bool) -> list[Line]:
    """The last ids of four digits: the longest list a thousand of them can be."""
    ids = range(9_900, 10_000) if smoke else range(9_000, 10_000)
    with lab.canned_server() as server:
        return asyncio.run(measure(server, ids, 1 if smoke else 9))
