"""Stitching: each call once, whatever the order of samples; what is missing is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from cc_async import Batch, SkillCallStats
from cc_async.monitor import ClosedBucket, SkillSums, Stitcher
from cc_async.monitor.sums import COUNTERS, COUNTS

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BUCKET = timedelta(minutes=5)
KEY = (170, 7)


def sample(
    at: float, offered: int | None = None, *, skill_id: int = 7, bucket: float | None = None, **counts: Any
) -> SkillCallStats:
    """A row of queue 7, asked ``at`` seconds after noon; ``bucket``: the start it shows, if another one."""
    moment = NOON + timedelta(seconds=at)
    start = NOON + timedelta(seconds=at // 300 * 300 if bucket is None else bucket)
    return SkillCallStats(
        skill_id,
        interval_start=start,
        start_time=start,
        offered=offered,
        sampled_at=moment,
        cc_id=counts.pop("cc_id", 1),
        vdn=counts.pop("vdn", 170),
        **counts,
    )


def offered_of(stitcher: Stitcher) -> int | None:
    """The offered calls of queue 7."""
    return stitcher.sums[KEY].offered


def test_every_count_field_of_the_record_is_summed() -> None:
    """Sums and closed buckets have the count fields of the record under the same names."""
    known = {"skill_id", "interval_start", "start_time", "sampled_at", "cc_id", "vdn"}
    counts = {item.name for item in fields(SkillCallStats)} - known
    assert counts == set(COUNTS)
    for result in (SkillSums, ClosedBucket):
        assert counts <= {item.name for item in fields(result)}


def test_samples_of_one_bucket_are_not_added() -> None:
    """3, 5 and 9 calls so far in one bucket are 9 calls; 4 in the next make 13."""
    stitcher = Stitcher()
    for at, offered in ((10, 3), (100, 5), (290, 9), (310, 4)):
        stitcher.feed([sample(at, offered)])
    assert offered_of(stitcher) == 13


@given(st.data())
def test_the_order_of_samples_does_not_matter(data: st.DataObject) -> None:
    """Samples of an hour in any order, some twice: the counters of each bucket's highest, added."""
    growths = data.draw(
        st.lists(
            st.lists(st.tuples(st.floats(0, 299), st.integers(0, 9)), min_size=1, max_size=4),
            min_size=1,
            max_size=11,
        )
    )
    samples, truth = [], 0
    for number, growth in enumerate(growths):
        count = 0
        for offset, more in sorted(growth):
            count += more
            samples.append(sample(number * 300 + offset, count))
        truth += count
    again = data.draw(st.lists(st.sampled_from(samples), max_size=5))
    stitcher = Stitcher()
    before = 0
    for row in data.draw(st.permutations(samples + again)):
        stitcher.feed([row])
        now = offered_of(stitcher) or 0
        assert now >= before
        before = now
    assert before == truth
    sums = stitcher.sums[KEY]
    assert (sums.buckets, sums.gaps) == (len(growths), 0)


def test_a_bucket_that_rolls_over_inside_a_batch_is_not_mixed() -> None:
    """Rows of two buckets in one batch count each in its own."""
    stitcher = Stitcher()
    stitcher.feed(Batch.of([sample(299, 10), sample(301, 2, skill_id=8)]))
    stitcher.feed(Batch.of([sample(599, 4), sample(599, 6, skill_id=8)]))
    assert offered_of(stitcher) == 14
    assert stitcher.sums[170, 8].offered == 6


def test_a_start_off_the_grid_is_the_same_bucket() -> None:
    """Starts that differ by some seconds within 5 minutes are one bucket (the vendor's sample is 2 s off)."""
    rows = [sample(10, 3), sample(20, 4), sample(40, 6)]
    starts = (NOON, NOON + timedelta(seconds=2), NOON + timedelta(seconds=1))
    stitcher = Stitcher()
    for row, start in zip(rows, starts, strict=True):
        stitcher.feed([SkillCallStats(7, NOON, start, row.offered, sampled_at=row.sampled_at, vdn=170)])
    assert offered_of(stitcher) == 6


