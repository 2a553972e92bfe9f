"""A million rows into files, from canned answers: how fast, in how much memory, and that they are there."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import polars

from benchmarks import archive, lab
from benchmarks.memory import question, watched
from benchmarks.report import Line, line
from benchmarks.stream import client


async def again(url: str, days: int, folder: str) -> int:
    """Requests of a second run of the same."""
    async with client(url) as cms:
        return (await question(cms, 24 * days).to_parquet(folder)).requests


def run(smoke: bool) -> list[Line]:
    """35 days of 100 VDNs, a partition a day."""
    days = 2 if smoke else 35
    with lab.canned_server() as server, tempfile.TemporaryDirectory(prefix="cc_async-") as folder:
        found = watched(server.url, "files", days, folder)
        second = asyncio.run(again(server.url, days, folder))
        root = Path(folder) / "system_indicators"
        parts = sum(1 for _ in root.rglob("*.parquet"))
        read = polars.scan_parquet(root, hive_partitioning=True).select("vdn", "interval_start").collect()
    expected = days * archive.ROWS_A_DAY
    wrong = abs(read.height - expected) + read.height - read.n_unique()
    name = f"{found.rows:,} rows".replace(",", " ")
    return [
        line(f"{name}: took", found.seconds, "s"),
        line(f"{name}: into files", found.rows / found.seconds, "rows/s"),
        line(f"{name}: requests", float(found.requests), "requests"),
        line(f"{name}: parts", float(parts), "files"),
        line(f"{name}: memory grows by", found.growth, "MiB"),
        line("rows lost or there twice", float(wrong), "rows", "0", wrong == 0),
        line("requests of a second run", float(second), "requests", "0", second == 0),
    ]
