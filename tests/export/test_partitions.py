"""Cutting a question by dates, and taking away what is done: pure functions, every moment once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async.contract.spec import Question, Window, Windows
from cc_async.export import Target
from cc_async.export.partitions import Coverage, floored, minus, partitions, runs, united

START = datetime(2025, 3, 27, tzinfo=UTC)
STEP = timedelta(minutes=5)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Havana",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Asuncion",
)
"""Havana changes its clocks at midnight, Lord Howe by half an hour."""
slots = st.integers(0, 4000)
vdn_sets = st.none() | st.lists(st.integers(1, 6), min_size=1, unique=True).map(tuple)


@st.composite
def windows(draw: st.DrawFn, slots: st.SearchStrategy[int] = slots) -> Window:
    """A stretch of whole periods, of some VDNs or all."""
    first, last = sorted((draw(slots), draw(slots)))
    return Window(START + first * STEP, START + (last + 1) * STEP, draw(vdn_sets))


def moments(window: Window) -> set[tuple[int | None, datetime]]:
    """Every (VDN, period) of a window; VDN None: all."""
    count = (window.end - window.begin) // STEP
    return {(vdn, window.begin + place * STEP) for vdn in window.vdns or (None,) for place in range(count)}


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(ZONES), slots, slots, st.lists(st.integers(1, 5000), max_size=12, unique=True))
def test_partitions_hold_every_moment_once(zone: str, one: int, other: int, vdns: list[int]) -> None:
    """Whatever the zone, the partitions of a question are its moments, each once, each on its own date."""
    first, last = sorted((one, other))
    target = Target(Path("unused"), "jsonl", ZoneInfo(zone))
    asked = Window(START + first * STEP, START + last * STEP, tuple(vdns))
    question = Question("system_indicators", vdns=asked.vdns, begin=asked.begin, end=asked.end)
    found = list(partitions(question, Windows(max_vdns=5), target, datetime(2100, 1, 1, tzinfo=UTC)))
    held = [moment for window in found for moment in moments(window)]
    assert len(held) == len(set(held))
    assert set(held) == (moments(asked) if vdns else set())
    for window in found:
        assert len(window.vdns or ()) <= 5
        dates = {start.astimezone(ZoneInfo(zone)).date() for _, start in moments(window)}
        assert dates == {window.begin.astimezone(ZoneInfo(zone)).date()}


def test_nothing_is_asked_beyond_the_end() -> None:
    """Partitions end where the server's time does."""
    question = Question("system_indicators", vdns=(1,), begin=START, end=START + timedelta(days=2))
    found = list(
        partitions(question, Windows(), Target(Path("unused"), "jsonl"), START + timedelta(hours=30))
    )
    assert [(window.begin, window.end) for window in found] == [
        (START, START + timedelta(hours=24)),
        (START + timedelta(hours=24), START + timedelta(hours=30)),
    ]


@settings(deadline=None)
@given(windows(), st.lists(windows(), max_size=5))
def test_what_is_left_is_what_was_not_done(wanted: Window, done: list[Window]) -> None:
    """What is left and what was done are the whole window, and share nothing."""
    left = minus(wanted, done)
    held = [moment for window in left for moment in moments(window)]
    assert len(held) == len(set(held))
    gone = set()
    for window in done:
        for vdn, start in moments(window):
            gone |= {(vdn, start)} if vdn is not None else {(each, start) for each in wanted.vdns or (None,)}
    assert set(held) == moments(wanted) - gone


@settings(deadline=None)
@given(st.lists(windows(), min_size=1, max_size=5))
def test_united_windows_cover_the_same(parts: list[Window]) -> None:
    """Windows put into one question, each less those before it, hold the same moments."""
    apart: list[Window] = []
    for window in parts:
        apart += minus(window, apart)
    question = united(Question("system_indicators"), apart)
    found = question.windows or (Window(question.begin, question.end, question.vdns),)  # type: ignore[arg-type]
    held = [moment for window in found for moment in moments(window)]
    assert sorted(held, key=str) == sorted((m for window in apart for m in moments(window)), key=str)


def test_a_run_has_a_bounded_question() -> None:
    """Many windows become several questions that hold all of them in order."""
    many = [Window(START + n * STEP, START + (n + 1) * STEP, (1,)) for n in range(600)]
    questions = list(runs(Question("system_indicators", cc_id=1, vdns=(1,), begin=START, end=START), many))
    assert [len(question.windows) for question in questions] == [256, 256, 88]
    assert [window for question in questions for window in question.windows] == many
    assert {question.cc_id for question in questions} == {1}


def test_coverage_looks_at_the_date() -> None:
    """What was done on one date says nothing about the same time of another."""
    target = Target(Path("unused"), "jsonl")
    day = timedelta(days=1)
    coverage = Coverage(target, [Window(START, START + day, (1, 2))])
    assert coverage.left(Window(START, START + day, (1, 2))) == []
    assert coverage.left(Window(START, START + day, (2, 3))) == [Window(START, START + day, (3,))]
    later = Window(START + day, START + 2 * day, (1, 2))
    assert coverage.left(later) == [later]


def test_floored() -> None:
    """A moment goes down to the grid; one on it stays."""
    assert floored(START + timedelta(minutes=9, seconds=59), 300) == START + STEP
    assert floored(START + STEP, 300) == START + STEP
