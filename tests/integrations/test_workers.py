"""Backfills by workers: a real queue, a real contact center, workers that die, stop, or have a wrong key."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars
import pytest
from redis.asyncio import Redis
from taskiq.kicker import AsyncKicker

from benchmarks.workers import survive
from cc_async import AkSk, CmsClient, Query, SignatureRejected
from cc_async.export import Target, export, files, lacking, verify
from cc_async.export.layout import Layout
from cc_async.integrations.redis_link import RedisAway, RedisRefused
from cc_async.integrations.taskiq_backfill import Backfill, Outcome
from cc_async.integrations.taskiq_broker import GROUP, PartitionBroker
from cc_async.integrations.taskiq_message import FOLDER, TASK
from cc_async.integrations.taskiq_worker import Worked, Worker
from cc_async.session.clock import LoopClock
from cc_async.simulator import Simulator

DAY = datetime(2026, 2, 1, tzinfo=UTC)
RECLAIM = 0.6
"""Seconds after which a silent worker's partition goes to another one, here."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the queue come more often than a network of machines needs them."""
    monkeypatch.setattr("cc_async.integrations.taskiq_broker._BLOCK", 0.1)
    monkeypatch.setattr("cc_async.integrations.taskiq_backfill._LOOK", 0.05)


@pytest.fixture
async def redis(valkey: str) -> AsyncIterator[Any]:
    """The server itself; its answers are bytes."""
    async with Redis.from_url(valkey) as client:
        yield client


def days(cms: CmsClient, count: int = 3) -> Query[Any]:
    """Some days of two VDNs: a partition each."""
    return cms.system_indicators(begin=DAY, end=DAY + timedelta(days=count), vdns=[1, 2], partial=True)


@asynccontextmanager
async def ordering(valkey: str, query: Query[Any], folder: Path) -> AsyncIterator[Backfill]:
    """Who asks for the work."""
    broker = PartitionBroker(valkey, "test", reclaim=RECLAIM)
    yield Backfill(query, Target(folder), broker, LoopClock())
    await broker.shutdown()


@asynccontextmanager
async def working(
    valkey: str, cms: CmsClient, *, grace: float = 10, told: list[str] | None = None
) -> AsyncIterator[tuple[Worker, asyncio.Task[Worked]]]:
    """A worker, stopped at the end; what it raises is for the test to see."""
    tell = [].append if told is None else told.append
    broker = PartitionBroker(valkey, "test", reclaim=RECLAIM, on_tell=tell)
    worker = Worker(cms, broker, on_tell=tell)
    task = asyncio.create_task(worker.run(grace=grace))
    try:
        async with asyncio.timeout(30):
            yield worker, task
    finally:
        worker.stop()
        await asyncio.gather(task, return_exceptions=True)


async def done(valkey: str, query: Query[Any], folder: Path) -> Outcome:
    """Order, wait, and keep the account."""
    async with ordering(valkey, query, folder) as backfill:
        order = await backfill.order()
        await backfill.follow(lambda left, workers: None)
        return await backfill.outcome(order)


def check(folder: Path, count: int = 3) -> None:
    """Every row is there once, every part as it was written."""
    found = polars.scan_parquet(folder / "system_indicators", hive_partitioning=True).collect()
    assert found.select("vdn", "interval_start").n_unique() == found.height == count * 2 * 288
    assert verify(folder)[2] == []


async def test_two_workers_do_it(valkey: str, cms: CmsClient, tmp_path: Path, redis: Any) -> None:
    """Six days by two workers: every row once, the account is right, Redis is as empty as before."""
    async with working(valkey, cms), working(valkey, cms):
        outcome = await done(valkey, days(cms, 6), tmp_path)
    assert (outcome.rows, outcome.parts, outcome.done) == (6 * 2 * 288, 6, 6)
    assert (outcome.failed, outcome.rejected, outcome.missing) == ({}, 0, 0)
    check(tmp_path, 6)
    assert await redis.keys() == []


