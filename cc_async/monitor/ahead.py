"""When samples were taken; those dated far ahead are kept back until the next ones agree."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median_low

from cc_async.contract.records import SkillCallStats
from cc_async.monitor.account import HELD
from cc_async.monitor.sums import BUCKET_SECONDS

FAR = (HELD - 1) * BUCKET_SECONDS
"""Seconds ahead from which a sample would make those of now come too late."""

Dated = tuple[float, int, SkillCallStats]
"""A sample, when it was taken (epoch seconds), and its bucket."""


class Ahead:
    """Sorts out the samples of one feeding after another.

    A jump of more than an hour is an outage that is over, or one server's wrong clock: the next feeding
    tells which. Samples of many buckets in one feeding are a history, and in order.
    """

    def __init__(self) -> None:
        self._kept: list[Dated] = []
        self.since: float | None = None
        """The time that is doubted; outlives a restart, where the samples do not."""

    def sift(self, samples: list[Dated], now: float) -> tuple[list[Dated], int]:
        """The samples to be counted, those kept back before included, and how many of these are refused.

        ``now`` is the newest time that is known, 0 for none.
        """
        if not samples:
            return [], 0
        kept, since, refused = self._kept, self.since, 0
        middle = median_low(at for at, *_ in samples)
        if since is not None and middle >= since - FAR:
            now = middle
        else:
            kept, refused = [], len(kept)
        limit = (now or middle) + FAR
        far = [at for at, *_ in samples if at > limit]
        if not far or max(far) - min(far) > BUCKET_SECONDS:
            self._kept, self.since = [], None
            return kept + samples, refused
        self._kept, self.since = [one for one in samples if one[0] > limit], min(far)
        return kept + [one for one in samples if one[0] <= limit], refused


def dated(rows: Iterable[SkillCallStats]) -> tuple[list[Dated], int]:
    """The samples with their times, and how many have none."""
    found: list[Dated] = []
    refused = 0
    for row in rows:
        at = None if row.sampled_at is None else row.sampled_at.timestamp()
        number = _bucket(row, at)
        if number is None:
            refused += 1
        else:
            found.append((number * BUCKET_SECONDS if at is None else at, number, row))
    return found, refused


def _bucket(row: SkillCallStats, at: float | None) -> int | None:
    """The bucket a row counts in: by its start, which may be some seconds off the grid; None: cannot tell."""
    asked = None if at is None else int(at // BUCKET_SECONDS)
    number = 0 if row.interval_start is None else int(row.interval_start.timestamp() // BUCKET_SECONDS)
    if number <= 0:
        return asked  # the server does not say
    # The bucket may roll over between the counting and the Date of the answer; more than that is no start.
    return number if asked is None or abs(number - asked) <= 1 else None
