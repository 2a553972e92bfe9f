"""Text from servers made harmless: for terminals, for spreadsheets."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from enum import Enum

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories that move the cursor, change colours or turn the direction of writing."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def visible(text: str, *, longest: int | None = None) -> str:
    """Spell control characters, ANSI escapes, direction marks and lone surrogates by number; cut the end."""
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _HARMFUL else char for char in text)


def spreadsheet(text: str) -> str:
    """Make a cell that no spreadsheet takes for a formula and no terminal for a command."""
    head = "'" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else ""
    kept = "".join(char if char in "\t\r\n" else visible(char) for char in text)
    return head + kept


def instant(moment: datetime) -> str:
    """Write an instant as ISO 8601 in UTC, without a fraction."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def word(code: Enum) -> str:
    """Name a code of a table in lower case; a code outside the table keeps its number."""
    return code.name.lower().replace("_", " ") if getattr(code, "known", True) else str(code.value)


def _escape(char: str) -> str:
    """Spell one character by its number."""
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
