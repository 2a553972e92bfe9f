"""``query.one``: many callers of one key each, joined on the wire, each with an outcome of its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import truth
from ahead import Ahead
from waiting import until

from cc_async import (
    ApiError,
    CallTimeout,
    ClosedError,
    CmsClient,
    ConnectError,
    GatewayClient,
    SkillCallStats,
    UnknownKey,
)
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


def asked(sim: Simulator, interface: str = "skill_call_stats") -> list[list[int]]:
    """The id arrays that arrived, in order."""
    return [each.body["skillIds"] for each in sim.requests if each.interface == interface]


async def test_a_thousand_callers_of_four_digits_are_six_requests(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Each gets its own record, in at most as many requests as one question of a thousand queues takes."""
    sim = await open_sim(skills_per_vdn={170: 3000, 1: 2, 2: 2, 3: 2})
    query = make_cms(sim).skill_call_stats()
    ids = range(1001, 2001)
    rows = await asyncio.gather(*(query.one(skill) for skill in ids))
    assert [row.to_dict() for row in rows] == [
        SkillCallStats(**row).to_dict() for row in truth.skill_call_stats(sim, ids)
    ]
    assert len(sim.requests) == 6
    assert sorted(skill for array in asked(sim) for skill in array) == list(ids)


async def test_callers_of_one_key_share_one_record(sim: Simulator, cms: CmsClient) -> None:
    """Asked once in a tick, by several queries and copies of the client, and handed to all."""
    one, two, three = await asyncio.gather(
        cms.skill_call_stats().one(7),
        cms.skill_call_stats([7, 8]).one(7),
        cms.with_options(timeout=5).skill_call_stats().one(7),
    )
    assert one is two is three
    assert asked(sim) == [[7]]


async def test_what_is_in_flight_is_not_asked_again(sim: Simulator, cms: CmsClient) -> None:
    """A later caller of the same key waits for the answer under way; one of another key does not."""
    sim.fail("skill_call_stats", delay=0.2, times=1)
    first = asyncio.create_task(cms.skill_call_stats().one(7))
    await until(lambda: sim.requests)
    same, other = await asyncio.gather(cms.skill_call_stats().one(7), cms.skill_call_stats().one(8))
    assert same is await first
    assert other.skill_id == 8
    assert sorted(asked(sim)) == [[7], [8]]


async def test_places_are_asked_apart(sim: Simulator, cms: CmsClient) -> None:
    """Another VDN or another interface is another question."""
    rows = await asyncio.gather(
        cms.skill_call_stats(vdn=1).one(5),
        cms.skill_call_stats(vdn=2).one(5),
        cms.skill_states(vdn=1).one(5),
    )
    assert [(type(row).__name__, row.vdn, row.skill_id) for row in rows] == [
        ("SkillCallStats", 1, 5),
        ("SkillCallStats", 2, 5),
        ("SkillState", 1, 5),
    ]
    assert len(sim.requests) == 3


async def test_a_query_of_several_vdns_is_asked_by_pair(sim: Simulator, cms: CmsClient) -> None:
    """As ``by_key`` of its batch: (vdn, id)."""
    query = cms.skill_call_stats(by_vdn={1: [4, 5], 2: None})
    rows = await asyncio.gather(query.one((1, 4)), query.one((2, 9)))
    assert [(row.vdn, row.skill_id) for row in rows] == [(1, 4), (2, 9)]
    with pytest.raises(TypeError, match="several VDNs"):
        await query.one(4)
    with pytest.raises(ValueError, match="none of the VDNs"):
        await query.one((3, 4))


async def test_max_age(sim: Simulator, make_cms: MakeCms) -> None:
    """A record is returned without asking while its answer is at most so old; 0 always asks."""
    clock = Ahead()
    cms = make_cms(sim, clock=clock)
    query = cms.skill_call_stats()
    first = await query.one(7)
    assert await query.one(7, max_age=5) is first
    clock.skew += 4.0
    assert await query.one(7, max_age=5) is first
    assert len(sim.requests) == 1
    clock.skew += 2.0
    second = await query.one(7, max_age=5)
    assert len(sim.requests) == 2
    assert await query.one(7) is not second
    assert len(sim.requests) == 3


async def test_the_record_says_when(sim: Simulator, cms: CmsClient) -> None:
    """``sampled_at`` is the server's time, remembered or not."""
    assert (await cms.skill_states().one(3)).sampled_at == truth.sampled(sim)
    assert (await cms.skill_states().one(3, max_age=60)).sampled_at == truth.sampled(sim)


async def test_an_unknown_key_is_its_callers_own_affair(sim: Simulator, cms: CmsClient) -> None:
    """UnknownKey, which is a KeyError, names interface and key; the others have their records."""
    query = cms.skill_call_stats()
    known, unknown = await asyncio.gather(query.one(7), query.one(9000), return_exceptions=True)
    assert isinstance(known, SkillCallStats)
    assert isinstance(unknown, UnknownKey)
    assert isinstance(unknown, KeyError)
    assert "9000" in str(unknown)
    assert unknown.endpoint == "skill_call_stats"
    assert unknown.host is not None
    with pytest.raises(UnknownKey):  # it is not remembered as absent either
        await query.one(9000, max_age=60)
    assert len(sim.requests) == 2


