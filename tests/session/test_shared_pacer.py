"""The pacer of a file: what one process does, the others meet. Two pacers are two processes here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest

from cc_async.contract.spec import Quota
from cc_async.errors import ClosedError, SignatureRejected
from cc_async.session.book import LEASE
from cc_async.session.file_book import file_pacer
from cc_async.session.locks import Lockout, credential_key, forgive, interface_key
from cc_async.session.pacer import Pacer
from cc_async.session.quota import FLIGHT
from cc_async.session.shared_line import BEAT
from cc_async.session.shared_pacer import SharedPacer
from cc_async.session.slot import Slot

KEY = ("cms:1", "ak", "skills")
AGENT = (*KEY, "101")
CREDENTIAL = ("cms:1", "ak")
WHOLE = credential_key(CREDENTIAL)
ONE = Quota(1)

Make = Callable[[], SharedPacer]


def as_protocol(pacer: SharedPacer) -> Pacer:
    """Held by the type checker: the shared pacer is a Pacer."""
    return pacer


def now() -> float:
    """Seconds of the loop."""
    return asyncio.get_running_loop().time()


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Pacers of one file; closed at the end."""
    made: list[SharedPacer] = []

    def maker() -> SharedPacer:
        made.append(file_pacer(tmp_path / "site.quota"))
        return made[-1]

    yield maker
    for pacer in made:
        await pacer.aclose()


async def used_up(pacer: SharedPacer, quota: Quota, count: int, key: tuple[str, ...] = KEY) -> list[Slot]:
    """Take so many slots that are free."""
    return [await asyncio.wait_for(pacer.acquire([(key, quota)]), 1) for _ in range(count)]


