"""Probation: alone until proven, in order, no turn lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from cc_async.session.probation import Key, Probation

A: Key = ("a",)
B: Key = ("b",)


class Trip:
    """Requests that travel through a probation, and end when the test says so."""

    def __init__(self, probation: Probation) -> None:
        self.probation = probation
        self.under_way: list[int] = []
        self.alone: list[bool] = []
        self._ends: dict[int, asyncio.Event] = {}

    def start(self, number: int, *keys: Key, trusted: tuple[Key, ...] = ()) -> asyncio.Task[None]:
        self._ends[number] = asyncio.Event()
        return asyncio.create_task(self._travel(number, keys, trusted))

    async def _travel(self, number: int, keys: tuple[Key, ...], trusted: tuple[Key, ...]) -> None:
        async with self.probation.turn(keys, trusted) as alone:
            self.under_way.append(number)
            self.alone.append(alone)
            try:
                await self._ends[number].wait()
            finally:
                self.under_way.remove(number)

    async def end(self, number: int, *proves: Key) -> None:
        for key in proves:
            self.probation.prove(key)
        self._ends[number].set()
        await settle()


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def finish(*tasks: asyncio.Task[None]) -> None:
    """End what is still under way."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_travels_alone_until_it_has_proven_the_key() -> None:
    """Then all who waited go at once, together."""
    trip = Trip(Probation())
    tasks = [trip.start(number, A) for number in range(5)]
    await settle()
    assert trip.under_way == [0]
    await trip.end(0, A)
    assert trip.under_way == [1, 2, 3, 4]
    assert trip.alone == [True, False, False, False, False]
    await finish(*tasks)


async def test_they_go_while_the_one_that_proved_it_is_still_reading() -> None:
    """Nobody waits for the end of a turn that has proven its key."""
    trip = Trip(Probation())
    tasks = [trip.start(number, A) for number in range(3)]
    await settle()
    trip.probation.prove(A)
    await settle()
    assert trip.under_way == [0, 1, 2]
    await finish(*tasks)


async def test_a_failed_one_lets_exactly_the_next_go() -> None:
    """In the order of coming."""
    trip = Trip(Probation())
    tasks = [trip.start(number, A) for number in range(4)]
    await settle()
    for number in range(4):
        assert trip.under_way == [number]
        await trip.end(number)
    assert trip.under_way == []
    last = trip.start(9, A)
    await settle()
    assert trip.under_way == [9]
    await finish(*tasks, last)


async def test_proven_keys_wait_for_nobody_and_make_nothing() -> None:
    """The way of nearly every request: the same turn object for all."""
    probation = Probation()
    probation.prove(A)
    probation.prove(B)
    assert probation.turn([A, B]) is probation.turn((B,)) is probation.turn([])
    async with probation.turn([A, B]) as alone:
        assert not alone


async def test_doubt_sends_the_next_ones_alone_again() -> None:
    """Until one of them succeeds."""
    trip = Trip(Probation())
    trip.probation.prove(A)
    assert trip.probation.is_proven(A)
    trip.probation.doubt(A)
    assert not trip.probation.is_proven(A)
    tasks = [trip.start(number, A) for number in range(3)]
    await settle()
    assert trip.under_way == [0]
    await trip.end(0, A)
    assert trip.under_way == [1, 2]
    await finish(*tasks)


async def test_doubt_while_others_travel_holds_for_the_newcomers() -> None:
    """A key proven and doubted within one turn: its line is served one by one."""
    trip = Trip(Probation())
    tasks = [trip.start(0, A)]
    await settle()
    trip.probation.prove(A)
    trip.probation.doubt(A)
    tasks += [trip.start(number, A) for number in (1, 2)]
    await settle()
    assert trip.under_way == [0]
    await trip.end(0)
    assert trip.under_way == [1]
    await finish(*tasks)


async def test_a_trusted_key_holds_nobody_until_it_is_doubted() -> None:
    """A credential at one interface: free, then after a 401 alone, then free again."""
    trip = Trip(Probation())
    trip.probation.prove(A)
    free = [trip.start(number, A, trusted=(B,)) for number in (0, 1)]
    await settle()
    assert trip.under_way == [0, 1]
    trip.probation.doubt(B)
    later = [trip.start(number, A, trusted=(B,)) for number in (2, 3)]
    await settle()
    assert trip.under_way == [0, 1, 2]
    await trip.end(2, B)
    assert trip.under_way == [0, 1, 3]
    await finish(*free, *later)


async def test_two_keys_in_either_order_do_not_block_each_other() -> None:
    """Whoever wants (a, b) and whoever wants (b, a) take turns."""
    trip = Trip(Probation())
    tasks = [trip.start(0, A, B), trip.start(1, B, A), trip.start(2, B)]
    await settle()
    assert trip.under_way == [0]
    await trip.end(0, B)
    assert trip.under_way == [2, 1]
    await finish(*tasks)


@pytest.mark.parametrize("granted_first", [False, True])
async def test_a_cancelled_one_loses_no_turn(granted_first: bool) -> None:
    """Cancelled while waiting, or in the tick in which the turn came to it."""
    trip = Trip(Probation())
    tasks = [trip.start(number, A) for number in range(3)]
    await settle()
    if granted_first:
        trip._ends[0].set()
        await asyncio.sleep(0)  # the first leaves and hands its turn to the second, which has not run yet
        tasks[1].cancel()
    else:
        tasks[1].cancel()
        trip._ends[0].set()
    await settle()
    assert trip.under_way == [2]
    assert trip.alone == [True, True]
    await finish(*tasks)


async def test_a_cancel_while_waiting_for_the_second_key_frees_the_first() -> None:
    """Nothing stays held by one who never travelled."""
    trip = Trip(Probation())
    tasks = [trip.start(0, B), trip.start(1, A, B), trip.start(2, A)]
    await settle()
    assert trip.under_way == [0]
    tasks[1].cancel()
    await settle()
    assert trip.under_way == [0, 2]
    await finish(*tasks)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_everybody_travels_and_nothing_stays_held(seed: int) -> None:
    """Random keys, ends, proofs, doubts and cancels; per unproven key one at a time."""
    draw = random.Random(seed)
    probation = Probation()
    keys: list[Key] = [("a",), ("b",), ("c",)]
    alone_with: dict[Key, int] = dict.fromkeys(keys, 0)
    travelled = 0

    async def one() -> None:
        nonlocal travelled
        wanted = draw.sample(keys, draw.randint(1, 3))
        async with probation.turn(wanted) as alone:
            held = [key for key in wanted if alone and not probation.is_proven(key)]
            for key in held:
                alone_with[key] += 1
                assert alone_with[key] == 1
            try:
                for _ in range(draw.randint(0, 3)):
                    await asyncio.sleep(0)
            finally:
                for key in held:
                    alone_with[key] -= 1
            if draw.random() < 0.2:
                probation.prove(draw.choice(wanted))
            travelled += 1

    tasks = [asyncio.create_task(one()) for _ in range(60)]
    for _ in range(30):
        await asyncio.sleep(0)
        draw.choice(tasks).cancel()
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    assert travelled == sum(result is None for result in results)
    for key in keys:
        probation.doubt(key)
    async with asyncio.timeout(1), probation.turn(keys) as alone:
        assert alone
