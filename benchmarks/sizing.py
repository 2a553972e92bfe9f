"""What ``cc-async plan --vdns`` reckons with, CPU of a request and memory of a row, and what is measured."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from typing import Any

from benchmarks import canned, lab, overhead, work
from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient
from cc_async.cli.sizing import REQUEST_SECONDS, ROW_BYTES, ROW_SECONDS


async def measure(server: lab.Server, vdns: int, rounds: int) -> list[Line]:
    """A GET, a page and 222 skills: CPU of our process by request; then the memory of rows that are kept."""
    lines = []
    async with overhead.ours(server, 20 * vdns, vdns) as ways:
        for job in overhead.jobs_of(20 * vdns, vdns):
            taken = []
            for _ in range(rounds):
                began = time.process_time()
                requests = await ways[job.name]()
                taken.append((time.process_time() - began) / requests * 1e6)
            reckoned = (REQUEST_SECONDS + job.records * ROW_SECONDS) * 1e6
            found = lab.Spread.of(taken)
            goal = f"at most {reckoned:.0f}, as planned"
            lines.append(line(f"{job.name}: CPU", found, "us", goal, found.median <= reckoned))
    kept = await memory(server, vdns)
    return [
        *lines,
        line("a row that is kept", kept, "bytes", f"at most {ROW_BYTES}, as planned", kept <= ROW_BYTES),
    ]


async def memory(server: lab.Server, vdns: int) -> float:
    """Bytes by row of a batch of skill queues, its index included."""
    auth: Any = AkSk("ak", "sk")
    async with CmsClient(server.url, auth, quota=None, concurrency=work.WORKERS) as cms:
        query = cms.skill_call_stats(by_vdn=dict.fromkeys(range(1, vdns + 1), canned.SKILL_IDS))
        await query
        gc.collect()
        tracemalloc.start()
        batch = await query
        assert len(batch.by_key) == len(batch)
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return used / len(batch)


def run(smoke: bool) -> list[Line]:
    """Start a server and measure."""
    with lab.canned_server() as server:
        return asyncio.run(measure(server, 3 if smoke else 100, 1 if smoke else 15))
