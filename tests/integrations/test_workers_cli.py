"""``backfill --workers`` and ``worker`` as a user starts and stops them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from waiting import until

from cc_async.cli import main
from cc_async.simulator import Simulator

ROOT = Path(__file__).parents[2]
TIME = ("--vdns", "1-3", "--begin", "2026-02-01T00:00Z", "--end", "2026-02-04T00:00Z")


@asynccontextmanager
async def command(sim: Simulator, redis: str, *arguments: str) -> AsyncIterator[Any]:
    """The command in a process of its own."""
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith("CC_ASYNC_")},
        "CC_ASYNC_CMS_URL": sim.cms_url,
        "CC_ASYNC_ACCESS_KEY": sim.global_access_key,
        "CC_ASYNC_SECRET_KEY": sim.global_secret_key,
        "CC_ASYNC_REDIS_URL": redis,
    }
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cc_async", *arguments, cwd=ROOT, env=environ, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            yield made
    finally:
        if made.returncode is None:
            made.kill()
            await made.communicate()


async def test_stopped_and_started_again(
    valkey: str, open_sim: Callable[..., Awaitable[Simulator]], tmp_path: Path
) -> None:
    """Ctrl-C leaves the queue; a worker does it, the same command tells the end, SIGTERM ends the worker."""
    sim = await open_sim()
    backfill = ("backfill", str(tmp_path), *TIME, "--workers", "env", "--verify")
    async with command(sim, valkey, *backfill) as looking:
        assert b"3 partitions in the queue, 0 done before" in await looking.stderr.readline()
        looking.send_signal(signal.SIGINT)
        _, err = await looking.communicate()
        assert looking.returncode == 130
        assert b"workers go on with the queue" in err
    async with command(sim, valkey, "worker", "--pacer", "none") as worker:
        assert b"takes partitions of 127.0.0.1:" in await worker.stderr.readline()
        async with command(sim, valkey, *backfill) as looking:
            _, err = await looking.communicate()
            assert looking.returncode == 0, err
            assert b"3 parts, 2,592 rows: all as written" in err
        worker.send_signal(signal.SIGTERM)
        _, err = await worker.communicate()
        assert worker.returncode == 0, err
        assert b"3 partitions, 2,592 rows" in err
    async with Redis.from_url(valkey) as redis:
        assert await redis.keys() == []


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
async def test_pressed_twice_a_worker_ends_at_once(
    valkey: str,
    open_sim: Callable[..., Awaitable[Simulator]],
    tmp_path: Path,
    first: signal.Signals,
) -> None:
    """The first signal waits for the partition under way, the second Ctrl-C does not: 130, no traceback."""
    sim = await open_sim()
    sim.fail("system_indicators", delay=300.0, times=None)
    async with command(sim, valkey, "backfill", str(tmp_path), *TIME, "--workers", "env") as looking:
        await looking.stderr.readline()
        async with command(sim, valkey, "worker", "--pacer", "none", "--grace", "5m") as worker:
            await until(lambda: any(each.interface == "system_indicators" for each in sim.requests), 30)
            worker.send_signal(first)
            while b"once more: at once" not in (line := await worker.stderr.readline()):
                assert line, "it ended at the first signal"
            worker.send_signal(signal.SIGINT)
            _, err = await worker.communicate()
            assert (worker.returncode, err) == (130, b"")


async def test_a_wrong_key_is_one_line(
    valkey: str, open_sim: Callable[..., Awaitable[Simulator]], tmp_path: Path
) -> None:
    """A worker whose key is refused ends with 1, without a traceback; the partition waits for another one."""
    sim = await open_sim()
    sim.fail("system_indicators", status=401, times=None)
    async with command(sim, valkey, "backfill", str(tmp_path), *TIME, "--workers", "env") as looking:
        await looking.stderr.readline()
        async with command(sim, valkey, "worker", "--pacer", "none") as worker:
            _, err = await worker.communicate()
            assert worker.returncode == 1
            assert b"Traceback" not in err
            assert len(err.splitlines()) == 2
        assert looking.returncode is None
    async with Redis.from_url(valkey) as redis:
        [stream] = await redis.smembers(next(iter(await redis.keys("cc_async:backfill:*:1"))))
        assert await redis.xlen(stream) == 3


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("worker",), "which Redis?"),
        (("worker", "env"), "which Redis?"),
        (("worker", "host:6379"), "redis://host:6379/0"),
        (("worker", "redis://me:secret@host/0"), "a password in an argument"),
        (("worker", "redis://host", "--reclaim", "soon"), "--reclaim"),
        (("worker", "redis://host", "--pacer", "x"), "redis://host:6379/0"),
        (("backfill", "OUT", *TIME, "--workers", "redis://:secret@host"), "a password in an argument"),
        (("backfill", "OUT", "--workers", "redis://host"), "which time?"),
        (("record", "OUT", "agents", "--skills", "1", "--stand-by", "env"), "which Redis?"),
        (("record", "OUT", "agents", "--skills", "1", "--take-over", "0"), "--take-over"),
    ],
)
def test_mistakes(
    arguments: tuple[str, ...],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 and one line that says what to write, without the password; nothing is made."""
    monkeypatch.delenv("CC_ASYNC_REDIS_URL", raising=False)
    for name in ("CMS_URL", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"CC_ASYNC_{name}", "https://nowhere.invalid" if name == "CMS_URL" else "key")
    out = tmp_path / "out"
    code = main([each.replace("OUT", str(out)) for each in arguments])
    err = capsys.readouterr().err
    assert code == 2
    assert problem in err
    assert "secret" not in err
    assert err.count("\n") == 1
    assert not out.exists()
