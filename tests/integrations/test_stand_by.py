"""A leader and its stand-by, two real processes: killed with SIGKILL, followed in time, nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars
from waiting import until

from cc_async.simulator import Simulator

ROOT = Path(__file__).parents[2]
LENGTH = 1.0
"""Seconds of a lease here."""


@asynccontextmanager
async def process(
    *arguments: str, environ: dict[str, str] | None = None, err: bool = False
) -> AsyncIterator[Any]:
    """A Python process that is killed at the end, if it is not over."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, env={**os.environ, **(environ or {})},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE if err else None,
    )  # fmt: skip
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        # Reads what is left: a pipe that nobody reads would be complained of.
        await made.communicate()


async def told(running: Any, name: str, true: Callable[[Any], bool] = lambda value: True) -> Any:
    """The next line that tells this, and is what the test waits for."""
    while line := await running.stdout.readline():
        found = json.loads(line)
        if name in found and true(found[name]):
            return found
    raise AssertionError(f"ended without telling {name}")


async def test_the_stand_by_goes_on_with_the_sums(
    valkey: str, open_sim: Callable[..., Awaitable[Simulator]]
) -> None:
    """Killed inside a bucket, the leader is followed within the lease; three buckets come to their sum."""
    sim = await open_sim()
    arguments = (
        str(Path(__file__).parent / "leader.py"),
        valkey,
        sim.cms_url,
        sim.access_key,
        sim.secret_key,
    )
    clock: Any = sim.clock
    clock.now = datetime(2026, 3, 4, 12, 1, tzinfo=UTC).timestamp()
    sim.set_skill(170, 1, offered=10)
    async with asyncio.timeout(60), process(*arguments, str(LENGTH)) as leader:
        first = (await told(leader, "token"))["token"]
        await told(leader, "offered", lambda offered: offered == 10)
        async with process(*arguments, str(LENGTH)) as stand_by:
            await told(stand_by, "standing_by")
            clock.now += 300
            sim.set_skill(170, 1, offered=15)
            await told(leader, "offered", lambda offered: offered == 25)
            leader.kill()
            killed = asyncio.get_running_loop().time()
            second = (await told(stand_by, "token"))["token"]
            # A tenth for the pause between two questions; the rest is for a machine that is busy.
            assert asyncio.get_running_loop().time() - killed < LENGTH * 1.1 + 1.0
            assert second > first
            sim.set_skill(170, 1, offered=20)
            await told(stand_by, "offered", lambda offered: offered == 30)
            clock.now += 300
            sim.set_skill(170, 1, offered=30)
            last = await told(stand_by, "offered", lambda offered: offered == 60)
            assert last["gaps"] == 0


async def test_record_has_a_stand_by(
    valkey: str, open_sim: Callable[..., Awaitable[Simulator]], tmp_path: Path
) -> None:
    """Two commands, one folder: one is killed, the other goes on; each beat is there once, polled or gap."""
    sim = await open_sim()
    environ = {
        "CC_ASYNC_CMS_URL": sim.cms_url, "CC_ASYNC_ACCESS_KEY": sim.access_key,
        "CC_ASYNC_SECRET_KEY": sim.secret_key, "CC_ASYNC_VDN": "170", "CC_ASYNC_REDIS_URL": valkey,
    }  # fmt: skip
    options = ("--skills", "1", "--every", "1s", "--stand-by", "env", "--take-over", "1s")
    command = ("-m", "cc_async", "record", str(tmp_path), "skill-states", *options)
    async with asyncio.timeout(60), process(*command, environ=environ, err=True) as leader:
        assert b"leads record:" in await leader.stderr.readline()
        async with process(*command, environ=environ, err=True) as stand_by:
            assert b"stands by: another process leads" in await stand_by.stderr.readline()
            await _polls(sim, 1)
            assert stand_by.returncode is None
            leader.kill()
            killed = asyncio.get_running_loop().time()
            assert b"leads record:" in await stand_by.stderr.readline()
            assert asyncio.get_running_loop().time() - killed < 1.1 + 1.0
            await _polls(sim, 1)
            stand_by.send_signal(signal.SIGTERM)
            _, err = await stand_by.communicate()
            assert b"skill_states: " in err
    rows = polars.scan_parquet(tmp_path / "skill_states", hive_partitioning=True).collect()
    polled = sorted(rows.get_column("polled_at").to_list())
    assert polled == [polled[0] + timedelta(seconds=number) for number in range(len(polled))]
    gaps = rows.drop_nulls("gap").height
    assert rows.height - gaps >= 2
    assert stand_by.returncode == (3 if gaps else 0)


async def _polls(sim: Simulator, count: int) -> None:
    """Wait until so many more polls have begun, and the ones before are noted."""
    wanted = len(sim.requests) + count + 1
    await until(lambda: len(sim.requests) >= wanted, 30)
