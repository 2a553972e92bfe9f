"""The slots that a book granted to this process: what becomes of each, and what of it is still to be told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from cc_async.contract.spec import Quota
from cc_async.session.book import LEASE, Book, Drop, Handle, Land, Op, Renew
from cc_async.session.clock import Clock
from cc_async.session.pacer import PaceKey
from cc_async.session.quota import FLIGHT


class SharedSlot:
    """A slot that a book counts. Every call may be repeated."""

    __slots__ = ("_slots", "arrived_by", "book", "done", "handle", "key", "quota", "renew_at")

    def __init__(self, slots: SharedSlots, key: PaceKey, quota: Quota, handle: Handle, book: Book) -> None:
        self._slots = slots
        self.key = key
        self.quota = quota
        self.handle = handle
        self.book = book
        """The one that granted it."""
        self.renew_at = inf
        """Monotonic seconds after which its lease is to be renewed while it is not sent."""
        self.arrived_by = inf
        """Monotonic seconds at which the request has surely arrived; infinity until it is sent."""
        self.done = False
        """True once it was given back, or its time of arrival is settled."""

    def sent(self) -> None:
        """The bytes of the request go out now."""
        if self.arrived_by == inf and not self.done:
            self._slots.fly(self)

    def answered(self) -> None:
        """An answer was seen, so the request has arrived."""
        if not self.done:
            self._slots.land(self)

    def release(self) -> None:
        """Give the slot back at once if the request was never sent."""
        if self.arrived_by == inf and not self.done:
            self._slots.give_back(self)


class SharedSlots:
    """All slots of one pacer. A landing is told late, with what is said anyway: until then it counts too.

    Args:
        clock: where the time comes from.
        say: tells the book something at once.
        hurry: there is something to tell by that time (monotonic seconds).
    """

    def __init__(
        self, clock: Callable[[], Clock], say: Callable[[Op], None], hurry: Callable[[float], None]
    ) -> None:
        self._clock = clock
        self._say = say
        self._hurry = hurry
        self._held: dict[SharedSlot, None] = {}
        # In order of time, as in a window of one process.
        self._flying: deque[SharedSlot] = deque()
        self._landed: list[SharedSlot] = []
        self.flush_at = inf
        """When the first landing has to be told, long before its slot ends."""

    def grant(self, key: PaceKey, quota: Quota, handle: Handle, book: Book) -> SharedSlot:
        """A slot that was just granted."""
        slot = SharedSlot(self, key, quota, handle, book)
        slot.renew_at = self._clock().monotonic() + LEASE / 3
        self._held[slot] = None
        return slot

    def fly(self, slot: SharedSlot) -> None:
        """The bytes of this slot's request go out now."""
        slot.arrived_by = self._clock().monotonic() + FLIGHT
        self._held.pop(slot, None)
        self._flying.append(slot)
        self._flush(slot)

    def land(self, slot: SharedSlot) -> None:
        """An answer to this slot's request was seen now."""
        slot.done = True
        slot.arrived_by = min(slot.arrived_by, self._clock().monotonic())
        self._held.pop(slot, None)
        self._landed.append(slot)
        self._flush(slot)

    def give_back(self, slot: SharedSlot) -> None:
        """Nothing was sent for this slot."""
        slot.done = True
        self._held.pop(slot, None)
        self._say(Drop(slot.key, slot.quota, slot))

    def landings(self, now: float) -> list[Op]:
        """What has arrived by then and was not told yet."""
        self.flush_at = inf
        slots, self._landed = self._landed, []
        while self._flying and (self._flying[0].done or self._flying[0].arrived_by <= now):
            slot = self._flying.popleft()
            if not slot.done:
                slot.done = True
                slots.append(slot)
        if self._flying:
            self._flush(self._flying[0])
        return [Land(slot.key, slot.quota, slot, slot.arrived_by + slot.quota.per) for slot in slots]

    def renewals(self, now: float) -> list[Op]:
        """The leases of slots that are held for long, waiting for a connection."""
        due = [slot for slot in self._held if slot.renew_at <= now]
        for slot in due:
            slot.renew_at = now + LEASE / 3
        return [Renew(slot.key, slot.quota, slot) for slot in due]

    def open(self) -> list[SharedSlot]:
        """Every slot whose end the book was not told."""
        return [*self._held, *(slot for slot in self._flying if not slot.done), *self._landed]

    def _flush(self, slot: SharedSlot) -> None:
        when = slot.arrived_by + slot.quota.per / 4
        if when < self.flush_at:
            self.flush_at = when
            self._hurry(when)
