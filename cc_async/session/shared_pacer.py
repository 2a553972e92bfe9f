"""A pacer whose quotas, pauses, locks and turns are kept in a book that many processes share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from math import inf
from random import Random
from typing import Final

from cc_async.contract.spec import Quota
from cc_async.errors import CcError, ClosedError, SignatureRejected
from cc_async.session import book as said
from cc_async.session.book import LEASE, Book, Op, Take
from cc_async.session.clock import Clock, LoopClock
from cc_async.session.events import Watchers
from cc_async.session.locks import Credential, Lock, refusal
from cc_async.session.pacer import PaceKey
from cc_async.session.quota import FLIGHT
from cc_async.session.shared_line import Line, SharedSlot
from cc_async.session.shared_probation import SharedProbation
from cc_async.session.slot import FREE, Slot, SlotGroup

BEAT: Final = 1.0
"""Seconds between two looks at the book while nobody asks for anything: so old may a mirror be."""
_AT_ONCE: Final = 64
"""Slots asked for in one go; whoever waits for more asks again."""
_REMEMBERED: Final = 60.0
"""Seconds for which the pauses and locks of a key that nobody asks for are looked at."""


class SharedPacer:
    """Keeps a line of waiters by key, and asks the book for all of them at once.

    One task does the asking: what comes up while an answer is awaited goes out with the next question. The
    book decides on every slot; ``paused_for``, ``locked`` and ``used`` tell what it said last, at most BEAT
    seconds ago. Belongs to the loop of its first use; not for threads.
    """

    def __init__(self, book: Book, *, clock: Clock | None = None, rng: Random, own: bool = False) -> None:
        self._book = book
        self._clock = clock
        self.rng = rng
        self.watchers = Watchers()
        self.probation = SharedProbation(self)
        """Which credentials have proven themselves, in whatever process."""
        self._own = own
        self._users = 0
        self._number = 0
        self._lines: dict[PaceKey, Line] = {}
        self._hungry: dict[PaceKey, Line] = {}
        self._says: list[Op] = []
        self._telling: list[Op] = []
        self._held: dict[SharedSlot, None] = {}
        # In order of time, as in a window of one process.
        self._flying: deque[SharedSlot] = deque()
        self._landed: list[SharedSlot] = []
        self._flush_at = inf
        self._beat_at = 0.0
        self._sleeps_until = 0.0
        self._pauses: dict[PaceKey, float] = {}
        self._locks: dict[tuple[Credential, str | None], Lock] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    # What a client calls

    @property
    def clock(self) -> Clock:
        """Where the time comes from: the clock given, or that of the first client."""
        if self._clock is None:
            self._clock = LoopClock()
        return self._clock

    def bind(self, clock: Clock, watchers: Watchers) -> None:
        """A client uses this pacer from now on; the first one's clock and observers are taken."""
        self._users += 1
        if self._clock is None:
            self._clock = clock
        if not self.watchers:
            self.watchers = watchers

    async def unbind(self) -> None:
        """A client is closed; who made the pacer for it has it closed with the last one."""
        self._users -= 1
        if self._users == 0 and self._own:
            await self.aclose()

    async def acquire(self, wants: Sequence[tuple[PaceKey, Quota | None]]) -> Slot:
        """Return one slot that stands for all wants, taken in their order; see ``Pacer``."""
        if len(wants) == 1:
            return await self._one(*wants[0])
        slots: list[Slot] = []
        try:
            for key, quota in wants:
                slots.append(await self._one(key, quota))
        except BaseException:
            SlotGroup(slots).release()
            raise
        return SlotGroup(slots)

    def paused_for(self, keys: Sequence[PaceKey]) -> float:
        """Seconds until none of these keys is paused any more, as last heard; 0 when none is."""
        until = max((self._pauses.get(key, 0.0) for key in keys), default=0.0)
        return max(0.0, until - self.clock.monotonic()) if until else 0.0

    async def pause(self, key: PaceKey, seconds: float) -> None:
        """Let everybody of this key wait that long, in every process; never shortens a longer pause."""
        until = self.clock.monotonic() + seconds
        self._pauses[key] = max(self._pauses.get(key, 0.0), until)
        await self.ask(said.Pause(key, until))

    async def lock(self, credential: Credential, interface: str | None, seconds: float, reason: str) -> None:
        """Stop the use of a credential in every process, waiting calls of this one included at once."""
        now = self.clock.monotonic()
        old = self._locks.get((credential, interface))
        lock = Lock(now, now + seconds, reason, interface)
        if old is not None and old.until > now:
            lock = Lock(old.since, max(old.until, lock.until), reason, interface)
        self._hear_lock(credential, lock)
        await self.ask(said.SetLock(credential, interface, lock.until, reason))

    async def unlock(self, credential: Credential, interface: str | None = None) -> None:
        """Allow a credential again, in every process, at one interface or (None) everywhere."""
        for held in list(self._locks):
            if held[0] == credential and interface in (None, held[1]):
                del self._locks[held]
        await self.ask(said.Unlock(credential, interface))

    def locked(self, credential: Credential, interface: str) -> Lock | None:
        """Return the lock that stops this credential at this interface, as last heard, or None."""
        for scope in (None, interface) if self._locks else ():
            lock = self._locks.get((credential, scope))
            if lock is not None and lock.until > self.clock.monotonic():
                return lock
        return None

    def used(self, key: PaceKey) -> tuple[int, int]:
        """Return the slots counted by all processes, as last heard, and the limit; see ``Pacer``."""
        line = self._lines.get(key)
        return (0, 0) if line is None or line.quota is None else (line.counted, line.quota.limit)

    async def aclose(self) -> None:
        """Tell the book what is left to tell, and let go of it."""
        task, self._task = self._task, None
        if task is not None and self._loop is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])
            ops = [op for op in [*self._telling, *self._says] if not isinstance(op, Take)]
            try:
                async with asyncio.timeout(BEAT):
                    await self._book.exchange([*self._landings(inf), *ops], self.clock)
            except (said.BookAway, TimeoutError, CcError):
                pass  # leases end by themselves
            self._answered(ops)
            self._fail(ClosedError("the pacer is closed", hint="make a new one"))
        await self._book.aclose()

    # What slots and probation call

    def fly(self, slot: SharedSlot) -> None:
        """The bytes of this slot's request go out now."""
        slot.arrived_by = self.clock.monotonic() + FLIGHT
        self._held.pop(slot, None)
        self._flying.append(slot)
        self._flush(slot)

    def land(self, slot: SharedSlot) -> None:
        """An answer to this slot's request was seen now."""
        slot.done = True
        slot.arrived_by = min(slot.arrived_by, self.clock.monotonic())
        self._held.pop(slot, None)
        self._landed.append(slot)
        self._flush(slot)

    def give_back(self, slot: SharedSlot) -> None:
        """Nothing was sent for this slot."""
        slot.done = True
        self._held.pop(slot, None)
        self.say(said.Drop(slot.key, slot.quota, slot))

    def say(self, op: Op) -> None:
        """Tell the book something, soon and in order."""
        self._says.append(op)
        self._start()
        self._wake.set()

    async def ask(self, op: Op) -> None:
        """Tell the book something and wait until it has answered."""
        op.heard = asyncio.get_running_loop().create_future()
        self.say(op)
        await op.heard

    def refusal(self, lock: Lock) -> SignatureRejected:
        """The error of a call that was not sent because of a lock."""
        return refusal(lock, self.clock)

    # Lines

    async def _one(self, key: PaceKey, quota: Quota | None) -> Slot:
        self._start()
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key, quota)
        line.quota = quota
        waiter: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        line.waiters.append(waiter)
        self._hungry[key] = line
        if line.ask_at < self._sleeps_until:
            self._wake.set()
        try:
            return await waiter
        except BaseException:
            line.gave_up(waiter)
            raise

    def _granted(self, take: Take, now: float) -> None:
        """Hand out what was granted; what nobody wants any more goes back."""
        line = self._lines.get(take.key)
        if line is None:
            line = Line(take.key, take.quota)
        if line.asking is take:
            line.asking = None
        line.counted = take.counted
        self._hear(take, now)
        for number in range(take.granted):
            slot: Slot = FREE
            if take.quota is not None:
                slot = self._slot(take.key, take.quota, take.handles[number], now)
            waiter = line.next_waiter()
            if waiter is None:
                slot.release()
            else:
                waiter.set_result(slot)
        if take.count:
            line.ask_at = now if take.locks else now + self._wait(take)

    def _slot(self, key: PaceKey, quota: Quota, handle: said.Handle, now: float) -> SharedSlot:
        slot = SharedSlot(self, key, quota, handle, self._book, now + LEASE / 3)
        self._held[slot] = None
        return slot

    def _wait(self, take: Take) -> float:
        """Seconds until the line asks again: until a slot ends, or somebody may have given one back."""
        if take.granted >= take.count:
            return 0.0
        per = take.quota.per if take.quota else BEAT
        # What others have not reported yet ends no earlier than three quarters of a window from here.
        longest = min(BEAT, per / 2)
        # Where several wait for the same slot, one of them asks first and the others see the next.
        spread = min(per / 100, 0.05) * take.rivals / (take.rivals + 1)
        return min(longest, longest if take.wait is None else take.wait) + self.rng.uniform(0.0, spread)

    def _hear(self, take: Take, now: float) -> None:
        """Keep what the book says of pauses, locks and doubts."""
        credential, interface = (take.key[0], take.key[1]), take.key[2]
        if take.paused > 0:
            self._pauses[take.key] = now + take.paused
        else:
            self._pauses.pop(take.key, None)
        for scope in (None, interface):
            lock = take.locks.get(scope)
            if lock is not None:
                self._hear_lock(credential, lock)
            else:
                self._locks.pop((credential, scope), None)
        self.probation.hear(credential, interface, take.doubts, take.doubted)

    def _hear_lock(self, credential: Credential, lock: Lock) -> None:
        """Keep a lock, and end the waiting of whom it concerns."""
        self._locks[credential, lock.interface] = lock
        for key, line in list(self._hungry.items()):
            if key[:2] == credential and lock.interface in (None, key[2]):
                line.refuse(lambda: self.refusal(lock))

    # The task

    def _start(self) -> None:
        """Have the task run in this loop; one of a closed loop is left behind."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed() and self._hungry:
                raise RuntimeError("a pacer serves one event loop at a time; use one pacer per loop")
            self._loop, self._task, self._wake = loop, None, asyncio.Event()
            self._lines.clear()
            self._hungry.clear()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run(), name="cc_async shared pacer")

    async def _run(self) -> None:
        try:
            while True:
                self._wake.clear()
                self._telling = self._collect(self.clock.monotonic())
                if self._telling:
                    await self._tell(self._telling)
                    self._answered(self._telling)
                    await asyncio.sleep(0)  # a book that answers at once must not keep the loop to itself
                else:
                    await self._sleep()
        except Exception as error:
            self._fail(error)

    async def _sleep(self) -> None:
        asks = [line.ask_at for line in self._hungry.values() if line.asking is None]
        self._sleeps_until = min([self._flush_at, self._beat_at, *asks])
        try:
            async with asyncio.timeout(max(0.0, self._sleeps_until - self.clock.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass
        finally:
            self._sleeps_until = 0.0

    async def _tell(self, ops: list[Op]) -> None:
        """Exchange with the book."""
        await self._book.exchange(ops, self.clock)

    def _answered(self, ops: Sequence[Op]) -> None:
        """Act on the answers."""
        self._telling, now = [], self.clock.monotonic()
        for op in ops:
            if isinstance(op, Take):
                self._granted(op, now)
            if op.heard is not None and not op.heard.done():
                op.heard.set_result(None)

    def _fail(self, error: Exception) -> None:
        """The book is of no use: everybody who waits hears why, and the next who asks tries again."""

        def again() -> BaseException:
            return type(error)(error.message, hint=error.hint) if isinstance(error, CcError) else error

        for line in self._hungry.values():
            line.asking = None
            line.refuse(again)
        self._hungry.clear()
        for op in [*self._telling, *self._says]:
            if op.heard is not None and not op.heard.done():
                op.heard.set_exception(again())
        self._telling, self._says = [], []

    def _collect(self, now: float) -> list[Op]:
        """What there is to say now."""
        ops, self._says = self._says, []
        if now >= self._beat_at:
            self._beat_at = now + BEAT
            ops += self._beat(now)
        for key, line in list(self._hungry.items()):
            if not line.live:
                del self._hungry[key]
            elif line.asking is None and line.ask_at <= now:
                self._number += 1
                line.used_at = now
                line.asking = Take(line.key, line.quota, min(line.live, _AT_ONCE), str(self._number))
                ops.append(line.asking)
        if ops or now >= self._flush_at:
            ops = [*self._landings(now), *ops]
        return ops

    def _landings(self, now: float) -> list[Op]:
        """What has arrived by now and was not told yet."""
        self._flush_at = inf
        slots, self._landed = self._landed, []
        while self._flying and (self._flying[0].done or self._flying[0].arrived_by <= now):
            slot = self._flying.popleft()
            if not slot.done:
                slot.done = True
                slots.append(slot)
        if self._flying:
            self._flush(self._flying[0])
        return [said.Land(slot.key, slot.quota, slot, slot.arrived_by + slot.quota.per) for slot in slots]

    def _flush(self, slot: SharedSlot) -> None:
        """See to it that a landing is told long before the slot ends; until then it counts anyway."""
        when = slot.arrived_by + slot.quota.per / 4
        if when < self._flush_at:
            self._flush_at = when
            if when < self._sleeps_until:
                self._wake.set()

    def _beat(self, now: float) -> list[Op]:
        """Once in a while: keep what is held, look at what is used, forget what is not."""
        ops: list[Op] = [*self.probation.renewals(now)]
        for slot in self._held:
            if slot.renew_at <= now:
                slot.renew_at = now + LEASE / 3
                ops.append(said.Renew(slot.key, slot.quota, slot))
        for key, line in list(self._lines.items()):
            if line.live or line.asking is not None:
                continue
            if now - line.used_at > (_REMEMBERED if len(key) == 3 else line.quota.per if line.quota else 0):
                del self._lines[key]
                self._pauses.pop(key, None)
            elif len(key) == 3:  # not of one agent: there may be thousands
                ops.append(Take(key, line.quota, 0))
        return ops
