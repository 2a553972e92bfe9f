"""What one host taught us: the order of the shapes to try."""

from __future__ import annotations

import pytest

from cc_async.contract.endpoints import (
    agent_call_stats,
    raw_endpoint,
    skill_states,
    system_indicators,
    task_stats,
)
from cc_async.contract.spec import Endpoint, Shape
from cc_async.session.host import HostMemory

FLAT, WRAPPED = Shape(), Shape(wrapped=True)


def order(memory: HostMemory, endpoint: Endpoint[object]) -> list[Shape]:
    """The shapes to try."""
    return list(memory.shapes(endpoint))


def test_nothing_known_means_the_order_of_the_table() -> None:
    """The documented shape first, every other one after it."""
    memory = HostMemory()
    assert order(memory, skill_states) == [FLAT, WRAPPED]
    assert order(memory, system_indicators) == list(system_indicators.shapes)
    assert not memory.knows_shape(skill_states)


def test_what_was_accepted_is_the_only_one() -> None:
    """Once a shape worked for an interface, no other is tried there."""
    memory = HostMemory()
    memory.learn_shape(skill_states, WRAPPED)
    assert order(memory, skill_states) == [WRAPPED]
    assert memory.knows_shape(skill_states)
    assert not memory.knows_shape(task_stats)


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_wrapping_is_a_habit_of_the_host(wrapped: bool) -> None:
    """Learned at one interface, it comes first at the others, and the rest stays as a second try."""
    memory = HostMemory()
    memory.learn_shape(skill_states, WRAPPED if wrapped else FLAT)
    got = order(memory, task_stats)
    assert [shape.wrapped for shape in got] == [wrapped, wrapped, not wrapped, not wrapped]
    assert set(got) == set(task_stats.shapes)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_forced_shape_leaves_no_other(wrapped: bool) -> None:
    """``request_shape`` decides the wrapping; numbers or text are still found out."""
    memory = HostMemory(wrapped=wrapped)
    assert {shape.wrapped for shape in order(memory, task_stats)} == {wrapped}
    assert len(order(memory, task_stats)) == 2


@pytest.mark.parametrize("wrapped", [True, False, None])
def test_an_interface_of_one_shape_has_it_whatever_is_forced(wrapped: bool | None) -> None:
    """A GET has no body that could be wrapped, and nothing to learn."""
    memory = HostMemory(wrapped=wrapped)
    for endpoint in (agent_call_stats, raw_endpoint("a/b", "GET")):
        assert order(memory, endpoint) == [FLAT]
        assert memory.knows_shape(endpoint)


def test_an_interface_of_one_shape_teaches_no_habit() -> None:
    """That it is asked flat says nothing about the others."""
    memory = HostMemory()
    memory.learn_shape(raw_endpoint("a/b", "GET"), FLAT)
    memory.learn_shape(skill_states, WRAPPED)
    memory.learn_shape(raw_endpoint("a/c", "GET"), FLAT)
    assert order(memory, task_stats)[0].wrapped
