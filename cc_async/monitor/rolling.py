"""Rolling sums of the last closed buckets of each queue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from cc_async.monitor.sums import BUCKET_SECONDS, COUNTS, ClosedBucket, SkillKey, SkillSums

MOST_MINUTES = 24 * 60


def rolling(
    buckets: Iterable[ClosedBucket], minutes: int = 30, *, end: datetime | None = None
) -> dict[SkillKey, SkillSums]:
    """The sums of the last 15, 30... minutes of closed buckets, by (vdn, skill_id); gaps lower the coverage.

    Args:
        buckets: of any queues and order; of a bucket that was told again (``revised``) the later one counts.
        minutes: a multiple of 5, up to a day.
        end: end of the last bucket to count (aware, on the grid of 5 minutes); by default that of the newest.

    Raises:
        ValueError: minutes or an end off the grid.
    """
    count, rest = divmod(minutes * 60, BUCKET_SECONDS)
    if rest or not 0 < minutes <= MOST_MINUTES:
        raise ValueError(f"minutes must be 5, 10... {MOST_MINUTES}, not {minutes}")
    if end is not None and end.timestamp() % BUCKET_SECONDS:
        raise ValueError("end must be the end of a bucket")
    by_key: dict[SkillKey, dict[datetime, ClosedBucket]] = {}
    for bucket in buckets:
        by_key.setdefault(bucket.key, {})[bucket.interval_start] = bucket
    last = end or max((max(held) for held in by_key.values()), default=None)
    if last is None:
        return {}
    stop = end or last + timedelta(seconds=BUCKET_SECONDS)
    begin = stop - timedelta(minutes=minutes)
    return {key: _sums(key, held, begin, stop, count) for key, held in by_key.items()}


def _sums(
    key: SkillKey, held: dict[datetime, ClosedBucket], begin: datetime, end: datetime, count: int
) -> SkillSums:
    inside = [bucket for start, bucket in held.items() if begin <= start < end]
    # The names of COUNTS are those of the fields; a type checker cannot know.
    sums: dict[str, Any] = {name: _sum(getattr(bucket, name) for bucket in inside) for name in COUNTS}
    dated = [bucket.last_sample_at for bucket in inside if bucket.last_sample_at is not None]
    return SkillSums(
        skill_id=key[1],
        vdn=key[0],
        cc_id=next(iter(held.values())).cc_id,
        since=begin,
        buckets=len(inside),
        gaps=count - len(inside),
        coverage=sum(bucket.coverage for bucket in inside) / count,
        last_sample_at=max(dated, default=None),
        **sums,
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