def test_a_counter_that_falls_within_a_bucket_keeps_its_highest_and_is_told() -> None:
    """A newer sample with fewer calls changes nothing and is counted; an older one is no fall."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, 9)])
    stitcher.feed([sample(50, 4)])
    assert stitcher.sums[KEY].falls == 0
    stitcher.feed([sample(200, 2)])
    sums = stitcher.sums[KEY]
    assert (sums.offered, sums.falls) == (9, 1)


def test_lost_goes_with_the_newest_sample() -> None:
    """Calls that waited and were connected then are lost no longer; an older sample does not change that."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, 9, connected=5, lost=4)])
    stitcher.feed([sample(200, 10, connected=10, lost=0)])
    stitcher.feed([sample(150, 9, connected=6, lost=3)])
    assert stitcher.sums[KEY].lost == 0
    stitcher.feed([sample(310, 1, connected=3, lost=-2)])
    assert stitcher.sums[KEY].lost == -2


def test_what_the_server_never_said_stays_unknown() -> None:
    """A count that was in no row is None, not 0."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, 9)])
    stitcher.feed([sample(400, None, ended=2)])
    sums = stitcher.sums[KEY]
    assert (sums.offered, sums.ended, sums.connected) == (9, 2, None)


def test_a_missed_bucket_is_told_as_a_gap_and_not_filled() -> None:
    """Samples at 12:04 and 12:16 leave two buckets out: told once, counted, and no call is made up."""
    stitcher = Stitcher()
    stitcher.feed([sample(290, 5)])
    stitched = stitcher.feed([sample(960, 1)])
    assert [(gap.key, gap.begin, gap.end, gap.buckets) for gap in stitched.gaps] == [
        (KEY, NOON + BUCKET, NOON + 3 * BUCKET, 2)
    ]
    assert stitcher.feed([sample(980, 2)]).gaps == ()
    sums = stitcher.sums[KEY]
    assert (sums.offered, sums.buckets, sums.gaps) == (7, 2, 2)


def test_a_queue_that_is_absent_has_a_gap_of_its_own() -> None:
    """Queue 8 missing in one bucket is a gap of queue 8 only."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, 1), sample(100, 1, skill_id=8)])
    stitcher.feed([sample(400, 1)])
    stitched = stitcher.feed([sample(700, 1), sample(700, 1, skill_id=8)])
    assert [gap.key for gap in stitched.gaps] == [(170, 8)]
    assert stitcher.sums[KEY].gaps == 0
    assert stitcher.sums[170, 8].gaps == 1


def test_a_late_sample_fills_its_gap_and_revises_its_bucket() -> None:
    """A sample that comes two buckets late is summed, and its closed bucket comes out again, marked."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, 5)])
    stitcher.feed([sample(700, 1)])
    stitched = stitcher.feed([sample(450, 8)])
    (revised,) = stitched.closed
    assert (revised.interval_start, revised.offered, revised.revised) == (NOON + BUCKET, 8, True)
    sums = stitcher.sums[KEY]
    assert (sums.offered, sums.gaps) == (14, 0)


def test_a_sample_that_is_an_hour_late_is_left_out_and_told() -> None:
    """What can no longer be told apart from the sum is not added to it."""
    stitcher = Stitcher()
    for number in range(20):
        stitcher.feed([sample(number * 300 + 10, 1)])
    stitcher.feed([sample(20, 5)])
    sums = stitcher.sums[KEY]
    assert (sums.offered, sums.late, sums.buckets) == (20, 1, 20)


def test_a_quiet_queue_keeps_its_sums() -> None:
    """A queue that was not seen for two hours while others were still has its sums and its gaps."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, 5), sample(100, 1, skill_id=8)])
    for number in range(1, 25):
        stitcher.feed([sample(number * 300 + 100, 1, skill_id=8)])
    sums = stitcher.sums[KEY]
    assert (sums.offered, sums.buckets, sums.gaps) == (5, 1, 23)
    assert sums.last_sample_at == NOON + timedelta(seconds=100)
    stitcher.feed([sample(7_400, 2), sample(7_400, 3, skill_id=8)])
    assert stitcher.sums[KEY].offered == 7


def test_many_buckets_in_one_feeding_all_come_out() -> None:
    """Rows of three hours at once: every bucket closed once, in order, none told as a gap."""
    stitcher = Stitcher()
    stitched = stitcher.feed(sample(number * 300 + 290, number) for number in range(36))
    assert [one.offered for one in stitched.closed] == list(range(36))
    assert stitched.gaps == ()
    assert stitcher.sums[KEY].offered == sum(range(36))


