"""Who waits in this process for slots of one key that is counted elsewhere, and the slots that come of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from cc_async.contract.spec import Quota
from cc_async.session.book import Book, Handle, Take
from cc_async.session.pacer import PaceKey
from cc_async.session.slot import Slot

if TYPE_CHECKING:
    from cc_async.session.shared_pacer import SharedPacer


class SharedSlot:
    """A slot that a book counts; it is told what became of it when there is something to tell anyway."""

    __slots__ = ("_pacer", "arrived_by", "book", "done", "handle", "key", "quota", "renew_at")

    def __init__(
        self, pacer: SharedPacer, key: PaceKey, quota: Quota, handle: Handle, book: Book, renew_at: float
    ) -> None:
        self._pacer = pacer
        self.key = key
        self.quota = quota
        self.handle = handle
        self.book = book
        """The one that granted it."""
        self.renew_at = renew_at
        """Monotonic seconds after which its lease is to be renewed while it is not sent."""
        self.arrived_by = inf
        """Monotonic seconds at which the request has surely arrived; infinity until it is sent."""
        self.done = False
        """True once it was given back, or its time of arrival is settled."""

    def sent(self) -> None:
        """The bytes of the request go out now."""
        if self.arrived_by == inf and not self.done:
            self._pacer.fly(self)

    def answered(self) -> None:
        """An answer was seen, so the request has arrived."""
        if not self.done:
            self._pacer.land(self)

    def release(self) -> None:
        """Give the slot back at once if the request was never sent."""
        if self.arrived_by == inf and not self.done:
            self._pacer.give_back(self)


class Line:
    """The waiters of one key, first come first served, and what was last heard of the key."""

    __slots__ = ("ask_at", "asking", "counted", "dead", "key", "quota", "used_at", "waiters")

    def __init__(self, key: PaceKey, quota: Quota | None) -> None:
        self.key = key
        self.quota = quota
        self.waiters: deque[asyncio.Future[Slot]] = deque()
        self.dead = 0
        """Waiters that gave up and still stand in the line."""
        self.asking: Take | None = None
        """What was asked and is not answered yet."""
        self.ask_at = 0.0
        """Monotonic seconds before which asking makes no sense."""
        self.used_at = 0.0
        self.counted = 0
        """Slots counted by all processes, when it was last heard."""

    @property
    def live(self) -> int:
        """Waiters that still want a slot."""
        return len(self.waiters) - self.dead

    def next_waiter(self) -> asyncio.Future[Slot] | None:
        """Take the first who still waits out of the line."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                return waiter
            self.dead -= 1
        return None

    def gave_up(self, waiter: asyncio.Future[Slot]) -> None:
        """A waiter gives up: its place is skipped, or the slot it was just granted is given back."""
        if waiter.done() and not waiter.cancelled():
            if waiter.exception() is None:
                waiter.result().release()
            return
        waiter.cancel()
        self.dead += 1
        if self.dead > 64 and self.dead * 2 > len(self.waiters):
            self.waiters = deque(each for each in self.waiters if not each.done())
            self.dead = 0

    def refuse(self, error: Callable[[], BaseException]) -> None:
        """End every waiting acquire with an error of its own."""
        while (waiter := self.next_waiter()) is not None:
            waiter.set_exception(error())
