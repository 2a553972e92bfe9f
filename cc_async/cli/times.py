"""Times as people type them: ``--last 24h``, ``--day yesterday --tz Europe/Berlin``, ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cc_async.cli.usage import UsageError

_PERIOD = 300
"""Seconds of one row of system indicators: an end that is "now" is the end of the last whole period."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:[0-9]{1,9}[smhdw])+")
_LONGEST = timedelta(days=3660)


def parse_zone(name: str | None) -> ZoneInfo | None:
    """Return the time zone of that name; raises UsageError."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        hint = "write a name such as Europe/Berlin or UTC; pip install tzdata where the system has no zones"
        raise UsageError(f"--tz: no time zone {name!r}", hint=hint) from None


def parse_duration(text: str) -> timedelta:
    """Read ``24h``, ``90m`` or ``1d12h``; raises UsageError."""
    compact = text.strip().lower()
    if not _DURATION.fullmatch(compact):
        raise UsageError(f"--last: {text!r} is no duration", hint="write 24h, 90m, 7d or 1d12h")
    seconds = sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"([0-9]+)([smhdw])", compact))
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise UsageError(f"--last: {text!r} must be above 0 and at most ten years")
    return timedelta(seconds=seconds)


def parse_instant(text: str, option: str, zone: ZoneInfo | None) -> datetime:
    """Read ISO 8601; a time without an offset is meant in the zone, and needs one. Raises UsageError."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        hint = "write ISO 8601 such as 2026-03-29T08:00+02:00"
        raise UsageError(f"{option}: {text!r} is no time", hint=hint) from None
    if found.tzinfo is not None:
        return _utc(found, option)
    if zone is None:
        hint = f"add an offset ({text.strip()}Z) or --tz Europe/Berlin"
        raise UsageError(f"{option}: {text!r} has no time zone", hint=hint)
    first, second = (_utc(found.replace(tzinfo=zone, fold=fold), option) for fold in (0, 1))
    if first < second:
        raise UsageError(
            f"{option}: {text!r} happens twice in {zone.key}", hint="add an offset such as +01:00"
        )
    if first > second:
        raise UsageError(f"{option}: {text!r} does not exist in {zone.key}: the clocks go forward")
    return first


def parse_day(text: str, zone: ZoneInfo | None, now: datetime) -> tuple[datetime, datetime]:
    """Read ``today``, ``yesterday`` or a date as [midnight, next midnight), 23 or 25 hours on some days.

    Raises UsageError.
    """
    if zone is None:
        raise UsageError(
            "--day: a day begins and ends in a time zone", hint="add --tz Europe/Berlin (or UTC)"
        )
    today = now.astimezone(zone).date()
    word = text.strip().lower()
    try:
        day = {"today": today, "yesterday": today - timedelta(days=1)}.get(word) or date.fromisoformat(word)
        return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    except (ValueError, OverflowError):
        hint = "write yesterday, today or 2026-03-29"
        raise UsageError(f"--day: {text!r} is no day", hint=hint) from None


def parse_window(
    *,
    last: str | None,
    day: str | None,
    begin: str | None,
    end: str | None,
    tz: str | None,
    now: datetime,
) -> tuple[datetime, datetime]:
    """Return [begin, end) in UTC from whichever of the options was given; raises UsageError."""
    zone = parse_zone(tz)
    given = [
        option for option, text in (("--last", last), ("--day", day), ("--begin", begin)) if text is not None
    ]
    if len(given) != 1:
        problem = f"{' and '.join(given)} exclude each other" if given else "which time?"
        raise UsageError(problem, hint="give --last 24h, or --day yesterday --tz ZONE, or --begin and --end")
    if end is not None and begin is None:
        raise UsageError("--end goes with --begin")
    latest = datetime.fromtimestamp(now.timestamp() // _PERIOD * _PERIOD, UTC)
    if last is not None:
        return latest - parse_duration(last), latest
    if day is not None:
        return parse_day(day, zone, now)
    start = parse_instant(begin or "", "--begin", zone)
    stop = parse_instant(end, "--end", zone) if end is not None else latest
    if stop <= start:
        raise UsageError("--end must be after --begin" if end is not None else "--begin is not in the past")
    return start, stop


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when that day begins there; where midnight is skipped, the first instant after it."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _utc(moment: datetime, option: str) -> datetime:
    """Return the instant in UTC."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{option}: {moment.isoformat()} is out of range") from None
