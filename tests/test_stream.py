"""``query.stream()`` at a contact center: every interface, bounded ahead, and gone when it is left."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import truth
from waiting import until

from cc_async import BatchError, CallTimeout, CcError, ClosedError, CmsClient, GatewayClient
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


async def drain(rows: Any) -> tuple[list[Any], Exception | None]:
    """Every row that is handed out, and the error at the end."""
    got: list[Any] = []
    try:
        async for row in rows:
            got.append(row)
    except CcError as error:
        return got, error
    return got, None


async def test_every_interface_streams_the_rows_of_its_batch(
    sim: Simulator, cms: CmsClient, gateway: GatewayClient
) -> None:
    """Same rows, same order, nothing missing."""
    queries: list[Any] = [
        cms.skill_call_stats(range(1, 31)),
        cms.skill_states(),
        cms.signed_in_agents([1, 2, 3]),
        cms.agent_states(),
        cms.task_stats(sim.task_ids[:2]),
        cms.system_indicators(begin=BEGIN, end=BEGIN + DAY, vdns=[1, 2, 3]),
        cms.skills(),
        cms.vdns(),
        gateway.agent_call_stats(list(sim.guids)[:3]),
    ]
    for query in queries:
        async with query.stream() as rows:
            got = [row async for row in rows]
        assert got == list(await query), query
        assert got, query
        assert rows.complete, query


async def test_a_month_is_read_in_order_and_once(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Windows, VDNs and pages leave no seam: every row of the contact center, in its order."""
    sim = await open_sim(profile="page_1000")
    cms = make_cms(sim, page_size=1000)
    async with cms.system_indicators(
        begin=BEGIN - 28 * DAY, end=BEGIN + 3 * DAY, vdns=[1, 2]
    ).stream() as rows:
        got = [(row.vdn, row.interval_start) async for row in rows]
    expected = truth.system_indicators(sim, BEGIN - 28 * DAY, BEGIN + 3 * DAY, [1, 2])
    assert got == [(row["vdn"], row["interval_start"]) for row in expected]
    assert rows.request_count == len(sim.requests) == 18