def test_the_last_beat_of_a_bucket_closes_it() -> None:
    """A sample 1 s before the end gives the closed bucket at once, and says how much of it was seen."""
    stitcher = Stitcher()
    assert stitcher.feed([sample(200, 3)]).closed == ()
    (closed,) = stitcher.feed([sample(299, 9)]).closed
    assert (closed.offered, closed.samples, closed.revised) == (9, 2, False)
    assert closed.coverage == pytest.approx(299 / 300)
    assert (closed.interval_start, closed.interval_end) == (NOON, NOON + BUCKET)
    assert stitcher.closed == {KEY: closed}
    assert stitcher.feed([sample(599, 4)]).closed[0].offered == 4


def test_without_settling_a_bucket_closes_with_the_next() -> None:
    """settle=0: only a sample after the end closes a bucket."""
    stitcher = Stitcher(settle=0)
    assert stitcher.feed([sample(299, 9)]).closed == ()
    assert [one.offered for one in stitcher.feed([sample(301, 1)]).closed] == [9]


def test_rolling_windows_hold_the_last_closed_buckets_only() -> None:
    """15 minutes are the last three closed buckets; the current one is not among them."""
    stitcher = Stitcher()
    for number, offered in enumerate((100, 1, 2, 4)):
        stitcher.feed([sample(number * 300 + 299, offered)])
    stitcher.feed([sample(1300, 50)])
    window = stitcher.rolling(15)[KEY]
    assert (window.offered, window.buckets, window.gaps) == (7, 3, 0)
    assert (window.since, window.last_sample_at) == (NOON + BUCKET, NOON + timedelta(seconds=1199))
    assert window.coverage == pytest.approx(299 / 300)


def test_a_rolling_window_says_what_it_has_not_seen() -> None:
    """Half an hour of which only the last bucket was seen: five gaps, and a sixth of it covered."""
    stitcher = Stitcher()
    stitcher.feed([sample(299, 6)])
    window = stitcher.rolling(30)[KEY]
    assert (window.offered, window.buckets, window.gaps) == (6, 1, 5)
    assert window.coverage == pytest.approx(299 / 1800)


@pytest.mark.parametrize("minutes", [0, 7, 65, -5])
def test_rolling_windows_are_whole_buckets_of_an_hour_at_most(minutes: int) -> None:
    """Anything but 5, 10... 60 minutes is refused."""
    with pytest.raises(ValueError, match="minutes must be"):
        Stitcher().rolling(minutes)


def test_coverage_is_the_share_of_time_before_the_last_samples() -> None:
    """Seen to 300 of 300 s, nothing of 300 s, 150 of 150 s: 450 of 750 s."""
    stitcher = Stitcher(settle=0)
    stitcher.feed([sample(300, 5, bucket=0)])
    stitcher.feed([sample(750, 1)])
    assert stitcher.sums[KEY].coverage == pytest.approx(450 / 750)


