"""Two servers of a wallboard, real processes: one leads, the other says that it stands by until it leads."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from test_stand_by import process

from cc_async.simulator import Simulator

COMMAND = ("-m", "cc_async", "serve", "--port", "0", "--skills", "1", "--every", "1s")
IN_TURNS = ("--stand-by", "env", "--take-over", "1s")
BUCKET = 300
OFFERED = 'cc_async_queue_offered_calls_total{skill_id="1",vdn="170"}'


def environ(sim: Simulator, redis: str) -> dict[str, str]:
    """Where both processes find the contact center and Redis."""
    return {
        "CC_ASYNC_CMS_URL": sim.cms_url, "CC_ASYNC_ACCESS_KEY": sim.access_key,
        "CC_ASYNC_SECRET_KEY": sim.secret_key, "CC_ASYNC_VDN": "170", "CC_ASYNC_REDIS_URL": redis,
    }  # fmt: skip


async def address(running: Any) -> str:
    """Where a server is, as it says."""
    line = (await running.stdout.readline()).decode()
    assert line.startswith("Wallboard: http://127.0.0.1:")
    return str(line.split()[1])


async def get(web: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """Status and text of a path."""
    async with web.get(url) as answer:
        return answer.status, await answer.text()


async def polled(ask: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so; the test's own timeout ends it."""
    while not await ask():  # noqa: ASYNC110 - another process has no event of ours
        await asyncio.sleep(0.02)


async def test_the_stand_by_serves_on(valkey: str, open_sim: Callable[..., Awaitable[Simulator]]) -> None:
    """Killed inside a bucket, the leader is followed within the lease; counters go on, no bucket is lost."""
    pytest.importorskip("prometheus_client", reason="the extra prometheus is not installed")
    sim = await open_sim()
    clock: Any = sim.clock
    start = datetime(2026, 3, 4, 12, 1, tzinfo=UTC).timestamp()
    clock.now = start
    sim.set_skill(170, 1, offered=10, connected=8, connected_in_20s=8)
    where = environ(sim, valkey)

    async def counted(url: str) -> float | None:
        _, text = await get(web, url + "/metrics")
        lines = [line for line in text.splitlines() if line.startswith(OFFERED)]
        return float(lines[0].split()[-1]) if lines else None

    async with (
        asyncio.timeout(60),
        aiohttp.ClientSession() as web,
        process(*COMMAND, *IN_TURNS, environ=where, err=True) as leader,
    ):
        first = await address(leader)
        assert b"leads serve:" in await leader.stderr.readline()
        await polled(lambda: _is(counted(first), 10.0))
        async with process(*COMMAND, *IN_TURNS, environ=where, err=True) as stand_by:
            second = await address(stand_by)
            assert b"stands by: another process leads serve:" in await stand_by.stderr.readline()
            status, text = await get(web, second + "/health")
            health = json.loads(text)
            assert (status, health["ok"], health["standing_by"]) == (503, False, True)
            assert "another process leads" in health["reasons"][0]
            assert (await get(web, second + "/"))[0] == 200
            assert (json.loads((await get(web, first + "/health"))[1]))["standing_by"] is False
            assert await counted(second) is None
            async with web.get(second + "/v1/board") as stream:
                while not (line := await stream.content.readline()).startswith(b'data: {"version"'):
                    assert line
                board = json.loads(line.removeprefix(b"data: "))
                assert (board["standing_by"], board["queues"]) == (True, [])
                leader.kill()
                killed = asyncio.get_running_loop().time()
                assert b"leads serve:" in await stand_by.stderr.readline()
                # A tenth for the pause between two questions; the rest is for a machine that is busy.
                assert asyncio.get_running_loop().time() - killed < 1.1 + 1.0
                # Whoever reads that it stands by is let go, and comes back to the board.
                while await stream.content.readline():
                    pass
            clock.now = start + BUCKET
            sim.set_skill(170, 1, offered=15, connected=10, connected_in_20s=10)
            seen: list[float] = []

            async def grown() -> bool:
                found = await counted(second)
                if found is not None:
                    seen.append(found)
                return found == 25.0

            await polled(grown)
            assert min(seen) >= 10.0
            [queue] = json.loads((await get(web, second + "/v1/queues.json"))[1])["queues"]
            assert (queue["last"]["offered"], queue["current"]["offered"]) == (10, 15)
            assert "cc_async_buckets_missed_total 0" in (await get(web, second + "/metrics"))[1]
            stand_by.send_signal(signal.SIGTERM)
            _, err = await stand_by.communicate()
            assert (stand_by.returncode, err) == (0, b"")


async def _is(asked: Awaitable[float | None], value: float) -> bool:
    return await asked == value


async def test_a_leader_that_stood_still_stands_by(
    valkey: str, open_sim: Callable[..., Awaitable[Simulator]]
) -> None:
    """Stopped for longer than its lease and woken again, it finds another leader and says so."""
    sim = await open_sim()
    where = environ(sim, valkey)

    async def stands_by(web: aiohttp.ClientSession, url: str) -> bool:
        return bool(json.loads((await get(web, url + "/health"))[1])["standing_by"])

    async with (
        asyncio.timeout(60),
        aiohttp.ClientSession() as web,
        process(*COMMAND, *IN_TURNS, environ=where, err=True) as leader,
    ):
        first = await address(leader)
        assert b"leads serve:" in await leader.stderr.readline()
        async with process(*COMMAND, *IN_TURNS, environ=where, err=True) as stand_by:
            second = await address(stand_by)
            assert b"stands by" in await stand_by.stderr.readline()
            leader.send_signal(signal.SIGSTOP)
            assert b"leads serve:" in await stand_by.stderr.readline()
            leader.send_signal(signal.SIGCONT)
            assert b"no longer ours to lead" in await leader.stderr.readline()
            assert b"stands by: another process leads" in await leader.stderr.readline()
            assert await stands_by(web, first)
            await polled(lambda: _is_not(stands_by(web, second)))
            for one in (leader, stand_by):
                one.send_signal(signal.SIGINT)
                _, err = await one.communicate()
                assert (one.returncode, err) == (0, b"")


async def _is_not(asked: Awaitable[bool]) -> bool:
    return not await asked
