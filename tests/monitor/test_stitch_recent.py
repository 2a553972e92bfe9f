"""The last buckets of each queue, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cc_async import SkillCallStats
from cc_async.monitor import Stitcher

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def sample(skill_id: int, number: int, offered: int) -> SkillCallStats:
    """A sample of a queue, taken 200 s into a bucket."""
    start = NOON + timedelta(minutes=5 * number)
    at = start + timedelta(seconds=200)
    return SkillCallStats(skill_id=skill_id, vdn=170, interval_start=start, offered=offered, sampled_at=at)


def test_the_last_closed_buckets_stand_in_order_with_holes_where_nothing_was_seen() -> None:
    """Oldest first, up to the last that is over; a bucket without a sample is None and moves none."""
    stitcher = Stitcher()
    for number, offered in ((0, 10), (1, 11), (3, 13), (4, 14)):
        stitcher.feed([sample(7, number, offered)])
    found = stitcher.recent(4)[170, 7]
    assert [None if one is None else one.offered for one in found] == [10, 11, None, 13]
    assert [None if one is None else one.offered for one in stitcher.recent(2)[170, 7]] == [None, 13]


def test_before_any_sample_there_are_none() -> None:
    """A stitcher that was never fed has no buckets."""
    assert Stitcher().recent() == {}


@pytest.mark.parametrize("buckets", [0, 13])
def test_more_than_an_hour_is_not_kept(buckets: int) -> None:
    """Buckets are kept one by one for an hour."""
    with pytest.raises(ValueError, match="1 to 12"):
        Stitcher().recent(buckets)
