"""When to ask: the bounds of the server's clock, the grid of beats, the ends of buckets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.monitor.schedule import MOST_LEAD, SLACK, Aligned, Lead, Periodic, ServerClock

NOON = 1_772_625_600.0
"""A moment at which a bucket begins, epoch seconds."""


@given(
    ahead=st.floats(-1e5, 1e5),
    asks=st.lists(st.tuples(st.floats(0.1, 400), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=30),
)
def test_the_servers_clock_stays_within_its_bounds(
    ahead: float, asks: list[tuple[float, float, float]]
) -> None:
    """Whole-second Dates at any moment of an asking of any length never push the truth out of the bounds."""
    offset = NOON + ahead
    clock = ServerClock.unknown(0.0, NOON)
    now = 0.0
    for pause, took, share in asks:
        asked = now + pause
        now = asked + took
        date = math.floor(offset + asked + took * share)
        clock.learn([date], asked, now)
        assert clock.low - 1e-3 <= offset <= clock.high + 1e-3
        assert clock.high - clock.low <= 1 + took + 1e-3


def test_dates_at_different_moments_of_their_second_make_the_bounds_closer() -> None:
    """Ten answers spread over their seconds tell the server's clock to a tenth of a second or so."""
    clock = ServerClock.unknown(0.0, NOON + 50)
    for step in range(10):
        now = 10.0 + step * 1.1
        clock.learn([math.floor(NOON + 7.25 + now)], now, now)
    assert clock.high - clock.low < 0.11
    assert clock.low <= NOON + 7.25 <= clock.high


def test_a_clock_that_was_set_is_followed() -> None:
    """A server whose clock jumps by an hour is believed at the next answer."""
    clock = ServerClock.unknown(0.0, NOON)
    clock.learn([NOON + 10], 10.0, 10.0)
    clock.learn([NOON + 3620], 20.0, 20.0)
    assert clock.low == NOON + 3600
    assert clock.high == NOON + 3601


def test_an_answer_without_dates_teaches_nothing() -> None:
    """No Dates, no change."""
    clock = ServerClock.unknown(5.0, NOON)
    clock.learn([], 6.0, 7.0)
    assert (clock.low, clock.high) == (NOON - 5, NOON - 5)


def test_the_grid_of_beats_does_not_drift() -> None:
    """However long the askings take, beats stay on multiples of the period."""
    grid = Periodic(10.0, 100.0)
    assert grid.next(100.4) == (110.0, 0)
    assert grid.next(119.9) == (120.0, 0)
    assert grid.next(120.0) == (130.0, 0)


def test_beats_that_were_overrun_are_counted_and_not_made_up_for() -> None:
    """An asking from 110 to 145 skips the beats of 120, 130 and 140."""
    grid = Periodic(10.0, 100.0)
    assert grid.next(100.0) == (110.0, 0)
    assert grid.next(145.0) == (150.0, 3)


@given(st.lists(st.floats(0, 60), max_size=40), st.floats(0.5, 30))
def test_every_moment_of_the_grid_is_asked_or_told_as_skipped(pauses: list[float], every: float) -> None:
    """Beats asked and beats skipped together are all there were, in order, and none is due in the past."""
    grid, now, told = Periodic(every, 0.0), 0.0, 0
    for pause in pauses:
        due, skipped = grid.next(now)
        told += 1 + skipped
        assert due == pytest.approx(told * every)
        assert due > now - 1e-6
        now = due + pause


def exact(now: float = 0.0) -> ServerClock:
    """A server whose clock is known exactly: it shows NOON at monotonic 0."""
    return ServerClock(NOON, NOON, now)


def test_an_aligned_beat_is_due_its_lead_before_the_end_of_the_bucket() -> None:
    """At 12:01:40 the next beat, with 2 s of lead, is at 12:04:58; after it comes 12:09:58."""
    beats = Aligned()
    assert beats.next(100.0, exact(), 2.0) == (298.0, 0)
    assert beats.next(298.5, exact(), 2.0) == (598.0, 0)


def test_what_the_servers_clock_is_uncertain_by_comes_on_top_of_the_lead() -> None:
    """A clock that may be up to 0.8 s further on is asked 0.8 s earlier."""
    beats = Aligned()
    due, _ = beats.next(100.0, ServerClock(NOON, NOON + 0.8, 0.0), 2.0)
    assert due == pytest.approx(297.2)


def test_a_bucket_that_is_nearly_over_is_asked_at_once() -> None:
    """With less time left than the lead the beat is due already, and the bucket is not given up."""
    due, skipped = Aligned().next(299.5, exact(), 2.0)
    assert (due, skipped) == (298.0, 0)


def test_ends_of_buckets_that_passed_are_told() -> None:
    """An asking that lasted from 12:04:58 to 12:15:10 skipped the ends of 12:10 and 12:15."""
    beats = Aligned()
    beats.next(100.0, exact(), 2.0)
    assert beats.next(910.0, exact(), 2.0) == (1198.0, 2)


def test_a_server_clock_that_was_set_back_is_followed() -> None:
    """When the server's clock goes back an hour, the next beat is at the next end it will show."""
    beats = Aligned()
    beats.next(100.0, exact(), 2.0)
    back = ServerClock(NOON - 3600, NOON - 3600, 299.0)
    assert beats.next(299.0, back, 2.0) == (298.0, 0)


def test_a_bucket_has_one_beat_only() -> None:
    """A beat that was over before the end of its bucket is followed by the next bucket's."""
    beats = Aligned()
    beats.next(0.0, exact(), 2.0)
    assert beats.next(298.1, exact(), 2.0)[0] == 598.0


def test_the_lead_is_what_the_plan_says_before_anything_was_asked() -> None:
    """50 requests at 10 a second take 4 s, so the lead is 4 s and the slack."""
    assert Lead().seconds(4.0) == 4.0 + SLACK


def test_one_slow_beat_does_not_lengthen_the_lead_but_two_do() -> None:
    """The second longest of the last beats counts."""
    lead = Lead()
    for taken in (0.5, 0.5, 40.0, 0.4):
        lead.note(taken)
    assert lead.seconds(0.0) == 0.5 + SLACK
    lead.note(38.0)
    assert lead.seconds(0.0) == 38.0 + SLACK


def test_the_lead_has_a_limit_and_can_be_given() -> None:
    """Half a bucket is the most; what the user gives holds whatever the beats take."""
    assert Lead().seconds(1000.0) == MOST_LEAD
    given_lead = Lead(3.0)
    given_lead.note(60.0)
    assert given_lead.seconds(5.0) == 3.0
