"""Pure: one value as text in a file, and back; CSV cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories that move a cursor, change colours or turn the direction of writing."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def instant_text(moment: datetime) -> str:
    """ISO 8601 in UTC that ends in ``Z``."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def instant(text: str) -> datetime:
    """Read what ``instant_text`` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    return instant_text(value) if isinstance(value, datetime) else value


def cell(value: Any) -> Any:
    """A value as a CSV cell; None is empty, text is made harmless."""
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, str):
        return harmless(value)
    return value


def harmless(text: str) -> str:
    """Text no spreadsheet computes and no terminal obeys; what this made stays as it is."""
    head = "'" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else ""
    return head + visible(text)


def visible(text: str) -> str:
    """Spell control characters, ANSI escapes, direction marks and lone surrogates by number."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) in _HARMFUL else char for char in text)


def value_of(text: str, kind: type[Any]) -> Any:
    """Read a CSV cell; an empty one is None."""
    if text == "":
        return None
    if kind is datetime:
        return instant(text)
    if kind is bool:
        return text == "True"
    return kind(text)


def _escaped(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
