"""What the living world costs, and where it ends: memory, work, time, emptiness."""

from __future__ import annotations

import weakref

import pytest

from cc_async.simulator import Simulator
from cc_async.simulator.formula import FormulaWorld
from cc_async.simulator.living import Call, Incident, LivingWorld

MIDNIGHT = 1_772_582_400
TEN, ELEVEN, NOON = (MIDNIGHT + hour * 3600 for hour in (10, 11, 12))
DAY = 86_400
VDN = 7


def _world(begins: float = MIDNIGHT) -> LivingWorld:
    sizes = {VDN: 20, 8: 0}
    return LivingWorld(1, sizes, sizes, {VDN: 60, 8: 0}, {VDN: 5_000, 8: 0}, begins=begins)


def test_the_calls_come_in_bounded_memory():
    """Of a day's calls the iterator holds those under way, not those that are over."""
    held: weakref.WeakSet[Call] = weakref.WeakSet()
    most = number = 0
    for call in _world().calls(VDN, MIDNIGHT, MIDNIGHT + DAY):
        held.add(call)
        number += 1
        most = max(most, len(held))
    assert number > 4_500
    assert most < number / 20


def test_work_is_a_few_events_for_each_call_and_nothing_for_what_is_not_asked():
    """A call is at most 5 events, an agent some dozens a day; VDNs nobody asks about do not live."""
    world = LivingWorld(
        1, (1, 2, 170), dict.fromkeys((1, 2, 170), 500), dict.fromkeys((1, 2, 170), 300),
        dict.fromkeys((1, 2, 170), 30_000), begins=MIDNIGHT,
    )  # fmt: skip
    assert world.opened == ()
    rows = world.indicators(170, MIDNIGHT, MIDNIGHT + DAY)
    calls, dialled = sum(row.inbound for row in rows), sum(row.outbound for row in rows)
    assert calls > 29_000
    floor = world.team(170).floor
    looks = 30 * DAY / 120  # an outbound agent without numbers looks again every 2 minutes
    assert floor.agenda.put_down <= 5 * calls + 4 * dialled + 30 * 300 + looks + 2 * 288
    assert world.opened == (170,)


def test_time_does_not_go_back_and_has_a_beginning():
    """A moment that is over cannot be asked about; neither can what was before the beginning."""
    world = _world(begins=TEN + 17)
    assert world.first_bucket == TEN // 300
    world.skill_calls(VDN, 1, NOON)
    with pytest.raises(ValueError, match="does not go back"):
        world.skill_calls(VDN, 1, ELEVEN)
    with pytest.raises(ValueError, match="before the beginning"):
        world.indicator(VDN, TEN // 300 - 1)
    with pytest.raises(RuntimeError, match="begins"):
        LivingWorld(1, [1], {1: 1}, {1: 1}, {1: 1}).team(1)


def test_a_formula_world_knows_no_calls_and_no_incidents():
    """What only a living world can do says so."""
    world = FormulaWorld(1, [1], {1: 5}, {1: 5})
    with pytest.raises(TypeError, match="living"):
        world.calls(1, TEN, NOON)
    with pytest.raises(TypeError, match="living"):
        world.incident(Incident(kind="agents sign out", vdn=1, at=TEN))
    with pytest.raises(TypeError, match="SteppedClock"):
        Simulator().advance(1)


def test_an_empty_vdn_lives_too():
    """A VDN without queues and agents has periods, all zero."""
    world = _world()
    rows = world.indicators(8, MIDNIGHT, MIDNIGHT + 3600)
    assert len(rows) == 12
    assert {(row.online, row.inbound, row.outbound) for row in rows} == {(0, 0, 0)}
