"""The figures of calls: formulas by hand, what is none and why, bounds, and what a figure says of itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cc_async import Batch, ConnectError, Failure, Question, SkillCallStats, SystemIndicators
from cc_async.contract.spec import Group
from cc_async.monitor import figures
from cc_async.monitor.figure import Figure, duration, exactly, none
from cc_async.monitor.rolling import rolling
from cc_async.monitor.sums import ClosedBucket

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
BUCKET = timedelta(minutes=5)


def calls(skill_id: int = 7, **counts: Any) -> SkillCallStats:
    """A sample from the end of the bucket of 10:00."""
    dated = {"interval_start": AT, "sampled_at": AT + BUCKET, "vdn": 170}
    return SkillCallStats(skill_id=skill_id, **(dated | counts))


def closed(number: int, skill_id: int = 7, **counts: Any) -> ClosedBucket:
    """A closed bucket, so many after 10:00."""
    start = AT + number * BUCKET
    given = {"coverage": 1.0, "last_sample_at": start + BUCKET} | counts
    return ClosedBucket(skill_id=skill_id, vdn=170, interval_start=start, **given)


DAY = [
    calls(1, offered=60, connected=50, lost=10, connected_in_20s=48, wrapped_up=40, wrap_up_seconds=2000),
    calls(2, offered=9, connected=9, lost=0, connected_in_20s=8, wrapped_up=10, wrap_up_seconds=1000),
]


@pytest.mark.parametrize(
    ("figure", "above", "below"),
    [
        (figures.service_level, 48 + 8, 60 + 9),
        (figures.service_level_of_connected, 48 + 8, 50 + 9),
        (figures.lost_rate, 10, 69),
        (figures.connection_rate, 59, 69),
        (figures.average_wrap_up, 3000, 50),
    ],
)
def test_over_several_queues_sums_are_divided(figure: Callable[..., Figure], above: int, below: int) -> None:
    """Numerators and denominators are added, then divided: a mean of percentages would be another number."""
    found = figure(DAY)
    assert found.value == pytest.approx(above / below)
    assert (found.low, found.high, found.count) == (found.value, found.value, below)
    means = [figure(row).value or 0 for row in DAY]
    assert found.value != pytest.approx(sum(means) / len(means))


def test_one_record_a_batch_a_mapping_and_closed_buckets_are_all_taken() -> None:
    """Anything with the counts will do."""
    for given_rows in (DAY, iter(DAY), Batch.of(DAY), {7: DAY[0], 8: DAY[1]}):
        assert figures.service_level(given_rows).count == 69
    assert figures.service_level(DAY[1]).value == 8 / 9
    assert figures.service_level(closed(0, offered=4, connected_in_20s=1)).value == 0.25


@pytest.mark.parametrize(
    "figure",
    [
        figures.service_level,
        figures.service_level_of_connected,
        figures.service_level_without_short_abandons,
        figures.lost_rate,
        figures.connection_rate,
        figures.average_wrap_up,
    ],
)
def test_nothing_counted_is_none_and_says_so(figure: Callable[..., Figure]) -> None:
    """A denominator of 0 is neither 0 % nor 100 %; counts that were not sent, and no rows, are told apart."""
    zero = calls(offered=0, connected=0, lost=0, connected_in_20s=0, wrapped_up=0, wrap_up_seconds=0)
    told = figure(zero)
    assert (told.value, told.low, told.high) == (None, None, None)
    assert (told.why_not or "").startswith("nothing was ")
    assert "did not say" in (figure(calls()).why_not or "")
    assert "no rows" in (figure([]).why_not or "")


def test_refusals_name_what_to_ask_instead() -> None:
    """Average speed of answer and handle time are refused with the reason."""
    for refuse in (figures.average_speed_of_answer, figures.average_handle_time):
        told = refuse(DAY)
        assert told.value is None
        assert "skill_states" in (told.why_not or "")


def test_lost_may_be_below_zero_and_says_what_it_is() -> None:
    """A window that connects calls offered before it has a negative lost rate; the vendor's lost is named."""
    told = figures.lost_rate(calls(offered=10, connected=12, lost=-2))
    assert told.value == -0.2
    assert "not the abandonment rate" in str(told)
    assert figures.connection_rate(calls(offered=10, connected=12)).value == 1.2


def test_short_abandons_give_bounds_only() -> None:
    """Between none and all of the lost calls left within 20 s; there is no value to mistake for one."""
    told = figures.service_level_without_short_abandons(calls(offered=100, lost=10, connected_in_20s=76))
    assert (told.value, told.low, told.high) == (None, 0.76, 76 / 90)
    assert str(told) == "76..85 % of 100 offered"
    everyone_lost = calls(offered=5, lost=5, connected_in_20s=0)
    told = figures.service_level_without_short_abandons(everyone_lost)
    assert (told.low, told.high) == (0, 0)


