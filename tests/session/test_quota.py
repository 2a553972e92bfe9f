"""The window: never one over at the server, first come first served, no slot lost."""

from __future__ import annotations

import asyncio
import gc
from bisect import bisect_left
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async.contract.spec import Quota
from cc_async.session.clock import LoopClock
from cc_async.session.quota import FLIGHT, Window
from cc_async.session.slot import Slot

T = TypeVar("T")


class HandClock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def run(scenario: Callable[[], Coroutine[Any, Any, T]], loop: asyncio.AbstractEventLoop) -> T:
    """Run on a loop of its own, which leaves the current loop of pytest's plugins alone."""
    try:
        return loop.run_until_complete(scenario())
    finally:
        loop.close()


def virtually(scenario: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run on a loop whose time passes at once."""
    return run(scenario, looptime.new_event_loop())


def taken(window: Window) -> Slot:
    """Take a slot that is free."""
    slot = window.take()
    assert slot is not None
    return slot


def test_limit_slots_are_free_and_the_next_is_not() -> None:
    """A fresh window grants its limit and not one more."""
    window = Window(Quota(3), HandClock())
    assert [window.take() is not None for _ in range(4)] == [True, True, True, False]
    assert window.counted == 3


def test_a_slot_that_was_not_sent_never_expires() -> None:
    """What waits for a connection stays counted, however long that takes."""
    clock = HandClock()
    window = Window(Quota(1), clock)
    slot = taken(window)
    clock.now = 1000.0
    assert window.take() is None
    slot.release()
    assert window.take() is not None


@pytest.mark.parametrize(
    ("answered_after", "free_after"),
    [(0.0, 1.0), (0.005, 1.005), (0.049, 1.049), (0.05, 1.05), (0.3, 1.05), (None, 1.05)],
)
def test_a_slot_expires_per_seconds_after_the_surest_arrival(
    answered_after: float | None, free_after: float
) -> None:
    """The arrival is taken as the answer, or 50 ms after sending, whichever is earlier."""
    clock = HandClock()
    window = Window(Quota(1), clock)
    slot = taken(window)
    clock.now = 10.0
    slot.sent()
    if answered_after is not None:
        clock.now = 10.0 + answered_after
        slot.answered()
    clock.now = 10.0 + free_after - 0.001
    assert window.take() is None
    clock.now = 10.0 + free_after + 0.001
    assert window.take() is not None


def test_release_after_sent_gives_nothing_back() -> None:
    """A cancelled request may still arrive, so its slot stays counted."""
    clock = HandClock()
    window = Window(Quota(1), clock)
    slot = taken(window)
    slot.sent()
    slot.release()
    assert window.take() is None
    assert window.counted == 1


def test_calls_may_be_repeated_in_any_order() -> None:
    """Only the first sent, the first answer and the first release count, also after the slot expired."""
    clock = HandClock()
    window = Window(Quota(2), clock)
    slot = taken(window)
    slot.sent()
    clock.now = 0.01
    slot.answered()
    for again in (slot.answered, slot.sent, slot.release, slot.answered):
        clock.now += 0.01
        again()
    assert window.counted == 1
    clock.now = 1.0101
    assert window.counted == 0
    for late in (slot.answered, slot.sent, slot.release):
        late()
    assert window.counted == 0
    unsent = taken(window)
    for again in (unsent.release, unsent.release, unsent.sent, unsent.answered):
        again()
    assert window.counted == 0


def test_an_answer_without_sent_counts_from_the_answer() -> None:
    """A transport that does not tell when the bytes went out still gives an exact window."""
    clock = HandClock()
    window = Window(Quota(1), clock)
    slot = taken(window)
    clock.now = 5.0
    slot.answered()
    clock.now = 5.9
    assert window.counted == 1
    clock.now = 6.0
    assert window.counted == 0


def test_another_quota_holds_at_once_for_those_who_wait() -> None:
    """Raising the limit serves the line; lowering it lets nobody through until the count is below."""

    async def scenario() -> None:
        window = Window(Quota(1), LoopClock())
        slots = [taken(window)]
        line = [asyncio.create_task(window.acquire()) for _ in range(2)]
        await asyncio.sleep(0)
        window.quota = Quota(2)
        slots.append(await line[0])
        assert not line[1].done()
        window.quota = Quota(1)
        slots.pop().release()
        await asyncio.sleep(0)
        assert not line[1].done()
        slots.pop().release()
        await line[1]
        window.quota = None
        assert window.take() is not None

    virtually(scenario)


def test_first_come_first_served() -> None:
    """A newcomer never overtakes the line, even in the moment a slot is free."""

    async def scenario() -> list[int]:
        window = Window(Quota(1), LoopClock())
        order: list[int] = []

        async def one(number: int) -> None:
            slot = await window.acquire()
            order.append(number)
            slot.sent()
            slot.answered()

        first = taken(window)
        tasks = [asyncio.create_task(one(number)) for number in range(5)]
        await asyncio.sleep(0)
        first.release()
        assert window.take() is None
        tasks.append(asyncio.create_task(one(5)))
        await asyncio.gather(*tasks)
        return order

    assert virtually(scenario) == [0, 1, 2, 3, 4, 5]


async def test_a_slot_that_has_just_expired_belongs_to_the_line() -> None:
    """A newcomer that comes before the timer runs gets nothing."""
    clock = HandClock()
    window = Window(Quota(1), clock)
    taken(window).sent()
    waiting = asyncio.create_task(window.acquire())
    await asyncio.sleep(0)
    clock.now = 2.0
    assert window.take() is None
    window.quota = Quota(1)  # looks at the line, as the timer will
    await asyncio.wait_for(waiting, 1)


async def test_a_cancelled_waiter_leaves_its_place() -> None:
    """The next in line gets the slot, on a real loop."""
    window = Window(Quota(1), LoopClock())
    slot = taken(window)
    first, second = asyncio.create_task(window.acquire()), asyncio.create_task(window.acquire())
    await asyncio.sleep(0)
    first.cancel()
    slot.release()
    granted = await asyncio.wait_for(second, 1)
    assert first.cancelled() or first.cancelling()
    granted.release()
    await asyncio.gather(first, return_exceptions=True)
    assert window.counted == 0
    assert window.idle


async def test_a_waiter_cancelled_in_the_tick_of_its_grant_gives_the_slot_back() -> None:
    """The slot goes on to the next in line instead of getting lost."""
    window = Window(Quota(1), LoopClock())
    slot = taken(window)
    first, second = asyncio.create_task(window.acquire()), asyncio.create_task(window.acquire())
    await asyncio.sleep(0)
    slot.release()  # granted to the first, which has not run yet
    first.cancel()
    granted = await asyncio.wait_for(second, 1)
    with pytest.raises(asyncio.CancelledError):
        await first
    granted.release()
    assert window.counted == 0


async def test_a_coroutine_thrown_away_while_waiting_takes_no_slot() -> None:
    """Closing a waiting coroutine, as a dying generator does, gives up its place."""
    window = Window(Quota(1), LoopClock())
    slot = taken(window)
    waiting = window.acquire()
    waiting.send(None)
    waiting.close()
    slot.release()
    assert window.take() is not None


async def test_refused_waiters_get_an_error_each() -> None:
    """Everybody who waits is told at once, and a waiter cancelled in that tick leaves no unseen error."""
    window = Window(Quota(1), LoopClock())
    slot = taken(window)
    tasks = [asyncio.create_task(window.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    tasks[2].cancel()
    window.refuse(lambda: LookupError("locked"))
    tasks[1].cancel()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in errors] == [LookupError, asyncio.CancelledError, asyncio.CancelledError]
    del tasks, errors
    gc.collect()
    assert complaints == []
    slot.release()
    assert window.idle


def test_a_pause_stops_grants_and_the_quota_holds_after_it() -> None:
    """Nobody goes during a pause; when it ends, the limit's worth goes and not everybody."""

    async def scenario() -> tuple[list[float], int]:
        loop = asyncio.get_running_loop()
        window = Window(Quota(2), LoopClock())
        window.pause(10.0)
        window.pause(5.0)
        granted: list[float] = []

        async def one() -> None:
            slot = await window.acquire()
            granted.append(loop.time())
            slot.sent()

        tasks = [asyncio.create_task(one()) for _ in range(6)]
        await asyncio.sleep(3)
        assert window.take() is None
        await asyncio.gather(*tasks)
        return granted, window.counted

    granted, counted = virtually(scenario)
    assert granted == pytest.approx([10, 10, 11.05, 11.05, 12.1, 12.1], abs=0.001)
    assert counted == 2


def test_a_pause_that_grows_while_people_wait_holds() -> None:
    """The timer set for the old end finds the new one and waits on."""

    async def scenario() -> float:
        window = Window(None, LoopClock())
        window.pause(1.0)
        waiting = asyncio.create_task(window.acquire())
        await asyncio.sleep(0.5)
        window.pause(4.0)
        await waiting
        return asyncio.get_running_loop().time()

    assert virtually(scenario) == pytest.approx(4.0, abs=0.001)


def test_a_hundred_thousand_waiters_cost_one_timer_and_no_herd() -> None:
    """Each window's worth is woken by itself: no waiter is woken in vain, one timer stands at a time."""
    waiters, limit = 100_000, 20_000

    async def scenario() -> tuple[int, int, int, float]:
        loop = asyncio.get_running_loop()
        window = Window(Quota(limit), LoopClock())
        armed, woken = 0, 0
        call_at = loop.call_at

        def counting(when: float, callback: Any, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
            nonlocal armed
            armed += 1
            return call_at(when, callback, *args, **kwargs)

        async def one() -> None:
            nonlocal woken
            waiting = window.acquire()
            slot = await waiting
            woken += 1
            slot.sent()

        tasks = [asyncio.create_task(one()) for _ in range(waiters)]
        loop.call_at = counting  # type: ignore[method-assign]
        await asyncio.sleep(0)
        first = woken
        await asyncio.gather(*tasks)
        return first, woken, armed, loop.time()

    first, woken, armed, ended = virtually(scenario)
    assert first == limit
    assert woken == waiters
    assert ended == pytest.approx(4 * 1.05, abs=0.01)
    assert armed <= 20  # four windows; a virtual timer may fire a hair early and be set again


def test_waiters_that_gave_up_do_not_pile_up() -> None:
    """A long line of time-outs behind a long window is forgotten, not kept until the window moves."""

    async def scenario() -> int:
        window = Window(Quota(1, per=300), LoopClock())
        taken(window).sent()
        patient = asyncio.create_task(window.acquire())
        await asyncio.sleep(0)
        for _ in range(20):
            tasks = [asyncio.create_task(window.acquire()) for _ in range(100)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        kept = len(window._waiters)
        await patient
        return kept

    assert virtually(scenario) <= 130


def test_two_loops_at_once_are_refused_and_a_closed_one_is_left_behind() -> None:
    """A window moves to the next loop once the first is closed; its old waiters hold nothing up."""
    clock = HandClock()
    window = Window(Quota(1), clock)
    slot = taken(window)
    first = asyncio.new_event_loop()
    waiting = first.create_task(window.acquire())
    first.run_until_complete(asyncio.sleep(0))

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="one event loop"):
            await window.acquire()

    run(elsewhere, asyncio.new_event_loop())
    waiting.cancel()
    first.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
    first.close()

    async def later() -> None:
        task = asyncio.create_task(window.acquire())
        await asyncio.sleep(0)
        slot.release()
        await asyncio.wait_for(task, 1)

    run(later, asyncio.new_event_loop())


def test_usage_of_a_window() -> None:
    """With answers after 5 ms at least 99 % of a 1 s window is used, after 50 ms at least 95 %."""

    async def used(latency: float) -> float:
        loop = asyncio.get_running_loop()
        window = Window(Quota(10), LoopClock())

        async def one() -> None:
            slot = await window.acquire()
            slot.sent()
            await asyncio.sleep(latency)
            slot.answered()

        began = loop.time()
        await asyncio.gather(*(one() for _ in range(1010)))
        return 100 / (loop.time() - latency - began)

    assert virtually(lambda: used(0.005)) > 0.99
    assert virtually(lambda: used(0.05)) > 0.95


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("acquire"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["sent", "answered", "release", "cancel"]), st.integers(0, 20)),
        st.tuples(st.just("sleep"), st.integers(0, 128)),
        st.tuples(st.just("pause"), st.integers(0, 64)),
    ),
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(
    steps=STEPS,
    limit=st.integers(1, 4),
    arrival=st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=1, max_size=7),
)
def test_no_window_of_the_server_holds_more_than_the_limit(
    steps: list[tuple[str, int]], limit: int, arrival: list[float]
) -> None:
    """Whatever is sent, answered, given back or cancelled, and wherever in its span each request arrives."""

    async def scenario() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        window = Window(Quota(limit), LoopClock())
        tasks: list[asyncio.Task[Slot]] = []
        spans: dict[int, list[float]] = {}  # sent, latest arrival
        finished: set[int] = set()
        for what, number in steps:
            if what == "acquire":
                tasks += [asyncio.create_task(window.acquire()) for _ in range(number)]
            elif what == "sleep":
                await asyncio.sleep(number / 64)
            elif what == "pause":
                window.pause(loop.time() + number / 64)
            elif tasks:
                index = number % len(tasks)
                task = tasks[index]
                if what == "cancel":
                    task.cancel()  # in the tick of its grant too: no step above has to run in between
                elif task.done() and not task.cancelled() and index not in finished:
                    now, slot = loop.time(), task.result()
                    if what == "sent":
                        spans.setdefault(index, [now, now + FLIGHT])
                    elif index in spans:
                        if what == "answered":
                            spans[index][1] = min(spans[index][1], now)
                    else:
                        finished.add(index)
                        if what == "answered":
                            spans[index] = [now, now]
                    getattr(slot, what)()
            assert window.counted <= limit
        while not all(task.done() for task in tasks):  # nobody is forgotten: what is left is served in turn
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result().release()
            await asyncio.sleep(0.1)
            assert loop.time() < 1000, "somebody waits for ever"
        for task in tasks:
            if not task.cancelled():
                task.result().release()
        await asyncio.sleep(1.2)
        assert window.counted == 0, "a slot was lost"
        return [(low, high) for low, high in spans.values()]

    spans = virtually(scenario)
    arrivals = sorted(
        low + (high - low) * arrival[index % len(arrival)] for index, (low, high) in enumerate(spans)
    )
    for index, start in enumerate(arrivals):
        assert bisect_left(arrivals, start + 1.0 - 1e-6) - index <= limit
