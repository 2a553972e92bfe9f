"""Which of the rows that come back are kept: those that were asked for, once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.split import Chunk, Kept, Seen, keep, split
from cc_async.contract.endpoints import (
    agent_states,
    raw_endpoint,
    signed_in_agents,
    skill_call_stats,
    system_indicators,
)
from cc_async.contract.records import AgentState, SignedInAgent, SkillCallStats, SystemIndicators
from cc_async.contract.spec import Group, Question

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def skills(*ids: int) -> Chunk[SkillCallStats]:
    """A chunk that asks these skills of VDN 170."""
    return next(split(Question("q", 1, (Group(170, ids),)), skill_call_stats))


def periods(count: int, *vdns: int) -> Chunk[SystemIndicators]:
    """A chunk that asks so many periods of some VDNs, or of all."""
    question = Question("q", begin=BEGIN, end=BEGIN + count * FIVE, vdns=vdns or None)
    return next(split(question, system_indicators))


def period(number: int, vdn: int = 1, cc_id: int = 1) -> SystemIndicators:
    """A row of the period with this number."""
    return SystemIndicators(vdn, BEGIN + number * FIVE, cc_id=cc_id)


def test_a_clean_page_is_kept_whole() -> None:
    """The usual page loses nothing, and its order stays."""
    rows = [SkillCallStats(n) for n in (3, 1)]
    assert keep(rows, skills(1, 2, 3), Seen()) == Kept(rows)


def test_no_rows_are_nothing() -> None:
    """An empty page is no special case, of any kind of question."""
    assert keep([], skills(1), Seen()) == Kept([])
    assert keep([], periods(3, 1), Seen()) == Kept([])


def test_rows_nobody_asked_for_are_dropped_and_counted() -> None:
    """A skill that was not asked for does not reach the caller."""
    kept = keep([SkillCallStats(1), SkillCallStats(9), SkillCallStats(8)], skills(1, 2), Seen())
    assert (list(kept.rows), kept.foreign, kept.dropped) == ([SkillCallStats(1)], 2, 2)


def test_a_key_that_comes_twice_is_kept_once() -> None:
    """The first row of a skill counts, in one page and across pages."""
    seen = Seen()
    first = keep([SkillCallStats(1, offered=5), SkillCallStats(1, offered=6)], skills(1, 2), seen)
    again = keep([SkillCallStats(2), SkillCallStats(1)], skills(1, 2), seen)
    assert (list(first.rows), first.duplicates) == ([SkillCallStats(1, offered=5)], 1)
    assert (list(again.rows), again.duplicates) == ([SkillCallStats(2)], 1)


def test_a_time_window_is_half_open() -> None:
    """A row at the end belongs to the next window, one before the begin to the one before."""
    kept = keep([period(-1), period(0), period(1), period(2)], periods(2, 1), Seen())
    assert (list(kept.rows), kept.outside) == ([period(0), period(1)], 2)


def test_rows_of_other_vdns_are_foreign_unless_all_were_asked() -> None:
    """A list of VDNs is taken at its word."""
    rows = [period(0, vdn=1), period(0, vdn=2)]
    kept = keep(rows, periods(2, 1), Seen())
    assert (list(kept.rows), kept.foreign) == (rows[:1], 1)
    assert keep(rows, periods(2), Seen()) == Kept(rows)


def test_a_period_is_told_apart_by_call_center_vdn_and_begin() -> None:
    """Two call centers may have the same VDN."""
    rows = [period(0, cc_id=1), period(0, cc_id=2), period(0, vdn=2), period(0, cc_id=1)]
    kept = keep(rows, periods(2), Seen())
    assert (list(kept.rows), kept.duplicates) == (rows[:3], 1)


def test_a_page_that_comes_again_is_all_duplicates_whatever_it_holds() -> None:
    """Dropped rows are remembered too: otherwise a server that ignores the offset could go unnoticed."""
    seen = Seen()
    rows = [period(0), period(0, vdn=2), period(7)]
    first = keep(rows, periods(2, 1), seen)
    assert (len(first.rows), first.foreign, first.outside, first.duplicates) == (1, 1, 1, 0)
    again = keep(rows, periods(2, 1), seen)
    assert (len(again.rows), again.foreign, again.outside, again.duplicates) == (0, 0, 0, 3)


def test_several_rows_of_one_key_are_all_kept() -> None:
    """A skill queue has many agents; only the same agent again is a duplicate."""
    chunk = next(split(Question("q", 1, (Group(170, (7,)),)), signed_in_agents))
    rows = [SignedInAgent(7, 101), SignedInAgent(7, 102)]
    kept = keep([*rows, rows[0]], chunk, Seen())
    assert (list(kept.rows), kept.duplicates) == (rows, 1)


def test_without_keys_everything_is_welcome_once() -> None:
    """Every agent of a VDN: pages that overlap lose the overlap only."""
    chunk = next(split(Question("q", 1, (Group(170, None),)), agent_states))
    seen = Seen()
    assert len(keep([AgentState(n) for n in (101, 102)], chunk, seen).rows) == 2
    kept = keep([AgentState(n) for n in (102, 103)], chunk, seen)
    assert (list(kept.rows), kept.duplicates) == ([AgentState(103)], 1)


def test_raw_answers_are_not_looked_into() -> None:
    """A sister interface without a record hands its rows on as they are."""
    chunk = next(split(Question("q", 1, (Group(170, None),)), raw_endpoint("vdn/totalagentstate")))
    rows = [{"any": 1}, {"any": 1}]
    assert keep(rows, chunk, Seen()) == Kept(rows)


@given(st.lists(st.lists(st.tuples(st.integers(-2, 6), st.integers(1, 3)), max_size=8), max_size=4))
def test_every_row_is_kept_once_or_counted_once(pages: list[list[tuple[int, int]]]) -> None:
    """Kept plus dropped is received; what is kept is exactly what was asked for, each once, as first seen."""
    seen = Seen()
    kept = [keep([period(n, vdn) for n, vdn in page], periods(4, 1, 2), seen) for page in pages]
    assert [len(k.rows) + k.dropped for k in kept] == [len(page) for page in pages]
    asked = [(n, vdn) for page in pages for n, vdn in page if 0 <= n < 4 and vdn in (1, 2)]
    assert [row for k in kept for row in k.rows] == [period(*row) for row in dict.fromkeys(asked)]


def test_more_vdns_than_there_can_be_are_still_told_apart() -> None:
    """Beyond the grid rows are remembered by name: kept once, and known when they come again."""
    chunk = periods(1)
    seen = Seen()
    rows = [period(0, vdn=vdn) for vdn in range(1, 10_101)]
    assert keep(rows, chunk, seen).rows == rows
    again = keep(rows, chunk, seen)
    assert (len(again.rows), again.duplicates) == (0, 10_100)


def test_rows_off_the_grid_are_kept_once() -> None:
    """A begin that is no multiple of five minutes is nobody else's place."""
    odd = SystemIndicators(1, BEGIN + timedelta(seconds=7))
    seen = Seen()
    assert keep([odd, period(0)], periods(2, 1), seen).rows == [odd, period(0)]
    assert keep([odd], periods(2, 1), seen).duplicates == 1