async def refused(pacer: SharedPacer, quota: Quota, key: tuple[str, ...] = KEY) -> None:
    """There is no slot now."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pacer.acquire([(key, quota)]), 0.05)


async def test_what_one_has_the_other_has_not(make: Make) -> None:
    """The slots of all are counted together, and one that is given back is free for all."""
    first, second = as_protocol(make()), make()
    quota = Quota(3, per=5.0)
    slots = [await first.acquire([(KEY, quota)]), *await used_up(second, quota, 2)]
    await refused(make(), quota)
    assert second.used(KEY) == (3, 3)
    slots[0].release()
    await used_up(second, quota, 1)


@pytest.mark.looptime
@pytest.mark.parametrize(("answered_after", "free_after"), [(0.01, 1.01), (0.04, 1.04), (None, 1.05)])
async def test_a_slot_ends_for_the_other_a_window_after_the_surest_arrival(
    make: Make, answered_after: float | None, free_after: float
) -> None:
    """``min(answer, sent + 50 ms)`` plus the window; never earlier, and little later."""
    first, second = make(), make()
    [slot] = await used_up(first, ONE, 1)
    began = now()
    slot.sent()
    if answered_after is not None:
        await asyncio.sleep(answered_after)
        slot.answered()
    await second.acquire([(KEY, ONE)])
    assert free_after <= now() - began <= free_after + 0.03


@pytest.mark.looptime
async def test_a_slot_that_waits_for_a_connection_stays_counted(make: Make) -> None:
    """Its lease is renewed for as long as it is held."""
    first, second = make(), make()
    [slot] = await used_up(first, ONE, 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire([(KEY, ONE)]), 10 * LEASE)
    slot.sent()
    await asyncio.wait_for(second.acquire([(KEY, ONE)]), 1 + FLIGHT + BEAT)


@pytest.mark.looptime
async def test_one_that_says_nothing_any_more_loses_its_slots(make: Make) -> None:
    """After its lease and a window: as long as what it held may still arrive, it counts."""
    first, second = make(), make()
    await used_up(first, ONE, 1)
    began = now()
    assert first._talk._task is not None
    first._talk._task.cancel()  # it stands for a process that was killed
    await second.acquire([(KEY, ONE)])
    assert LEASE + 1 - 0.1 <= now() - began <= LEASE + 1 + 1


@pytest.mark.looptime
async def test_a_cancelled_waiter_leaves_nothing(make: Make) -> None:
    """Neither a place in line nor a slot, whether it was cancelled while waiting or just granted."""
    first, second = make(), make()
    [slot] = await used_up(first, ONE, 1)
    waiting = [asyncio.create_task(second.acquire([(KEY, ONE)])) for _ in range(200)]
    await asyncio.sleep(0.01)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    slot.release()
    for moments in range(12):
        got = asyncio.create_task(second.acquire([(KEY, ONE)]))
        for _ in range(moments):  # from before it asks to after it was granted
            await asyncio.sleep(0)
        got.cancel()
        [slot] = await asyncio.gather(got, return_exceptions=True)
        if not isinstance(slot, BaseException):
            slot.release()
    await asyncio.wait_for(first.acquire([(KEY, ONE)]), BEAT)


@pytest.mark.looptime
async def test_agent_first_then_system(make: Make) -> None:
    """Both are counted in the file; a cancel between the two gives the first back."""
    first, second = make(), make()
    five, seven = Quota(5, per=2.0), Quota(1, per=60.0)
    await first.acquire([(AGENT, five), (KEY, seven)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire([(AGENT, five), (KEY, seven)]), 3)
    await used_up(second, five, 4, AGENT)
    assert second.used(AGENT) == (5, 5)


@pytest.mark.looptime
async def test_a_pause_holds_for_all(make: Make) -> None:
    """With and without a quota; a longer one stays; the mirror of a bystander knows within a beat."""
    first, second = make(), make()
    await second.acquire([(KEY, None)])
    await first.pause(KEY, 10.0)
    await first.pause(KEY, 1.0)
    began = now()
    await asyncio.sleep(BEAT + 0.01)
    assert second.paused_for([AGENT, KEY]) == pytest.approx(10.0 - BEAT - 0.01, abs=0.001)
    await asyncio.gather(second.acquire([(KEY, None)]), make().acquire([(KEY, ONE)]))
    assert 10.0 <= now() - began <= 10.2
    assert second.paused_for([KEY]) == 0


@pytest.mark.looptime
async def test_a_lock_stops_all_and_ends_their_waiting(make: Make) -> None:
    """At one interface or everywhere, waiters included, until it runs out or is taken away."""
    first, second = make(), make()
    await used_up(first, ONE, 1)
    waiting = asyncio.create_task(second.acquire([(KEY, ONE)]))
    other = asyncio.create_task(second.acquire([(("cms:1", "ak", "agents"), ONE)]))
    await asyncio.sleep(0.01)
    await first.lock(CREDENTIAL, "skills", 300.0, "the key is wrong")
    with pytest.raises(SignatureRejected, match="the key is wrong"):
        await asyncio.wait_for(waiting, BEAT)
    await other
    lock = second.locked(CREDENTIAL, "skills")
    assert lock is not None
    assert lock.until - lock.since == pytest.approx(300.0)
    assert second.locked(CREDENTIAL, "agents") is None
    await first.unlock(CREDENTIAL)
    await asyncio.wait_for(make().acquire([(KEY, Quota(9))]), 1)
    await first.lock(CREDENTIAL, None, 300.0, "again")
    with pytest.raises(SignatureRejected, match="again"):
        await second.acquire([(("cms:1", "ak", "tasks"), None)])
    await asyncio.sleep(300.0)
    await second.acquire([(("cms:1", "ak", "tasks"), None)])


@pytest.mark.looptime
async def test_one_of_all_processes_travels_alone(make: Make) -> None:
    """The others wait until it has proven the key, then go at once; newcomers do not wait at all."""
    first, second = make(), make()
    async with first.probation.turn([WHOLE]) as alone:
        assert alone
        behind = asyncio.create_task(second.probation.enter(WHOLE))
        await asyncio.sleep(3 * LEASE)  # a turn that takes long stays ours
        assert not behind.done()
        first.probation.prove(WHOLE)
    assert await behind is False
    async with make().probation.turn([WHOLE]) as alone:
        assert not alone


@pytest.mark.looptime
async def test_a_turn_that_proves_nothing_goes_to_the_next_process(make: Make) -> None:
    """By leaving it, by a cancel while waiting, or by dying with it."""
    first, second, third = make(), make(), make()
    assert await first.probation.enter(WHOLE)
    gone = asyncio.create_task(third.probation.enter(WHOLE))
    behind = asyncio.create_task(second.probation.enter(WHOLE))
    await asyncio.sleep(0.1)
    gone.cancel()
    first.probation.leave(WHOLE)
    assert await asyncio.wait_for(behind, 1)
    assert second._talk._task is not None
    second._talk._task.cancel()  # killed
    began = now()
    assert await first.probation.enter(WHOLE)
    assert now() - began <= LEASE + 0.5


@pytest.mark.looptime
async def test_a_401_in_one_process_is_one_for_all(make: Make) -> None:
    """Before the key was proven anywhere the credential is locked, whoever waits for the turn is told."""
    first, second = make(), make()
    async with first.probation.turn([WHOLE]):
        behind = asyncio.create_task(second.probation.enter(WHOLE))
        await asyncio.sleep(0.1)
        assert await Lockout().reject(first, first.probation, CREDENTIAL, "skills", "no") is None
    with pytest.raises(SignatureRejected, match="no"):
        await behind
    with pytest.raises(SignatureRejected):
        await make().probation.enter(WHOLE)


@pytest.mark.looptime
async def test_doubt_travels(make: Make) -> None:
    """A proven key refused at one interface goes alone there, and one that was replaced everywhere."""
    first, second = make(), make()
    here = interface_key(CREDENTIAL, "skills")
    for pacer in (first, second):
        await pacer.acquire([(KEY, None)])
        pacer.probation.prove(WHOLE)
    assert await Lockout(1.0).reject(first, first.probation, CREDENTIAL, "skills", "no") == "skills"
    await asyncio.sleep(2 * BEAT)
    async with second.probation.turn([WHOLE], trusted=[here]) as alone:
        assert alone
        second.probation.prove(here)
    await asyncio.sleep(2 * BEAT)
    async with first.probation.turn([WHOLE], trusted=[here]) as alone:
        assert not alone
    await forgive(first, CREDENTIAL)
    await asyncio.sleep(2 * BEAT)
    async with second.probation.turn([WHOLE]) as alone:
        assert alone


@pytest.mark.looptime
async def test_waiting_is_no_busy_loop_and_a_few_are_not_starved(make: Make) -> None:
    """One waiter beside a thousand has a slot soon; and both ask the file now and then only."""
    greedy, modest = make(), make()
    quota = Quota(10, per=1.0)
    greedy.rng.seed(1)
    modest.rng.seed(2)

    async def one(pacer: SharedPacer) -> None:
        slot = await pacer.acquire([(KEY, quota)])
        slot.sent()
        await asyncio.sleep(0.005)
        slot.answered()

    crowd = [asyncio.create_task(one(greedy)) for _ in range(1000)]
    await asyncio.sleep(5.0)
    began, asked = now(), 0
    exchange = modest._book.exchange

    async def counted(*given: object) -> None:
        nonlocal asked
        asked += 1
        await exchange(*given)  # type: ignore[arg-type]  # handed on as it came

    modest._book.exchange = counted  # type: ignore[method-assign]  # to count, nothing else
    await one(modest)
    assert now() - began <= 3.0
    assert asked <= 40
    for each in crowd:
        each.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)


@pytest.mark.looptime
async def test_a_thousand_agents_and_their_keys_are_forgotten(make: Make) -> None:
    """Neither this process nor the file keeps what nobody uses; the key in use is kept."""
    first, second = make(), make()
    await used_up(first, ONE, 1)
    for number in range(2_000):
        slot = await first.acquire([((*KEY, str(number)), ONE)])
        slot.sent()
        slot.answered()
        if number % 100 == 99:
            await asyncio.sleep(0.3)
    await asyncio.sleep(3 * BEAT)
    assert len(first._lines._lines) < 10
    await refused(second, ONE)


@pytest.mark.looptime
async def test_closing_ends_the_waiting_and_tells_what_is_left(make: Make) -> None:
    """Whoever waits hears ClosedError; slots that were given back are free for the others."""
    first, second = make(), make()
    slots = await used_up(first, Quota(2), 2)
    waiting = asyncio.create_task(first.acquire([(KEY, Quota(2))]))
    await asyncio.sleep(0.01)
    slots[0].release()
    waiting.cancel()
    stuck = asyncio.create_task(first.acquire([(("cms:1", "ak", "agents"), Quota(1))]))
    again = asyncio.create_task(first.acquire([(("cms:1", "ak", "agents"), Quota(1))]))
    await asyncio.sleep(0.01)
    await first.aclose()
    assert not stuck.cancelled()
    with pytest.raises(ClosedError):
        await again
    await used_up(second, Quota(2), 1)
    slots[1].release()  # too late to be told
    with pytest.raises(ClosedError):
        await first.acquire([(KEY, Quota(2))])
    with pytest.raises(ClosedError):
        await first.pause(KEY, 1.0)
    assert first._talk._task is None


def test_jitter_comes_in_by_argument(tmp_path: Path) -> None:
    """Each pacer has its own."""
    assert isinstance(file_pacer(tmp_path / "q").rng, Random)
