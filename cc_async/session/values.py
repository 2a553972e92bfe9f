"""The rules that read one value: what the servers send, made into what a record holds. Pure functions."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

NONE_NUMBERS = frozenset({4294967295, 4294967295000})
"""Numbers by which the servers say "none"."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_BUCKET_MS = 300_000
_LAST_MS = 253_402_300_799_999
_MS_DIGITS = 13
_LARGEST = 2**63 - 1
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,17})?")
_NO_RATE = frozenset({"", "-", "--"})


class BadValue(ValueError):
    """A value that cannot be read; the text says why, never what it was: it may be a phone number."""


def whole(value: Any) -> int | None:
    """Read a whole number of 0 or more.

    Taken: an int that is no bool, ASCII digits (blanks around them do not matter), a float without fraction.
    None: null, an empty text, and the numbers that mean "none". Everything else raises BadValue.
    """
    number = signed(value)
    if number is not None and number < 0:
        raise BadValue("below 0")
    return number


def signed(value: Any) -> int | None:
    """Read a whole number that may be below 0, by the same rule."""
    if isinstance(value, bool):
        raise BadValue("true or false in place of a number")
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if not _WHOLE.fullmatch(value):
            raise BadValue("text that is not a whole number")
        value = int(value)
    elif isinstance(value, float):
        if not math.isfinite(value) or value != int(value):
            raise BadValue("not a whole number")
        value = int(value)
    elif value is None:
        return None
    elif not isinstance(value, int):
        raise BadValue(f"{_named(value)} in place of a number")
    if not -_LARGEST <= value <= _LARGEST:
        raise BadValue("larger than 64 bits")
    return None if value in NONE_NUMBERS else int(value)


def number(value: Any) -> float | None:
    """Read a number of 0 or more that may have a fraction."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if not _DECIMAL.fullmatch(value):
            raise BadValue("text that is not a number")
        value = float(value)
    elif value is None:
        return None
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadValue(f"{_named(value)} in place of a number")
    if not 0 <= value <= _LARGEST:
        raise BadValue("below 0, or not a number, or larger than 64 bits")
    return None if value in NONE_NUMBERS else float(value)


def ratio(value: Any) -> float | None:
    """Read a rate into 0..1: ``"50%"``, ``"50"``, 50, ``"0.5"`` are one half; ``"--"`` is None.

    With a percent sign it is always divided by 100 (``"1%"`` is 0.01). Without one, a number up to 1 is a
    ratio already (``"1"`` is 1.0, all of them) and a larger one is percent.
    """
    if isinstance(value, str):
        value = value.strip()
        if value in _NO_RATE:
            return None
        if value.endswith("%"):
            percent = number(value[:-1])
            return None if percent is None else percent / 100
    rate = number(value)
    return rate if rate is None or rate <= 1 else rate / 100


def raw(value: Any) -> int | float | str | None:
    """Keep a number or a text as it came; an empty text and the "none" numbers are None."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadValue(f"{_named(value)} in place of a number or text")
    if not -_LARGEST <= value <= _LARGEST:
        raise BadValue("not a number, or larger than 64 bits")
    return None if value in NONE_NUMBERS else value


def text(value: Any) -> str | None:
    """Read a text; a number becomes its digits, an empty text None."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadValue(f"{_named(value)} in place of text")


def moment(value: Any) -> tuple[datetime, datetime] | None:
    """Read epoch milliseconds into an instant and the start of its 5-minute bucket, both aware UTC."""
    # A page holds dozens of instants, as text of 13 digits; those need none of the care that other texts do.
    plain = type(value) is str and len(value) == _MS_DIGITS and value.isascii() and value.isdecimal()
    milliseconds = int(value) if plain else whole(value)
    if milliseconds is None or milliseconds in NONE_NUMBERS:
        return None
    if milliseconds > _LAST_MS:
        raise BadValue("an instant after the year 9999")
    instant, into_bucket = _EPOCH + milliseconds * _MILLISECOND, milliseconds % _BUCKET_MS
    return instant, instant - into_bucket * _MILLISECOND if into_bucket else instant


def before(instant: datetime, seconds: int) -> datetime | None:
    """The instant some seconds earlier, or None when the calendar does not reach that far."""
    try:
        return instant - timedelta(0, seconds)
    except OverflowError:
        return None


def _named(value: Any) -> str:
    """What JSON calls it."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "true or false" if isinstance(value, bool) else "a number"