@given(
    asked=st.lists(st.integers(1, 6), min_size=1, max_size=6, unique=True),
    came=st.lists(st.integers(1, 7), max_size=8),
    in_order=st.booleans(),
)
def test_a_chunk_of_one_page_needs_no_memory(asked: list[int], came: list[int], in_order: bool) -> None:
    """With or without a memory of rows the same are kept; exact means the keys, one each, in order."""
    chunk = skills(*asked)
    rows = [SkillCallStats(key) for key in (asked if in_order else came)]
    alone, remembered = keep(rows, chunk), keep(rows, chunk, Seen())
    assert alone == remembered
    assert alone.exact == ([row.skill_id for row in rows] == asked)
    wanted = list(dict.fromkeys(row.skill_id for row in rows if row.skill_id in asked))
    assert [row.skill_id for row in alone.rows] == wanted


def test_what_was_asked_one_by_one_is_exact_when_one_row_came() -> None:
    """Such a row was given the key it was asked by; a queue of two agents brings two, an empty one none."""
    chunk = next(split(Question("q", 1, (Group(170, (7,)),)), signed_in_agents))
    rows = [SignedInAgent(7, 101), SignedInAgent(7, 102)]
    assert [keep(rows[:count], chunk).exact for count in (0, 1, 2)] == [False, True, False]
    assert [len(keep(rows[:count], chunk).rows) for count in (0, 1, 2)] == [0, 1, 2]
