"""Text from servers made harmless for terminals, and how instants and codes are written."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum

from cc_async.export import cells


def visible(text: str, *, longest: int | None = None) -> str:
    """Cut the end, and spell everything that a terminal would obey by its number."""
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return cells.visible(text)


def instant(moment: datetime) -> str:
    """Write an instant as ISO 8601 in UTC, without a fraction."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def word(code: Enum) -> str:
    """Name a code of a table in lower case; a code outside the table keeps its number."""
    return code.name.lower().replace("_", " ") if getattr(code, "known", True) else str(code.value)
