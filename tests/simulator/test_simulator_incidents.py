"""Incidents do what they say, from when they say until when they say."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from cc_async.simulator import Simulator
from cc_async.simulator.living import Incident, LivingWorld

TEN = int(datetime(2026, 3, 4, 10, tzinfo=UTC).timestamp())
VDN = 7


def _world(*incidents: Incident) -> LivingWorld:
    world = LivingWorld(1, [VDN], {VDN: 20}, {VDN: 60}, {VDN: 6_000}, begins=TEN - 7200)
    for incident in incidents:
        world.incident(incident)
    return world


def _number(world, begin, end, skill_id=None) -> int:
    return sum(skill_id in (None, call.skill_id) for call in world.calls(VDN, begin, end))


def test_a_queue_that_loses_its_agents_connects_nobody_until_it_has_them_again():
    """Calls of the queue wait and are lost, other queues go on, and afterwards the line is served."""
    world = _world(Incident(kind="queue loses its agents", vdn=VDN, skill_id=3, at=TEN, until=TEN + 1800))
    assert world.members(VDN, 3, TEN - 1)
    assert world.skill_headcount(VDN, 3, TEN) == {}
    assert world.members(VDN, 3, TEN + 1799.9) == ()
    in_line = world.skill_waiting(VDN, 3, TEN + 1799.9).calls_waiting
    assert in_line > 0
    assert world.members(VDN, 3, TEN + 1800)
    calls = list(world.calls(VDN, TEN, TEN + 1800, TEN + 5400))
    taken = [c.connected - c.ring_seconds for c in calls if c.skill_id == 3 and c.connected is not None]
    assert taken
    assert min(taken) >= TEN + 1800 - 1e-6
    assert any(c.abandoned is not None for c in calls if c.skill_id == 3)
    assert any(c.connected is not None and c.connected < TEN + 1800 for c in calls if c.skill_id != 3)


def test_arrivals_multiply_at_one_queue_or_at_all():
    """Three times as many callers come at the queue, none come with factor 0, others are untouched."""
    plain = _world()
    usual, others = _number(plain, TEN, TEN + 3600, 3), _number(plain, TEN, TEN + 3600)
    assert usual > 10
    more = _world(Incident(kind="arrivals multiply", vdn=VDN, skill_id=3, times=20, at=TEN, until=TEN + 3600))
    assert _number(more, TEN - 7200, TEN) == _number(plain, TEN - 7200, TEN)
    assert _number(more, TEN, TEN + 3600, 3) > 12 * usual
    same = [_number(w, TEN, TEN + 3600) - _number(w, TEN, TEN + 3600, 3) for w in (more, plain)]
    assert same[0] == same[1]
    all_of_them = _world(Incident(kind="arrivals multiply", vdn=VDN, times=2, at=TEN, until=TEN + 3600))
    assert _number(all_of_them, TEN, TEN + 3600) > 1.6 * others
    none = _world(Incident(kind="arrivals multiply", vdn=VDN, times=0, at=TEN, until=TEN + 3600))
    assert _number(none, TEN, TEN + 3600) == 0
    assert _number(none, TEN + 3600, TEN + 7200) == _number(plain, TEN + 3600, TEN + 7200)
    half = _world(Incident(kind="arrivals multiply", vdn=VDN, times=0.5, at=TEN, until=TEN + 3600))
    assert 0.35 * others < _number(half, TEN, TEN + 3600) < 0.65 * others


@pytest.mark.parametrize("wanted", [1, 5])
def test_an_agent_hangs_in_wrap_up(wanted):
    """An agent who is idle hangs at once, one who talks after the call; both until the end of it."""
    team = _world().team(VDN)
    index = next(i for i in range(60) if team.state(i, TEN) == wanted and team.agent(i).takes_inbound)
    agent_id = team.first_id + index
    world = _world(
        Incident(kind="agent hangs in wrap-up", vdn=VDN, agent_id=agent_id, at=TEN, until=TEN + 5400)
    )
    team = world.team(VDN)
    assert team.state(index, TEN - 0.001) == wanted
    states = [team.state(index, TEN + second) for second in range(0, 5400, 10)]
    first = states.index(6)
    assert set(states[first:]) == {6}
    assert set(states[:first]) <= {5}
    assert (first == 0) == (wanted == 1)
    assert team.presence(index, TEN + 5399.9).since < TEN + 3600
    assert team.state(index, TEN + 5400) != 6
    mine = [c for c in world.calls(VDN, TEN - 7200, TEN, TEN + 7200) if c.agent_id == agent_id]
    hung = [c for c in mine if c.wrapped_up is not None and c.wrapped_up >= TEN]
    assert len(hung) == (wanted == 5)
    assert all(c.wrapped_up == TEN + 5400 for c in hung)


def test_a_task_stands_still():
    """Numbers under way come to their end, then nothing changes until the incident is over."""
    plain, task_id = _world(), _world().task_ids[0]
    world = _world(Incident(kind="task stands still", vdn=VDN, task_id=task_id, at=TEN, until=TEN + 7200))
    before = world.task(VDN, task_id, TEN)
    assert before == plain.task(VDN, task_id, TEN)
    still = world.task(VDN, task_id, TEN + 1800)
    assert (still.waiting, still.executing) == (before.waiting, 0)
    assert world.task(VDN, task_id, TEN + 7199) == still
    assert world.task(VDN, world.task_ids[1], TEN + 7199) != world.task(VDN, task_id, TEN + 7199)
    later = world.task(VDN, task_id, TEN + 14_400)
    assert later.completed > still.completed
    assert later.total == still.total


def test_all_agents_of_a_vdn_sign_out_and_come_back():
    """Those who are free leave at once, the others after their call; nobody is there until the end."""
    world = _world(Incident(kind="agents sign out", vdn=VDN, at=TEN, until=TEN + 1800))
    team = world.team(VDN)
    before = [team.state(i, TEN - 0.001) for i in range(60)]
    during = [team.state(i, TEN) for i in range(60)]
    assert 1 in before
    assert {1, 7, 8, 9}.isdisjoint(during)
    assert 5 in during
    later = TEN + 1799
    calls = [c for c in world.calls(VDN, TEN - 7200, later) if c.agent_id is not None and not c.over]
    here = [i for i in range(60) if team.state(i, later) not in (0, 3)]
    assert sorted(c.agent_id - team.first_id for c in calls) == here
    assert sum(team.state(i, TEN + 1800) != 0 for i in range(60)) > 10
    assert all(
        p is None or p.signed_in_at in range(TEN + 1800, TEN + 1801) or p.signed_in_at < TEN
        for p in (team.presence(i, TEN + 1800) for i in range(60))
    )


def test_an_incident_laid_down_while_the_world_runs_is_the_same_as_one_before():
    """When an incident is laid down makes no difference, as long as it lies ahead."""
    surge = Incident(kind="arrivals multiply", vdn=VDN, times=3, at=TEN + 10, until=TEN + 3600)
    early, late = _world(surge), _world()
    late.skill_calls(VDN, 1, TEN + 5)
    late.incident(surge)
    rows = [world.indicators(VDN, TEN - 7200, TEN + 7200) for world in (early, late)]
    assert rows[0] == rows[1] != _world().indicators(VDN, TEN - 7200, TEN + 7200)
    told = [[attrs.astuple(c) for c in w.calls(VDN, TEN, TEN + 3600)] for w in (early, late)]
    assert told[0] == told[1]


def test_overlapping_incidents_end_with_the_last_one():
    """A queue that two incidents leave without agents has them again when both are over."""
    world = _world(
        Incident(kind="queue loses its agents", vdn=VDN, skill_id=3, at=TEN, until=TEN + 600),
        Incident(kind="queue loses its agents", vdn=VDN, skill_id=3, at=TEN + 300, until=TEN + 900),
        Incident(kind="agents sign out", vdn=VDN, at=TEN, until=TEN + 600),
        Incident(kind="agents sign out", vdn=VDN, at=TEN, until=TEN + 900),
    )
    team = world.team(VDN)
    assert world.members(VDN, 3, TEN + 700) == ()
    assert not any(team.state(i, TEN + 700) in (1, 7, 8, 9) for i in range(60))
    assert world.members(VDN, 3, TEN + 900)
    assert any(team.state(i, TEN + 900) == 1 for i in range(60))


def test_an_incident_from_before_the_beginning_is_there_from_the_beginning_or_not_at_all():
    """One that is over before the world begins changes nothing; one under way is there at once."""
    begin = TEN - 7200
    over = _world(Incident(kind="agents sign out", vdn=VDN, at=begin - 600, until=begin))
    assert over.indicators(VDN, begin, TEN) == _world().indicators(VDN, begin, TEN)
    under_way = _world(Incident(kind="agents sign out", vdn=VDN, at=begin - 600, until=begin + 600))
    rows = under_way.indicators(VDN, begin, begin + 900)
    assert rows[0].online == rows[0].connected == 0
    assert rows[0].inbound > 0
    assert rows[2].online > 0


def test_incidents_that_cannot_be_are_refused():
    """What does not exist, is over, or lacks its object is a ValueError with the reason."""
    sim = Simulator(world="living", vdn=VDN, vdns=(), skills_per_vdn=5, agents_per_vdn=10, begins=TEN - 3600)
    good = {"at": TEN, "until": TEN + 60}
    for kind, given, reason in [
        ("queue loses its agents", {}, "needs skill_id"),
        ("queue loses its agents", {"skill_id": 6}, "not one of VDN"),
        ("arrivals multiply", {"skill_id": 1}, "needs times"),
        ("arrivals multiply", {"times": -1.0}, "factor"),
        ("agent hangs in wrap-up", {"agent_id": 5}, "not of this VDN"),
        ("task stands still", {"task_id": "5"}, "no task"),
        ("agents sign out", {"vdn": 99}, "does not exist"),
        ("agents sign out", {"until": TEN}, "ends after"),
        ("the roof falls in", {}, "agents sign out"),
        ("agents sign out", {"at": datetime(2026, 3, 4, 10)}, "time zone"),  # noqa: DTZ001
    ]:
        with pytest.raises(ValueError, match=reason):
            sim.incident(kind, **(good | given))
    sim.incident("agents sign out", at=datetime(2026, 3, 4, 10, tzinfo=UTC))
    assert not any(sim.world.team(VDN).state(index, TEN + 7000) in (1, 7, 8) for index in range(10))
    with pytest.raises(ValueError, match="already past"):
        sim.incident("agents sign out", at=TEN + 6999)
