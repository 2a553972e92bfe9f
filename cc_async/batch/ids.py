"""Pure: what callers pass as ids and times, read once and checked whole before anything is sent."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen


@frozen
class IdRange:
    """What the documents say about one kind of id."""

    noun: str
    low: int
    high_known: int
    """The newest upper bound known; a newer server may know better."""


CC_ID = IdRange("ccId", 1, 65_535)
VDN = IdRange("vdn", 1, 5_000)
SKILL = IdRange("skill id", 1, 10_000)
AGENT = IdRange("agent id", 101, 999_999)

_TASK_ID_LENGTH = 30


def read_id(value: object, kind: IdRange) -> int:
    """Read one id: anything with ``__index__`` but bool.

    Raises:
        TypeError: text, a float, a bool, None.
        ValueError: below the documented range; above the newest known range is accepted, see ``above``.
    """
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(f"{kind.noun} must be an int, not {_shown(value)}{_int_hint(value)}")
    number = operator.index(value)  # type: ignore[arg-type]
    if number < kind.low:
        raise ValueError(f"{kind.noun} {number} is below {kind.low}, the lowest there is")
    return number


def read_ids(values: object, kind: IdRange) -> tuple[int, ...]:
    """Read ids from any iterable, once; duplicates are asked once, in the place of the first.

    Raises:
        TypeError: not an iterable of ints; the message says what to pass instead.
        ValueError: an id below the documented range.
    """
    items = list(_items(values, kind.noun))
    if set(map(type, items)) <= {int}:
        # The usual case, a million of them included: no step of Python per id.
        numbers = dict.fromkeys(items)
        if items and min(numbers) < kind.low:
            read_id(min(numbers), kind)
        return tuple(numbers)
    return tuple(dict.fromkeys(read_id(item, kind) for item in items))


def above(ids: Iterable[int], kind: IdRange) -> int | None:
    """The largest id when it is above the newest known range: worth one warning per client; else None."""
    largest = max(ids, default=0)
    return largest if largest > kind.high_known else None


def read_task_ids(values: object) -> tuple[str, ...]:
    """Read outbound task ids: text of 1 to 30 digits each; duplicates are asked once.

    Raises:
        TypeError: an int (an id of 30 digits does not survive as a number everywhere), a bare text.
        ValueError: empty text, more than 30 characters, anything but the digits 0 to 9.
    """
    return tuple(dict.fromkeys(_read_task_id(item) for item in _items(values, "task id")))


def _read_task_id(value: object) -> str:
    if not isinstance(value, str):
        hint = f'; write "{value}"' if type(value) is int and 0 <= value < 10**_TASK_ID_LENGTH else ""
        raise TypeError(f"task ids are text, not {_shown(value)}{hint}")
    if not 1 <= len(value) <= _TASK_ID_LENGTH:
        raise ValueError(f"a task id has 1 to {_TASK_ID_LENGTH} digits, this one has {len(value)}")
    if not (value.isascii() and value.isdigit()):
        raise ValueError(f"a task id has digits 0 to 9 only: {_shown(value)}")
    return str(value)


def _items(values: object, noun: str) -> Iterator[Any]:
    if isinstance(values, (str, bytes, bytearray)):
        raise TypeError(f"{noun}s must be a list or another iterable, not {_shown(values)}: write [...]")
    if isinstance(values, Iterable):
        return iter(values)
    example = f": write [{values}]" if type(values) is int else ""
    raise TypeError(f"{noun}s must be a list or another iterable, not {_shown(values)}{example}")


def read_window(begin: object, end: object) -> tuple[datetime, datetime]:
    """Read [begin, end) as a pair of instants in UTC; equal ends are an empty window.

    Raises:
        TypeError: not a datetime, or one without a time zone; the message says how to add it.
        ValueError: the end is before the begin, or an instant at the very edge of the calendar.
    """
    first, last = _instant(begin, "begin"), _instant(end, "end")
    if last < first:
        raise ValueError(f"end {last.isoformat()} is before begin {first.isoformat()}")
    return first, last


def _instant(value: object, name: str) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"{name} must be a datetime with a time zone, not {_shown(value)}")
    if value.utcoffset() is None:
        raise TypeError(
            f"{name} has no time zone: use datetime(..., tzinfo=UTC), or .astimezone() if it is this "
            "machine's local time"
        )
    try:
        instant = value.astimezone(UTC)
        # Windows are rounded outward to whole seconds and down to whole periods: leave them room for it.
        _ = instant - timedelta(days=1), instant + timedelta(days=1)
    except OverflowError:
        raise ValueError(f"{name} is at the edge of the calendar: {value.year}") from None
    return instant


def _shown(value: object) -> str:
    """A value and its type, cut: what callers pass by mistake can be long."""
    text = ascii(value) if isinstance(value, (str, bytes, bool, int, float, type(None))) else ""
    name = type(value).__name__
    return f"{name} {text[:40]}" if text and value is not None else name


def _int_hint(value: object) -> str:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return f": write int({ascii(value)[:40]})"
    if isinstance(value, float) and value.is_integer():
        return ": write it without the fraction"
    return ""
