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


def with_rows(body: Mapping[str, Any], rows: list[Any]) -> dict[str, Any]:
    """Return an answer with other rows, in every place where it had some."""
    made: dict[str, Any] = {}
    for name, value in body.items():
        if name.strip().lower() in _HOLDERS:
            if isinstance(value, list):
                value = rows
            elif isinstance(value, dict) and isinstance(value.get("data"), list):
                value = {**value, "data": rows}
        made[name] = value
    return made


def merged(bodies: Iterable[Mapping[str, Any]], ids: list[str]) -> list[Any]:
    """Return the rows of some queues in the order they are asked for; of two the later one."""
    found: dict[str, Any] = {}
    for body in bodies:
        for row in rows_of(body):
            key = _value(row, _KEYS)
            if key is not None:
                found[key] = row
    return [found[key] for key in ids if key in found]


Page = tuple[Mapping[str, Any], Mapping[str, Any] | None]
"""Parameters and answer."""


def paged(pages: Iterable[Page], wanted: Mapping[str, Any]) -> list[Any]:
    """Return one page of the rows that some pages hold together, no larger than the site's own were."""
    found: dict[int, Any] = {}
    largest = 0
    for params, body in pages:
        given = rows_of(body or {})
        largest = max(largest, len(given))
        found.update(enumerate(given, int(params.get("offset", 0))))
    vdns = {str(vdn) for vdn in wanted["vdn"]} if isinstance(wanted.get("vdn"), list) else None
    rows = (found[place] for place in sorted(found))
    whole = [row for row in rows if vdns is None or _value(row, ("vdn",)) in vdns]
    first = int(wanted.get("offset", 0))
    return whole[first : first + min(int(wanted.get("limit", largest)), largest)]


def _value(row: Any, names: tuple[str, ...]) -> str | None:
    """Return a field of a row as text, whatever its spelling."""
    if isinstance(row, dict):
        for name, value in row.items():
            if name.strip().lower() in names:
                return str(value)
    return None
