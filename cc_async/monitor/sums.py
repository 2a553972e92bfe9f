"""What comes out of stitching: running sums, closed 5-minute buckets and gaps, one of each per queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from attrs import fields, frozen

BUCKET_SECONDS = 300
"""The counters of ``skill/currentcallstateinfo`` restart on every multiple of this, in epoch seconds."""

COUNTERS = (
    "offered",
    "connected",
    "ended",
    "ivr_seconds",
    "connected_in_20s",
    "wrapped_up",
    "wrap_up_seconds",
)
"""Fields that only grow within a bucket."""

COUNTS = (*COUNTERS, "lost")
"""All count fields, named as in ``SkillCallStats``; ``lost`` is a difference and may fall."""

SkillKey = tuple[int | None, int]
"""(vdn, skill_id)."""


@frozen(kw_only=True)
class SkillSums:
    """The calls of one skill queue over many buckets, each call counted once.

    The counters never go down from one reading to the next. ``lost`` is the sum of offered minus connected
    and may: a call that waited is lost until it is connected. A count is None when the server never sent it.
    Calls of the last moments of a bucket, after its last sample, are not in the sums: see ``coverage``.
    """

    skill_id: int
    vdn: int | None = None
    cc_id: int | None = None
    offered: int | None = None
    connected: int | None = None
    lost: int | None = None
    ended: int | None = None
    ivr_seconds: int | None = None
    connected_in_20s: int | None = None
    wrapped_up: int | None = None
    wrap_up_seconds: int | None = None
    since: datetime
    """Start of the first bucket summed (aware, UTC)."""
    buckets: int = 0
    """Buckets that are in the sums, the current one included."""
    gaps: int = 0
    """Closed buckets since then of which there was no sample: their calls are missing."""
    coverage: float = 0.0
    """Share of the time that was seen, 0..1: of each bucket the part before its last sample."""
    falls: int = 0
    """Samples with a counter lower than an earlier one of the same bucket; the highest was kept."""
    late: int = 0
    """Samples of buckets too old to be told apart from what is in the sums; they were left out."""
    last_sample_at: datetime | None = None

    @property
    def key(self) -> SkillKey:
        """(vdn, skill_id)."""
        return self.vdn, self.skill_id

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, ready for JSON; instants as ISO 8601 text in UTC."""
        return to_dict(self)


@frozen(kw_only=True)
class ClosedBucket:
    """The calls of one skill queue in one bucket that is over.

    ``interval_start`` is its start (aware, UTC); the counts are those of its last moments that were seen.
    """

    skill_id: int
    vdn: int | None = None
    cc_id: int | None = None
    interval_start: datetime
    offered: int | None = None
    connected: int | None = None
    lost: int | None = None
    ended: int | None = None
    ivr_seconds: int | None = None
    connected_in_20s: int | None = None
    wrapped_up: int | None = None
    wrap_up_seconds: int | None = None
    coverage: float = 0.0
    """Share of the bucket before its last sample, 0..1; what came after it is not in the counts."""
    samples: int = 0
    last_sample_at: datetime | None = None
    revised: bool = False
    """True: it was told before, and a late sample has raised its counts since."""

    @property
    def interval_end(self) -> datetime:
        """Its end, which belongs to the next bucket."""
        return self.interval_start + timedelta(seconds=BUCKET_SECONDS)

    @property
    def key(self) -> SkillKey:
        """(vdn, skill_id)."""
        return self.vdn, self.skill_id

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, ready for JSON; instants as ISO 8601 text in UTC."""
        return to_dict(self)


@frozen(kw_only=True)
class Gap:
    """Closed buckets of one queue in a row of which there was no sample: [begin, end)."""

    skill_id: int
    vdn: int | None = None
    begin: datetime
    end: datetime

    @property
    def key(self) -> SkillKey:
        """(vdn, skill_id)."""
        return self.vdn, self.skill_id

    @property
    def buckets(self) -> int:
        """How many buckets it is."""
        return round((self.end - self.begin).total_seconds() / BUCKET_SECONDS)


@frozen
class Stitched:
    """What one feeding brought."""

    closed: tuple[ClosedBucket, ...] = ()
    """Buckets that are over since the feeding before, and older ones that were revised; oldest first."""
    gaps: tuple[Gap, ...] = ()
    """What was missed since the feeding before."""
    refused: int = 0
    """Rows whose bucket cannot be told: no time at all, a start far from the moment of asking, or over an
    hour ahead of the others."""


def to_dict(record: Any) -> dict[str, Any]:
    """Every field by name, ready for JSON."""
    pairs = ((item.name, getattr(record, item.name)) for item in fields(type(record)))
    return {name: _plain(value) for name, value in pairs}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().removesuffix("+00:00") + "Z"
    return value
