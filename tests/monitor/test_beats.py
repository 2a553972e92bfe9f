"""Beats against a contact center on real sockets, hours of them in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cc_async import (
    AkSk,
    Batch,
    BatchError,
    CallTimeout,
    CcError,
    ClosedError,
    CmsClient,
    ConnectError,
    GatewayClient,
    Quota,
    Skill,
    SkillCallStats,
)
from cc_async.monitor import Stitcher, watch
from cc_async.monitor.order import busiest_last
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()
pytestmark = pytest.mark.looptime


@asynccontextmanager
async def center(
    past_noon: float = 100.0, *, queues: int = 30, quota: Quota | None = None, **given: Any
) -> AsyncIterator[tuple[Simulator, CmsClient]]:
    """A contact center whose wall clock shows so many seconds past noon, unlike ours; and its client."""
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": queues, "agents_per_vdn": 40}
    async with Simulator(**(size | {"clock": LoopClock(NOON + past_noon)} | given)) as sim:
        auth = AkSk(sim.access_key, sim.secret_key)
        rng = random.Random(3)
        async with CmsClient(sim.cms_url, auth, vdn=sim.vdn, quota=quota, timeout=20, rng=rng) as cms:
            yield sim, cms


class Wall(LoopClock):
    """A clock for watches whose wall shows a given time at first."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def others() -> set[asyncio.Task[Any]]:
    """Tasks of watches."""
    return {task for task in asyncio.all_tasks() if task.get_name() == "cc_async.watch"}


def asked_at(sim: Simulator, path: str = "currentcallstateinfo") -> list[float]:
    """When the server was asked, seconds after noon by its own clock."""
    return [seen.time - NOON for seen in sim.requests if path in seen.path]


async def test_the_first_beat_comes_at_once_and_is_suspect() -> None:
    """A watch begins with an answer, of a bucket it has not seen from its start."""
    async with center() as (_, cms), watch(cms.skill_call_stats([7]), aligned=True) as beats:
        beat = await anext(beats)
        assert (beat.number, beat.error, beat.suspect, beat.skipped, beat.dropped) == (1, None, True, 0, 0)
        assert beat.bucket == datetime.fromtimestamp(NOON, UTC)
        assert beat.batch is beat.last_good
        assert beat.batch is not None
        assert beat.batch[0].skill_id == 7


async def test_aligned_beats_come_right_before_the_end_of_each_bucket_of_the_servers_clock() -> None:
    """Whatever our own clock shows, the server is asked within 2 s of the end of each bucket, never after."""
    async with center() as (sim, cms), watch(cms.skill_call_stats([7]), aligned=True) as beats:
        found = [await anext(beats) for _ in range(7)]
        ends = asked_at(sim)[1:]
        assert len(ends) == 6
        for number, moment in enumerate(ends, 1):
            assert number * 300 - 2 < moment < number * 300
        starts = [None if beat.bucket is None else beat.bucket.timestamp() - NOON for beat in found]
        assert starts == [0, 0, 300, 600, 900, 1200, 1500]
        assert [beat.suspect for beat in found] == [True, True, False, False, False, False, False]


async def test_the_lead_grows_with_what_the_asking_takes() -> None:
    """Six queues at one request a second take 5 s: asked so early that all are asked in their bucket."""
    ids = range(1, 7)
    async with (
        center(quota=Quota(1, per=1.0)) as (sim, cms),
        watch(cms.signed_in_agents(ids), aligned=True) as beats,
    ):
        for _ in range(4):
            assert (await anext(beats)).error is None
        moments = asked_at(sim, "agentbyconfigedskill")
        for number in (1, 2, 3):
            mine = moments[number * 6 : number * 6 + 6]
            assert number * 300 - 8 < mine[0]
            assert mine[-1] < number * 300


async def test_a_given_lead_is_kept() -> None:
    """lead=20: the asking begins 20 s before the end, and what the clock is uncertain by."""
    async with center() as (sim, cms), watch(cms.skill_call_stats([7]), aligned=True, lead=20) as beats:
        for _ in range(3):
            await anext(beats)
        for number, moment in enumerate(asked_at(sim)[1:], 1):
            assert number * 300 - 21.1 < moment <= number * 300 - 20


