"""Stitching: samples of counters that restart every 5 minutes become sums that lose no calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from cc_async.contract.records import SkillCallStats
from cc_async.monitor.account import HELD, Account, Counts, add
from cc_async.monitor.ahead import Ahead, dated
from cc_async.monitor.state import FileStore, StateFile, StateStore, damaged, encode, load, store_of
from cc_async.monitor.sums import (
    BUCKET_SECONDS,
    COUNTS,
    ClosedBucket,
    Gap,
    SkillKey,
    SkillSums,
    Stitched,
)

KIND, VERSION = "cc_async.stitcher", 1
MOST_MINUTES = (HELD - 1) * BUCKET_SECONDS // 60

_values = attrgetter(*COUNTS)


def instant(number: int) -> datetime:
    """The start of a bucket."""
    return datetime.fromtimestamp(number * BUCKET_SECONDS, UTC)


class Stitcher:
    """Running sums per skill queue, made of samples of ``skill_call_stats``.

    Samples may come late, twice, or in any order; rows of two buckets may stand in one batch. Within a
    bucket the highest value of each counter counts. A bucket without a sample is told as a gap and never
    filled. Samples dated over an hour ahead of all others wait for the next feeding: they count when it
    agrees, and are refused when it does not. One Stitcher is for one call center; queues of several VDNs
    may share it.

    Args:
        state_file: where the sums are kept, so that a restart goes on from there, inside a bucket too;
            its folder must exist. Written by ``save`` and ``take``. One process per file.
        state: another place for them; written by ``take``.
        settle: a bucket counts as closed from this many seconds before its end, 0 to 60: the last
            aligned beat of a bucket closes it, not the first one of the next. Later samples revise it.

    Raises:
        ExportError: the state file cannot be read, is damaged, or is of another release.
    """

    def __init__(
        self, *, state_file: StateFile | None = None, state: StateStore | None = None, settle: float = 15.0
    ) -> None:
        if not 0 <= settle <= 60:
            raise ValueError(f"settle must be 0 to 60 seconds, not {settle}")
        self._store = store_of(state_file, state)
        self._settle = settle
        self._accounts: dict[SkillKey, Account] = {}
        self._cc_id: int | None = None
        self._now = 0.0
        self._closed: int | None = None
        self._ahead = Ahead()
        self._saving = asyncio.Lock()
        if self._store is not None:
            self._load(self._store)

    # Taking samples

    def feed(self, rows: Iterable[SkillCallStats]) -> Stitched:
        """Take samples (a batch, or any rows) and return what is over since the feeding before.

        Raises:
            ValueError: a row of another call center.
        """
        found, refused = dated(rows)
        samples, doubtful = self._ahead.sift(found, self._now)
        revised: set[tuple[int, SkillKey]] = set()
        newest = self._now
        for moment, number, row in samples:
            self._check(row.cc_id)
            at, key = None if row.sampled_at is None else moment, (row.vdn, row.skill_id)
            account = self._accounts.get(key)
            if account is None:
                account = self._accounts[key] = Account.begin(number)
            if account.take(number, _values(row), at) and self._closed is not None and number <= self._closed:
                revised.add((number, key))
            newest = max(newest, moment)
        return self._advance(newest, revised, refused + doubtful)

    async def take(self, rows: Iterable[SkillCallStats]) -> Stitched:
        """As ``feed``, then save the state; raises ExportError, or what ``state`` raises, when that fails."""
        stitched = self.feed(rows)
        if self._store is not None:
            async with self._saving:
                await self._store.write(self._encoded())
        return stitched

    def save(self) -> None:
        """Write the state file, if any; blocks. Raises ExportError; TypeError for a ``state=`` elsewhere."""
        if isinstance(self._store, FileStore):
            self._store.write_now(self._encoded())
        elif self._store is not None:
            raise TypeError("save() writes files; 'await stitcher.take(())' saves into any other state=")

    def _check(self, cc_id: int | None) -> None:
        if cc_id is None or cc_id == self._cc_id:
            return
        if self._cc_id is not None:
            raise ValueError(f"rows of call center {cc_id}, but these are the sums of {self._cc_id}")
        self._cc_id = cc_id

    def _advance(self, newest: float, revised: set[tuple[int, SkillKey]], refused: int) -> Stitched:
        self._now = newest
        if not self._accounts:
            return Stitched(refused=refused)
        closed = int((newest + self._settle) // BUCKET_SECONDS) - 1
        if self._closed is None:
            self._closed = min(account.first for account in self._accounts.values()) - 1
        begin, end = self._closed + 1, max(closed, self._closed) + 1
        self._closed = end - 1
        stitched = Stitched(self._over(begin, end, revised), self._missed(begin, end), refused)
        for account in self._accounts.values():
            account.fold(end - HELD)
        return stitched

    def _over(self, begin: int, end: int, revised: set[tuple[int, SkillKey]]) -> tuple[ClosedBucket, ...]:
        found = [
            (number, key, False)
            for key, account in self._accounts.items()
            for number in account.held
            if begin <= number < end
        ]
        found += [(number, key, True) for number, key in revised if number < begin]
        found.sort(key=lambda one: one[0])
        return tuple(self._closed_bucket(*one) for one in found)

    def _missed(self, begin: int, end: int) -> tuple[Gap, ...]:
        return tuple(
            Gap(skill_id=key[1], vdn=key[0], begin=instant(first), end=instant(after))
            for key, account in self._accounts.items()
            for first, after in account.missing(begin, end)
        )

    # Reading

    @property
    def sums(self) -> Mapping[SkillKey, SkillSums]:
        """The sums of every queue by (vdn, skill_id), made at the moment of asking."""
        return {key: self._sums(key, account) for key, account in self._accounts.items()}

    @property
    def closed(self) -> Mapping[SkillKey, ClosedBucket]:
        """The last closed bucket of every queue that was seen in it."""
        number = self._closed
        if number is None:
            return {}
        return {
            key: self._closed_bucket(number, key)
            for key, account in self._accounts.items()
            if number in account.held
        }

    def recent(self, buckets: int = 12) -> Mapping[SkillKey, tuple[ClosedBucket | None, ...]]:
        """The last closed buckets of every queue, 1 to 12, oldest first; None: one that was not seen."""
        if not 1 <= buckets < HELD:
            raise ValueError(f"buckets must be 1 to {HELD - 1}, not {buckets}")
        if self._closed is None:
            return {}
        numbers = range(self._closed - buckets + 1, self._closed + 1)
        return {
            key: tuple(self._closed_bucket(one, key) if one in account.held else None for one in numbers)
            for key, account in self._accounts.items()
        }

    def rolling(self, minutes: int = 30) -> Mapping[SkillKey, SkillSums]:
        """The sums of the last closed buckets, 5 to 60 minutes of them; what was not seen is in ``gaps``."""
        count, rest = divmod(minutes * 60, BUCKET_SECONDS)
        if rest or not 5 <= minutes <= MOST_MINUTES:
            raise ValueError(f"minutes must be 5, 10... {MOST_MINUTES}, not {minutes}")
        if self._closed is None:
            return {}
        numbers = range(self._closed - count + 1, self._closed + 1)
        return {key: self._window(key, account, numbers) for key, account in self._accounts.items()}

    def _window(self, key: SkillKey, account: Account, numbers: range) -> SkillSums:
        seen = [number for number in numbers if number in account.held]
        counts: Counts = [None] * len(COUNTS)
        for number in seen:
            counts = add(counts, account.held[number].counts)
        taken = [last for number in seen if (last := account.held[number].last) is not None]
        return SkillSums(
            **self._named(key, counts),
            since=instant(numbers.start),
            buckets=len(seen),
            gaps=len(numbers) - len(seen),
            coverage=account.covered(numbers.__contains__) / (len(numbers) * BUCKET_SECONDS),
            last_sample_at=datetime.fromtimestamp(max(taken), UTC) if taken else None,
        )

    def _sums(self, key: SkillKey, account: Account) -> SkillSums:
        newest = max([self._closed or 0, *account.held])
        span, last = self._now - account.first * BUCKET_SECONDS, account.last
        covered = account.folded_covered + account.covered()
        return SkillSums(
            **self._named(key, account.total),
            since=instant(account.first),
            buckets=account.buckets,
            gaps=newest - account.first + 1 - account.buckets,
            coverage=min(covered / span, 1.0) if span > 0 else 0.0,
            falls=account.falls,
            late=account.late,
            last_sample_at=None if last is None else datetime.fromtimestamp(last, UTC),
        )

    def _closed_bucket(self, number: int, key: SkillKey, revised: bool = False) -> ClosedBucket:
        bucket = self._accounts[key].held[number]
        return ClosedBucket(
            **self._named(key, bucket.counts),
            interval_start=instant(number),
            coverage=bucket.covered(number) / BUCKET_SECONDS,
            samples=bucket.samples,
            last_sample_at=None if bucket.last is None else datetime.fromtimestamp(bucket.last, UTC),
            revised=revised,
        )

    def _named(self, key: SkillKey, counts: Counts) -> dict[str, Any]:
        whose = {"vdn": key[0], "skill_id": key[1], "cc_id": self._cc_id}
        return whose | dict(zip(COUNTS, counts, strict=True))

    # State

    def _encoded(self) -> bytes:
        queues = [[*key, account.to_state()] for key, account in self._accounts.items()]
        body = {"cc_id": self._cc_id, "now": self._now, "closed": self._closed, "queues": queues}
        body["ahead"] = self._ahead.since
        return encode(KIND, VERSION, body)

    def _load(self, store: StateStore) -> None:
        body = load(store, KIND, VERSION)
        if body is None:
            return
        try:
            self._cc_id, self._now, self._closed = body["cc_id"], body["now"], body["closed"]
            self._ahead.since = body.get("ahead")
            self._accounts = {(vdn, skill): Account.from_state(one) for vdn, skill, one in body["queues"]}
        except (KeyError, TypeError, ValueError):
            raise damaged(store) from None
