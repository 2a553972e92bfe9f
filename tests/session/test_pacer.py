"""The pacer: quotas by key, pauses, locks, and memory that follows the keys in use."""

from __future__ import annotations

import asyncio

import pytest

from cc_async.contract.spec import Quota
from cc_async.errors import SignatureRejected
from cc_async.session.clock import LoopClock
from cc_async.session.pacer import MemoryPacer, Pacer

KEY = ("cms:1", "ak", "skills")
AGENT = (*KEY, "101")
CREDENTIAL = ("cms:1", "ak")
ONE = Quota(1)


def as_protocol(pacer: MemoryPacer) -> Pacer:
    """Held by the type checker: the memory pacer is a Pacer."""
    return pacer


def now() -> float:
    """Seconds of the loop."""
    return asyncio.get_running_loop().time()


async def test_keys_do_not_wait_for_each_other() -> None:
    """Each key has its own window."""
    pacer = as_protocol(MemoryPacer())
    await pacer.acquire([(KEY, ONE)])
    await pacer.acquire([(("cms:1", "ak", "agents"), ONE)])
    assert pacer.used(KEY) == (1, 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pacer.acquire([(KEY, ONE)]), 0.01)
    assert pacer.used(KEY) == (1, 1)


async def test_without_a_quota_nothing_is_counted() -> None:
    """Such a key is not even remembered."""
    pacer = MemoryPacer()
    for _ in range(100):
        slot = await pacer.acquire([(KEY, None)])
        slot.sent()
        slot.answered()
        slot.release()
    assert pacer.used(KEY) == (0, 0)
    assert pacer._windows == {}


async def test_all_wants_are_taken_and_go_together() -> None:
    """A request with a quota per agent and one of the system counts in both, from the same moments."""
    pacer = MemoryPacer()
    slot = await pacer.acquire([(AGENT, Quota(5, per=2.0)), (KEY, Quota(7))])
    assert (pacer.used(AGENT), pacer.used(KEY)) == ((1, 5), (1, 7))
    slot.release()
    assert (pacer.used(AGENT), pacer.used(KEY)) == ((0, 5), (0, 7))
    slot = await pacer.acquire([(AGENT, Quota(5, per=2.0)), (KEY, Quota(7))])
    slot.sent()
    slot.answered()
    slot.release()
    assert (pacer.used(AGENT), pacer.used(KEY)) == ((1, 5), (1, 7))