async def test_beats_every_so_many_seconds_do_not_drift() -> None:
    """100 beats every 7 s, each 0.5 s in the asking, end where 100 times 7 s ends."""
    async with (
        center(latency=0.5) as (sim, cms),
        watch(cms.skill_call_stats([7]), every=7, spread=0) as beats,
    ):
        for _ in range(101):
            assert (await anext(beats)).skipped == 0
        moments = asked_at(sim)
        assert moments[-1] - moments[0] == pytest.approx(700, abs=1)


async def test_a_beat_that_overruns_makes_the_next_ones_be_skipped() -> None:
    """An asking of 25 s with a beat every 10 s: two are skipped each time, told, and nothing piles up."""
    running = most = 0

    async def slow() -> Batch[Skill]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(25)
        running -= 1
        return Batch.of([Skill(1)])

    async with watch(slow, every=10, spread=0) as beats:
        assert [(await anext(beats)).skipped for _ in range(4)] == [0, 2, 2, 2]
    assert most == 1


async def test_a_slow_reader_gets_the_newest_beat_and_is_told_what_it_missed() -> None:
    """Away for 35 s with a beat every 10 s: of the four beats since, the last comes, three were dropped."""
    numbers = iter(range(100))

    async def count() -> Batch[Skill]:
        return Batch.of([Skill(next(numbers))])

    async with watch(count, every=10, spread=0) as beats:
        await anext(beats)
        await asyncio.sleep(45)
        beat = await anext(beats)
        assert (beat.number, beat.dropped) == (5, 3)
        assert beat.batch is not None
        assert beat.batch[0].skill_id == 4
        assert beat.age_seconds == pytest.approx(5, abs=0.1)
        assert (await anext(beats)).dropped == 0


async def test_an_outage_becomes_beats_with_the_error_and_the_last_good_batch() -> None:
    """Failed beats have their error, the batch from before and its growing age; then all is well again."""
    async with center() as (sim, cms), watch(cms.skill_call_stats([7]), every=60, spread=0) as beats:
        good = await anext(beats)
        sim.fail("skill_call_stats", status=500, times=9)
        failed = 0
        while not (beat := await anext(beats)).ok:
            failed += 1
            assert isinstance(beat.error, CcError)
            assert beat.batch is None
            assert beat.last_good is good.batch
            assert beat.age_seconds == pytest.approx(60 * failed, abs=15)
        assert failed >= 3
        assert beat.batch is beat.last_good is not good.batch
        assert beat.age_seconds == pytest.approx(0, abs=1)


async def test_a_failed_aligned_beat_is_tried_again_before_the_next_end() -> None:
    """After an outage at the end of a bucket the next answer does not wait for five minutes."""
    async with center() as (sim, cms), watch(cms.skill_call_stats([7]), aligned=True) as beats:
        await anext(beats)
        sim.fail("skill_call_stats", status=500, times=3)
        failed = await anext(beats)
        again = await anext(beats)
        assert not failed.ok
        assert again.ok
        assert 10 <= (again.at - failed.at).total_seconds() <= 31
        assert (again.skipped, again.bucket) == (0, datetime.fromtimestamp(NOON + 300, UTC))
        await anext(beats)
        assert 598 < asked_at(sim)[-1] < 600


async def test_what_arrived_of_a_beat_is_there_beside_its_error() -> None:
    """One of six queues refused: the beat has the error and the other five; last_good stays the whole one."""
    async with (
        center(quota=Quota(1, per=0.1)) as (sim, cms),
        watch(cms.signed_in_agents(range(1, 7)), every=60, spread=0) as beats,
    ):
        whole = await anext(beats)
        sim.fail("signed_in_agents", code="0100002", times=1)
        beat = await anext(beats)
        assert isinstance(beat.error, BatchError)
        assert beat.batch is not None
        assert 0 < len({row.skill_id for row in beat.batch}) < 6
        assert beat.last_good is whole.batch


