"""Clock: monotonic seconds, wall seconds, sleep."""

import asyncio
import time

import looptime

from cc_async.session.clock import LoopClock


async def test_a_real_loop_has_the_systems_time():
    """On a real loop the wall clock is the system's and monotonic() is the loop's."""
    clock = LoopClock()
    before = time.time()
    wall = clock.wall()
    assert before <= wall <= time.time()
    assert abs(clock.monotonic() - asyncio.get_running_loop().time()) < 0.5


def test_on_a_virtual_loop_an_hour_passes_at_once():
    """On a virtual-time loop the wall clock moves with the loop, so hours need no waiting."""

    async def an_hour():
        clock = LoopClock()
        monotonic, wall = clock.monotonic(), clock.wall()
        await clock.sleep(3600)
        return clock.monotonic() - monotonic, clock.wall() - wall

    loop = looptime.new_event_loop(start=1000)
    began = time.monotonic()
    try:
        passed = loop.run_until_complete(an_hour())
    finally:
        loop.close()
    assert time.monotonic() - began < 5
    assert abs(passed[0] - 3600) < 1
    assert abs(passed[1] - 3600) < 1


def test_the_virtual_wall_clock_starts_at_the_real_time():
    """A virtual wall clock begins now, so that dates in answers look right."""

    async def wall():
        return LoopClock().wall()

    loop = looptime.new_event_loop(start=0)
    try:
        assert abs(loop.run_until_complete(wall()) - time.time()) < 5
    finally:
        loop.close()


async def test_another_loop_can_be_named():
    """A clock may be made outside the loop it follows."""
    loop = asyncio.get_running_loop()
    clock = await asyncio.to_thread(LoopClock, loop)
    assert abs(clock.monotonic() - loop.time()) < 0.5
