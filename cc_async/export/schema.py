"""Rows as columns of plain values: the one form between records and files."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from attrs import frozen

from cc_async.batch.frames import kinds

Columns = dict[str, list[Any]]
"""Values by column: int, float, bool, str, aware datetime or None, all columns of one length."""

POLLED_AT, GAP = "polled_at", "gap"
"""Columns that a recording adds: the beat of the poll, and why there are no rows (null: a row)."""


@frozen
class Schema:
    """The columns of a folder and what each holds."""

    record: type[Any]
    kinds: Mapping[str, type[Any]]
    """int, float, bool, str or datetime by column."""
    loose: frozenset[str] = frozenset()
    """Columns whose values may be of another type in records: codes become numbers, raw values text."""

    @classmethod
    def of(cls, record: type[Any], *, polls: bool = False) -> Schema:
        """The columns of a record; with ``polls`` those of a recording too."""
        found = kinds(record)
        plain = {name: int if kind is enum.IntEnum else kind for name, kind in found.items()}
        loose = frozenset(name for name, kind in found.items() if kind in (enum.IntEnum, str))
        return cls(record, plain | ({POLLED_AT: datetime, GAP: str} if polls else {}), loose)

    def columns(self, rows: Sequence[Any], **fixed: Any) -> Columns:
        """The columns of some records; columns that records lack hold the ``fixed`` value, or None."""
        made: Columns = {}
        for name, kind in self.kinds.items():
            if name in fixed or not hasattr(self.record, name):
                made[name] = [fixed.get(name)] * len(rows)
                continue
            values = list(map(attrgetter(name), rows))
            if name in self.loose:
                values = [value if value is None or type(value) is kind else kind(value) for value in values]
            made[name] = values
        return made

    def empty(self) -> Columns:
        """No rows."""
        return {name: [] for name in self.kinds}


def length(columns: Columns) -> int:
    """How many rows there are."""
    return len(next(iter(columns.values()), ()))


def extend(columns: Columns, more: Columns) -> None:
    """Put more rows below."""
    for name, values in columns.items():
        values.extend(more[name])


def chosen(columns: Columns, keep: Callable[[int], bool]) -> Columns:
    """The rows whose place ``keep`` says yes to."""
    places = [place for place in range(length(columns)) if keep(place)]
    if len(places) == length(columns):
        return columns
    return {name: [values[place] for place in places] for name, values in columns.items()}