async def test_an_asking_without_end_is_given_up() -> None:
    """A function that hangs costs its timeout and becomes a beat with an error."""

    async def hang() -> Batch[Skill]:
        await asyncio.Event().wait()
        raise AssertionError

    async with watch(hang, every=10, timeout=5, spread=0) as beats:
        assert isinstance((await anext(beats)).error, CallTimeout)
        assert (await anext(beats)).number == 2


async def test_watches_that_begin_together_do_not_ask_together() -> None:
    """Of 50 watches every 60 s the beats are spread over half a minute from the second on."""
    loop = asyncio.get_running_loop()
    rng = random.Random(11)
    moments: list[float] = []

    def asker() -> Callable[[], Any]:
        async def ask() -> Batch[Skill]:
            moments.append(loop.time())
            return Batch.of([Skill(1)])

        return ask

    watches = [watch(asker(), every=60, rng=rng) for _ in range(50)]
    began = loop.time()
    for one in watches:
        await one.__aenter__()
    await asyncio.sleep(119)
    for one in watches:
        await one.__aexit__(None, None, None)
    second = [moment - began for moment in moments if moment - began > 1]
    assert len(second) >= 50
    assert min(second) >= 60
    assert max(sum(first <= moment < first + 5 for moment in second) for first in second) < 20


async def test_watches_that_failed_together_do_not_come_back_together() -> None:
    """60 aligned watches that failed at one moment try again spread over 15 s, not in one rush."""
    loop = asyncio.get_running_loop()
    rng = random.Random(12)
    moments: list[float] = []

    async def down() -> Batch[Skill]:
        moments.append(loop.time())
        raise ConnectError("refused")

    clock = Wall(NOON + 100)
    watches = [watch(down, aligned=True, rng=rng, clock=clock) for _ in range(60)]
    for one in watches:
        await one.__aenter__()
    began = loop.time()
    await asyncio.sleep(31)
    for one in watches:
        await one.__aexit__(None, None, None)
    again = [moment - began for moment in moments if moment - began > 1]
    assert len(again) >= 55
    assert min(again) >= 15
    assert max(sum(first <= moment < first + 1 for moment in again) for first in again) <= 12


async def test_a_bucket_that_rolls_over_inside_a_batch_makes_the_beat_suspect() -> None:
    """Rows of two buckets in one answer: told, though it came without an error."""
    at = datetime.fromtimestamp(NOON + 599, UTC)
    starts = [NOON + 300, NOON + 600]

    async def torn() -> Batch[SkillCallStats]:
        rows = [
            SkillCallStats(skill_id, datetime.fromtimestamp(start, UTC), offered=1, sampled_at=at)
            for skill_id, start in enumerate(starts, 1)
        ]
        return Batch.of(rows)

    async with watch(torn, every=400, spread=0) as beats:
        await anext(beats)
        at = datetime.fromtimestamp(NOON + 999, UTC)
        starts = [NOON + 900, NOON + 900]
        assert not (await anext(beats)).suspect
        at = datetime.fromtimestamp(NOON + 1399, UTC)
        starts = [NOON + 1200, NOON + 1500]
        beat = await anext(beats)
        assert beat.ok
        assert beat.suspect


async def test_the_busiest_queues_are_asked_last_and_come_back_in_order() -> None:
    """Where the quota draws the asking out, queues go by their calls; the batch keeps the asked order."""
    ids = list(range(1, 1001))
    async with center(queues=1000, quota=Quota(1, per=1.0)) as (sim, cms):
        calls = {7: 900, 500: 700, 3: 500}
        for skill_id, offered in calls.items():
            sim.set_skill(sim.vdn, skill_id, offered=offered)
        async with watch(cms.skill_call_stats(ids), aligned=True) as beats:
            first, second = await anext(beats), await anext(beats)
            assert first.batch is not None
            assert second.batch is not None
            assert [row.skill_id for row in second.batch] == ids
            assert second.batch.question == first.batch.question
        bodies = [seen.body["skillIds"] for seen in sim.requests if "currentcall" in seen.path]
        count = len(bodies) // 2
        order = [skill_id for body in bodies[count : 2 * count] for skill_id in body]
        assert sorted(order) == ids
        assert order[-3:] == [3, 500, 7]


