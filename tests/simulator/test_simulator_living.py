"""The living world: every figure has a cause, and the calls themselves are the proof."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import sqrt

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async.simulator.living import Call, LivingWorld
from cc_async.simulator.living.demand import Demand

MIDNIGHT = 1_772_582_400
TEN, ELEVEN, NOON = (MIDNIGHT + hour * 3600 for hour in (10, 11, 12))
DAY = 86_400
VDN = 7


def _world(seed: int = 1, *, begins: float = MIDNIGHT, calls: float = 5_000) -> LivingWorld:
    return LivingWorld(seed, [VDN], {VDN: 20}, {VDN: 60}, {VDN: calls}, begins=begins)


def _facts(calls) -> list[tuple]:
    return [attrs.astuple(call) for call in calls]


def test_the_seed_decides_every_call():
    """The same seed gives the same calls; another seed gives others."""
    first, again, other = (_facts(_world(seed).calls(VDN, TEN, ELEVEN)) for seed in (3, 3, 4))
    assert len(first) > 200
    assert first == again
    assert first != other


def test_how_often_the_world_is_asked_changes_nothing():
    """A world asked every 7 seconds and one asked once say the same."""
    often, once = _world(), _world()
    for now in range(MIDNIGHT, NOON, 7):
        often.skill_calls(VDN, 1, now)
    assert often.indicators(VDN, MIDNIGHT, NOON) == once.indicators(VDN, MIDNIGHT, NOON)
    now = NOON + 100
    queues = once.skill_ids(VDN)
    assert [often.skill_calls(VDN, q, now) for q in queues] == [once.skill_calls(VDN, q, now) for q in queues]


@settings(max_examples=12, deadline=None)
@given(st.floats(TEN, NOON), st.integers(0, 99))
def test_every_call_is_connected_abandoned_or_waiting(now, seed):
    """At any moment every call that arrived is connected, abandoned or waiting: in line, or ringing."""
    world = _world(seed, begins=TEN - 3600)
    calls = list(world.calls(VDN, TEN - 3600, now))
    waiting = Counter(call.skill_id for call in calls if call.waited is None)
    assert sum(waiting.values()) + sum(call.waited is not None for call in calls) == len(calls)
    assert not any(call.connected and call.abandoned for call in calls)
    in_line = {q: world.skill_waiting(VDN, q, now).calls_waiting for q in world.skill_ids(VDN)}
    ringing = Counter(call.skill_id for call in calls if call.waited is None and call.agent_id is not None)
    assert all(waiting[q] == in_line[q] + ringing[q] for q in world.skill_ids(VDN))


@settings(max_examples=12, deadline=None)
@given(st.integers(TEN, NOON))
def test_the_counters_of_a_queue_are_what_happened_since_the_period_began(now):
    """Each counter counts at the instant of its event: arrival, connection, end, end of wrap-up."""
    world = _world(begins=TEN - 3600)
    start = now // 300 * 300
    # Whatever happens in this period belongs to a call that arrived since the world began.
    calls = list(world.calls(VDN, TEN - 3600, now))
    offered = Counter(c.skill_id for c in calls if c.arrived >= start)
    ivr = Counter()
    for call in calls:
        ivr[call.skill_id] += call.ivr_seconds if call.arrived >= start else 0
    connected = [c for c in calls if c.connected is not None and c.connected >= start]
    ended = Counter(c.skill_id for c in calls if c.ended is not None and c.ended >= start)
    wrapped = [c for c in calls if c.wrapped_up is not None and c.wrapped_up >= start]
    for queue in world.skill_ids(VDN):
        found = world.skill_calls(VDN, queue, now)
        mine = [c for c in connected if c.skill_id == queue]
        assert (found.start, found.offered, found.connected) == (start, offered[queue], len(mine))
        assert found.lost == offered[queue] - len(mine)
        assert found.connected_in_20s == sum(c.waited <= 20 for c in mine)
        assert (found.ended, found.ivr_seconds) == (ended[queue], ivr[queue])
        seconds = [round(c.wrapped) for c in wrapped if c.skill_id == queue]
        assert (found.wrapped_up, found.wrap_up_seconds) == (len(seconds), sum(seconds))
        line = [now - c.arrived for c in calls if c.skill_id == queue and c.agent_id is c.abandoned is None]
        left = [c.waited for c in calls if c.skill_id == queue and c.abandoned and c.abandoned >= start]
        waits = [c.waited for c in mine]
        talks = [c.talked for c in calls if c.skill_id == queue and c.ended and c.ended >= start]
        state = world.skill_waiting(VDN, queue, now)
        assert (state.calls_waiting, state.longest_wait) == (len(line), int(max([0, *line, *left, *waits])))
        assert state.average_wait == int(sum(waits) / max(1, len(waits)))
        assert state.average_talk == int(round(sum(talks)) / max(1, len(talks)))


def test_lost_may_be_negative_in_one_period():
    """A call that arrives in one period and connects in the next makes "lost" negative there."""
    world = _world()
    lost = [
        world.skill_calls(VDN, queue, end - 0.001).lost
        for end in range(TEN, NOON, 300)
        for queue in world.skill_ids(VDN)
    ]
    assert min(lost) < 0 < max(lost)


def test_the_periods_of_a_day_add_up_to_the_calls():
    """Offered, connected and ended of all periods are the calls of the day."""
    world = _world()
    end = MIDNIGHT + DAY
    rows = world.indicators(VDN, MIDNIGHT, end)
    calls = list(world.calls(VDN, MIDNIGHT, end))
    assert len(rows) == 288
    assert [row.begin for row in rows] == list(range(MIDNIGHT, end, 300))
    assert sum(row.inbound for row in rows) == len(calls)
    assert sum(row.connected for row in rows) == sum(c.connected is not None for c in calls)
    by_period = Counter(int(c.arrived // 300) for c in calls)
    assert [row.inbound for row in rows] == [by_period[row.begin // 300] for row in rows]
    assert [c.arrived for c in calls] == sorted(c.arrived for c in calls)


def test_an_agent_has_one_call_at_a_time_of_a_queue_that_is_the_agents():
    """Agents serve only their queues, one call after the other, and wrap up in between."""
    world = _world()
    team = world.team(VDN)
    by_agent: dict[int, list[Call]] = {}
    for call in world.calls(VDN, MIDNIGHT, MIDNIGHT + DAY):
        if call.connected is not None:
            by_agent.setdefault(call.agent_id, []).append(call)
    assert len(by_agent) > 40
    for agent_id, calls in by_agent.items():
        index = team.index_of(agent_id)
        assert team.agent(index).takes_inbound
        assert all(index in world.members(VDN, c.skill_id, MIDNIGHT) for c in calls)
        calls.sort(key=lambda c: c.connected)
        for one, following in pairwise(calls):
            assert one.wrapped_up <= following.connected - following.ring_seconds + 1e-6


def test_nobody_waits_while_an_agent_of_the_queue_is_idle():
    """A queue has callers in line only when none of its agents is idle."""
    world, seen = _world(calls=9_000), 0
    for now in range(TEN, NOON, 20):
        for queue in world.skill_ids(VDN):
            waiting = world.skill_waiting(VDN, queue, now)
            if waiting.calls_waiting:
                seen += 1
                assert 1 not in world.skill_headcount(VDN, queue, now)
    assert seen > 50


def test_an_agent_takes_the_call_that_has_waited_longest():
    """When an agent takes a call, no older one is in line at any queue of that agent."""
    world, checked = _world(calls=9_000), 0
    team = world.team(VDN)
    skills = {i: {q for q in world.skill_ids(VDN) if i in world.members(VDN, q, TEN)} for i in range(60)}
    calls = list(world.calls(VDN, TEN, ELEVEN, NOON))
    left_line = {c: c.connected - c.ring_seconds if c.connected else c.abandoned for c in calls}
    for call in calls:
        taken = left_line[call]
        if call.connected is None or taken - call.arrived < 0.01:
            continue
        mine = skills[team.index_of(call.agent_id)]
        older = [c for c in calls if c.arrived < call.arrived and left_line[c] > taken + 1e-6]
        assert not any(c.skill_id in mine for c in older)
        checked += len(older)
    assert checked > 50


def test_more_callers_for_the_same_agents_wait_longer_and_are_lost_more_often():
    """Load has consequences: the service level falls, more calls are abandoned."""
    shares = []
    for calls_per_day in (3_000, 6_000, 12_000):
        calls = list(_world(calls=calls_per_day, begins=TEN - 3600).calls(VDN, TEN, NOON, NOON + 3600))
        soon = sum(c.connected is not None and c.waited <= 20 for c in calls) / len(calls)
        shares.append((soon, sum(c.abandoned is not None for c in calls) / len(calls)))
    (easy, few), (usual, some), (hard, many) = shares
    assert easy > usual > hard
    assert few < some < many


def test_arrivals_follow_the_curve_of_each_queue():
    """Arrivals of every queue and hour are Poisson around its curve (5 sigma), 5 000 in all on average."""
    demand = Demand(1, VDN, 20, 5_000)
    expected = {
        (queue, hour): demand.expected(queue, MIDNIGHT + hour * 3600, MIDNIGHT + (hour + 1) * 3600)
        for queue in range(20)
        for hour in range(24)
    }
    assert sum(expected.values()) == pytest.approx(5_000)
    days = 4
    found = Counter(
        (call.skill_id - 1, int(call.arrived % DAY // 3600))
        for call in _world().calls(VDN, MIDNIGHT, MIDNIGHT + days * DAY)
    )
    for place, mean in expected.items():
        assert abs(found[place] - days * mean) <= 5 * sqrt(days * mean) + 3
    hours = [sum(mean for (_, each), mean in expected.items() if each == hour) for hour in (3, 11)]
    assert hours[0] < hours[1] / 5


def test_agents_come_rest_and_go():
    """Over a day an agent signs in, rests, is not ready at times, and signs out; nights have few agents."""
    world, seen = _world(), Counter()
    team = world.team(VDN)
    for now in range(MIDNIGHT, MIDNIGHT + DAY, 60):
        seen.update(team.state(index, now) for index in range(team.size))
        for index in range(team.size):
            presence = team.presence(index, now)
            if presence is not None:
                assert MIDNIGHT <= presence.signed_in_at <= presence.since <= now
    assert set(seen) >= {0, 1, 3, 4, 5, 6, 7, 8}
    rows = world.indicators(VDN, MIDNIGHT, MIDNIGHT + DAY)
    assert rows[36].online < rows[132].online / 2
