"""What a question will cost is known before it is asked, and the sums are those of the cut."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.plan import OtherPages, Plan, human, plan
from cc_async.batch.split import SplitOptions, split
from cc_async.contract.endpoints import (
    agent_call_stats,
    agent_states,
    signed_in_agents,
    skill_call_stats,
    system_indicators,
)
from cc_async.contract.spec import Group, Question, Quota

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
TEN = Quota(10)


def asking(vdns: tuple[int, ...] | None, span: timedelta, begin: datetime = BEGIN) -> Question:
    """A time question from the first of May on."""
    return Question("system_indicators", vdns=vdns, begin=begin, end=begin + span)


def test_a_month_of_300_vdns() -> None:
    """300 VDNs x 8 928 periods at ten a second: 44.6 minutes at 100 a page, 4.5 at 1000; both are told."""
    month = asking(tuple(range(1, 301)), timedelta(days=31))
    small = plan(month, system_indicators, SplitOptions(page_size=100), TEN)
    assert (small.chunks, small.rows_expected) == (93, 2_678_400)
    assert small.requests == 26_784
    assert "44.6 minutes; at 1,000 rows a page 2,697 requests, 4.48 minutes" in str(small)
    large = plan(month, system_indicators, SplitOptions(page_size=1000), TEN)
    assert large.requests == 93 * 29  # 28 full pages and one of 800 rows
    assert "4.48 minutes; at 100 rows a page 26,784 requests, 44.6 minutes" in str(large)


def test_two_thousand_skills_go_at_once() -> None:
    """Nine requests are within one second's quota."""
    question = Question("skill_call_stats", 1, (Group(170, tuple(range(1, 2001))),))
    assert plan(question, skill_call_stats, quota=TEN) == Plan(9, 9, 0.0, 2000)


@pytest.mark.parametrize(
    ("agents", "quota", "seconds"),
    [
        (10, TEN, 0),
        (11, TEN, 1),
        (20, TEN, 1),
        (21, TEN, 2),
        (15_001, Quota(15_000, per=2.0), 2),
        (0, TEN, 0),
    ],
)
def test_the_quota_tells_the_time(agents: int, quota: Quota, seconds: float) -> None:
    """As many as the limit go at once, as many again after every ``per``."""
    question = Question("agent_call_stats", None, (Group(None, tuple(range(101, 101 + agents))),))
    assert plan(question, agent_call_stats, quota=quota).seconds == seconds


def test_without_a_quota_there_is_no_time_but_a_note() -> None:
    """Nobody knows how fast the server answers."""
    got = plan(asking((1,), timedelta(days=1)), system_indicators)
    assert got.seconds == 0
    assert "no quota is set" in str(got)


def test_what_cannot_be_known_is_said() -> None:
    """Keys to be looked up, pages of unknown number, all VDNs: the plan says at least, or about."""
    unknown = Question("signed_in_agents", 1, (Group(170, None), Group(171, (5, 6))))
    got = plan(unknown, signed_in_agents, quota=TEN)
    assert (got.chunks, got.requests, got.rows_expected) == (3, 4, None)
    assert "which keys there are is known after asking" in str(got)
    paged = plan(Question("agent_states", 1, (Group(170, None),)), agent_states, quota=TEN)
    assert (paged.chunks, paged.requests, paged.rows_expected) == (1, 1, None)
    assert "how many pages there are is known after the first answer" in str(paged)
    every = plan(asking(None, timedelta(days=2)), system_indicators, quota=TEN)
    assert (every.chunks, every.requests, every.rows_expected) == (2, 2 * 288, None)
    assert "all VDNs are counted as 100" in str(every)


def test_nothing_asked_costs_nothing() -> None:
    """No ids, no VDNs, no time: no requests."""
    for question, endpoint in (
        (Question("skill_call_stats", 1, (Group(170, ()),)), skill_call_stats),
        (asking((), timedelta(days=31)), system_indicators),
        (asking((1,), timedelta(0)), system_indicators),
        (asking(None, timedelta(0)), system_indicators),
    ):
        got = plan(question, endpoint, quota=TEN)
        assert (got.chunks, got.requests, got.seconds, got.rows_expected, got.notes) == (0, 0, 0, 0, ())


def test_it_reads_as_one_plain_sentence() -> None:
    """For people, with the units they use."""
    assert str(Plan(93, 2697, 269.0, 2_678_400)) == (
        "2,697 requests in 93 chunks, up to 2,678,400 rows: 4.48 minutes."
    )
    assert str(Plan(1, 1, 0.0, 1)) == "1 request in 1 chunk, up to 1 row: under a second."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "under a second"),
        (1, "1 second"),
        (90, "90 seconds"),
        (2678, "44.6 minutes"),
        (36_000, "10 hours"),
        (864_000, "10.0 days"),
    ],
)
def test_durations_are_human(seconds: float, text: str) -> None:
    """Seconds up to two minutes, minutes up to two hours, hours up to two days."""
    assert human(seconds) == text


@given(
    st.timedeltas(timedelta(0), timedelta(days=30)).map(lambda later: BEGIN + later),
    st.timedeltas(timedelta(0), timedelta(days=70)),
    st.integers(1, 330),
    st.sampled_from([1, 7, 100, 1000]),
)
def test_the_plan_is_the_cut_without_making_it(
    begin: datetime, span: timedelta, vdns: int, page_size: int
) -> None:
    """Chunks, rows and pages agree with the chunks that split really makes."""
    question = asking(tuple(range(1, vdns + 1)), span, begin)
    chunks = list(split(question, system_indicators))
    got = plan(question, system_indicators, SplitOptions(page_size=page_size))
    rows = [chunk.expect_rows or 0 for chunk in chunks]
    assert (got.chunks, got.rows_expected) == (len(chunks), sum(rows))
    assert got.requests == sum(len(range(0, count, page_size)) for count in rows)


def test_another_page_size_is_told_only_where_it_matters() -> None:
    """An hour of one VDN is one request either way; other interfaces have no choice."""
    assert plan(asking((1,), timedelta(hours=1)), system_indicators, quota=TEN).other is None
    assert plan(Question("agent_states", 1, (Group(170, None),)), agent_states, quota=TEN).other is None
    assert str(OtherPages(1000, 1, 0.0)) == "at 1,000 rows a page 1 request, under a second"
