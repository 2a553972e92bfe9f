"""A time question is cut into windows that tile it, each small enough for the server."""

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.split import Chunk, split
from cc_async.contract.endpoints import system_indicators
from cc_async.contract.spec import Question, Window, Windows

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
MONTH = timedelta(days=31)
FIVE = timedelta(minutes=5)


def asking(begin: datetime, end: datetime, vdns: tuple[int, ...] | None, **more) -> Question:
    """A time question."""
    return Question("system_indicators", begin=begin, end=end, vdns=vdns, **more)


def cut(question: Question, rule: Windows | None = None) -> list[Chunk]:
    """Its chunks, under the rule of the table or another."""
    return list(split(question, evolve(system_indicators, split=rule or Windows())))


def wire(text: str) -> datetime:
    """A moment as the server reads it."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def distinct_windows(chunks: list[Chunk]) -> list[tuple[datetime, datetime]]:
    """The windows, each once."""
    return list(dict.fromkeys(chunk.window for chunk in chunks))


moments = st.timedeltas(timedelta(days=-400), timedelta(days=400)).map(lambda later: BEGIN + later)
rules = st.builds(
    Windows,
    max_vdns=st.integers(1, 5),
    max_days=st.integers(1, 31),
    period=st.sampled_from([60, 300, 1800]),
    rows=st.integers(1, 5_000),
)


@given(moments, st.timedeltas(timedelta(0), timedelta(days=40)), st.integers(1, 7), rules)
def test_windows_tile_the_time_exactly(begin: datetime, span: timedelta, vdns: int, rule: Windows) -> None:
    """From begin to end without gap or overlap; every window asks every VDN once, in chunks of max_vdns."""
    rule = evolve(rule, rows=max(rule.rows, 200))  # keeps the number of windows small
    span = min(span, timedelta(seconds=rule.period * 800))
    asked = tuple(range(1, vdns + 1))
    chunks = cut(asking(begin, begin + span, asked), rule)
    windows = distinct_windows(chunks)
    if not span:
        assert chunks == []
        return
    assert (windows[0][0], windows[-1][1]) == (begin, begin + span)
    assert all(start < end for start, end in windows)
    assert all(one[1] == two[0] for one, two in pairwise(windows))
    for window in windows:
        mine = [chunk.vdns or () for chunk in chunks if chunk.window == window]
        assert sum(mine, ()) == asked
        assert max(map(len, mine)) <= rule.max_vdns
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))


@given(moments, st.timedeltas(timedelta(0), timedelta(days=3)), st.integers(1, 5), rules)
def test_no_window_holds_more_than_it_may(begin: datetime, span: timedelta, vdns: int, rule: Windows) -> None:
    """At most max_days, on the wire too; at most ``rows`` rows unless one period alone has more."""
    span = min(span, timedelta(seconds=rule.period * 200))
    period = timedelta(seconds=rule.period)
    for chunk in cut(asking(begin, begin + span, tuple(range(1, vdns + 1))), rule):
        start, end = chunk.window or (begin, begin)
        asked = wire(chunk.request.params["endDate"]) - wire(chunk.request.params["beginDate"])
        assert asked <= timedelta(days=rule.max_days)
        # Rows of any grid of this period: as many as periods were begun.
        most = -(-(end - start) // period) * len(chunk.vdns or ())
        assert chunk.expect_rows == most
        assert most <= rule.rows or end - start <= period


@given(moments, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_the_wire_asks_at_least_the_window_and_less_than_a_second_more(
    begin: datetime, span: timedelta
) -> None:
    """Whole seconds in UTC, rounded outward, so that no row at an end is missed."""
    for chunk in cut(asking(begin, begin + span, (1,))):
        start, end = chunk.window or (begin, begin)
        params = chunk.request.params
        assert all(
            re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", params[n]) for n in ("beginDate", "endDate")
        )
        assert timedelta(0) <= start - wire(params["beginDate"]) < timedelta(seconds=1)
        assert timedelta(0) <= wire(params["endDate"]) - end < timedelta(seconds=1)


@given(moments, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_inner_ends_lie_on_the_five_minute_grid(begin: datetime, span: timedelta) -> None:
    """Seams never cut a period in two, wherever the question begins."""
    windows = distinct_windows(cut(asking(begin, begin + span, tuple(range(1, 101)))))
    assert all((end - BEGIN) % FIVE == timedelta(0) for _, end in windows[:-1])


def test_a_month_of_300_vdns_is_asked_by_days() -> None:
    """A day of 100 VDNs is 28 800 rows: 31 windows, three chunks each, the windows first."""
    chunks = cut(asking(BEGIN, BEGIN + MONTH, tuple(range(1, 301))))
    assert len(chunks) == 31 * 3
    assert {chunk.expect_rows for chunk in chunks} == {28_800}
    assert [chunk.window for chunk in chunks[:4]] == [
        (BEGIN, BEGIN + timedelta(days=1)),
        (BEGIN, BEGIN + timedelta(days=1)),
        (BEGIN, BEGIN + timedelta(days=1)),
        (BEGIN + timedelta(days=1), BEGIN + timedelta(days=2)),
    ]
    assert chunks[1].request.params == {
        "vdn": tuple(range(101, 201)),
        "beginDate": "2024-05-01 00:00:00",
        "endDate": "2024-05-02 00:00:00",
    }
    assert chunks[1].part == "vdns 101..200, 2024-05-01 00:00:00 to 2024-05-02 00:00:00"


def test_31_days_and_a_second_are_two_windows() -> None:
    """One VDN may be asked 31 days at once; the second behind them is a window of its own."""
    assert distinct_windows(cut(asking(BEGIN, BEGIN + MONTH, (170,)))) == [(BEGIN, BEGIN + MONTH)]
    late = BEGIN + MONTH + timedelta(seconds=1)
    assert distinct_windows(cut(asking(BEGIN, late, (170,)))) == [
        (BEGIN, BEGIN + MONTH),
        (BEGIN + MONTH, late),
    ]


def test_31_days_from_half_a_second_are_never_more_than_31_days_on_the_wire() -> None:
    """Rounding outward must not push a full window over what the server allows."""
    begin = BEGIN + timedelta(microseconds=500_000)
    chunks = cut(asking(begin, begin + MONTH, (170,)))
    asked = [(c.request.params["beginDate"], c.request.params["endDate"]) for c in chunks]
    assert asked == [
        ("2024-05-01 00:00:00", "2024-06-01 00:00:00"),
        ("2024-06-01 00:00:00", "2024-06-01 00:00:01"),
    ]


def test_all_vdns_are_counted_as_a_hundred() -> None:
    """Without a list no ``vdn`` is sent, windows are a day, and nobody knows how many rows come."""
    chunks = cut(asking(BEGIN, BEGIN + timedelta(days=2), None, cc_id=7))
    assert [set(chunk.request.params) for chunk in chunks] == [{"ccId", "beginDate", "endDate"}] * 2
    assert [(chunk.vdns, chunk.expect_rows, chunk.most_rows) for chunk in chunks] == [(None, None, None)] * 2
    assert chunks[0].part.startswith("all vdns, ")


def test_no_vdns_are_no_chunks() -> None:
    """An empty list of VDNs asks nothing; it never means all."""
    assert cut(asking(BEGIN, BEGIN + MONTH, ())) == []


def test_another_time_zone_is_the_same_question() -> None:
    """Windows are cut and written in UTC."""
    east = timezone(timedelta(hours=8))
    there = asking(BEGIN.astimezone(east), (BEGIN + FIVE).astimezone(east), (1,))
    assert cut(there)[0].request.params == cut(asking(BEGIN, BEGIN + FIVE, (1,)))[0].request.params


def test_years_are_written_with_four_digits() -> None:
    """Even those nobody asks for."""
    early = datetime(33, 4, 3, tzinfo=UTC)
    assert cut(asking(early, early + FIVE, (1,)))[0].request.params["beginDate"] == "0033-04-03 00:00:00"


def test_several_stretches_are_asked_one_after_the_other() -> None:
    """What is left of a question may be stretches of their own VDNs; indexes count through."""
    later = BEGIN + timedelta(days=9)
    question = Question(
        "system_indicators",
        windows=(Window(BEGIN, BEGIN + FIVE, (1, 2)), Window(later, later + FIVE, (2,))),
    )
    assert [(c.index, c.window, c.vdns) for c in cut(question)] == [
        (0, (BEGIN, BEGIN + FIVE), (1, 2)),
        (1, (later, later + FIVE), (2,)),
    ]


@pytest.mark.parametrize("vdns", [None, (1,)])
def test_a_thousand_years_are_cut_lazily(vdns: tuple[int, ...] | None) -> None:
    """The first window is there at once."""
    endless = asking(BEGIN, datetime(3024, 5, 1, tzinfo=UTC), vdns)
    assert next(split(endless, system_indicators)).index == 0
