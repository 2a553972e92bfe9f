"""What is known of one queue: the sum of everything, and its last buckets one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import define, field

from cc_async.monitor.sums import BUCKET_SECONDS, COUNTERS, COUNTS

HELD = 13
"""Buckets kept one by one: an hour and the current one. Samples of older ones come too late."""

_GROWING = len(COUNTERS)
_LOST = COUNTS.index("lost")

Counts = list[int | None]


def add(left: Iterable[int | None], right: Iterable[int | None]) -> Counts:
    """Field by field; what one side does not know leaves the other as it is."""
    return [
        mine if other is None else other if mine is None else mine + other
        for mine, other in zip(left, right, strict=True)
    ]


def _less(now: int | None, before: int | None) -> int | None:
    return now if now is None or before is None else now - before


@define
class Bucket:
    """The highest counts that were seen of one queue in one bucket."""

    counts: Counts
    last: float | None = None
    """When the newest sample was taken, epoch seconds."""
    samples: int = 0

    def merge(self, values: Sequence[int | None], at: float | None) -> tuple[bool, bool]:
        """Take one sample; returns whether the counts changed, and whether a counter fell.

        Counters grow within a bucket, so of each the highest is right, whatever the order of arrival. A
        counter that is lower in a newer sample means that the server counts anew or that two servers
        answer in turn; adding its parts could count calls twice, so the highest stays here, too.
        """
        self.samples += 1
        known, changed, behind = self.counts, False, False
        for place in range(_GROWING):
            value, highest = values[place], known[place]
            if value is None or value == highest:
                continue
            if highest is None or value > highest:
                known[place] = value
                changed = True
            else:
                behind = True
        newer = at is None or self.last is None or at > self.last
        # "lost" is a difference that may fall: it goes with the newest sample, and with no other.
        lost = values[_LOST]
        if lost is not None and lost != known[_LOST] and not behind and (newer or changed or at == self.last):
            known[_LOST] = lost
            changed = True
        if at is not None and newer:
            self.last = at
        return changed, behind and newer

    def covered(self, number: int) -> float:
        """Seconds of the bucket before its last sample."""
        if self.last is None:
            return 0.0
        return min(max(self.last - number * BUCKET_SECONDS, 0.0), BUCKET_SECONDS)


@define
class Account:
    """One queue; buckets are numbered by epoch seconds // 300."""

    first: int
    """The first bucket there was a sample of."""
    folded: int
    """The last bucket that is no longer kept one by one; samples up to it come too late."""
    total: Counts = field(factory=lambda: [None] * len(COUNTS))
    """Sums of all buckets, those kept one by one included."""
    buckets: int = 0
    """Buckets there was a sample of."""
    folded_covered: float = 0.0
    """Seconds seen of the buckets no longer kept one by one."""
    last: float | None = None
    """When the newest sample was taken, epoch seconds."""
    falls: int = 0
    late: int = 0
    held: dict[int, Bucket] = field(factory=dict)

    @classmethod
    def begin(cls, number: int) -> Account:
        """An account that begins with a bucket, and takes late samples of the hour before as well."""
        return cls(number, number - HELD)

    def take(self, number: int, values: Sequence[int | None], at: float | None) -> bool:
        """Take a sample of a bucket; True when the counts of that bucket changed."""
        if number <= self.folded:
            self.late += 1
            return False
        bucket = self.held.get(number)
        if bucket is None:
            bucket = self.held[number] = Bucket([None] * len(COUNTS))
            self.first = min(self.first, number)
            self.buckets += 1
        before = bucket.counts[:]
        changed, fell = bucket.merge(values, at)
        if changed:
            grown = (_less(now, old) for now, old in zip(bucket.counts, before, strict=True))
            self.total = add(self.total, grown)
        self.falls += fell
        if at is not None and (self.last is None or at > self.last):
            self.last = at
        return changed

    def fold(self, up_to: int) -> None:
        """Forget the buckets up to this one; they are in the sum."""
        if up_to <= self.folded:
            return
        for number in [number for number in self.held if number <= up_to]:
            self.folded_covered += self.held.pop(number).covered(number)
        self.folded = up_to

    def covered(self, wanted: Callable[[int], bool] = lambda _: True) -> float:
        """Seconds that were seen of the wanted buckets among those kept."""
        return sum(bucket.covered(number) for number, bucket in self.held.items() if wanted(number))

    def missing(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Runs of buckets in [begin, end) without a sample, as [first, after the last)."""
        runs: list[tuple[int, int]] = []
        at = max(begin, self.first)
        seen = sorted(number for number in self.held if at <= number < end)
        for number in [*seen, end]:
            if number > at:
                runs.append((at, number))
            at = number + 1
        return runs

    def to_state(self) -> list[Any]:
        """The account as JSON has it."""
        held = [[number, one.counts, one.last, one.samples] for number, one in sorted(self.held.items())]
        whole = (self.first, self.folded, self.total, self.buckets, self.folded_covered, self.last)
        return [*whole, self.falls, self.late, held]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> Account:
        """Read what ``to_state`` made; raises ValueError or TypeError when it is something else."""
        *plain, held = state
        account = cls(*plain)
        if len(account.total) != len(COUNTS) or any(len(counts) != len(COUNTS) for _, counts, *_ in held):
            raise ValueError("an account has another number of counts")
        for number, counts, last, samples in held:
            account.held[number] = Bucket(list(counts), last, samples)
        return account
