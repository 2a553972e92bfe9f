"""Rules as plain predicates, their hysteresis, opening hours, and the TOML file they come from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cc_async import ConfigError
from cc_async.monitor.figure import Figure, exactly, none
from cc_async.monitor.hours import Hours
from cc_async.monitor.rules import DEFAULTS, Rule, checked, within
from cc_async.monitor.rules_file import load_rules, parse_rules
from cc_async.monitor.standing import Standing, step
from cc_async.monitor.subject import Measure, Reading, Subject

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
BILLING = Subject("queue", 7, 170)


def level(
    figure: Figure, window: int = 0, measure: Measure = "service_level", who: Subject = BILLING
) -> Reading:
    """A reading of a window so many after 10:00."""
    begin = AT + timedelta(minutes=5 * window)
    return Reading(measure=measure, subject=who, figure=figure, begin=begin)


def rule(**more: Any) -> Rule:
    """Service level under 80 % of 20 or more."""
    usual = {"id": "sl", "measure": "service_level", "threshold": 0.8, "minimum": 20}
    return Rule(**(usual | more))


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (exactly(0.61, 23), True),
        (exactly(0.8, 23), False),
        (exactly(0.95, 23), False),
        (exactly(0.61, 19), None),
        (none("nothing was offered"), None),
        (exactly(0.61, 23, coverage=0.5), None),
        (exactly(0.61, 23, coverage=0.9), True),
        (Figure(low=0.7, high=0.9, count=50), None),
        (Figure(low=0.6, high=0.7, count=50), True),
    ],
)
def test_a_predicate_judges_what_can_be_judged(figure: Figure, verdict: bool | None) -> None:
    """Past the threshold, not past it, or not to be judged: too few, too little seen, bounds around it."""
    assert rule().breached(level(figure)) is verdict


def test_thresholds_of_single_queues() -> None:
    """By key, by id, or not judged at all; their own threshold also clears."""
    one = rule(thresholds={"7": 0.9, "queue/170/8": None, "queue/171/7": 0.5}, clear_threshold=0.85)
    reading = level(exactly(0.87, 30))
    assert one.breached(reading) is True
    assert one.still_bad(reading) is True
    assert one.breached(level(exactly(0.1, 30), who=Subject("queue", 8, 170))) is None
    assert one.breached(level(exactly(0.6, 30), who=Subject("queue", 7, 171))) is False
    elsewhere = level(exactly(0.82, 30), who=Subject("queue", 9, 170))
    assert (one.breached(elsewhere), one.still_bad(elsewhere)) == (False, True)


def test_measures_that_are_bad_when_high() -> None:
    """Lost calls over the threshold ring, under it they do not."""
    lost = rule(measure="lost_rate", threshold=0.05)
    assert lost.breached(level(exactly(0.06, 30))) is True
    assert lost.breached(level(exactly(0.05, 30))) is False


def run(one: Rule, values: list[float | None]) -> str:
    """What each window brings: R raised, c cleared, . nothing; None is a window too small to judge."""
    standing, told = Standing(), ""
    for window, value in enumerate(values):
        figure = exactly(value, 30) if value is not None else exactly(0.0, 3)
        standing, turn = step(one, standing, level(figure, window))
        told += {"raised": "R", "cleared": "c", "quiet": "q", None: "."}[turn]
    return told


@pytest.mark.parametrize(
    ("more", "values", "told"),
    [
        ({}, [0.7, 0.7, 0.9, 0.7], "R.cR"),
        ({"raise_after": 2}, [0.7, 0.9, 0.7, 0.7, 0.7, 0.9], "...R.c"),
        ({"raise_after": 2}, [0.7, None, 0.7], "..R"),
        ({"raise_after": 2}, [0.7, None, None, 0.7, 0.7], "....R"),
        ({"raise_after": 3}, [0.7, None, 0.7, None, 0.7], "....R"),
        ({"clear_after": 2}, [0.7, 0.9, 0.7, 0.9, 0.9], "R...c"),
        ({"clear_after": 2}, [0.7, 0.9, None, 0.9], "R..c"),
        ({"clear_threshold": 0.9}, [0.7, 0.85, 0.89, 0.9, 0.85], "R..c."),
        ({}, [0.7] + [None] * 11 + [0.7] + [None] * 12 + [0.7], "R" + "." * 23 + "qR"),
        ({"raise_after": 3, "clear_after": 3}, [0.7] * 5 + [0.9] * 5, "..R....c.."),
    ],
)
def test_hysteresis(more: dict[str, Any], values: list[float | None], told: str) -> None:
    """Raised after n in a row, cleared after m or past another threshold; an hour unjudged ends it."""
    assert run(rule(**more), values) == told


def test_since_is_the_first_bad_window_and_a_window_counts_once() -> None:
    """The alert began where the run of bad windows began; the same window again changes nothing."""
    one, standing = rule(raise_after=2), Standing()
    for window, expected in ((3, None), (3, None), (2, None), (4, "raised")):
        standing, turn = step(one, standing, level(exactly(0.5, 30), window))
        assert turn == expected
    assert standing.since == AT + timedelta(minutes=15)


@pytest.mark.parametrize(
    "wrong",
    [
        {"raise_after": 0}, {"clear_after": True}, {"clear_threshold": 0.7}, {"raise_after": 1.5},
        {"threshold": 80}, {"threshold": -0.1}, {"clear_threshold": 85}, {"thresholds": {"7": 90}},
        {"threshold": float("nan")}, {"coverage": 80}, {"minimum": -1},
        {"measure": "wrap_up", "threshold": -1}, {"measure": "wrap_up", "threshold": float("inf")},
    ],
)  # fmt: skip
def test_rules_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    """No windows at all, cleared while still bad, percents where ratios are: it would be silent for ever."""
    with pytest.raises(ValueError, match="sl"):
        rule(**wrong)


def test_ids_are_unique() -> None:
    """Two rules of one id would share their memory."""
    with pytest.raises(ValueError, match="two rules"):
        checked([rule(), rule()])
    with pytest.raises(TypeError, match="dict"):
        checked([{"id": "sl"}])  # type: ignore[list-item]
    assert checked(iter(DEFAULTS)) == DEFAULTS


OFFICE = Hours.parse("mon-fri 08:00-18:00, sat 09:00-13:00", "Europe/Berlin", [date(2026, 4, 3)])


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-03-04T06:59:59+00:00", False),
        ("2026-03-04T07:00:00+00:00", True),
        ("2026-03-04T16:59:59+00:00", True),
        ("2026-03-04T17:00:00+00:00", False),
        ("2026-03-07T08:30:00+00:00", True),
        ("2026-03-08T10:00:00+00:00", False),
        ("2026-03-30T06:00:00+00:00", True),
        ("2026-04-03T10:00:00+00:00", False),
    ],
)
def test_opening_hours_are_local(moment: str, is_open: bool) -> None:
    """8 to 18 in Berlin is 7 to 17 UTC in winter and 6 to 16 in summer; holidays are closed."""
    assert OFFICE.is_open(datetime.fromisoformat(moment)) is is_open


def test_hours_over_midnight_and_around_the_clock() -> None:
    """A night shift belongs to the day it began on; spans that touch are one."""
    night = Hours.parse("fri 22:00-06:00", "UTC")
    assert night.open_since(datetime(2026, 3, 7, 5, 0, tzinfo=UTC)) == datetime(2026, 3, 6, 22, tzinfo=UTC)
    assert not night.is_open(datetime(2026, 3, 6, 5, 0, tzinfo=UTC))
    split = Hours.parse("mon 08:00-12:00, mon 12:00-24:00, tue 00:00-02:00", "UTC")
    assert split.open_since(datetime(2026, 3, 3, 1, 0, tzinfo=UTC)) == datetime(2026, 3, 2, 8, tzinfo=UTC)
    always = Hours.parse("00:00-24:00", "Europe/Berlin")
    assert always.open_since(AT) is not None
    weekend = Hours.parse("sat-mon 10:00-12:00", "UTC")
    days = [day for day in range(2, 9) if weekend.is_open(datetime(2026, 3, day, 11, tzinfo=UTC))]
    assert days == [2, 7, 8]


def test_the_day_the_clocks_change() -> None:
    """From 00:00 to 12:00 are 11 hours when the clocks go forward."""
    hours = Hours.parse("sun 00:00-12:00", "Europe/Berlin")
    begin = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    assert hours.open_since(begin + timedelta(hours=10, minutes=59)) == begin
    assert not hours.is_open(begin + timedelta(hours=11))


@pytest.mark.parametrize(
    "text", ["", "08:00", "mon-fry 08:00-18:00", "mon 25:00-26:00", "8-18", "mon 08:61-09:00"]
)
def test_hours_that_are_none_are_refused(text: str) -> None:
    """What cannot be read says how to write it."""
    with pytest.raises(ValueError, match="write"):
        Hours.parse(text, "UTC")


def test_a_zone_that_does_not_exist() -> None:
    """A slip in the zone is told."""
    with pytest.raises(ValueError, match="Europe/Berlik"):
        Hours.parse("08:00-18:00", "Europe/Berlik")


FILE = """
zone = "Europe/Berlin"
hours = "mon-fri 08:00-18:00"
closed = [2026-12-25]