COUNTS = st.tuples(
    st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 9000)
)


def _row(counts: tuple[int, int, int, int, int]) -> SkillCallStats:
    fast, slow, lost, wrapped, seconds = counts
    connected = fast + slow
    return calls(
        offered=connected + lost, connected=connected, lost=lost, connected_in_20s=fast, wrapped_up=wrapped,
        wrap_up_seconds=seconds,
    )  # fmt: skip


def _sum(rows: list[SkillCallStats]) -> SkillCallStats:
    names = ("offered", "connected", "lost", "connected_in_20s", "wrapped_up", "wrap_up_seconds")
    return calls(**{name: sum(getattr(row, name) for row in rows) for name in names})


@given(st.lists(st.tuples(COUNTS, st.integers(0, 3)), min_size=1, max_size=12))
def test_any_split_of_the_queues_gives_the_same(given_rows: list[tuple[Any, int]]) -> None:
    """Adding up some queues first, in any grouping, changes no figure."""
    rows = [_row(counts) for counts, _ in given_rows]
    groups: dict[int, list[SkillCallStats]] = {}
    for row, (_, group) in zip(rows, given_rows, strict=True):
        groups.setdefault(group, []).append(row)
    parts = [_sum(group) for group in groups.values()]
    for figure in (
        figures.service_level,
        figures.service_level_of_connected,
        figures.service_level_without_short_abandons,
        figures.lost_rate,
        figures.connection_rate,
        figures.average_wrap_up,
    ):
        whole, split = figure(rows), figure(parts)
        assert (whole.value, whole.low, whole.high, whole.count) == (
            split.value, split.low, split.high, split.count,
        )  # fmt: skip


@given(st.lists(st.tuples(COUNTS, st.integers(0, 300)), min_size=1, max_size=8))
def test_bounds_contain_the_truth(given_rows: list[tuple[Any, int]]) -> None:
    """With the short abandons of every queue known, the true service level lies between the bounds."""
    rows = [_row(counts) for counts, _ in given_rows]
    short = sum(min(extra, row.lost or 0) for row, (_, extra) in zip(rows, given_rows, strict=True))
    told = figures.service_level_without_short_abandons(rows)
    offered = sum(row.offered or 0 for row in rows) - short
    if offered == 0:
        return
    truth = sum(row.connected_in_20s or 0 for row in rows) / offered
    assert told.low is not None
    assert told.high is not None
    assert told.low - 1e-12 <= truth <= told.high + 1e-12


def test_queues_that_do_not_say_are_left_out_and_told() -> None:
    """A count the server did not send takes its queue out of both sums, and the figure says so."""
    told = figures.service_level([*DAY, calls(3, offered=1000)])
    assert told.count == 69
    assert "1 of 3 rows do not say" in str(told)


def test_coverage_age_and_missing_parts() -> None:
    """A figure knows the share of time and of queues behind it, and the age of the queue seen longest ago."""
    now = AT + BUCKET + timedelta(seconds=30)
    early = evolve(DAY[0], sampled_at=AT + timedelta(seconds=150))
    told = figures.service_level([early, DAY[1]], now=now)
    assert told.coverage == pytest.approx(0.75)
    assert told.age_seconds == 180
    assert figures.service_level(DAY).age_seconds is None

    part = Question("skill_call_stats", 1, (Group(170, (3, 4)),))
    failure = Failure(part, (3, 4), 170, None, ConnectError("gone"), 1)
    batch = Batch(tuple(DAY), failures=(failure,))
    told = figures.service_level(batch)
    assert told.coverage == pytest.approx(0.5)
    assert "2 of 4 are missing" in str(told)
    assert "50 % seen" in str(told)


def test_the_age_is_of_the_newest_sample_of_each_queue() -> None:
    """Half an hour of closed buckets is not half an hour old."""
    rows = [closed(number, offered=10, connected_in_20s=9) for number in range(6)]
    assert figures.service_level(rows, now=AT + 6 * BUCKET + timedelta(seconds=20)).age_seconds == 20


