"""A process of its own that reads a long answer and watches its memory and its tasks meanwhile."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks import archive, by_hand
from cc_async import AkSk, CmsClient, Query, SystemIndicators

EVERY = 2_000
"""Rows between two looks."""


@frozen
class Watched:
    """What a reading came to."""

    rows: int
    requests: int
    seconds: float
    samples: list[tuple[int, float]]
    """Rows so far, and MiB of the process beyond what it had before; the last one is after the end."""
    tasks: int
    """At the most, the reader's own included."""

    @property
    def growth(self) -> float:
        """MiB at the most."""
        return max(mib for _, mib in self.samples)


def watched(url: str, way: str, days: int, folder: str = "") -> Watched:
    """Read so many days (28 800 rows each) that way, ``stream``, ``await`` or ``files``; blocks."""
    command = [sys.executable, "-m", "benchmarks.memory", url, way, str(days), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return Watched(**{**found, "samples": [(rows, mib) for rows, mib in found["samples"]]})


def resident() -> float:
    """MiB of this process; 0 where that cannot be known."""
    listed = Path("/proc/self/statm")
    return int(listed.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if listed.exists() else 0.0


def question(cms: CmsClient, hours: int) -> Query[SystemIndicators]:
    """The indicators of 100 VDNs: 1 200 rows an hour, 12 pages."""
    end = archive.BEGIN + timedelta(hours=hours)
    return cms.system_indicators(begin=archive.BEGIN, end=end, vdns=archive.VDNS, timeout=None)


class Watch:
    """Looks at memory and tasks every so many rows."""

    def __init__(self) -> None:
        gc.collect()
        self._before = resident()
        self._next = 0
        self.samples: list[tuple[int, float]] = []
        self.tasks = 0

    def look(self, rows: int, *, anyway: bool = False) -> None:
        """Note what there is, if it is time."""
        if rows >= self._next or anyway:
            self._next = rows + EVERY
            self.samples.append((rows, resident() - self._before))
            self.tasks = max(self.tasks, len(asyncio.all_tasks()))


async def read_stream(query: Query[SystemIndicators], look: Callable[[int], None]) -> tuple[int, int]:
    """Rows and requests of a stream."""
    rows = 0
    async with query.stream() as stream:
        async for _ in stream:
            rows += 1
            if not rows % EVERY:
                look(rows)
    return rows, stream.request_count


async def read(url: str, way: str, days: int, folder: str) -> dict[str, Any]:
    """Read, and say what was seen."""
    auth = AkSk(by_hand.ACCESS_KEY, by_hand.SECRET_KEY)
    async with CmsClient(url, auth, quota=None, timeout=None) as cms:
        await read_stream(question(cms, 1), lambda rows: None)  # connections, imports, caches
        if way == "files":
            await question(cms, 1).to_parquet(folder + "/warm")
        watch, query = Watch(), question(cms, 24 * days)
        began = time.perf_counter()
        if way == "stream":
            rows, requests = await read_stream(query, watch.look)
        elif way == "files":
            done = await query.to_parquet(folder, on_progress=lambda progress: watch.look(progress.rows))
            rows, requests = done.rows, done.requests
        else:
            batch = await query
            rows, requests = len(batch), batch.request_count
        seconds = time.perf_counter() - began
        watch.look(rows, anyway=True)
    return {
        "rows": rows,
        "requests": requests,
        "seconds": seconds,
        "samples": watch.samples,
        "tasks": watch.tasks,
    }


if __name__ == "__main__":
    address, how, length, where = sys.argv[1:]
    print(json.dumps(asyncio.run(read(address, how, int(length), where))))