async def test_a_reader_that_stops_holds_the_requests_back(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Twice the concurrency ahead and not one more, however long he takes; and no time is up meanwhile."""
    sim = await open_sim()
    cms = make_cms(sim, concurrency=4, timeout=0.3)
    async with cms.system_indicators(begin=BEGIN, end=BEGIN + 3 * DAY, vdns=[1, 2, 3]).stream() as rows:
        first = await anext(rows)
        await until(lambda: len(sim.requests) == 9)
        await asyncio.sleep(0.4)  # the default timeout of calls passes: it is none of streams
        assert len(sim.requests) == 9
        rest = [row async for row in rows]
    assert len({first, *rest}) == 2592


@pytest.mark.parametrize("way", ["break", "cancel"])
async def test_leaving_early_leaves_nothing_behind(way: str, sim: Simulator, cms: CmsClient) -> None:
    """No task, no call, no request in flight; the client goes on."""
    before = asyncio.all_tasks()
    entered = asyncio.Event()

    async def read() -> None:
        query = cms.system_indicators(begin=BEGIN, end=BEGIN + 3 * DAY, vdns=[1, 2, 3])
        async with query.stream() as rows:
            async for _ in rows:
                if not entered.is_set():
                    sim.fail("system_indicators", delay=30, times=None)
                    entered.set()
                if way == "break":
                    break

    task = asyncio.create_task(read())
    if way == "cancel":
        await entered.wait()
        await until(lambda: cms.health.in_flight)
        task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.done()
    assert task.cancelled() == (way == "cancel")
    ours = {each for each in asyncio.all_tasks() - before if "cc_async" in each.get_name()}
    assert not ours
    assert (cms.health.calls, cms.health.in_flight) == (0, 0)
    sim.clear_failures()
    assert len(await cms.skill_states([1])) == 1


async def test_a_timeout_that_was_asked_for(sim: Simulator, cms: CmsClient) -> None:
    """What arrived is handed out, then CallTimeout; what is missing is in ``failures`` and ``unanswered``."""
    await cms.signed_in_agents([1])
    query = cms.with_options(concurrency=1).signed_in_agents([1, 2, 3, 4, 5, 6], timeout=0.3)
    async with query.stream() as rows:
        got = {(await anext(rows)).skill_id}
        sim.fail("signed_in_agents", delay=30, times=None)
        rest, error = await drain(rows)
    got |= {row.skill_id for row in rest}
    assert isinstance(error, CallTimeout)
    assert [type(failure.error) for failure in rows.failures] == [CallTimeout]
    assert rows.unanswered is not None
    missing = set(rows.unanswered.groups[0].keys or ())
    assert missing == {1, 2, 3, 4, 5, 6} - got
    assert not rows.complete


async def test_closing_the_client_ends_a_stream(sim: Simulator, make_cms: MakeCms) -> None:
    """ClosedError after what arrived; the client does not wait for the reader longer than the grace."""
    cms = make_cms(sim, concurrency=2)
    query = cms.system_indicators(begin=BEGIN, end=BEGIN + 3 * DAY, vdns=[1, 2, 3])
    async with query.stream() as rows:
        await anext(rows)
        await cms.aclose(grace=0.05)
        with pytest.raises(ClosedError):
            async for _ in rows:
                pass
    assert rows.row_count < 2592
    assert rows.unanswered is not None
    assert not rows.complete


async def test_by_vdn_is_fair_in_batch_and_stream(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """A VDN of many queues takes turns with the others; a batch is in the question's order all the same."""
    sim = await open_sim(skills_per_vdn={170: 4, 1: 30, 2: 5, 3: 5})
    cms = make_cms(sim, concurrency=1)
    by_vdn = {1: range(1, 31), 2: [1, 2, 3], 3: [4, 5]}
    batch = await cms.signed_in_agents(by_vdn=by_vdn)
    asked = [(each.body["vdn"], each.body["skillId"]) for each in sim.requests]
    assert asked[:9] == [(1, 1), (2, 1), (3, 4), (1, 2), (2, 2), (3, 5), (1, 3), (2, 3), (1, 4)]
    pairs = [(row.vdn, row.skill_id) for row in batch]
    assert pairs == sorted(pairs, key=lambda pair: (list(by_vdn).index(pair[0]), pair[1]))
    async with cms.signed_in_agents(by_vdn=by_vdn).stream() as rows:
        streamed = [row async for row in rows]
    assert sorted(row.key for row in streamed) == sorted(row.key for row in batch)
    order = list(dict.fromkeys((row.vdn, row.skill_id) for row in streamed))
    assert order == [pair for pair in asked if pair in set(order)]


async def test_failures_and_rejected_rows(sim: Simulator, cms: CmsClient) -> None:
    """The rest is handed out, then BatchError; with ``partial`` the stream just ends."""
    sim.set_faults(wrong_row_rate=0.2)
    query = cms.agent_states(partial=True)
    async with query.stream() as rows:
        got = [row async for row in rows]
    assert len(got) + rows.rejected_count >= 40
    assert rows.rejected_count == len(rows.rejected) > 0
    async with cms.agent_states().stream() as strict:
        got, error = await drain(strict)
    assert got
    assert isinstance(error, BatchError)
    assert "unreadable" in str(error)


async def test_memory_does_not_grow_with_the_length(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Three times the rows, the same peak: under 5 MiB above what the client holds anyway."""
    sim = await open_sim(vdns=range(1, 21), skills_per_vdn=1, agents_per_vdn=1, profile="page_1000")
    cms = make_cms(sim, page_size=1000)

    async def peak(days: int) -> float:
        query = cms.system_indicators(begin=BEGIN, end=BEGIN + days * DAY, vdns=range(1, 21))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        count = 0
        async with query.stream() as rows:
            async for _ in rows:
                count += 1
        assert count == days * 20 * 288
        return (tracemalloc.get_traced_memory()[1] - before) / 2**20

    await peak(3)  # the simulator keeps the rows it has encoded
    tracemalloc.start()
    try:
        short, long = await peak(1), await peak(3)
    finally:
        tracemalloc.stop()
    assert long < 5
    assert long < short + 1
