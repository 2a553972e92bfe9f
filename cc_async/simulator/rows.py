"""Rows taken out of captured answers, and put back into one: by queue, or by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_KEYS = ("id", "skillid")
_HOLDERS = ("resultdesc", "resultdatas")


def rows_of(body: Mapping[str, Any]) -> list[Any]:
    """Return the rows of an answer, wherever they stand."""
    for wanted in _HOLDERS:
        for name, value in body.items():
            if name.strip().lower() != wanted:
                continue
            if isinstance(value, dict) and isinstance(value.get("data"), list):
                return list(value["data"])
            if isinstance(value, list):
                return value
    return []


def with_rows(body: Mapping[str, Any], rows: list[Any], total: int) -> dict[str, Any]:
    """Return an answer with other rows and another count, in every place where it had some."""
    made: dict[str, Any] = {}
    for name, value in body.items():
        folded = name.strip().lower()
        if folded == "count":
            value = _counted(value, total)
        elif folded in _HOLDERS and isinstance(value, list):
            value = rows
        elif folded in _HOLDERS and isinstance(value, dict) and isinstance(value.get("data"), list):
            value = {**value, "data": rows}
            if "count" in value:
                value["count"] = _counted(value["count"], total)
        made[name] = value
    return made


def _counted(old: Any, total: int) -> Any:
    """Write a count as the site did, as a number or as text."""
    return str(total) if isinstance(old, str) else total


def merged(answers: Iterable[list[Any]], ids: list[str]) -> list[Any]:
    """Return the rows of some queues in the order they are asked for; of two the later one."""
    found: dict[str, Any] = {}
    for rows in answers:
        for row in rows:
            key = _value(row, _KEYS)
            if key is not None:
                found[key] = row
    return [found[key] for key in ids if key in found]


def between(rows: Iterable[Any], begin: float, end: float, vdns: Iterable[Any] | None) -> list[Any]:
    """Return the rows of periods that begin within [begin, end), epoch seconds; of two the later one."""
    found: dict[tuple[str | None, str], Any] = {}
    wanted = None if vdns is None else {str(vdn) for vdn in vdns}
    for row in rows:
        time, vdn = _value(row, ("begintime",)), _value(row, ("vdn",))
        inside = time is not None and time.isdigit() and begin <= int(time) / 1000 < end
        if inside and (wanted is None or vdn in wanted):
            found[vdn, str(time)] = row
    return list(found.values())


def laid_out(pages: Iterable[tuple[int, list[Any]]]) -> list[Any]:
    """Put the rows of some pages into one list, each at its offset."""
    found: dict[int, Any] = {}
    for offset, rows in pages:
        found.update(enumerate(rows, offset))
    return [found[place] for place in sorted(found)]


def _value(row: Any, names: tuple[str, ...]) -> str | None:
    """Return a field of a row as text, whatever its spelling."""
    if isinstance(row, dict):
        for name, value in row.items():
            if name.strip().lower() in names:
                return str(value)
    return None
