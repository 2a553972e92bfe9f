"""A pacer whose quotas, pauses, locks and turns are kept in a book that many processes share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from math import inf
from random import Random

from cc_async.contract.spec import Quota
from cc_async.errors import CcError, ClosedError, SignatureRejected
from cc_async.session import book as said
from cc_async.session.book import Book, Op, Take
from cc_async.session.clock import Clock, LoopClock
from cc_async.session.events import Watchers
from cc_async.session.locks import Credential, Lock, refusal
from cc_async.session.pacer import PaceKey
from cc_async.session.shared_line import BEAT, Lines
from cc_async.session.shared_mirror import Mirror
from cc_async.session.shared_probation import SharedProbation
from cc_async.session.shared_slots import SharedSlots
from cc_async.session.shared_talk import Talk
from cc_async.session.slot import FREE, Slot, SlotGroup


class SharedPacer:
    """Keeps a line of waiters by key, and asks the book for all of them at once.

    The book decides on every slot; ``paused_for``, ``locked`` and ``used`` tell what it said last, at most
    BEAT seconds ago. Belongs to the loop of its first use; not for threads.

    Args:
        book: where processes count together.
        clock: where the time comes from; None: that of the first client.
        rng: where the jitter comes from.
        own: it was made for its clients, and is closed with the last of them.
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
        self._closed = False
        self._lines = Lines(rng)
        self._mirror = Mirror()
        self._talk = Talk(self, self._lines)
        self._slots = SharedSlots(lambda: self.clock, self.say, self._talk.hurry)
        self._beat_at = 0.0

    # What a client calls

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        if self._clock is None:
            self._clock = LoopClock()
        return self._clock

    def bind(self, clock: Clock, watchers: Watchers) -> None:
        """A client uses this pacer from now on; the first one's clock and observers are taken."""
        self._users += 1
        self._closed = self._closed and not self._own  # its clients close it, and may open it again
        if self._clock is None:
            self._clock = clock
        if not self.watchers:
            self.watchers = watchers

    async def unbind(self) -> None:
        """A client is closed."""
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
        until = self._mirror.paused_until(keys)
        return max(0.0, until - self.clock.monotonic()) if until else 0.0

    async def pause(self, key: PaceKey, seconds: float) -> None:
        """Let everybody of this key wait that long, in every process; never shortens a longer pause."""
        until = self.clock.monotonic() + seconds
        self._mirror.pause(key, until)
        await self.ask(said.Pause(key, until))

    async def lock(self, credential: Credential, interface: str | None, seconds: float, reason: str) -> None:
        """Stop the use of a credential in every process, waiting calls of this one included at once."""
        now = self.clock.monotonic()
        lock = self._mirror.lock(credential, Lock(now, now + seconds, reason, interface), now)
        self._lines.refuse(credential, interface, partial(self.refusal, lock))
        await self.ask(said.SetLock(credential, interface, lock.until, reason))

    async def unlock(self, credential: Credential, interface: str | None = None) -> None:
        """Allow a credential again, in every process, at one interface or (None) everywhere."""
        self._mirror.unlock(credential, interface)
        await self.ask(said.Unlock(credential, interface))

    def locked(self, credential: Credential, interface: str) -> Lock | None:
        """Return the lock that stops this credential at this interface, as last heard, or None."""
        return self._mirror.locked(credential, interface, self.clock.monotonic())

    def used(self, key: PaceKey) -> tuple[int, int]:
        """Return the slots counted by all processes, as last heard, and the limit; see ``Pacer``."""
        return self._lines.used(key)

    async def aclose(self) -> None:
        """Tell the book what is left to tell, and let go of it; whoever waits or comes hears ClosedError."""
        self._closed = True
        left = await self._talk.stop()
        if left is not None:
            left = [*self._slots.landings(inf), *left]
            # What can't be told any more is forgotten with its lease.
            with contextlib.suppress(said.BookAway, TimeoutError, CcError):
                async with asyncio.timeout(BEAT):
                    await self._book.exchange(left, self.clock)
                self._talk.answered(left)
            self._talk.fail(_closed())
        await self._book.aclose()

    # What slots, lines and probation call

    def say(self, op: Op) -> None:
        """Tell the book something, soon and in order; after close it learns by the end of a lease."""
        if not self._closed:
            self._talk.say(op)

    async def ask(self, op: Op) -> None:
        """Tell the book something and wait until it has answered."""
        if self._closed:
            raise _closed()
        op.heard = asyncio.get_running_loop().create_future()
        self.say(op)
        await op.heard

    def refusal(self, lock: Lock) -> SignatureRejected:
        """The error of a call that was not sent because of a lock."""
        return refusal(lock, self.clock)

    async def _one(self, key: PaceKey, quota: Quota | None) -> Slot:
        if self._closed:
            raise _closed()
        self._talk.start()
        line, waiter = self._lines.stand(key, quota)
        self._talk.hurry(line.ask_at)
        try:
            return await waiter
        except BaseException:
            line.gave_up(waiter)
            raise

    # What the talk calls

    def due(self) -> float:
        """When there is something to tell or to ask that nobody has said."""
        return min(self._slots.flush_at, self._beat_at, self._lines.ask_at)

    def collect(self, ops: list[Op], now: float) -> list[Op]:
        """What there is to tell now; landings go first, so that the answers know of them."""
        if now >= self._beat_at:
            self._beat_at = now + BEAT
            ops += self._beat(now)
        ops += self._lines.questions(now)
        if ops or now >= self._slots.flush_at:
            ops = [*self._slots.landings(now), *ops]
        return ops

    async def tell(self, ops: list[Op]) -> None:
        """Exchange with the book."""
        await self._book.exchange(ops, self.clock)

    def hear(self, take: Take, now: float) -> None:
        """Hand out what was granted; what nobody wants any more goes back."""
        self._mirror.hear(take, now)
        credential = (take.key[0], take.key[1])
        self.probation.hear(credential, take.key[2], take.doubts, take.doubted)
        for scope, lock in take.locks.items():
            self._lines.refuse(credential, scope, partial(self.refusal, lock))
        line = self._lines.answered(take, now)
        for number in range(take.granted):
            slot: Slot = FREE
            if take.quota is not None:
                slot = self._slots.grant(take.key, take.quota, take.handles[number], self._book)
            waiter = line.next_waiter()
            if waiter is None:
                slot.release()
            else:
                waiter.set_result(slot)

    def _beat(self, now: float) -> list[Op]:
        """Once in a while: keep what is held, look at what is used, forget what is not."""
        looks, forgotten = self._lines.looks(now)
        for key in forgotten:
            self._mirror.forget_pause(key)
        return [*self.probation.renewals(now), *self._slots.renewals(now), *looks]


def _closed() -> ClosedError:
    return ClosedError("the pacer is closed", hint="make a new one")
