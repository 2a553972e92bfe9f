"""Deadline: a time limit that forgives a blocked loop and can be cut short."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async.errors import SignatureRejected
from cc_async.session.clock import LoopClock
from cc_async.session.deadline import Deadline, Line


async def forever():
    """Wait for nothing."""
    await asyncio.Event().wait()


@pytest.mark.looptime
async def test_a_block_that_is_done_in_time_is_left_alone():
    """Nothing happens to a block that ends before its time, not even later."""
    clock = LoopClock()
    async with Deadline(clock.monotonic() + 5, clock) as limit:
        await asyncio.sleep(4)
    await asyncio.sleep(10)
    assert not limit.expired


@pytest.mark.looptime
async def test_a_block_ends_at_its_time():
    """A block that takes too long ends with TimeoutError exactly when its time is over."""
    clock = LoopClock()
    began = clock.monotonic()
    limit = Deadline(began + 5, clock)
    with pytest.raises(TimeoutError):
        async with limit:
            await forever()
    assert limit.expired
    assert clock.monotonic() - began == pytest.approx(5, abs=0.01)
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.looptime
async def test_without_a_time_only_a_cut_ends_it():
    """until=None never ends a block by itself."""
    async with Deadline(None, LoopClock()) as limit:
        await asyncio.sleep(100_000)
    assert not limit.expired


@pytest.mark.looptime
async def test_a_time_that_is_over_already():
    """A time in the past, however long ago, ends the block at its first wait, without a grace."""
    clock = LoopClock()
    began = clock.monotonic()
    with pytest.raises(TimeoutError):
        async with Deadline(began - 100, clock):
            await forever()
    assert clock.monotonic() - began < 0.1


class Blocked:
    """A clock that shows the loop as having been blocked for a while."""

    def __init__(self):
        self.behind = 0.0

    def monotonic(self):
        return asyncio.get_running_loop().time() + self.behind

    def wall(self):
        return self.monotonic()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


@pytest.mark.looptime
async def test_an_answer_that_was_ready_is_not_lost_to_a_blocked_loop():
    """When the timer fires late, the block gets a grace, and one that ends within it succeeds."""
    clock = Blocked()
    async with Deadline(clock.monotonic() + 5, clock) as limit:
        asyncio.get_running_loop().call_later(4.9, setattr, clock, "behind", 2.0)
        await asyncio.sleep(5.5)
    assert not limit.expired


@pytest.mark.looptime
async def test_the_grace_is_given_once():
    """After the grace the block is cancelled, blocked loop or not."""
    clock = Blocked()
    began = asyncio.get_running_loop().time()
    asyncio.get_running_loop().call_later(4.9, setattr, clock, "behind", 2.0)
    with pytest.raises(TimeoutError):
        async with Deadline(clock.monotonic() + 5, clock, grace=1.0):
            await forever()
    assert asyncio.get_running_loop().time() - began == pytest.approx(6, abs=0.1)


async def test_a_really_blocked_loop_makes_no_false_timeout():
    """Bytes that came while the loop was blocked past the end are still read."""
    clock = LoopClock()
    left, right = await asyncio.get_running_loop().run_in_executor(None, __import__("socket").socketpair)
    reader, writer = await asyncio.open_connection(sock=left)
    try:
        async with Deadline(clock.monotonic() + 0.05, clock):
            right.send(b"answer")
            time.sleep(0.5)  # noqa: ASYNC251
            assert await reader.read(6) == b"answer"
            await asyncio.sleep(0)
    finally:
        writer.close()
        await writer.wait_closed()
        right.close()


@pytest.mark.looptime
async def test_a_cut_ends_the_block_with_its_error():
    """cut ends the block at once with that very error, and leaves no cancellation behind."""
    clock = LoopClock()
    error = SignatureRejected("locked")
    limit = Deadline(clock.monotonic() + 60, clock)
    asyncio.get_running_loop().call_later(1, limit.cut, error)
    with pytest.raises(SignatureRejected) as caught:
        async with limit:
            await forever()
    assert caught.value is error
    assert not limit.expired
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


@pytest.mark.looptime
async def test_the_first_cut_counts():
    """A second cut, or the end of the time after a cut, changes nothing."""
    clock = LoopClock()
    first = SignatureRejected("first")
    limit = Deadline(clock.monotonic() + 1, clock)

    def cut_twice():
        limit.cut(first)
        limit.cut(SignatureRejected("second"))

    asyncio.get_running_loop().call_later(1, cut_twice)
    with pytest.raises(SignatureRejected) as caught:
        async with limit:
            await forever()
    assert caught.value is first
    assert asyncio.current_task().cancelling() == 0


async def test_a_cut_after_the_end_is_nothing():
    """A block that is over cannot be cut, and neither can one that never began."""
    limit = Deadline(None, LoopClock())
    limit.cut(SignatureRejected("early"))
    async with limit:
        pass
    limit.cut(SignatureRejected("late"))
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


async def test_a_cut_from_inside_raises_where_it_stands():
    """A block that cuts itself gets the error right there."""
    with pytest.raises(SignatureRejected):
        async with Deadline(None, LoopClock()) as limit:
            limit.cut(SignatureRejected("own"))
    await asyncio.sleep(0)


@pytest.mark.looptime
@pytest.mark.parametrize("both", [False, True])
async def test_a_cancellation_from_outside_stays_one(both):
    """Cancelling the task is a cancellation, even in the same moment as a cut."""
    limit = Deadline(None, LoopClock())

    async def work():
        async with limit:
            await forever()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(1)
    if both:
        limit.cut(SignatureRejected("cut"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.looptime
async def test_the_inner_of_two_limits_ends_only_its_own_block():
    """Limits nest: the inner timeout is caught inside, the outer block goes on."""
    clock = LoopClock()
    began = clock.monotonic()
    async with Deadline(began + 10, clock) as outer:
        with pytest.raises(TimeoutError):
            async with Deadline(began + 1, clock):
                await forever()
        await asyncio.sleep(1)
    assert not outer.expired


@pytest.mark.looptime
async def test_the_outer_of_two_limits_goes_through_the_inner():
    """The outer timeout passes the inner limit as a cancellation and is a TimeoutError outside."""
    clock = LoopClock()
    began = clock.monotonic()
    inner = Deadline(began + 10, clock)
    outer = Deadline(began + 1, clock)
    with pytest.raises(TimeoutError):
        async with outer, inner:
            await forever()
    assert outer.expired
    assert not inner.expired


@pytest.mark.looptime
async def test_another_error_of_the_block_is_kept():
    """A block that answers its cancellation with an error of its own keeps that error."""
    clock = LoopClock()

    async def stubborn():
        try:
            await forever()
        except asyncio.CancelledError:
            raise KeyError("mine") from None

    with pytest.raises(KeyError):
        async with Deadline(clock.monotonic() + 1, clock):
            await stubborn()
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.looptime
async def test_blocks_in_line_end_each_at_its_own_time():
    """One timer serves them all: whoever takes too long ends exactly after the seconds of the line."""
    clock = LoopClock()
    line, ended = Line(5, clock), {}

    async def block(number, begin, seconds):
        await asyncio.sleep(begin)
        try:
            with line.limit(about=number):
                await asyncio.sleep(seconds)
            ended[number] = "done"
        except TimeoutError:
            ended[number] = clock.monotonic() - began - begin

    began = clock.monotonic()
    blocks = [(0, 0, 9), (1, 1, 4), (2, 2, 9), (3, 2, 9), (4, 20, 4), (5, 21, 9)]
    await asyncio.gather(*(block(*each) for each in blocks))
    assert ended == {
        0: pytest.approx(5, abs=0.01),
        1: "done",
        2: pytest.approx(5, abs=0.01),
        3: pytest.approx(5, abs=0.01),
        4: "done",
        5: pytest.approx(5, abs=0.01),
    }
    assert not line.open


@pytest.mark.looptime
async def test_a_block_in_line_can_be_cut_and_found():
    """The line shows which blocks run now, and what about; a cut ends one of them with its error."""
    line = Line(60, LoopClock())

    async def block(name):
        with line.limit(about=name):
            await forever()

    tasks = [asyncio.ensure_future(block(name)) for name in ("a", "b")]
    await asyncio.sleep(1)
    assert [limit.about for limit in line.open] == ["a", "b"]
    error = SignatureRejected("locked")
    next(iter(line.open)).cut(error)
    with pytest.raises(SignatureRejected) as caught:
        await tasks[0]
    assert caught.value is error
    assert [limit.about for limit in line.open] == ["b"]
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not line.open


@pytest.mark.looptime
async def test_a_line_without_a_time_ends_nothing():
    """seconds=None: its blocks end by themselves or by a cut."""
    line = Line(None, LoopClock())
    with line.limit() as limit:
        await asyncio.sleep(100_000)
    assert not limit.expired


@pytest.mark.looptime
async def test_a_block_in_line_that_was_disarmed_goes_on():
    """What needs no limit any more is out of the line, and the others keep theirs."""
    clock = LoopClock()
    line = Line(5, clock)
    with line.limit() as limit:
        limit.disarm()
        await asyncio.sleep(100)
    assert not limit.expired
    began = clock.monotonic()
    with pytest.raises(TimeoutError), line.limit():
        await forever()
    assert clock.monotonic() - began == pytest.approx(5, abs=0.01)


@pytest.mark.looptime
async def test_a_block_in_line_gets_the_grace_of_a_blocked_loop_once():
    """A timer that fires late tells of a blocked loop: a block gets its grace, and is ended after it."""
    clock = Blocked()
    line = Line(5, clock)
    began = asyncio.get_running_loop().time()
    asyncio.get_running_loop().call_later(4.9, setattr, clock, "behind", 2.0)
    with line.limit() as limit:
        await asyncio.sleep(5.5)
    assert not limit.expired
    clock.behind = 0.0
    asyncio.get_running_loop().call_later(4.9, setattr, clock, "behind", 2.0)
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError), line.limit():
        await forever()
    assert asyncio.get_running_loop().time() - began == pytest.approx(6, abs=0.1)


@pytest.mark.looptime
@settings(max_examples=60, deadline=None)
@given(blocks=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=12))
async def test_a_line_is_as_exact_as_a_timer_each(blocks):
    """Whatever begins and ends when: the same blocks end at the same moments as with limits of their own."""
    clock = LoopClock()

    async def block(make, begin, seconds):
        await asyncio.sleep(begin)
        try:
            with make():
                await asyncio.sleep(seconds + 0.5)
        except TimeoutError:
            return round(clock.monotonic() - began, 3), "ended"
        return round(clock.monotonic() - began, 3), "done"

    ended = []
    line = Line(5, clock)
    for make in (line.limit, lambda: Deadline(clock.monotonic() + 5, clock)):
        began = clock.monotonic()
        ended.append(await asyncio.gather(*(block(make, *each) for each in blocks)))
    assert ended[0] == ended[1]
