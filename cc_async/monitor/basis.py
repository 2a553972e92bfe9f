"""What a figure rests on: which rows, how much of the time and of the question they cover, their age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from attrs import frozen

from cc_async.batch.result import Batch
from cc_async.monitor.sums import BUCKET_SECONDS


class Counted(Protocol):
    """Anything with the counts of calls: ``SkillCallStats``, ``SkillSums``, ``ClosedBucket``..."""

    @property
    def offered(self) -> int | None: ...  # noqa: D102
    @property
    def connected(self) -> int | None: ...  # noqa: D102
    @property
    def lost(self) -> int | None: ...  # noqa: D102
    @property
    def connected_in_20s(self) -> int | None: ...  # noqa: D102
    @property
    def wrapped_up(self) -> int | None: ...  # noqa: D102
    @property
    def wrap_up_seconds(self) -> int | None: ...  # noqa: D102


T = TypeVar("T")


@frozen
class Basis:
    """The validity of whatever is computed from some rows."""

    coverage: float | None
    age_seconds: float | None
    note: str = ""


def rows_of(given: T | Iterable[T]) -> Sequence[T]:
    """One record, a batch, the values of a mapping, or any rows: as a sequence."""
    if isinstance(given, Mapping):
        return tuple(given.values())
    if isinstance(given, Iterable):
        return given if isinstance(given, Sequence) else tuple(given)
    return (given,)


def basis(given: Any, rows: Sequence[Any], now: datetime | None) -> Basis:
    """What these rows are worth at a moment; ``given``, what they came in, may know what is missing."""
    share, note = _answered(given, rows)
    seen = _seen(rows)
    coverage = seen if share is None else share if seen is None else seen * share
    return Basis(coverage, age(rows, now), note)


def age(rows: Iterable[Any], now: datetime | None) -> float | None:
    """Seconds since the newest sample of the queue (agent, task) that was sampled longest ago."""
    if now is None:
        return None
    newest: dict[Any, datetime] = {}
    for row in rows:
        at = sampled_at(row)
        if at is None:
            continue
        whose = getattr(row, "cc_id", None), getattr(row, "vdn", None), getattr(row, "key", None)
        newest[whose] = max(at, newest.get(whose, at))
    return max((now - min(newest.values())).total_seconds(), 0.0) if newest else None


def sampled_at(row: Any) -> datetime | None:
    """When a row of any kind was true."""
    at: datetime | None = getattr(row, "sampled_at", None) or getattr(row, "last_sample_at", None)
    return at


def _answered(given: Any, rows: Sequence[Any]) -> tuple[float | None, str]:
    """The share of a batch that arrived; where it cannot be counted, only that some is missing."""
    if not isinstance(given, Batch) or given.complete:
        return None, ""
    missing = len(given.rejected)
    for failure in given.failures:
        if not failure.keys:
            return None, "parts of the answer are missing"
        missing += len(failure.keys)
    return len(rows) / (len(rows) + missing), f"{missing:,} of {len(rows) + missing:,} are missing"


def _seen(rows: Sequence[Any]) -> float | None:
    """The share of the time the rows count in that was seen, weighted by time."""
    seen = whole = 0.0
    for row in rows:
        coverage, weight = getattr(row, "coverage", None), _buckets(row)
        if coverage is None:
            coverage = _seen_of_bucket(row)
        if coverage is None:
            return None
        seen += coverage * weight
        whole += weight
    return seen / whole if whole else None


def _buckets(row: Any) -> int:
    return max(int(getattr(row, "buckets", 1)) + int(getattr(row, "gaps", 0)), 1)


def _seen_of_bucket(row: Any) -> float | None:
    """How far into its bucket a sample was taken."""
    start: datetime | None = getattr(row, "interval_start", None)
    at: datetime | None = getattr(row, "sampled_at", None)
    if start is None or at is None:
        return None
    return min(max((at - start).total_seconds() / BUCKET_SECONDS, 0.0), 1.0)
