"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.cli.times import parse_day, parse_duration, parse_instant, parse_window, parse_zone
from cc_async.cli.usage import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, 17, 49, tzinfo=UTC)


def utc(text: str) -> datetime:
    """An instant written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(**options: str) -> tuple[datetime, datetime]:
    """The window of some of the options."""
    none = dict.fromkeys(("last", "day", "begin", "end", "tz"))
    return parse_window(**{**none, **options}, now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24h", timedelta(hours=24)),
        ("90m", timedelta(minutes=90)),
        ("300s", timedelta(minutes=5)),
        ("1d12h", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        (" 1H ", timedelta(hours=1)),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    """Units may be put together, in either letter case."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1.5h", "24 h x", "0h", "99999d", "١h", "1y"])
def test_what_is_no_duration(text: str) -> None:
    """Nothing is guessed: a number needs a unit, and a time that is no time is refused."""
    with pytest.raises(UsageError, match="--last"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("day", "hours", "begin"),
    [
        ("2026-03-28", 24, "2026-03-27T23:00"),
        ("2026-03-29", 23, "2026-03-28T23:00"),
        ("2026-10-25", 25, "2026-10-24T22:00"),
        ("yesterday", 24, "2026-11-18T23:00"),
        ("Today", 24, "2026-11-19T23:00"),
    ],
)
def test_days_have_the_hours_they_have(day: str, hours: int, begin: str) -> None:
    """A day goes from midnight to midnight there: 23 and 25 hours when the clocks change."""
    start, end = parse_day(day, BERLIN, NOW)
    assert start == utc(begin)
    assert end - start == timedelta(hours=hours)


def test_a_day_whose_midnight_does_not_exist() -> None:
    """Where the clocks skip midnight the day begins when they have skipped it."""
    start, end = parse_day("2026-03-08", ZoneInfo("America/Havana"), NOW)
    assert start == utc("2026-03-08T05:00")
    assert end - start == timedelta(hours=23)


def test_yesterday_depends_on_the_zone() -> None:
    """At 23:30 UTC it is the next day in Berlin already."""
    late = utc("2026-11-20T23:30")
    assert parse_day("today", BERLIN, late)[0] == utc("2026-11-20T23:00")
    assert parse_day("today", ZoneInfo("UTC"), late)[0] == utc("2026-11-20T00:00")


@given(st.dates(date(2000, 1, 1), date(2037, 12, 30)))
def test_days_meet_without_gap_or_overlap(day: date) -> None:
    """Every day ends exactly where the next begins, so that no row is asked twice or never."""
    following = day + timedelta(days=1)
    assert parse_day(day.isoformat(), BERLIN, NOW)[1] == parse_day(following.isoformat(), BERLIN, NOW)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-29T08:00+02:00", "2026-03-29T06:00"),
        ("2026-03-29T08:00Z", "2026-03-29T08:00"),
        ("2026-03-29T08:00", "2026-03-29T06:00"),
        ("2026-03-29", "2026-03-28T23:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30"),
    ],
)
def test_iso_times(text: str, expected: str) -> None:
    """An offset counts; without one the time is meant in the zone."""
    assert parse_instant(text, "--begin", BERLIN) == utc(expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-10-25T02:30", "happens twice in Europe/Berlin - add an offset"),
        ("2026-03-29T02:30", "does not exist in Europe/Berlin"),
        ("soon", "is no time - write ISO 8601"),
        ("2026-02-30T00:00Z", "is no time"),
        ("0001-01-01T00:00+14:00", "out of range"),
    ],
)
def test_times_that_are_none(text: str, says: str) -> None:
    """A time that happens twice, never, or is no time at all is told as that."""
    with pytest.raises(UsageError) as caught:
        parse_instant(text, "--begin", BERLIN)
    assert says in str(caught.value)


def test_a_naive_time_needs_a_zone() -> None:
    """Without offset and without --tz nothing is guessed."""
    with pytest.raises(UsageError, match=r"has no time zone - add an offset \(2026-03-29T08:00Z\) or --tz"):
        parse_instant("2026-03-29T08:00", "--begin", None)


def test_windows() -> None:
    """--last ends with the last whole 5 minutes; --end is now when it is left out."""
    assert window(last="1h") == (utc("2026-11-20T11:15"), utc("2026-11-20T12:15"))
    assert window(begin="2026-11-20T10:00Z") == (utc("2026-11-20T10:00"), utc("2026-11-20T12:15"))
    assert window(begin="2026-11-20T10:00Z", end="2026-11-20T10:07Z")[1] == utc("2026-11-20T10:07")
    assert window(day="2026-03-29", tz="Europe/Berlin") == (utc("2026-03-28T23:00"), utc("2026-03-29T22:00"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "which time? - give --last 24h"),
        ({"tz": "UTC"}, "which time?"),
        ({"last": "1h", "day": "today", "tz": "UTC"}, "--last and --day exclude each other"),
        ({"last": "1h", "begin": "2026-11-20T10:00Z"}, "--last and --begin exclude each other"),
        ({"end": "2026-11-20T10:00Z"}, "which time?"),
        ({"last": "1h", "end": "2026-11-20T10:00Z"}, "--end goes with --begin"),
        ({"begin": "2026-11-20T10:00Z", "end": "2026-11-20T10:00Z"}, "--end must be after --begin"),
        ({"begin": "2027-01-01T00:00Z"}, "--begin is not in the past"),
        ({"day": "yesterday"}, "a day begins and ends in a time zone - add --tz"),
        ({"day": "tomorrow", "tz": "UTC"}, "'tomorrow' is no day"),
        ({"day": "9999-12-31", "tz": "UTC"}, "is no day"),
        ({"last": "1h", "tz": "Europe/Nowhere"}, "no time zone 'Europe/Nowhere'"),
    ],
)
def test_windows_that_are_none(options: dict[str, str], says: str) -> None:
    """Options that contradict each other, or leave the time open, are refused with the way out."""
    with pytest.raises(UsageError) as caught:
        window(**options)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["Nowhere/City", "../../etc/passwd", "", "Europe", "a\0b"])
def test_names_that_are_no_zone(name: str) -> None:
    """A zone's name never leads to a crash or a file elsewhere."""
    with pytest.raises(UsageError, match="no time zone"):
        parse_zone(name)