async def test_only_what_is_missing_is_queued(valkey: str, cms: CmsClient, tmp_path: Path) -> None:
    """What is done is not asked for, what is queued not twice, by another cut of the same time neither."""
    await export(days(cms, 1), Target(tmp_path))
    shifted = cms.system_indicators(begin=DAY + timedelta(hours=30), end=DAY + timedelta(days=4), vdns=[2, 1])
    async with ordering(valkey, days(cms), tmp_path) as first, ordering(valkey, shifted, tmp_path) as second:
        one, again, other = await first.order(), await first.order(), await second.order()
        assert (one.queued, one.skipped) == (2, 1)
        assert (again.queued, again.skipped) == (2, 1)
        assert other.queued == 3
        async with working(valkey, cms):
            await second.follow(lambda left, workers: None)
    check(tmp_path, 4)


async def test_no_secret_in_the_queue(
    valkey: str, cms: CmsClient, sim: Simulator, tmp_path: Path, redis: Any
) -> None:
    """A message holds the question and the folder; keys are the workers' own."""
    async with ordering(valkey, days(cms), tmp_path) as backfill:
        await backfill.order()
        found = [
            await redis.xrange(name) for name in await redis.keys("*") if await redis.type(name) == b"stream"
        ]
    text = str(found)
    assert "system_indicators" in text
    assert str(tmp_path) in text
    assert not any(secret in text for secret in (sim.secret_key, sim.access_key, sim.global_secret_key))


async def test_a_partition_of_a_dead_worker_is_done_by_another(
    valkey: str, cms: CmsClient, tmp_path: Path, redis: Any
) -> None:
    """The last message was given to somebody who died: it is done, though no new message ever comes."""
    async with ordering(valkey, days(cms, 1), tmp_path) as backfill:
        order = await backfill.order()
        [stream] = await redis.smembers("cc_async:backfill:test")
        await redis.xreadgroup(GROUP, "dead", {stream: ">"})
        async with working(valkey, cms):
            await backfill.follow(lambda left, workers: None)
        assert (await backfill.outcome(order)).done == 1
    check(tmp_path, 1)


