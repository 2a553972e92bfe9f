"""What a question brings: how many requests, in which order, what is absent, what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
import truth
from waiting import until

from cc_async import (
    ApiError,
    BatchError,
    CallTimeout,
    CcError,
    CmsClient,
    GatewayClient,
    NotSignedIn,
    Question,
    Retry,
    ServerError,
    SkillState,
)
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]
BEGIN, END = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 4, 10, tzinfo=UTC)
ONCE = Retry(attempts=1)


def asked(sim: Simulator, interface: str) -> int:
    """Requests of one interface that the server saw."""
    return sum(each.interface == interface for each in sim.requests)


async def test_two_thousand_queues_are_nine_requests(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The rows come in the order asked, whatever the order of the answers."""
    sim = await open_sim(skills_per_vdn={170: 2000}, jitter=0.02)
    ids = list(range(2000, 0, -1))
    batch = await make_cms(sim).skill_call_stats(ids)
    assert [row.skill_id for row in batch] == ids
    assert (asked(sim, "skill_call_stats"), batch.request_count) == (9, 9)


async def test_duplicates_are_asked_once(sim: Simulator, cms: CmsClient) -> None:
    """An id given twice is one row, in the place of the first."""
    batch = await cms.skill_states([2, 1, 2, 1])
    assert [row.skill_id for row in batch] == [2, 1]
    assert [each.body["skillIds"] for each in sim.requests] == [[2, 1]]


async def test_all_queues_are_looked_up_once_for_ten_minutes(
    sim: Simulator, make_cms: MakeCms, ahead: Any
) -> None:
    """``skill_ids=None`` asks which queues there are; what it heard holds 600 s, for every such method."""
    cms = make_cms(sim, clock=ahead)
    assert [row.skill_id for row in await cms.skill_call_stats()] == list(range(1, 31))
    await cms.skill_states()
    await cms.signed_in_agents()
    assert asked(sim, "skills") == 1
    ahead.skew += 590
    await cms.skill_states()
    assert asked(sim, "skills") == 1
    ahead.skew += 20
    await cms.skill_states()
    assert asked(sim, "skills") == 2


async def test_concurrent_callers_share_the_look_up(sim: Simulator, cms: CmsClient) -> None:
    """Twenty callers of the moment ask for the queues once; each VDN is a look-up of its own."""
    batches = await asyncio.gather(*(cms.skill_states(vdn=vdn) for vdn in (170, 1) for _ in range(10)))
    assert asked(sim, "skills") == 2
    assert {len(batch) for batch in batches} == {30}


