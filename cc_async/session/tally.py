"""The count of one key that many processes keep together, in a form that fits a record of fixed size."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from math import ceil, floor
from typing import Final

from attrs import define, field

from cc_async.session.book import LEASE
from cc_async.session.quota import FLIGHT

_STEPS: Final = 184
"""Steps into which the life of a landed slot is cut: it is counted up to one of them too long."""
_LANDED: Final = 192
_LEASE_STEPS: Final = 32
_LEASED: Final = 36
_HEAD: Final = struct.Struct("<dddd3Q2q")
_COUNTS: Final = struct.Struct(f"<{_LANDED}I{_LEASED}I")
_MOST: Final = 2**32 - 1
_ASKING: Final = 0.5
"""Seconds after which a process that asked for slots and got too few is no rival any more."""

SIZE: Final = _HEAD.size + _COUNTS.size


@define
class Tally:
    """Slots by the moment at which they end, rounded up: so the count is never too low.

    Slots that were granted and not reported yet lie in ``leased`` until their lease is over: nobody has to
    find out who died. A handle is the step of its lease, so any number of slots takes the same room.
    """

    per: float = 0.0
    paused_until: float = 0.0
    unknown_until: float = 0.0
    """What was sent before is not known: nothing is granted until it has left the window."""
    used_at: float = 0.0
    landed: dict[int, int] = field(factory=dict)
    leased: dict[int, int] = field(factory=dict)
    _period: int = 0
    _asking: int = 0
    _asked: int = 0

    @property
    def _step(self) -> float:
        return (self.per + FLIGHT) / _STEPS

    @property
    def _lease_step(self) -> float:
        return (self.per + LEASE) / _LEASE_STEPS

    def refresh(self, now: float, per: float | None) -> None:
        """Forget what is over, and go on in steps of another ``per`` if it has changed."""
        self.used_at = now
        if per is not None and per != self.per:
            ends = [(number * self._step, count) for number, count in self.landed.items()]
            leases = [(number * self._lease_step, count) for number, count in self.leased.items()]
            self.per, self.landed, self.leased = per, {}, {}
            for end, count in ends:
                self._add(self.landed, self._step, end, count)
            for end, count in leases:
                self._add(self.leased, self._lease_step, end, count)
        for slots, step in ((self.landed, self._step), (self.leased, self._lease_step)):
            for number in [number for number in slots if number * step <= now]:
                del slots[number]

    @property
    def counted(self) -> int:
        """Slots counted, as of the last refresh."""
        return sum(self.landed.values()) + sum(self.leased.values())

    @property
    def closed_until(self) -> float:
        """When slots are granted again: a pause is over, and so is what was sent before anybody counted."""
        return max(self.paused_until, self.unknown_until and self.unknown_until + self.per + FLIGHT)

    def idle(self, now: float) -> bool:
        """True when forgetting this would change nothing."""
        self.refresh(now, None)
        return self.counted == 0 and self.closed_until <= now

    def grant(self, now: float, count: int) -> int:
        """Lease so many slots; returns the handle that all of them have."""
        return self._add(self.leased, self._lease_step, now + LEASE + self.per, count)

    def land(self, handle: int, expires: float) -> None:
        """One leased slot ends at that time; a lease that is over already is not missed."""
        self._add(self.landed, self._step, expires, 1)
        self.drop(handle)

    def count(self, expires: float, count: int) -> None:
        """Slots that nobody granted."""
        self._add(self.landed, self._step, expires, count)

    def drop(self, handle: int) -> None:
        """One leased slot is free."""
        left = self.leased.get(handle, 0) - 1
        if left > 0:
            self.leased[handle] = left
        else:
            self.leased.pop(handle, None)

    def next_end(self) -> float | None:
        """When the first of the slots ends, or None when there is none."""
        ends = [min(self.landed) * self._step] if self.landed else []
        if self.leased:
            ends.append(min(self.leased) * self._lease_step)
        return min(ends, default=None)

    def rivals(self, now: float, token: int) -> int:
        """How many others have asked lately and got too few; processes are told apart by 64 bits."""
        self._turn_to(now)
        return ((self._asking | self._asked) & ~(1 << token % 64)).bit_count()

    def still_asking(self, now: float, token: int, asking: bool) -> None:
        """Note whether this process waits for more."""
        self._turn_to(now)
        bit = 1 << token % 64
        if asking:
            self._asking |= bit
        else:
            self._asking &= ~bit
            self._asked &= ~bit

    def _turn_to(self, now: float) -> None:
        period = floor(now / _ASKING)
        if period != self._period:
            self._asked = self._asking if period == self._period + 1 else 0
            self._period, self._asking = period, 0

    @staticmethod
    def _add(slots: dict[int, int], step: float, end: float, count: int) -> int:
        number = ceil(end / step)
        slots[number] = slots.get(number, 0) + count
        return number

    def pack(self, now: float) -> bytes:
        """Return the record; refreshed just now."""
        first, first_lease = floor(now / self._step), floor(now / self._lease_step)
        return _HEAD.pack(
            self.per, self.paused_until, self.unknown_until, self.used_at,
            self._period, self._asking, self._asked, first, first_lease,
        ) + _COUNTS.pack(
            *_row(self.landed, first, _LANDED), *_row(self.leased, first_lease, _LEASED)
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> Tally:
        """Read what ``pack`` wrote."""
        *head, first, first_lease = _HEAD.unpack_from(data)
        per, paused, unknown, used, period, asking, asked = head
        counts = _COUNTS.unpack_from(data, _HEAD.size)
        return cls(
            per, paused, unknown, used,
            _named(counts[:_LANDED], first), _named(counts[_LANDED:], first_lease),
            period, asking, asked,
        )  # fmt: skip


def _row(slots: dict[int, int], first: int, length: int) -> list[int]:
    """The counts from step ``first`` on; what ends later than that counts at the end."""
    row = [0] * length
    for number, count in slots.items():
        place = min(max(0, number - first), length - 1)
        row[place] = min(_MOST, row[place] + count)
    return row


def _named(row: Iterable[int], first: int) -> dict[int, int]:
    return {first + place: count for place, count in enumerate(row) if count}