async def test_an_agent_that_waits_holds_nothing_of_the_system() -> None:
    """The agent's slot is taken first, so one busy agent cannot starve the others."""
    pacer = MemoryPacer()
    system = Quota(2)
    await pacer.acquire([(AGENT, ONE), (KEY, system)])
    waiting = asyncio.create_task(pacer.acquire([(AGENT, ONE), (KEY, system)]))
    await asyncio.sleep(0)
    assert pacer.used(KEY) == (1, 2)
    await asyncio.wait_for(pacer.acquire([((*KEY, "102"), ONE), (KEY, system)]), 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (pacer.used(AGENT), pacer.used(KEY)) == ((1, 1), (2, 2))


async def test_a_cancel_between_two_wants_gives_the_first_back() -> None:
    """Nothing stays counted for a request that never got all of its slots."""
    pacer = MemoryPacer()
    await pacer.acquire([(KEY, ONE)])
    waiting = asyncio.create_task(pacer.acquire([(AGENT, ONE), (KEY, ONE)]))
    await asyncio.sleep(0)
    assert pacer.used(AGENT) == (1, 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert pacer.used(AGENT) == (0, 1)


@pytest.mark.looptime
async def test_a_pause_stops_everybody_of_the_key_and_never_gets_shorter() -> None:
    """With and without a quota; other keys go on."""
    pacer = MemoryPacer(LoopClock())
    await pacer.pause(KEY, 10.0)
    await pacer.pause(KEY, 1.0)
    assert pacer.paused_for([AGENT, KEY]) == pytest.approx(10.0)
    assert pacer.paused_for([AGENT]) == 0
    began = now()
    await pacer.acquire([(AGENT, ONE)])
    assert now() == began
    await asyncio.gather(pacer.acquire([(KEY, None)]), pacer.acquire([(KEY, None)]))
    assert now() - began == pytest.approx(10.0, abs=0.001)
    assert pacer.paused_for([KEY]) == 0


@pytest.mark.looptime
async def test_after_a_pause_the_quota_still_holds() -> None:
    """Six who waited do not all go at the end of the pause."""
    pacer = MemoryPacer()
    began = now()
    await pacer.pause(KEY, 5.0)
    went: list[float] = []

    async def one() -> None:
        slot = await pacer.acquire([(KEY, Quota(2))])
        went.append(now() - began)
        slot.sent()
        slot.answered()

    await asyncio.gather(*(one() for _ in range(6)))
    assert went == pytest.approx([5, 5, 6, 6, 7, 7], abs=0.001)


@pytest.mark.looptime
async def test_a_locked_credential_gets_no_slot_until_the_lock_ends() -> None:
    """One lock of the whole credential stops every interface; it runs out by itself."""
    pacer = MemoryPacer()
    await pacer.lock(CREDENTIAL, None, 300.0, "the key is wrong")
    for key in (KEY, ("cms:1", "ak", "agents")):
        with pytest.raises(SignatureRejected, match="the key is wrong"):
            await pacer.acquire([(key, ONE)])
    await pacer.acquire([(("cms:1", "other", "skills"), ONE)])
    lock = pacer.locked(CREDENTIAL, "skills")
    assert lock is not None
    assert lock.interface is None
    assert lock.until - lock.since == pytest.approx(300.0)
    await asyncio.sleep(300.0)
    assert pacer.locked(CREDENTIAL, "skills") is None
    await pacer.acquire([(KEY, ONE)])


async def test_a_lock_ends_the_waiting_of_its_own_interface_only() -> None:
    """Waiters are told at once, the slots they held already are given back, the others wait on."""
    pacer = MemoryPacer()
    other = ("cms:1", "ak", "agents")
    for key in (KEY, other):
        await pacer.acquire([(key, ONE)])
    stopped = asyncio.create_task(pacer.acquire([(AGENT, ONE), (KEY, ONE)]))
    unharmed = asyncio.create_task(pacer.acquire([(other, ONE)]))
    await asyncio.sleep(0)
    await pacer.lock(CREDENTIAL, "skills", 300.0, "no")
    with pytest.raises(SignatureRejected):
        await asyncio.wait_for(stopped, 1)
    assert pacer.used(AGENT) == (0, 1)
    assert not unharmed.done()
    assert pacer.locked(CREDENTIAL, "agents") is None
    await pacer.lock(CREDENTIAL, None, 300.0, "no")
    with pytest.raises(SignatureRejected):
        await asyncio.wait_for(unharmed, 1)


@pytest.mark.looptime
async def test_a_second_lock_never_shortens_the_first() -> None:
    """It keeps its beginning and the later end."""
    pacer = MemoryPacer()
    await pacer.lock(CREDENTIAL, "skills", 300.0, "first")
    first = pacer.locked(CREDENTIAL, "skills")
    await asyncio.sleep(10)
    await pacer.lock(CREDENTIAL, "skills", 5.0, "second")
    second = pacer.locked(CREDENTIAL, "skills")
    assert first is not None
    assert second is not None
    assert (second.since, second.until) == (first.since, first.until)


async def test_unlock_one_interface_or_all() -> None:
    """Unlocking an interface leaves the others locked; unlocking the credential frees all."""
    pacer = MemoryPacer()
    for interface in ("skills", "agents", None):
        await pacer.lock(CREDENTIAL, interface, 300.0, "no")
    await pacer.lock(("cms:1", "other"), None, 300.0, "no")
    await pacer.unlock(CREDENTIAL, "skills")
    assert pacer.locked(CREDENTIAL, "skills") is not None  # the whole credential still is
    await pacer.unlock(CREDENTIAL)
    assert pacer.locked(CREDENTIAL, "skills") is None
    assert pacer.locked(CREDENTIAL, "agents") is None
    assert pacer.locked(("cms:1", "other"), "skills") is not None


@pytest.mark.looptime
async def test_a_hundred_thousand_agents_leave_no_memory_behind() -> None:
    """Keys used once are forgotten while new ones come; those in use are kept."""
    pacer = MemoryPacer()
    most = 0
    busy = await pacer.acquire([(KEY, ONE)])
    for number in range(100_000):
        slot = await pacer.acquire([((*KEY, str(number)), ONE)])
        slot.sent()
        slot.answered()
        if number % 100 == 99:
            await asyncio.sleep(0.1)
            most = max(most, len(pacer._windows))
    assert most < 4_000  # a thousand a second, each counted for one second
    assert pacer.used(KEY) == (1, 1)
    busy.release()


@pytest.mark.looptime
async def test_a_paused_key_is_not_forgotten() -> None:
    """However many keys come and go meanwhile."""
    pacer = MemoryPacer()
    await pacer.pause(KEY, 1000.0)
    for number in range(100):
        (await pacer.acquire([((*KEY, str(number)), ONE)])).release()
    assert pacer.paused_for([KEY]) == pytest.approx(1000.0)


async def test_another_quota_for_a_known_key_takes_its_place() -> None:
    """The last one asked for holds; what was counted stays counted."""
    pacer = MemoryPacer()
    await pacer.acquire([(KEY, Quota(5))])
    await pacer.acquire([(KEY, Quota(2))])
    assert pacer.used(KEY) == (2, 2)


def test_the_clock_is_taken_late_and_the_first_one_stays() -> None:
    """A pacer is made outside a loop; bind gives it a clock, a second client's changes nothing."""
    pacer = MemoryPacer()

    async def scenario() -> None:
        first, second = LoopClock(), LoopClock()
        pacer.bind(first)
        pacer.bind(second)
        assert pacer._clock is first
        (await pacer.acquire([(KEY, ONE)])).release()

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()