async def test_every_queue_of_a_vdn_is_asked_busiest_last_too() -> None:
    """A question of every queue is put in order by the queues its answer had."""
    async with center(queues=600, quota=Quota(1, per=1.0)) as (sim, cms):
        sim.set_skill(sim.vdn, 5, offered=900)
        async with watch(cms.skill_call_stats(), aligned=True) as beats:
            await anext(beats)
            beat = await anext(beats)
            assert beat.batch is not None
            assert [row.skill_id for row in beat.batch] == list(range(1, 601))
        bodies = [seen.body["skillIds"] for seen in sim.requests if "currentcall" in seen.path]
        assert bodies[-1][-1] == 5


async def test_a_question_nobody_has_answered_yet_keeps_its_order() -> None:
    """Without calls seen there is nothing to order by."""
    async with center() as (_, cms):
        question = cms.skill_call_stats([3, 1, 2]).question
        assert busiest_last(question, {}) is question


async def test_beats_feed_a_stitcher() -> None:
    """An hour of beats: every bucket closed once, no gap, nearly all of the time seen."""
    stitcher = Stitcher()
    closed = []
    async with center(past_noon=0.5) as (_, cms), watch(cms.skill_call_stats(), aligned=True) as beats:
        async for beat in beats:
            closed += stitcher.feed(beat.batch or ()).closed
            if beat.number == 13:
                break
    assert len(closed) == 12 * 30
    assert not any(one.revised for one in closed)
    for sums in stitcher.sums.values():
        assert (sums.buckets, sums.gaps) == (12, 0)
        assert sums.coverage > 0.99


async def test_agents_on_the_gateway_can_be_watched() -> None:
    """A query of the other client beats just so; nothing about it is suspect."""
    async with center() as (sim, _):
        agents = sorted(sim.guids)[:3]
        async with (
            GatewayClient(sim.gateway_url, sim.guids) as gateway,
            watch(gateway.agent_call_stats(agents, brief=True, partial=True), every=30, spread=0) as beats,
        ):
            for _ in range(3):
                beat = await anext(beats)
                assert beat.ok, beat.error
                assert not beat.suspect
                assert beat.batch is not None
                assert {row.agent_id for row in beat.batch} <= set(agents)


async def test_rows_without_a_moment_let_the_client_tell_the_servers_time() -> None:
    """Skill queues carry no Date; the client has seen one, and the bucket is the server's."""
    async with center() as (_, cms), watch(cms.skills(), every=60, spread=0) as beats:
        beat = await anext(beats)
        assert beat.bucket == datetime.fromtimestamp(NOON, UTC)
        assert not beat.suspect


async def test_leaving_the_block_leaves_nothing() -> None:
    """In the middle of an asking: the asking is cut, no task and no call is left."""
    async with center(latency=50.0) as (_, cms):
        async with watch(cms.skill_call_stats([7]), every=10) as beats:
            await asyncio.sleep(1)
            assert len(others()) == 1
            assert cms.health.calls == 1
        assert others() == set()
        assert cms.health.calls == 0
        with pytest.raises(StopAsyncIteration):
            await anext(beats)


async def test_a_cancelled_reader_leaves_nothing() -> None:
    """Cancelled while it waits for a beat: the block is left, its task with it."""
    async with center() as (_, cms):

        async def read() -> None:
            async with watch(cms.skill_call_stats([7]), aligned=True) as beats:
                async for _ in beats:
                    pass

        reader = asyncio.create_task(read())
        await asyncio.sleep(400)
        assert len(others()) == 1
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert others() == set()
        assert cms.health.calls == 0


async def test_a_closed_client_ends_the_watch() -> None:
    """Nothing will come any more, and the reader hears why."""
    async with center() as (_, cms), watch(cms.skill_call_stats([7]), every=10, spread=0) as beats:
        await anext(beats)
        await cms.aclose()
        with pytest.raises(ClosedError):
            await anext(beats)