def test_system_connection_rate_is_a_lower_bound() -> None:
    """Not every inbound call wants an agent: at least this share, at most all."""
    row = SystemIndicators(vdn=170, interval_start=AT, inbound_calls=500, connected_calls=400)
    told = figures.system_connection_rate(row)
    assert (told.value, told.low, told.high) == (0.8, 0.8, 1.0)
    assert str(told) == "at least 80.0 % of 500 inbound calls"
    nothing = SystemIndicators(vdn=170, interval_start=AT, inbound_calls=0, connected_calls=0)
    assert figures.system_connection_rate(nothing).why_not == "no call came in"
    over = SystemIndicators(vdn=170, interval_start=AT, inbound_calls=10, connected_calls=12)
    assert figures.system_connection_rate([over]).high == 1.2


def test_what_a_figure_says() -> None:
    """No figure can be shown without its validity: not as text, not in a format, not as a bare number."""
    assert str(figures.service_level(DAY)) == "81.2 % of 69 offered"
    assert str(none("nothing was offered")) == "none: nothing was offered"
    assert (
        str(exactly(151.26, 12, "calls", unit="seconds", age_seconds=75)) == "151.3 s of 12 calls, 1:15 old"
    )
    assert f"{exactly(0.5, 2, 'offered')}" == "50.0 % of 2 offered"
    with pytest.raises(TypeError):
        f"{exactly(0.5, 2):.1%}"
    with pytest.raises(TypeError):
        float(exactly(0.5, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"value": 0.5},
        {"low": 0.1},
        {"low": 0.5, "high": 0.4},
        {"value": 0.9, "low": 0.1, "high": 0.4},
        {"low": 0.1, "high": 0.4, "why_not": "but"},
    ],
)
def test_a_figure_without_its_validity_cannot_be_made(wrong: dict[str, Any]) -> None:
    """Neither value nor reason, a value without bounds, half a pair of bounds: all refused."""
    with pytest.raises(ValueError, match=r"figure|value"):
        Figure(**wrong)


@pytest.mark.parametrize(
    ("figure", "under", "over"),
    [
        (exactly(0.7, 10), True, False),
        (exactly(0.8, 10), False, False),
        (exactly(0.9, 10), False, True),
        (Figure(low=0.6, high=0.79), True, False),
        (Figure(low=0.6, high=0.9), None, None),
        (none("nothing"), None, None),
    ],
)
def test_compared_only_where_it_is_certain(figure: Figure, under: bool | None, over: bool | None) -> None:
    """Bounds around the threshold tell nothing either way."""
    assert (figure.under(0.8), figure.over(0.8)) == (under, over)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1:00"), (130, "2:10"), (3725, "1:02:05"), (-3, "0 s")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    """Seconds, minutes, hours; never rounded up."""
    assert duration(seconds) == text


def test_rolling_adds_the_last_closed_buckets() -> None:
    """15 minutes are three buckets; a revised one counts once, a missing one lowers the coverage."""
    rows = [closed(number, offered=10 + number, connected_in_20s=8, connected=9) for number in range(5)]
    [window] = rolling(rows, 15).values()
    assert (window.offered, window.connected_in_20s, window.buckets, window.gaps) == (12 + 13 + 14, 24, 3, 0)
    assert window.since == AT + 2 * BUCKET
    assert figures.service_level(window).value == 24 / 39

    late = closed(4, offered=20, connected_in_20s=8, revised=True)
    holey = [rows[2], rows[4], late]
    [window] = rolling(holey, 15).values()
    assert (window.offered, window.buckets, window.gaps) == (12 + 20, 2, 1)
    assert figures.service_level(window).coverage == pytest.approx(2 / 3)
    [window] = rolling(rows, 30, end=AT + 2 * BUCKET).values()
    assert (window.offered, window.gaps) == (10 + 11, 4)


def test_rolling_keeps_queues_apart_and_ends_together() -> None:
    """Every queue is summed over the same minutes; one that was not seen in them has no counts."""
    rows = [closed(0, 7, offered=5), closed(6, 8, offered=6)]
    found = rolling(rows, 15)
    assert (found[170, 8].offered, found[170, 7].offered) == (6, None)
    assert figures.lost_rate(found[170, 7]).why_not == "none of these 5 minutes was seen and closed yet"
    assert (
        figures.lost_rate(found).value is None
    )  # of queue 8 something was seen: how much was lost it does not say
    assert figures.lost_rate(found).why_not == "the server did not say (offered)"
    assert rolling([]) == {}


@pytest.mark.parametrize("minutes", [0, 7, -5, 24 * 60 + 5])
def test_rolling_wants_whole_buckets(minutes: int) -> None:
    """Minutes off the grid are refused, and so is an end off it."""
    with pytest.raises(ValueError, match="minutes"):
        rolling([], minutes)
    with pytest.raises(ValueError, match="end"):
        rolling([], 15, end=AT + timedelta(seconds=1))