async def test_a_long_partition_stays_with_its_worker(
    valkey: str, sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """Worked on for three times the reclaim time, it is asked by nobody else."""
    sim.fail("system_indicators", times=1, delay=3 * RECLAIM)
    async with working(valkey, make_cms(sim)) as one, working(valkey, make_cms(sim)) as two:
        outcome = await done(valkey, days(make_cms(sim), 1), tmp_path)
    assert outcome.done == 1
    assert sorted(worker.worked.partitions for worker, _ in (one, two)) == [0, 1]
    assert len(sim.requests) == 6
    check(tmp_path, 1)


async def test_what_cannot_be_answered_is_told(
    valkey: str, sim: Simulator, cms: CmsClient, tmp_path: Path
) -> None:
    """A partition that fails costs nobody else anything, is told with its reason, and is asked next time."""
    sim.fail("system_indicators", code="0300028", times=1)
    async with working(valkey, cms) as (worker, _):
        outcome = await done(valkey, days(cms), tmp_path)
        assert (outcome.done, outcome.missing, worker.worked.failed) == (2, 0, 1)
        [(part, reason)] = outcome.failed.items()
        assert "2026-02-01" in part
        assert "0300028" in reason
        again = await done(valkey, days(cms), tmp_path)
    assert (again.done, again.failed) == (1, {})
    check(tmp_path)


async def test_a_wrong_key_ends_the_worker_and_costs_nothing(
    valkey: str, sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """It ends with the error after one request; a worker with the right key does its partition at once."""
    wrong = make_cms(sim, auth=AkSk("ak", "no"), global_auth=None)
    async with ordering(valkey, days(wrong, 1), tmp_path) as backfill:
        order = await backfill.order()
        async with working(valkey, wrong) as (_, task):
            with pytest.raises(SignatureRejected):
                await task
        assert len(sim.requests) == 1
        async with working(valkey, make_cms(sim)):
            await backfill.follow(lambda left, workers: None)
        assert (await backfill.outcome(order)).done == 1


async def test_a_worker_that_is_stopped_gives_back(
    valkey: str, sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path, redis: Any
) -> None:
    """After its grace it leaves the partition to others, who have it before the reclaim time is over."""
    sim.fail("system_indicators", times=1, delay=20)
    async with ordering(valkey, days(make_cms(sim), 1), tmp_path) as backfill:
        await backfill.order()
        async with working(valkey, make_cms(sim), grace=0.1) as (worker, task):
            while not sim.requests:  # noqa: ASYNC110 - the contact center has no event for it
                await asyncio.sleep(0.01)
            worker.stop()
            assert (await task).given_back == 1
        [stream] = await redis.smembers("cc_async:backfill:test")
        [pending] = await redis.xpending_range(stream, GROUP, "-", "+", 1)
        assert pending["time_since_delivered"] >= RECLAIM * 1000
        async with working(valkey, make_cms(sim)):
            await backfill.follow(lambda left, workers: None)
    check(tmp_path, 1)


async def test_a_server_that_is_away_costs_a_pause(
    valkey: str,
    sim: Simulator,
    make_cms: Callable[..., CmsClient],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the contact center answers 503 the partition waits, and is done when that is over."""
    monkeypatch.setattr("cc_async.integrations.taskiq_worker._PAUSE", 0.2)
    told: list[str] = []
    sim.fail("system_indicators", status=503, times=None)
    async with ordering(valkey, days(make_cms(sim), 1), tmp_path) as backfill:
        order = await backfill.order()
        async with working(valkey, make_cms(sim), told=told):
            while not told:  # noqa: ASYNC110 - it is told by another task, when it has tried
                await asyncio.sleep(0.01)
            sim.clear_failures()
            await backfill.follow(lambda left, workers: None)
        outcome = await backfill.outcome(order)
    assert (outcome.done, outcome.failed) == (1, {})
    assert "goes on in" in told[0]
    check(tmp_path, 1)


async def test_a_queue_that_is_away(cms: CmsClient, tmp_path: Path, unused_tcp_port: int) -> None:
    """Without Redis the order is refused with its address, and the folder stays as it is."""
    async with ordering(f"redis://u:secret@127.0.0.1:{unused_tcp_port}", days(cms), tmp_path) as backfill:
        with pytest.raises(RedisAway) as caught:
            await backfill.order()
    assert "secret" not in str(caught.value)
    assert f"127.0.0.1:{unused_tcp_port}" in str(caught.value)
    assert not (tmp_path / "system_indicators").exists()


async def test_a_queue_that_was_lost_is_told(valkey: str, cms: CmsClient, tmp_path: Path, redis: Any) -> None:
    """Redis forgot everything: what is missing is counted, and the next order asks for it."""
    async with ordering(valkey, days(cms), tmp_path) as backfill:
        order = await backfill.order()
        await redis.flushall()
        await backfill.follow(lambda left, workers: None)
        assert (await backfill.outcome(order)).missing == 3
        async with working(valkey, cms):
            again = await backfill.order()
            await backfill.follow(lambda left, workers: None)
            assert (await backfill.outcome(again)).missing == 0
    check(tmp_path)


async def test_workers_killed_with_sigkill(
    valkey: str, tmp_path: Path, open_sim: Callable[..., Awaitable[Simulator]]
) -> None:
    """Two real workers, one of them killed: the benchmark with every row once and nothing left in Redis."""
    found = await survive(1, random.Random(3), tmp_path, valkey, days=3, workers=2, reclaim="1s")
    assert found.kills >= 1
    assert found.rows == found.folders * 3 * 3 * 288 > 0
    assert (found.lost, found.double, found.damaged, found.left) == (0, 0, 0, 0)


async def test_workers_wait_for_a_lone_writer(valkey: str, cms: CmsClient, tmp_path: Path) -> None:
    """While a sync has the folder a worker says so and waits; it goes on when the folder is free."""
    told: list[str] = []
    async with ordering(valkey, days(cms, 1), tmp_path) as backfill:
        order = await backfill.order()
        lone = files.Lock(Layout.of(tmp_path, "system_indicators").lock)
        async with working(valkey, cms, told=told):
            while not told:  # noqa: ASYNC110 - it is told by another task, when it has tried
                await asyncio.sleep(0.01)
            lone.release()
            await backfill.follow(lambda left, workers: None)
        assert (await backfill.outcome(order)).done == 1
    assert "another writer is at work" in told[0]
    check(tmp_path, 1)


async def test_a_message_of_another_release_is_told(
    valkey: str, cms: CmsClient, tmp_path: Path, redis: Any
) -> None:
    """What this release cannot read is noted with the reason, and goes round among the workers no longer."""
    async with ordering(valkey, days(cms, 1), tmp_path) as backfill:
        order = await backfill.order()
        [stream] = await redis.smembers("cc_async:backfill:test")
        [(_, fields)] = await redis.xrange(stream)
        strange = json.loads(fields[b"data"])
        strange["kwargs"]["question"] = '{"v":99}'
        await redis.xadd(stream, {"data": json.dumps(strange)})
        async with working(valkey, cms):
            await backfill.follow(lambda left, workers: None)
        outcome = await backfill.outcome(order)
    [reason] = outcome.failed.values()
    assert "version 99" in reason
    assert (outcome.done, outcome.missing) == (1, 0)


@pytest.mark.parametrize(
    "data",
    [b"no json", b"{}", b'{"task_id": "1", "task_name": "other", "labels": {}, "args": [], "kwargs": {}}'],
)
async def test_what_is_no_partition_is_put_away(
    valkey: str, cms: CmsClient, tmp_path: Path, redis: Any, data: bytes
) -> None:
    """Whatever somebody has put into the stream, it is told as failed; order and work go on beside it."""
    async with ordering(valkey, days(cms, 1), tmp_path) as backfill:
        await backfill.order()
        [stream] = await redis.smembers("cc_async:backfill:test")
        await redis.xadd(stream, {"data": data})
        order = await backfill.order()
        assert order.queued == 2
        async with working(valkey, cms) as (worker, _):
            await backfill.follow(lambda left, workers: None)
            assert worker.worked.partitions == 1
        outcome = await backfill.outcome(order)
    [reason] = outcome.failed.values()
    assert "no partition" in reason


async def test_nobody_closes_a_folder_that_is_being_filled(
    valkey: str, cms: CmsClient, tmp_path: Path, redis: Any
) -> None:
    """Another looker's end falls between opening the folder and the first message: workers find it."""
    broker, other = (PartitionBroker(valkey, "test", reclaim=RECLAIM) for _ in range(2))
    folder = str(tmp_path)
    [question] = (await lacking(days(cms, 1), Target(tmp_path))).questions
    await broker.open_folder(folder)
    await other.close_folder(folder)
    await AsyncKicker[Any, None](task_name=TASK, broker=broker, labels={FOLDER: folder}).kiq(
        question=question.to_json(), folder=folder
    )
    async with working(valkey, cms), asyncio.timeout(10):
        while await broker.waiting(folder):  # noqa: ASYNC110 - Redis has no event for it
            await asyncio.sleep(0.01)
    check(tmp_path, 1)
    await asyncio.gather(broker.shutdown(), other.shutdown())


async def test_a_wrong_password_ends_the_worker(
    valkey: str, cms: CmsClient, tmp_path: Path, redis: Any
) -> None:
    """Refused from the start it ends with a sentence; refused later it waits, for it was right before."""
    await redis.acl_setuser("guarded", enabled=True, passwords=["+right"], commands=["+@all"], keys=["*"])
    wrong, right = (valkey.replace("redis://", f"redis://guarded:{word}@") for word in ("wrong", "right"))
    try:
        async with working(wrong, cms) as (_, task):
            with pytest.raises(RedisRefused, match="does not let us in") as caught:
                await task
        assert "wrong" not in str(caught.value).removeprefix(valkey).replace("WRONGPASS", "")
        async with ordering(wrong, days(cms), tmp_path) as backfill:
            with pytest.raises(RedisRefused):
                await backfill.order()
        told: list[str] = []
        async with ordering(valkey, days(cms, 1), tmp_path) as backfill, working(right, cms, told=told):
            order = await backfill.order()
            await backfill.follow(lambda left, workers: None)
            await redis.acl_setuser("guarded", enabled=True, passwords=["-right", "+new"])
            assert await redis.execute_command("CLIENT", "KILL", "USER", "guarded")
            while not told:  # noqa: ASYNC110 - it is told by another task, when it has tried
                await asyncio.sleep(0.01)
            await redis.acl_setuser("guarded", enabled=True, passwords=["-new", "+right"])
            again = await backfill.order()
            assert again.skipped == order.queued
    finally:
        await redis.acl_deluser("guarded")