async def test_a_bug_in_the_function_reaches_the_reader() -> None:
    """A KeyError is no outage: it is raised where the beats are read, again and again."""

    async def broken() -> Batch[Skill]:
        raise KeyError("typo")

    async with watch(broken, every=10) as beats:
        for _ in range(2):
            with pytest.raises(KeyError, match="typo"):
                await anext(beats)


async def test_a_function_that_returns_no_batch_is_told() -> None:
    """A list of rows has no account of what is missing."""

    async def rows() -> Any:
        return [Skill(1)]

    async with watch(rows, every=10) as beats:
        with pytest.raises(TypeError, match="returns a Batch, not list"):
            await anext(beats)


async def test_a_watch_is_used_inside_its_block_once() -> None:
    """Reading before, and entering twice, are told."""
    watching = watch(lambda: asyncio.sleep(0), every=10)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="inside its block"):
        await anext(watching)
    async with center() as (_, cms):
        again = watch(cms.skill_call_stats([7]), every=10)
        async with again:
            with pytest.raises(RuntimeError, match="entered once"):
                await again.__aenter__()


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({}, TypeError, "every=seconds, or aligned=True"),
        ({"every": 5, "aligned": True}, TypeError, "every=seconds, or aligned=True"),
        ({"every": 5, "lead": 1}, TypeError, "lead belongs"),
        ({"aligned": True, "spread": 1}, TypeError, "spread belongs"),
        ({"every": 0}, ValueError, "every must be"),
        ({"every": float("nan")}, ValueError, "every must be"),
        ({"aligned": True, "lead": 200}, ValueError, "lead must be"),
        ({"every": 5, "timeout": 0}, ValueError, "timeout must be"),
        ({"every": 5, "spread": -1}, ValueError, "spread must be"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    given: dict[str, Any], error: type[Exception], told: str
) -> None:
    """Times that contradict each other or cannot be."""

    async def never() -> Batch[Skill]:
        raise AssertionError

    with pytest.raises(error, match=told):
        watch(never, **given)


async def test_what_is_no_query_is_refused() -> None:
    """A batch is an answer, not a question."""
    with pytest.raises(TypeError, match="not Batch"):
        watch(Batch.of([Skill(1)]), every=5)  # type: ignore[arg-type]


async def test_a_thousand_watches_are_cheap() -> None:
    """A thousand in one process beat on time, and are gone when they are left."""
    asked = 0

    async def ask() -> Batch[Skill]:
        nonlocal asked
        asked += 1
        return Batch.of([Skill(1)])

    watches = [watch(ask, every=60, spread=60, rng=random.Random(seed)) for seed in range(1000)]
    for one in watches:
        await one.__aenter__()
    await asyncio.sleep(601)
    for one in watches:
        await one.__aexit__(None, None, None)
    assert 9_000 <= asked <= 11_000
    assert others() == set()


async def test_a_function_may_make_a_query_for_each_beat() -> None:
    """A question that moves with the time, and the server's clock as for any other query."""
    async with center(vdns=[170]) as (sim, _):
        keys = AkSk(sim.global_access_key, sim.global_secret_key)
        async with CmsClient(sim.cms_url, keys, vdn=170, quota=None) as everywhere:
            asked: list[datetime] = []

            def last_window() -> Any:
                end = everywhere.vdns().origin.now().replace(minute=0, second=0, microsecond=0)
                asked.append(end)
                return everywhere.system_indicators(begin=end - timedelta(hours=1), end=end, vdns=[170])

            await everywhere.vdns()  # teaches the client the server's time
            async with watch(last_window, every=60) as beats:
                beat = await anext(beats)
    assert beat.error is None
    assert asked == [datetime(2026, 3, 4, 12, tzinfo=UTC)]
    assert abs(beat.at.timestamp() - NOON - 100) < 5


async def test_a_beat_that_fails_is_dated_by_the_servers_clock_too() -> None:
    """Our own clock may be an hour off; what other questions learned of the server's holds for all."""
    async with center() as (sim, cms):
        await cms.skills()
        sim.fail("agent_states", code="0100999", times=None)
        async with watch(cms.agent_states(), every=60) as beats:
            beat = await anext(beats)
    assert beat.error is not None
    assert abs(beat.at.timestamp() - NOON - 100) < 5
