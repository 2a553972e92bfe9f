"""The living world as the interfaces show it: one world, at one instant, on one clock."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from cc_async.simulator import LoopClock, SteppedClock

MIDNIGHT = 1_772_582_400
TEN = MIDNIGHT + 36_000
PLACE = {"ccId": 1, "vdn": 7}
QUEUES = list(range(1, 21))
ALL = {**PLACE, "skillIds": QUEUES}
SIZE = {
    "world": "living", "vdn": 7, "vdns": (8,), "skills_per_vdn": 20, "agents_per_vdn": 60,
    "calls_per_day": 6_000,
}  # fmt: skip


@pytest.fixture
async def living(open_sim):
    """A client of a living contact center at ten in the morning, moved by hand."""
    return await open_sim(**SIZE, clock=SteppedClock(TEN + 211.0))


async def _stats(ask):
    return {row["id"]: row for row in (await ask.post("skill/currentcallstateinfo", ALL)).desc}


async def _states(ask):
    return {row["skillId"]: row for row in (await ask.post("skill/stateinfo", ALL)).desc}


async def _agents(ask, queue):
    return (await ask.post("skill/agentbyconfigedskill", {**PLACE, "skillId": queue})).desc


async def test_all_interfaces_show_the_same_agents(living):
    """Queue states, signed-in agents and agent states are counts and lists of the same agents."""
    team = (await living.post("vdn/totalagentabstractex3", {**PLACE, "limit": 100, "offset": 0})).desc
    by_id = {row["agentId"]: row for row in team}
    assert len(by_id) == 60
    states = await _states(living)
    seen = set()
    for queue in QUEUES:
        agents = await _agents(living, queue)
        by_cti = Counter(row["ctiStatus"] for row in agents)
        state = states[queue]
        assert state["agentLoginNums"] == len(agents)
        names = ("agentIdleNums", "agentWorkNums", "agentSetBusyNums", "agentRestNums")
        assert [state[name] for name in names] == [by_cti[code] for code in (1, 6, 7, 8)]
        assert state["agentTalkingNums"] == by_cti[4] + by_cti[5]
        for row in agents:
            shown = by_id[row["workNo"]]
            assert (shown["currentState"], shown["currentStateTime"]) == (
                row["ctiStatus"],
                row["currentStateTime"],
            )
            seen.add(row["workNo"])
    assert len(seen) > 20


async def test_queue_states_and_call_stats_show_the_calls_of_the_truth(living):
    """Both say what the calls say: offered in this period, waiting now, with agents now."""
    now = TEN + 211
    for step in range(4):
        stats, states = await _stats(living), await _states(living)
        calls = list(living.sim.world.calls(7, MIDNIGHT, now))
        waiting = Counter(c.skill_id for c in calls if c.waited is None and c.agent_id is None)
        at_agents = Counter(c.skill_id for c in calls if c.agent_id is not None and c.ended is None)
        offered = Counter(c.skill_id for c in calls if c.arrived >= now // 300 * 300)
        for queue in QUEUES:
            assert stats[queue]["startTime"] == now // 300 * 300 * 1000
            assert stats[queue]["allCallCount"] == states[queue]["allCallCount"] == offered[queue]
            assert stats[queue]["cnnedIn20sCallCount"] == states[queue]["cnnedIn20sCallCount"]
            assert states[queue]["callWaitNums"] == waiting[queue]
            assert states[queue]["processingCallNums"] == at_agents[queue]
        assert sum(at_agents.values()) > 0
        living.sim.advance(100 + step)
        now += 100 + step


async def test_counters_grow_within_a_period_and_restart_with_the_next(living):
    """What was counted stays counted until the 5 minutes are over; then every counter begins at 0."""
    living.sim.advance(89)
    last = await _stats(living)
    assert {row["allCallCount"] for row in last.values()} <= {0, 1, 2}
    for _ in range(5):
        living.sim.advance(59)
        now = await _stats(living)
        for queue, row in now.items():
            assert all(row[name] >= last[queue][name] for name in row if name != "abanCallCount")
        last = now
    assert sum(row["allCallCount"] for row in last.values()) > 10
    living.sim.advance(5)
    fresh = await _stats(living)
    assert sum(row["allCallCount"] for row in fresh.values()) <= 3
    assert {row["startTime"] for row in fresh.values()} == {(TEN + 600) * 1000}


async def test_indicators_are_of_closed_periods_since_the_beginning_and_add_up(living):
    """A period has a row once it is over, never earlier; its calls are those of the queues."""
    day = {"beginDate": "2026-03-03 12:00:00", "endDate": "2026-03-05 00:00:00", "vdn": [7], "limit": 100}

    async def rows():
        found = []
        while True:
            page = (await living.post("cti/sysindex", {**day, "offset": len(found)}, globally=True)).desc
            found += page["data"]
            if len(found) >= page["count"]:
                return found

    before = await rows()
    assert [int(row["beginTime"]) // 1000 for row in before] == list(range(MIDNIGHT, TEN, 300))
    living.sim.advance(88.9)
    stats = await _stats(living)
    assert await rows() == before
    living.sim.advance(0.2)
    after = await rows()
    assert after[:-1] == before
    # Nothing happened in the last tenth of a second but what the truth says.
    late = list(living.sim.world.calls(7, TEN + 299.9, TEN + 300))
    assert after[-1]["incallNums"] == sum(row["allCallCount"] for row in stats.values()) + len(late)
    team = (await living.post("vdn/totalagentabstractex3", {**PLACE, "limit": 100, "offset": 0})).desc
    assert abs(after[-1]["onlineAgentNums"] - sum(row["currentState"] != 0 for row in team)) <= 1
    assert living.sim.world.opened == (7,)


async def test_agents_statistics_are_what_the_calls_say(living):
    """Answered calls and talk time since sign-in are those of the agent's calls; who is out has none."""
    world, now = living.sim.world, TEN + 211
    team, outcomes = world.team(7), set()
    calls = list(world.calls(7, MIDNIGHT, now))
    for agent_id, guid in living.sim.guids.items():
        index = team.index_of(agent_id)
        presence = team.presence(index, now)
        body = (await living.agent(agent_id, guid)).json
        outcomes.add(body["retcode"])
        if presence is None:
            assert body["retcode"] == "100-006"
            continue
        mine = [c for c in calls if c.agent_id == agent_id and c.connected is not None]
        mine = [c for c in mine if c.connected >= presence.signed_in_at]
        assert body["result"]["answernums"] == len(mine)
        if team.agent(index).takes_inbound:
            talked = sum(round(c.talked) for c in mine if c.talked is not None)
            assert body["result"]["talktime"] == talked
            assert body["result"]["calloutnums"] == 0
    assert outcomes == {"0", "100-006"}