@pytest.mark.parametrize("start", [86_400, -86_400])
def test_a_row_whose_bucket_cannot_be_told_is_refused_and_told(start: float) -> None:
    """A start a day from the moment of asking would tear the sums apart."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, 5)])
    assert stitcher.feed([sample(200, 90, bucket=start)]).refused == 1
    assert offered_of(stitcher) == 5


def test_a_row_without_any_time_is_refused() -> None:
    """Neither a start nor a moment of asking: no bucket."""
    stitcher = Stitcher()
    assert stitcher.feed([SkillCallStats(7, offered=5)]).refused == 1
    assert stitcher.sums == {}
    assert stitcher.closed == {}
    assert stitcher.rolling() == {}


@pytest.mark.parametrize("start", [None, datetime.fromtimestamp(0, UTC)])
def test_a_server_that_does_not_say_the_start_is_counted_by_the_moment_of_asking(
    start: datetime | None,
) -> None:
    """No start, or 0: the bucket is that of the Date."""
    stitcher = Stitcher()
    for at, offered in ((100, 4), (400, 5)):
        moment = NOON + timedelta(seconds=at)
        stitcher.feed([SkillCallStats(7, start, start, offered, sampled_at=moment, vdn=170)])
    assert offered_of(stitcher) == 9


def test_rows_made_by_hand_need_no_moment() -> None:
    """Rows without sampled_at are summed; how much of the time they cover is not known."""
    stitcher = Stitcher()
    rows = [SkillCallStats(7, NOON + n * BUCKET, offered=n + 1, vdn=170) for n in range(3)]
    stitcher.feed(rows)
    sums = stitcher.sums[KEY]
    assert (sums.offered, sums.coverage, sums.last_sample_at) == (6, 0.0, None)


def test_queues_of_several_vdns_are_kept_apart() -> None:
    """The same id in two VDNs is two queues."""
    stitcher = Stitcher()
    stitcher.feed([sample(10, 1), sample(10, 2, vdn=171)])
    assert {key: sums.offered for key, sums in stitcher.sums.items()} == {KEY: 1, (171, 7): 2}


def test_rows_of_another_call_center_are_an_error() -> None:
    """One Stitcher is for one call center: ids of two would be mixed."""
    stitcher = Stitcher()
    stitcher.feed([sample(10, 1)])
    with pytest.raises(ValueError, match="call center 2"):
        stitcher.feed([sample(10, 1, cc_id=2)])


@pytest.mark.parametrize("settle", [-1, 61])
def test_settle_has_bounds(settle: float) -> None:
    """Below 0 or above a minute is refused."""
    with pytest.raises(ValueError, match="settle"):
        Stitcher(settle=settle)


def test_results_are_ready_for_json() -> None:
    """Sums and closed buckets become dicts of plain values, instants as text in UTC."""
    stitcher = Stitcher()
    (closed,) = stitcher.feed([sample(299, 9)]).closed
    told = closed.to_dict()
    assert (told["interval_start"], told["offered"]) == ("2026-03-04T12:00:00Z", 9)
    assert stitcher.sums[KEY].to_dict()["since"] == "2026-03-04T12:00:00Z"
    assert closed.key == stitcher.sums[KEY].key == KEY


def _counts(record: object, names: Iterable[str]) -> list[int | None]:
    return [getattr(record, name) for name in names]


def test_each_counter_has_its_own_highest() -> None:
    """A sample that is ahead in one field and behind in another: of each the highest, since all only grow."""
    stitcher = Stitcher()
    stitcher.feed([sample(100, **dict.fromkeys(COUNTERS, 5))])
    stitcher.feed([sample(100, **{name: 5 + (-1) ** n for n, name in enumerate(COUNTERS)})])
    expected: list[int | None] = [6 if n % 2 == 0 else 5 for n in range(len(COUNTERS))]
    assert _counts(stitcher.sums[KEY], COUNTERS) == expected


DAY = 86_400.0


def test_a_sample_of_a_wrong_clock_does_not_move_time() -> None:
    """Dated a day ahead between samples of now, it is refused and told; what comes after it still counts."""
    stitcher = Stitcher()
    stitcher.feed([sample(10, 3)])
    assert stitcher.feed([sample(100 + DAY, 90)]).refused == 0  # an outage may be over: the next one tells
    told = stitcher.feed([sample(290, 9)])
    assert (told.refused, [one.offered for one in told.closed]) == (1, [9])
    assert offered_of(stitcher) == 9
    assert stitcher.sums[KEY].late == 0
    assert [one.offered for one in stitcher.feed([sample(590, 4)]).closed] == [4]


def test_one_queue_of_a_wrong_clock_does_not_move_the_others() -> None:
    """One answer of many is dated a day ahead, in the very first feeding and always: the others count."""
    stitcher = Stitcher()
    refused = 0
    for number in range(4):
        at = 290.0 + 300 * number
        rows = [sample(at, 5, skill_id=skill) for skill in (1, 2)]
        refused += stitcher.feed([*rows, sample(at + DAY, 5)]).refused
    assert refused == 3
    assert {key[1]: one.offered for key, one in stitcher.sums.items()} == {1: 20, 2: 20}


@pytest.mark.parametrize("hours", [2, 24, 24 * 30])
def test_after_an_outage_no_sample_is_lost(hours: int) -> None:
    """The first samples after hours without any wait for the next ones, and count then, gap and all."""
    stitcher = Stitcher()
    stitcher.feed([sample(10, 3)])
    back = hours * 3600.0
    assert stitcher.feed([sample(back + 290, 5)]).closed == ()
    told = stitcher.feed([sample(back + 310, 1)])
    assert (told.refused, len(told.gaps)) == (0, 1)
    assert offered_of(stitcher) == 9
    assert stitcher.sums[KEY].gaps == hours * 12 - 1


def test_an_outage_ends_for_processes_that_feed_once(tmp_path: Path) -> None:
    """A check that is started anew each time goes on after hours without one, a run later."""
    for at in (10.0, 7200.0, 14_000.0, 14_100.0):
        stitcher = Stitcher(state_file=tmp_path / "sums.json")
        stitcher.feed([sample(at, 3)])
        stitcher.save()
    assert stitcher.sums[KEY].last_sample_at == NOON + timedelta(seconds=14_100)
