"""The gate: so many at a time, in order, no place lost."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest

from cc_async.session.gate import Gate


@pytest.mark.parametrize(
    ("concurrency", "limits", "places"),
    [(32, (), 32), (32, (100, 0), 32), (32, (10, 0), 10), (32, (100, 4), 4), (1, (0, 0), 1)],
)
def test_the_smallest_limit_counts(concurrency: int, limits: tuple[int, ...], places: int) -> None:
    """A connector's 0 means unlimited."""
    assert Gate(concurrency, *limits).places == places


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.5, TypeError)]
)
def test_nonsense_is_refused(value: Any, error: type[Exception]) -> None:
    """The message names the setting."""
    with pytest.raises(error, match="concurrency"):
        Gate(value)


async def test_never_more_than_the_places_and_in_order() -> None:
    """Ten callers on three places: three inside at the most, entering in the order of asking."""
    gate = Gate(3)
    entered: list[int] = []
    most = 0

    async def one(number: int) -> None:
        nonlocal most
        async with gate:
            entered.append(number)
            most = max(most, gate.in_use)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(number) for number in range(10)))
    assert entered == list(range(10))
    assert most == 3
    assert gate.in_use == 0


async def test_a_newcomer_does_not_overtake_one_who_was_just_let_in() -> None:
    """Between the release and the run of the first in line, the place is taken already."""
    gate = Gate(1)
    order: list[str] = []

    async def one(name: str) -> None:
        async with gate:
            order.append(name)

    await gate.__aenter__()
    waiting = asyncio.create_task(one("waiting"))
    await asyncio.sleep(0)
    await gate.__aexit__()
    await one("newcomer")
    await waiting
    assert order == ["waiting", "newcomer"]


@pytest.mark.parametrize("granted_first", [False, True])
async def test_a_cancelled_caller_loses_no_place(granted_first: bool) -> None:
    """Cancelled while waiting, or in the very tick it was let in: the next one goes."""
    gate = Gate(1)

    async def one() -> None:
        async with gate:
            pass

    await gate.__aenter__()
    cancelled, following = asyncio.create_task(one()), asyncio.create_task(one())
    await asyncio.sleep(0)
    if granted_first:
        await gate.__aexit__()
        cancelled.cancel()
    else:
        cancelled.cancel()
        await gate.__aexit__()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await asyncio.wait_for(following, 1)
    assert gate.in_use == 0
    await asyncio.wait_for(one(), 1)


async def test_an_error_inside_frees_the_place() -> None:
    """Whatever happens to the request."""
    gate = Gate(1)
    with pytest.raises(LookupError):
        async with gate:
            raise LookupError
    assert gate.in_use == 0


async def test_the_parts_of_the_gate_are_the_gate() -> None:
    """``take`` fails while the places are taken, ``wait`` stands in line for the next that is left."""
    gate = Gate(1)
    assert gate.take()
    assert not gate.take()
    waiting = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)
    gate.leave()
    assert not gate.take(), "the place belongs to who waits, before it has run"
    await waiting
    assert gate.in_use == 1
    gate.leave()
    assert gate.in_use == 0


async def test_many_cancelled_callers_leave_nothing() -> None:
    """A thousand gave up while they waited: the next one is served at once, and no place is lost."""
    gate = Gate(2)
    assert gate.take()
    assert gate.take()
    tasks = [asyncio.create_task(gate.wait()) for _ in range(1000)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks[::2], return_exceptions=True)
    for task in tasks[1::2]:
        gate.leave()
        await asyncio.wait_for(task, 1)
    gate.leave()
    gate.leave()
    assert (gate.in_use, gate.take()) == (0, True)


async def test_a_long_line_that_gives_up_in_any_order_is_no_work() -> None:
    """30 000 callers cancelled at random: a search through the line for each of them would take 5 s."""
    gate = Gate(1)
    assert gate.take()

    async def one() -> None:
        async with gate:
            raise AssertionError("nobody was to be let in")

    callers = [asyncio.create_task(one()) for _ in range(30_000)]
    await asyncio.sleep(0)
    random.Random(1).shuffle(callers)
    began = time.process_time()
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    assert time.process_time() - began < 2.5
    assert all(caller.cancelled() for caller in callers)
    gate.leave()
    assert gate.in_use == 0