async def test_a_failed_part_is_told_to_its_callers_and_forgotten(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Of two requests one fails: its callers get an error each, the others records; nothing stays."""
    sim = await open_sim(skills_per_vdn={170: 2000, 1: 2, 2: 2, 3: 2})
    query = make_cms(sim).skill_call_stats()
    await query.one(1)
    sim.fail("skill_call_stats", code="0100003", text="too old", times=1)
    ids = range(1000, 1300)
    outcomes = await asyncio.gather(*(query.one(skill) for skill in ids), return_exceptions=True)
    refused = next(each.body["skillIds"] for each in sim.requests if each.code == "0100003")
    errors = {
        skill: found for skill, found in zip(ids, outcomes, strict=True) if isinstance(found, Exception)
    }
    assert sorted(errors) == refused
    assert {(type(error), error.code) for error in errors.values()} == {(ApiError, "0100003")}  # type: ignore[attr-defined]
    assert len({id(error) for error in errors.values()}) == len(refused)
    again = await asyncio.gather(*(query.one(skill, max_age=60) for skill in refused))
    assert [row.skill_id for row in again] == refused
    assert len(sim.requests) == 4


async def test_what_concerns_the_client_reaches_every_caller_bare(sim: Simulator, make_cms: MakeCms) -> None:
    """Nothing reachable: ConnectError for each, no group."""
    cms = make_cms(sim)
    await sim.stop()
    found = await asyncio.gather(*(cms.skill_states().one(n) for n in (1, 2)), return_exceptions=True)
    assert [type(error) for error in found] == [ConnectError, ConnectError]
    assert found[0] is not found[1]


async def test_each_caller_has_a_timeout_of_its_own(sim: Simulator, cms: CmsClient) -> None:
    """One gives up with CallTimeout, the other waits for the same answer and gets it."""
    sim.fail("skill_call_stats", delay=0.3, times=1)
    hasty, patient = await asyncio.gather(
        cms.skill_call_stats(timeout=0.05).one(7), cms.skill_call_stats().one(7), return_exceptions=True
    )
    assert isinstance(hasty, CallTimeout)
    assert "0.05" in str(hasty)
    assert isinstance(patient, SkillCallStats)
    assert len(sim.requests) == 1


async def test_a_cancelled_caller_harms_nobody(sim: Simulator, cms: CmsClient) -> None:
    """The request goes on for the caller that is left."""
    sim.fail("skill_call_stats", delay=0.2, times=1)
    tasks = [asyncio.create_task(cms.skill_call_stats().one(n)) for n in (7, 7, 8)]
    await until(lambda: sim.requests)
    tasks[0].cancel()
    tasks[2].cancel()
    assert (await tasks[1]).skill_id == 7
    assert [task.cancelled() for task in tasks] == [True, False, True]
    assert len(sim.requests) == 1


async def test_when_nobody_waits_the_request_ends(sim: Simulator, cms: CmsClient) -> None:
    """The last caller's leaving cancels it: no task of it stays; who comes next asks anew."""
    before = asyncio.all_tasks()
    sim.fail("skill_call_stats", delay=30, times=1)
    tasks = [asyncio.create_task(cms.skill_call_stats().one(n)) for n in (7, 8)]
    await until(lambda: sim.requests)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    again = asyncio.create_task(cms.skill_call_stats().one(7))  # before the first request has unwound
    assert (await again).skill_id == 7
    assert asked(sim) == [[7, 8], [7]]
    await until(lambda: not [t for t in asyncio.all_tasks() - before if t.get_name().startswith("cc_async")])
    assert cms.health.calls == 0


async def test_cancelled_in_the_same_tick_nothing_is_asked(sim: Simulator, cms: CmsClient) -> None:
    """Who leaves before the tick is over was never there."""
    stays = asyncio.create_task(cms.skill_call_stats().one(8))
    leaves = asyncio.create_task(cms.skill_call_stats().one(7))
    await asyncio.sleep(0)
    leaves.cancel()
    assert (await stays).skill_id == 8
    assert asked(sim) == [[8]]
    alone = asyncio.create_task(cms.skill_states().one(7))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.wait([alone])
    await cms.skill_call_stats().one(9)
    assert [each.interface for each in sim.requests] == ["skill_call_stats"] * 2


async def test_what_nobody_wants_any_more_is_given_up_although_others_were_answered(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """The callers of the slow half left; once the quick half is answered, nothing goes on."""
    sim = await open_sim(skills_per_vdn={170: 2000, 1: 2, 2: 2, 3: 2})
    cms = make_cms(sim)
    await cms.skill_call_stats().one(1)
    sim.fail("skill_call_stats", delay=30, times=1)
    tasks = {n: asyncio.create_task(cms.skill_call_stats().one(n)) for n in range(1000, 1300)}
    await until(lambda: len(sim.requests) == 3)
    slow = set(sim.requests[1].body["skillIds"])
    for skill in slow:
        tasks[skill].cancel()
    await asyncio.wait(tasks.values(), timeout=5)
    assert {n for n, task in tasks.items() if task.cancelled()} == slow
    await until(lambda: cms.health.calls == 0)


async def test_closing_tells_who_waits(sim: Simulator, make_cms: MakeCms) -> None:
    """In flight or not yet asked: ClosedError at once, and no task is left."""
    before = asyncio.all_tasks()
    cms = make_cms(sim)
    sim.fail("skill_call_stats", delay=30, times=1)
    flying = asyncio.create_task(cms.skill_call_stats().one(7))
    await until(lambda: sim.requests)
    waiting = asyncio.create_task(cms.skill_states().one(7))
    await asyncio.sleep(0)
    await cms.aclose(grace=0)
    found = await asyncio.wait_for(asyncio.gather(flying, waiting, return_exceptions=True), 2)
    assert [type(error) for error in found] == [ClosedError, ClosedError]
    with pytest.raises(ClosedError):
        await cms.skill_call_stats().one(7)
    ours = {flying, waiting}
    assert not [t for t in asyncio.all_tasks() - before - ours if t.get_name().startswith("cc_async")]


async def test_agents_are_one_paged_question(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Any number of agents of a VDN cost the pages of the VDN once."""
    sim = await open_sim(agents_per_vdn={170: 2300, 1: 1, 2: 1, 3: 1})
    cms = make_cms(sim)
    everybody = truth.agent_states(sim)
    wanted = everybody[::23]
    rows = await asyncio.gather(*(cms.agent_states().one(row["agent_id"]) for row in wanted))
    assert [(row.agent_id, row.cti_status) for row in rows] == [
        (row["agent_id"], row["cti_status"]) for row in wanted
    ]
    assert len(sim.requests) == 3
    await until(lambda: cms.health.calls == 0)
    other = everybody[1]["agent_id"]
    assert (await cms.agent_states().one(other, max_age=60)).agent_id == other
    assert len(sim.requests) == 3
    with pytest.raises(UnknownKey):
        await cms.agent_states().one(999_999)


async def test_every_interface_with_one_row_a_key(
    sim: Simulator, cms: CmsClient, gateway: GatewayClient
) -> None:
    """Queues, tasks, VDNs and agents of the gateway: joined and answered alike."""
    task = sim.task_ids[0]
    agent = next(iter(sim.guids))
    rows = await asyncio.gather(
        cms.skills().one(4), cms.vdns().one(2), cms.task_stats([task]).one(task),
        gateway.agent_call_stats([agent]).one(agent), gateway.agent_call_stats([agent]).one(agent),
        gateway.agent_call_stats([agent], brief=True).one(agent),
    )  # fmt: skip
    assert [row.key for row in rows] == [4, 2, task, agent, agent, agent]
    assert rows[3] is rows[4]
    assert (rows[4].held is None, rows[5].held is None) == (False, True)
    assert len([each for each in sim.requests if each.host == "gateway"]) == 2


async def test_interfaces_with_many_rows_a_key_say_what_to_do(cms: CmsClient) -> None:
    """One key, several rows: TypeError that names the alternative, before any I/O."""
    with pytest.raises(TypeError, match=r"await the query with that key alone.*skill_states"):
        await cms.signed_in_agents().one(7)
    day = datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
    with pytest.raises(TypeError, match="await the query instead"):
        await cms.system_indicators(begin=day[0], end=day[1]).one(1)


@pytest.mark.parametrize(
    ("key", "max_age", "error", "told"),
    [
        ("7", 0, TypeError, "skill id must be an int"),
        (True, 0, TypeError, "skill id must be an int"),
        (0, 0, ValueError, "below 1"),
        (None, 0, TypeError, "skill id must be an int"),
        (7, -1, ValueError, "0 or more"),
        (7, math.nan, ValueError, "0 or more"),
        (7, None, TypeError, "must be seconds"),
        (7, True, TypeError, "must be seconds"),
    ],
)
async def test_wrong_arguments(
    key: Any, max_age: Any, error: type[Exception], told: str, sim: Simulator, cms: CmsClient
) -> None:
    """Refused before anything is sent."""
    with pytest.raises(error, match=told):
        await cms.skill_call_stats().one(key, max_age=max_age)
    assert sim.requests == []


async def test_a_key_the_query_was_not_given(cms: CmsClient) -> None:
    """A query of some keys is not asked for others, one of none for nothing."""
    with pytest.raises(ValueError, match="not among the 2 keys"):
        await cms.skill_call_stats([1, 2]).one(3)
    with pytest.raises(ValueError, match="no keys at all"):
        await cms.skill_call_stats([]).one(3)
    with pytest.raises(TypeError, match="task ids are text"):
        await cms.task_stats(["12"]).one(12)


async def test_another_credential_is_another_place(sim: Simulator, cms: CmsClient) -> None:
    """After ``replace_auth`` nothing that the old key was told is handed out."""
    from cc_async import AkSk

    query = cms.skill_call_stats()
    await query.one(7)
    await cms.replace_auth(AkSk(sim.global_access_key, sim.global_secret_key))
    await query.one(7, max_age=60)
    assert len(sim.requests) == 2