async def test_tasks_are_dialled_by_the_agents_who_take_no_inbound_calls(living):
    """What all tasks execute is what outbound agents do; the counts of each task agree."""
    world, now = living.sim.world, TEN + 211
    for _ in range(3):
        executing = 0
        for task_id in living.sim.task_ids:
            row = (await living.post("fromisales/realstatistic", {"vdn": 7, "taskId": task_id})).desc
            total, good, bad, done, waiting, running = (
                int(row[name])
                for name in ("totalCount", "succCount", "failCount", "compCount", "waitCount", "execCount")
            )
            assert done == good + bad
            assert total == done + waiting + running
            executing += running
        team = world.team(7)
        dialling = [i for i in range(60) if not team.agent(i).takes_inbound and team.state(i, now) in (3, 5)]
        assert len(dialling) == executing
        living.sim.advance(600)
        now += 600
    assert sum(row.outbound for row in world.indicators(7, MIDNIGHT, TEN)) > 100


async def test_a_laid_down_queue_lies_over_the_living_one(living):
    """set_skill wins over what lives, and makes queues that did not exist."""
    living.sim.set_skill(7, 5, offered=30, connected=20, calls_waiting=4)
    living.sim.set_skill(7, 900, offered=10)
    params = {**PLACE, "skillIds": [5, 900]}
    first, second = (await living.post("skill/currentcallstateinfo", params)).desc
    assert (first["allCallCount"], first["cnnedCallCount"], second["allCallCount"]) == (30, 20, 10)
    state, made = (await living.post("skill/stateinfo", params)).desc
    assert (state["callWaitNums"], made["agentLoginNums"]) == (4, 0)
    assert await _agents(living, 900) == []


async def test_an_incident_is_seen_by_every_interface(living):
    """A queue that loses its agents shows none signed in, none idle, and its callers waiting."""
    before, others = await _agents(living, 1), await _agents(living, 2)
    assert before
    living.sim.incident("queue loses its agents", skill_id=1, at=TEN + 300, until=TEN + 1500)
    living.sim.advance(900)
    assert await _agents(living, 1) == []
    state = (await _states(living))[1]
    assert (state["agentLoginNums"], state["agentIdleNums"]) == (0, 0)
    assert state["callWaitNums"] > 0
    assert state["maxCallWaitTimesIn5"] > 30
    assert others
    living.sim.advance(900)
    assert len(await _agents(living, 1)) > 0


@pytest.mark.looptime
async def test_a_day_under_virtual_time_polled_every_5_minutes(open_sim):
    """Polled a second before each period ends, the counters of a day nearly are the calls of that day."""
    clock = LoopClock(start=MIDNIGHT + 290)
    ask, counted, connected = await open_sim(**SIZE, clock=clock), 0, 0
    for beat in range(288):
        await _sleep_until(clock, MIDNIGHT + 300 * beat + 299)
        rows = (await _stats(ask)).values()
        assert {row["startTime"] for row in rows} == {(MIDNIGHT + 300 * beat) * 1000}
        counted += sum(row["allCallCount"] for row in rows)
        connected += sum(row["cnnedCallCount"] for row in rows)
    end = MIDNIGHT + 86_400
    calls = list(ask.sim.world.calls(7, MIDNIGHT, end))
    assert 0.985 * len(calls) < counted <= len(calls)
    answered = sum(c.connected is not None for c in calls)
    assert 0.985 * answered < connected <= answered


async def _sleep_until(clock: LoopClock, moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - clock.wall()))
