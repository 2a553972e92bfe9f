"""The calls of every queue as a board shows them, read from the sums only when those have moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from cc_async.board import lines
from cc_async.board.lines import ClosedCalls
from cc_async.board.model import ROLLING_MINUTES, TREND_BUCKETS, Calls
from cc_async.contract.records import SkillCallStats
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import BUCKET_SECONDS, ClosedBucket, SkillKey, Stitched

_BUCKET = timedelta(seconds=BUCKET_SECONDS)


class Counting:
    """What the buckets of a stitcher come to; thousands of queues are looked at once in 5 minutes."""

    def __init__(self, stitcher: Stitcher) -> None:
        self._stitcher = stitcher
        self._levels: dict[SkillKey, dict[datetime, float | None]] = {}
        """Service level of the last closed buckets, by start."""
        self.closed: dict[SkillKey, ClosedCalls] = {}
        self.current: dict[SkillKey, Calls | None] = {}
        self.overall: Calls | None = None
        for buckets in stitcher.recent(TREND_BUCKETS).values():
            for bucket in buckets:
                if bucket is not None:
                    self._keep(bucket)
        self._read()

    def take(self, rows: Mapping[SkillKey, SkillCallStats], stitched: Stitched) -> None:
        """Take the newest samples of all queues, and what they closed, revised or missed."""
        self.current = {key: lines.current_calls(row) for key, row in rows.items()}
        for bucket in stitched.closed:
            self._keep(bucket)
        if stitched.closed or stitched.gaps:
            self._read()

    def _keep(self, bucket: ClosedBucket) -> None:
        level = lines.level_of(bucket)
        self._levels.setdefault(bucket.key, {})[bucket.interval_start] = level

    def _read(self) -> None:
        rolling, closed = self._stitcher.rolling(ROLLING_MINUTES), self._stitcher.closed
        if not rolling:
            return
        end = next(iter(rolling.values())).since + timedelta(minutes=ROLLING_MINUTES)
        starts = tuple(end - number * _BUCKET for number in range(TREND_BUCKETS, 0, -1))
        self.closed = {
            key: lines.closed_calls(closed.get(key), sums, tuple(self._trend(key, starts)))
            for key, sums in rolling.items()
        }
        shown = [sums for sums in rolling.values() if sums.buckets]
        self.overall = lines.calls_of(shown, shown[0].since) if shown else None

    def _trend(self, key: SkillKey, starts: tuple[datetime, ...]) -> Iterator[float | None]:
        """The levels of a queue at these starts; older ones are forgotten."""
        held = self._levels.get(key, {})
        self._levels[key] = {start: held[start] for start in starts if start in held}
        return (held.get(start) for start in starts)
