"""Files that survive: a backfill killed with SIGKILL at random, again and again, and what it leaves."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars
from attrs import define

from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient
from cc_async.batch.windows import on_the_wire
from cc_async.export import verify
from cc_async.export.layout import Layout
from cc_async.export.manifest import Manifest
from cc_async.simulator import Simulator

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
PERIODS = 288
INTERFACE = "system_indicators"
_SEED = 20260301
_ROOT = Path(__file__).parent.parent


@define
class Outcome:
    """What the killed runs came to."""

    kills: int = 0
    folders: int = 0
    """Backfills that were finished in the end."""
    rows: int = 0
    lost: int = 0
    double: int = 0
    damaged: int = 0
    """Parts that are not what was written, or that nobody knows."""
    asked_again: int = 0
    """Requests for partitions that were done already."""
    idle_requests: int = 0
    """Requests of one more run of a finished backfill."""
    under_way: int = 0
    """Kills that left a part under a temporary name."""


async def fill(url: str, access_key: str, secret_key: str, folder: str, days: int, vdns: int) -> None:
    """The work of the process that is killed."""
    async with CmsClient(url, AkSk(access_key, secret_key), quota=None, timeout=None) as cms:
        query = cms.system_indicators(begin=BEGIN, end=BEGIN + timedelta(days=days), vdns=range(1, vdns + 1))
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await query.to_parquet(folder)


async def survive(kills: int, rng: random.Random, root: Path, *, days: int = 250, vdns: int = 3) -> Outcome:
    """Kill a backfill that often, in as many folders as it finishes meanwhile; check each of them."""
    outcome = Outcome()
    async with Simulator(seed=3, vdns=range(1, vdns + 1), skills_per_vdn=1, agents_per_vdn=10) as sim:
        while outcome.kills < kills:
            folder = root / f"folder-{outcome.folders}"
            while not await _one_life(sim, folder, days, vdns, rng, outcome, kills):
                pass
            before = len(sim.requests)
            await _life(sim, folder, days, vdns, None)
            outcome.idle_requests += len(sim.requests) - before
            _check(folder, days * PERIODS * vdns, outcome)
    return outcome


async def _one_life(
    sim: Simulator, folder: Path, days: int, vdns: int, rng: random.Random, outcome: Outcome, kills: int
) -> bool:
    """Run once, killed after a random while; True when it came to its end."""
    done = _done(folder)
    before = len(sim.requests)
    ended = await _life(sim, folder, days, vdns, rng.uniform(0.0, 0.6) if outcome.kills < kills else None)
    outcome.asked_again += sum(_window(each.body) in done for each in sim.requests[before:])
    if not ended:
        outcome.kills += 1
        outcome.under_way += any(Layout.of(folder, INTERFACE).work.glob("part-*.tmp"))
    return ended


async def _life(sim: Simulator, folder: Path, days: int, vdns: int, seconds: float | None) -> bool:
    """One process; None lets it end. True when it was not killed."""
    keys = (sim.global_access_key, sim.global_secret_key)
    arguments = (sim.cms_url, *keys, str(folder), str(days), str(vdns))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.kills", *arguments, stdout=asyncio.subprocess.PIPE, cwd=_ROOT
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        async with asyncio.timeout(seconds):
            code = await process.wait()
    except TimeoutError:
        process.kill()
        code = await process.wait()
        if code:
            return False
    if code:
        raise RuntimeError(f"the backfill ended with {code}")
    return True


def _done(folder: Path) -> set[tuple[str, str]]:
    manifest = Manifest(Layout.of(folder, INTERFACE).manifest)
    windows = (window for entry in manifest.entries.values() for window in entry.windows)
    return {on_the_wire(window.begin, window.end) for window in windows}


def _window(body: Mapping[str, Any]) -> tuple[str, str]:
    inner = body.get("queryParam", body)
    return inner["beginDate"], inner["endDate"]


def _check(folder: Path, expected: int, outcome: Outcome) -> None:
    """Compare a finished folder with what should be in it."""
    rows = polars.scan_parquet(folder / INTERFACE, hive_partitioning=True).select("vdn", "interval_start")
    found = rows.collect()
    different = found.n_unique()
    outcome.folders += 1
    outcome.rows += found.height
    outcome.lost += expected - different
    outcome.double += found.height - different
    outcome.damaged += len(verify(folder)[2])


def run(smoke: bool) -> list[Line]:
    """Kill it 50 times in a row; 5 times for a smoke run."""
    kills = 5 if smoke else 50
    with tempfile.TemporaryDirectory(prefix="cc_async-") as root:
        found = asyncio.run(survive(kills, random.Random(_SEED), Path(root)))
    return [
        line("kill -9 at random moments", float(found.kills), "kills", f"{kills}", found.kills >= kills),
        line("of them in the middle of writing a part", float(found.under_way), "kills"),
        line("backfills finished all the same", float(found.folders), "folders"),
        line("rows in their files", float(found.rows), "rows"),
        line("rows lost", float(found.lost), "rows", "0", found.lost == 0),
        line("rows there twice", float(found.double), "rows", "0", found.double == 0),
        line("parts damaged or unknown", float(found.damaged), "parts", "0", found.damaged == 0),
        line("requests for what was done", float(found.asked_again), "requests", "0", found.asked_again == 0),
        line(
            "requests of a second run", float(found.idle_requests), "requests", "0", found.idle_requests == 0
        ),
    ]


if __name__ == "__main__":
    url, access_key, secret_key, folder, days, vdns = sys.argv[1:]
    asyncio.run(fill(url, access_key, secret_key, folder, int(days), int(vdns)))