[rules."service level"]
threshold = 0.85
raise_after = 3
thresholds = {7 = 0.9, "queue/170/8" = false}

[rules."lost calls"]
off = true

[rules."no data"]
hours = ""

[rules."hangs in wrap-up"]
measure = "state_time"
states = ["wrap-up"]
threshold = 600
"""


def test_a_file_changes_the_usual_rules(tmp_path: Path) -> None:
    """What it does not say stays; queues have their own thresholds; rules go, come, keep other hours."""
    path = tmp_path / "rules.toml"
    path.write_text(FILE, encoding="utf-8")
    rules = {one.id: one for one in load_rules(path)}
    assert set(rules) == {one.id for one in DEFAULTS} - {"lost calls"} | {"hangs in wrap-up"}
    service = rules["service level"]
    assert (service.threshold, service.raise_after, service.minimum) == (0.85, 3, 20)
    assert service.threshold_of(BILLING) == 0.9
    assert service.threshold_of(Subject("queue", 8, 170)) is None
    assert service.hours is not None
    assert not service.applies(datetime(2026, 12, 25, 10, tzinfo=UTC))
    assert service.applies(datetime(2026, 12, 24, 10, tzinfo=UTC))
    assert rules["no data"].hours is None
    assert rules["hangs in wrap-up"].states == ("wrap-up",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules = 3", "tables"),
        ("colour = 3", "colour"),
        ('hours = "08:00-18:00"', "zone"),
        ('zone = "Moon/Base"', "Moon/Base"),
        ('zone = "UTC"\nhours = 8', "text"),
        ('zone = "UTC"\nhours = "08:00-18:00"\nclosed = ["christmas"]', "dates"),
        ("[rules.x]\nthreshold = 1", "measure"),
        ('[rules.x]\nmeasure = "lost_rate"', "threshold"),
        ('[rules."lost calls"]\ncolour = 3', "colour"),
        ('[rules."lost calls"]\nthreshold = "5 %"', "number"),
        ('[rules."lost calls"]\nminimum = 2.5', "whole"),
        ('[rules."lost calls"]\nraise_after = 0', "1 or more"),
        ('[rules."lost calls"]\nthresholds = 3', "table"),
        ('[rules."long in one state"]\nstates = ["asleep"]', "states"),
        ('[rules."lost calls"]\nthreshold = 5', "0 to 1"),
        ('[rules."service level"]\nthresholds = {7 = 90}', "0 to 1"),
        ('[rules."service level"]\ncoverage = 80', "0 to 1"),
        ('[rules."lost call"]\noff = true', "no usual rule 'lost call'"),
        ('[rules."lost calls"]\noff = "yes"', "true or false"),
        ("= 3", "no TOML"),
    ],
)
def test_a_file_that_is_wrong_says_where(text: str, told: str, tmp_path: Path) -> None:
    """Every mistake is one ConfigError that names the file and the mistake."""
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told) as error:
        load_rules(path)
    assert "rules.toml" in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is a ConfigError, an empty table the usual rules."""
    with pytest.raises(ConfigError, match="No such file"):
        load_rules(tmp_path / "none.toml")
    assert parse_rules({}) == DEFAULTS


def test_within_hours() -> None:
    """All rules, in opening hours."""
    assert {one.hours for one in within(OFFICE)} == {OFFICE}
    assert [one.id for one in within(OFFICE)] == [one.id for one in DEFAULTS]