async def test_a_look_up_whose_caller_is_cancelled_is_made_again(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Those who waited for it are not cancelled with it."""
    sim = await open_sim(latency=0.1)
    cms = make_cms(sim)
    first = asyncio.create_task(cms.skill_states())
    second = asyncio.create_task(cms.skill_call_stats())
    await until(lambda: sim.requests)
    first.cancel()
    assert len(await second) == 30
    assert first.cancelled()
    assert asked(sim, "skills") == 2


async def test_a_failed_look_up_is_the_error_of_the_call(sim: Simulator, make_cms: MakeCms) -> None:
    """It names the interface that failed, is not remembered, and asks nothing else."""
    sim.fail("skills", code="0100001", text="no", times=1)
    cms = make_cms(sim, retry=ONCE)
    with pytest.raises(CcError, match="skills") as caught:
        await cms.skill_states()
    assert asked(sim, "skill_states") == 0
    assert caught.value.batch.record is SkillState
    assert caught.value.batch.unanswered == cms.skill_states().question
    assert len(await cms.retry(caught.value.batch)) == 30


async def test_several_vdns_in_one_batch(sim: Simulator, cms: CmsClient) -> None:
    """``by_vdn``: rows VDN by VDN in the order given, keys with their VDN, absent keys as well."""
    batch = await cms.skill_call_stats(by_vdn={2: [5, 999], 170: None, 1: [7]})
    expected = [
        *truth.skill_call_stats(sim, [5], 2),
        *truth.skill_call_stats(sim, range(1, 31), 170),
        *truth.skill_call_stats(sim, [7], 1),
    ]
    assert [attrs.asdict(row, recurse=False) for row in batch] == expected
    assert batch.absent == ((2, 999),)
    assert batch.by_key[1, 7].vdn == 1
    assert (asked(sim, "skill_call_stats"), asked(sim, "skills")) == (3, 1)


async def test_rows_of_a_paged_question_keep_the_order_of_the_pages(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Pages that are answered out of order are put in order."""
    sim = await open_sim(jitter=0.03)
    batch = await make_cms(sim).system_indicators(begin=BEGIN, end=END, vdns=[3, 1, 2])
    assert [(row.vdn, row.interval_start) for row in batch] == [
        (row["vdn"], row["interval_start"]) for row in truth.system_indicators(sim, BEGIN, END, [1, 2, 3])
    ]


async def test_a_question_survives_json(sim: Simulator, cms: CmsClient) -> None:
    """A question written, read and asked again brings the same batch."""
    queries = (
        cms.skill_states([3, 1, 2]),
        cms.skill_call_stats(by_vdn={170: [1], 1: [2]}),
        cms.agent_states(),
        cms.task_stats(["1122104910"]),
        cms.system_indicators(begin=BEGIN, end=END, vdns=[1, 2]),
        cms.skills(),
        cms.vdns(),
    )
    for query in queries:
        again = cms.ask(Question.from_json(query.question.to_json()))
        assert again.question == query.question
        assert await again == await query


async def test_one_failed_part_is_an_error_that_holds_the_others(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """8 of 9 requests arrive: BatchError with them in ``.batch``, and what failed in ``.unanswered``."""
    sim = await open_sim(skills_per_vdn={170: 2000})
    cms = make_cms(sim, retry=ONCE)
    await cms.skill_states([1])
    sim.fail("skill_states", status=500, times=1)
    with pytest.raises(BatchError) as caught:
        await cms.skill_states(range(1, 2001))
    batch = caught.value.batch
    (failure,) = batch.failures
    (error,) = caught.value.exceptions
    assert isinstance(error, ServerError)
    assert error.part == failure.part
    assert (len(batch), batch.complete) == (2000 - len(failure.keys), False)
    assert batch.unanswered is not None
    assert batch.unanswered.groups[0].keys == failure.keys
    before = len(sim.requests)
    whole = await cms.retry(batch)
    assert [row.skill_id for row in whole] == list(range(1, 2001))
    assert whole.complete
    assert len(sim.requests) == before + 1
    assert whole.request_count == 10


async def test_retrying_a_complete_batch_asks_nothing(sim: Simulator, cms: CmsClient) -> None:
    """There is nothing left to ask: the same batch comes back."""
    batch = await cms.skill_states([1])
    assert await cms.retry(batch) is batch
    assert len(sim.requests) == 1


async def test_a_retry_that_fails_again_keeps_what_arrived(sim: Simulator, make_cms: MakeCms) -> None:
    """The error of the second time has the merged batch."""
    cms = make_cms(sim, retry=ONCE)
    await cms.signed_in_agents([1])
    sim.fail("signed_in_agents", status=500, times=1)
    batch = await cms.signed_in_agents([1, 2, 3], partial=True)
    assert len(batch.failures) == 1
    sim.fail("signed_in_agents", status=500, times=1)
    with pytest.raises(BatchError) as caught:
        await cms.retry(batch)
    assert caught.value.batch.records == batch.records
    assert len(caught.value.batch.failures) == 1


async def test_partial_returns_what_arrived(sim: Simulator, make_cms: MakeCms) -> None:
    """``partial=True`` is a batch that says what is missing; complete parts are untouched."""
    cms = make_cms(sim, retry=ONCE)
    await cms.signed_in_agents([1])
    sim.fail("signed_in_agents", status=503, times=1)
    batch = await cms.signed_in_agents([1, 2, 3], partial=True)
    failed = {key for failure in batch.failures for key in failure.keys}
    assert len(failed) == 1
    assert {row.skill_id for row in batch} == {1, 2, 3} - failed
    assert not batch.complete


async def test_partial_is_no_licence_for_nothing(sim: Simulator, make_cms: MakeCms) -> None:
    """When nothing arrived, ``partial=True`` is an error all the same."""
    sim.fail("signed_in_agents", code="0100003", text="too old", times=None)
    with pytest.raises(BatchError) as caught:
        await make_cms(sim).signed_in_agents([1, 2], partial=True)
    assert {error.code for error in caught.value.exceptions} == {"0100003"}
    assert all(isinstance(error, ApiError) for error in caught.value.exceptions)
    assert len(caught.value.batch) == 0


async def test_a_bad_row_costs_one_row(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Unreadable rows are rejected with their reason; the others are the contact center's own."""
    sim = await open_sim(wrong_row_rate=0.2)
    with pytest.raises(BatchError) as caught:
        await make_cms(sim).skill_states(range(1, 31))
    batch = caught.value.batch
    assert batch.rejected
    assert len(batch) + len(batch.rejected) == 30
    wanted = {row["skill_id"]: row for row in truth.skill_states(sim, range(1, 31))}
    assert all(attrs.asdict(row, recurse=False) == wanted[row.skill_id] for row in batch)
    assert batch.absent == ()


async def test_a_call_that_takes_too_long_has_what_arrived(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """CallTimeout in time, with the parts that were answered in ``.batch`` and the rest unanswered."""
    sim = await open_sim()
    cms = make_cms(sim)
    await cms.signed_in_agents([1])
    sim.fail("signed_in_agents", delay=5.0, times=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(CallTimeout) as caught:
        await cms.signed_in_agents(range(1, 11), timeout=0.4)
    assert loop.time() - began < 1.5
    assert isinstance(caught.value, TimeoutError)
    batch = caught.value.batch
    late = {key for failure in batch.failures for key in failure.keys}
    assert len(late) == 1
    assert {row.skill_id for row in batch} | set(batch.absent) == set(range(1, 11)) - late
    assert len(await cms.retry(batch)) == len(truth.signed_in_agents(sim, range(1, 11)))


async def test_partial_of_a_late_call_is_what_arrived(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """With ``partial=True`` the time being over is a failure of the parts that were not answered."""
    sim = await open_sim()
    cms = make_cms(sim)
    await cms.signed_in_agents([1])
    sim.fail("signed_in_agents", delay=5.0, times=1)
    batch = await cms.signed_in_agents(range(1, 11), timeout=0.4, partial=True)
    assert [type(failure.error) for failure in batch.failures] == [CallTimeout]


async def test_a_look_up_that_takes_too_long_leaves_the_whole_question(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """The time is over while the queues are looked up: CallTimeout of this call, its question unanswered."""
    sim = await open_sim()
    sim.fail("skills", delay=5.0, times=None)
    cms = make_cms(sim)
    with pytest.raises(CallTimeout) as caught:
        await cms.skill_states(timeout=0.2)
    assert caught.value.endpoint in ("skill_states", "skills")
    assert caught.value.batch.record is SkillState
    sim.clear_failures()
    assert len(await cms.retry(caught.value.batch)) == 30


async def test_no_timeout_waits(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """``timeout=None`` has no limit but those of its requests."""
    sim = await open_sim(latency=0.3)
    assert len(await make_cms(sim, timeout=0.1).skill_states([1], timeout=None)) == 1


async def test_plan_is_what_is_sent(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Requests of the plan are the requests at the server, in every kind of question."""
    sim = await open_sim(skills_per_vdn={170: 700})
    cms = make_cms(sim)
    queries = {
        "all queues": cms.skill_call_stats(),
        "queues": cms.skill_states(range(1, 700)),
        "vdns": cms.skill_states(by_vdn={170: range(1, 300), 1: [1], 2: [2]}),
        "one by one": cms.signed_in_agents(range(1, 20)),
        "agents": cms.agent_states(),
        "tasks": cms.task_stats(sim.task_ids[:7]),
        "time": cms.system_indicators(begin=BEGIN, end=END, vdns=[1, 2, 3]),
        "none": cms.skill_states([]),
    }
    sent, planned = {}, {}
    for name, query in queries.items():
        if name == "all queues":
            await cms.skill_states()  # the queues are known from now on
        planned[name] = query.plan().requests
        before = len(sim.requests)
        await query
        sent[name] = len(sim.requests) - before
    assert sent == planned


async def test_plan_of_full_pages_is_what_is_sent(sim: Simulator, cms: CmsClient) -> None:
    """A window whose last page comes full has all its rows: the plan knows as much as the engine."""
    query = cms.system_indicators(begin=BEGIN, end=BEGIN + timedelta(minutes=250), vdns=[1, 2, 3, 170])
    assert len(await query) == 200
    assert query.plan().requests == len(sim.requests)


async def test_an_agent_without_a_session_fails_alone(
    sim: Simulator, make_gateway: Callable[..., GatewayClient]
) -> None:
    """No GUID, and signed out meanwhile: NotSignedIn for those agents, rows for the others."""
    first, second, third = sorted(sim.guids)[:3]
    gateway = make_gateway(sim, guids={first: sim.guids[first], second: sim.guids[second]})
    sim.sign_out(second)
    batch = await gateway.agent_call_stats([first, second, third], partial=True)
    assert [row.agent_id for row in batch] == [first]
    assert {(failure.keys, type(failure.error)) for failure in batch.failures} == {
        ((second,), NotSignedIn),
        ((third,), NotSignedIn),
    }
    assert len(sim.requests) == 2
