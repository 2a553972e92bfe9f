"""What one host taught us: the order of the shapes to try."""

from __future__ import annotations

import asyncio

import attrs
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


def test_what_was_accepted_comes_first() -> None:
    """Once a shape worked for an interface, only a refusal leads to another."""
    memory = HostMemory()
    memory.learn_shape(skill_states, WRAPPED)
    assert {next(memory.shapes(skill_states)) for _ in range(50)} == {WRAPPED}
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


def test_refusals_of_what_worked_are_looked_into_now_and_then() -> None:
    """The first one and every twentieth lead to the other shapes; the rest cost no further request."""
    memory = HostMemory()
    memory.learn_shape(system_indicators, system_indicators.shapes[1])
    tried = [order(memory, system_indicators) for _ in range(41)]
    assert [number for number, shapes in enumerate(tried) if len(shapes) > 1] == [0, 20, 40]
    assert {shapes[0] for shapes in tried} == {system_indicators.shapes[1]}
    assert sorted(map(repr, tried[20])) == sorted(map(repr, system_indicators.shapes))


def test_a_server_that_changed_is_learned_anew() -> None:
    """Whoever was refused at the same time is told what the others found out meanwhile."""
    memory = HostMemory()
    memory.learn_shape(skill_states, FLAT)
    first, second = memory.shapes(skill_states), memory.shapes(skill_states)
    assert (next(first), next(second)) == (FLAT, FLAT)
    assert next(first) == WRAPPED
    memory.learn_shape(skill_states, WRAPPED)
    assert list(second) == [WRAPPED]
    assert next(memory.shapes(skill_states)) == WRAPPED
    memory.learn_shape(skill_states, FLAT)
    assert order(memory, skill_states) == [FLAT, WRAPPED], "a change that was found counts from the beginning"


def test_a_forced_wrapping_stays_forced_after_a_refusal() -> None:
    """Only numbers or text are tried anew."""
    memory = HostMemory(wrapped=True)
    memory.learn_shape(task_stats, next(memory.shapes(task_stats)))
    got = order(memory, task_stats)
    assert len(got) == 2
    assert all(shape.wrapped for shape in got)


def test_a_raw_call_teaches_the_habit_only() -> None:
    """The caller may have written numbers as text by hand; the typed interface of that path still asks."""
    memory = HostMemory()
    raw = raw_endpoint("fromisales/realstatistic")
    assert raw.name == task_stats.name
    assert not memory.knows_shape(raw)
    memory.learn_shape(raw, WRAPPED)
    assert memory.knows_shape(raw)
    assert not memory.knows_shape(task_stats)
    assert order(memory, raw) == [WRAPPED, FLAT]
    assert set(order(memory, task_stats)) == set(task_stats.shapes)
    assert order(memory, task_stats)[0].wrapped


def test_a_raw_call_is_not_sent_in_a_shape_it_does_not_have() -> None:
    """What the typed interface learned (a page size as text) is no way to write a raw body."""
    memory = HostMemory()
    memory.learn_shape(system_indicators, system_indicators.shapes[-1])
    raw = raw_endpoint(system_indicators.path)
    assert raw.name == system_indicators.name
    assert set(order(memory, raw)) == set(raw.shapes)


def test_a_shape_that_an_interface_no_longer_has_is_forgotten() -> None:
    """What was learned counts only among the shapes of the one who asks."""
    memory = HostMemory()
    memory.learn_shape(task_stats, next(shape for shape in task_stats.shapes if shape.as_number))
    narrow = attrs.evolve(task_stats, shapes=(FLAT, WRAPPED))
    assert not memory.knows_shape(narrow)
    assert set(order(memory, narrow)) == {FLAT, WRAPPED}


async def test_a_refused_page_size_is_not_about_the_shape() -> None:
    """While the page size is learned, a refusal costs the one request and no more."""
    memory = HostMemory()
    memory.learn_shape(system_indicators, system_indicators.shapes[0])
    lesson = memory.lessons.setdefault(system_indicators.name, asyncio.Lock())
    async with lesson:
        assert order(memory, system_indicators) == [system_indicators.shapes[0]]
    assert len(order(memory, system_indicators)) == len(system_indicators.shapes)
