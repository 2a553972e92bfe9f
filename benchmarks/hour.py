"""Line 16: an hour of a wallboard: feed, server and a browser's stream over a living contact center."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
from attrs import define, field

from benchmarks.report import Line, line
from benchmarks.stitching import in_virtual_time
from cc_async import AkSk, CmsClient
from cc_async.board import Feed, Watched
from cc_async.monitor import Alert, Beat, Stitched
from cc_async.serve import Access, Server, make_app
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

TEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC).timestamp()
AGENTS_PER_QUEUE, CALLS_PER_QUEUE = 10, 1_000
BUCKET = 300
VDN = 170


@define
class Count:
    """A listener that counts."""

    beats: Counter[str] = field(factory=Counter)
    failed: int = 0
    gaps: int = 0
    closed: dict[tuple[int, datetime], int] = field(factory=dict)

    def on_beat(self, interface: str, beat: Beat[Any]) -> None:
        self.beats[interface] += 1
        self.failed += not beat.ok

    def on_stitched(self, stitched: Stitched) -> None:
        self.gaps += sum(gap.buckets for gap in stitched.gaps)
        for bucket in stitched.closed:
            self.closed[bucket.skill_id, bucket.interval_start] = bucket.offered or 0

    def on_alert(self, alert: Alert) -> None:
        self.beats["alert"] += 1


@define
class Stream:
    """What the stream of a browser brought."""

    boards: int = 0
    last: Any = None
    longest_silence: float = 0.0
    heap: list[float] = field(factory=list)
    """MiB of Python objects at each full 5 minutes."""


async def read(url: str, seen: Stream) -> None:
    """Read the boards as the page does."""
    loop = asyncio.get_running_loop()
    heard = loop.time()
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as web,
        web.get(url + "/v1/board") as answer,
    ):
        async for raw in answer.content:
            if raw.startswith(b'data: {"version"'):
                seen.boards += 1
                seen.last = raw[6:]
                seen.longest_silence = max(seen.longest_silence, loop.time() - heard)
                heard = loop.time()


async def hour(buckets: int, queues: int) -> tuple[Count, Stream, dict[tuple[int, datetime], int]]:
    """Run it; and the truth, calls by queue and bucket."""
    clock, count, seen = LoopClock(TEN), Count(), Stream()
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": queues}
    size |= {"agents_per_vdn": queues * AGENTS_PER_QUEUE, "calls_per_day": queues * CALLS_PER_QUEUE}
    world: dict[str, Any] = {"world": "living", "begins": TEN - 3600, "clock": clock}
    until = TEN + buckets * BUCKET
    async with Simulator(record_requests=False, latency=0.02, **size, **world) as sim:
        auth = AkSk(sim.access_key, sim.secret_key)
        async with (
            CmsClient(sim.cms_url, auth, vdn=VDN) as cms,
            Feed(cms, Watched(queues={VDN: None}), listeners=[count]) as feed,
            Server(make_app(feed, Access())) as server,
        ):
            reader = asyncio.create_task(read(server.url, seen))
            for number in range(buckets):
                await asyncio.sleep(TEN + (number + 1) * BUCKET + 2 - clock.wall())
                gc.collect()
                seen.heap.append(tracemalloc.get_traced_memory()[0] / 2**20)
            await asyncio.sleep(10)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        truth: Counter[tuple[int, datetime]] = Counter()
        for call in sim.world.calls(VDN, TEN, until):
            start = datetime.fromtimestamp(call.arrived // BUCKET * BUCKET, UTC)
            truth[call.skill_id, start] += 1
    return count, seen, dict(truth)


def run(smoke: bool) -> list[Line]:
    """An hour of 60 queues; in a smoke run ten minutes of 5."""
    buckets, queues = (2, 5) if smoke else (12, 60)
    began = time.process_time()
    tracemalloc.start()
    try:
        count, seen, truth = in_virtual_time(lambda: hour(buckets, queues))
    finally:
        tracemalloc.stop()
    took = time.process_time() - began
    calls = sum(truth.values())
    kept = sum(min(count.closed.get(key, 0), calls) for key, calls in truth.items())
    many = sum(max(calls - truth.get(key, 0), 0) for key, calls in count.closed.items())
    last = msgspec.json.decode(seen.last)
    behind = sum(one["last"] is None for one in last["queues"])
    growth = seen.heap[-1] - seen.heap[len(seen.heap) // 2]
    return [
        line("beats of waiting calls", float(count.beats["skill_states"]), "beats"),
        line("beats that failed", float(count.failed), "beats", "0", count.failed == 0),
        line("buckets lost", float(count.gaps), "buckets", "0", count.gaps == 0),
        line("true calls", float(calls), "calls"),
        line("calls in the closed buckets", 100 * kept / calls, "%", "99.5 or more", kept >= 0.995 * calls),
        line("calls too many", float(many), "calls", "0", many == 0),
        line("boards a browser got", float(seen.boards), "boards"),
        line(
            "longest time between two boards",
            seen.longest_silence,
            "s",
            "at most 8",
            seen.longest_silence <= 8,
        ),
        line("queues without a closed bucket at the end", float(behind), "queues", "0", behind == 0),
        line("size of a board", len(seen.last) / 1024, "KiB"),
        line("heap at the end", seen.heap[-1], "MiB"),
        line("heap: growth in the second half", growth, "MiB", "at most 0.5", growth <= 0.5),
        line("the hour took", took, "s CPU"),
    ]
