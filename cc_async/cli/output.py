"""One report written as a table, as JSON or as CSV."""

from __future__ import annotations

import csv
import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from attrs import fields, frozen
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cc_async.cli import text
from cc_async.cli.narrow import widest, widths
from cc_async.cli.views import View
from cc_async.export.cells import harmless

_LONGEST = 48
"""Characters of a name that a table shows."""


class Format(enum.Enum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@frozen
class Report:
    """What a command found out, apart from how it is shown."""

    view: View
    records: Sequence[Any] = ()
    failures: Sequence[Mapping[str, Any]] = ()
    rejected: Sequence[Mapping[str, Any]] = ()
    absent: Sequence[Any] = ()
    requests: int = 0

    @property
    def whole(self) -> bool:
        """True when nothing failed and every row could be read; absent keys are an answer."""
        return not self.failures and not self.rejected


def write(report: Report, form: Format, out: TextIO, *, rows: int) -> None:
    """Write the report; a table shows at most that many rows (0: all)."""
    if form is Format.JSON:
        _write_json(report, out)
    elif form is Format.CSV:
        _write_csv(report, out)
    else:
        _write_table(report, out, rows)


def table(view: View, records: Iterable[Any], room: int | None = None) -> Table:
    """Make a rich table of the columns of a view; every cell is plain text, never markup.

    In a window too narrow for it (``room`` characters) headers break, and instants lose year and zone.
    """
    kept = list(records)
    words = [name in view.texts for name in view.columns]
    headers, rows = _texts(view, kept)
    if room is not None and sum(widest(headers, rows)) + 3 * (len(headers) - 1) > room:
        shorter = _texts(view, kept, short=True)
        if (fitting := widths(*shorter, words, room)) is not None:
            return _made(*shorter, words, fitting)
    return _made(headers, rows, words)


def cell(name: str, value: object, *, short: bool = False) -> str:
    """Write one value for a person; ``-`` where the server did not say."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return text.short_instant(value, seconds=name != "interval_start") if short else text.instant(value)
    if isinstance(value, enum.Enum):
        return text.visible(text.word(value))
    if isinstance(value, float):
        return f"{value:.1%}" if name.endswith("_rate") else f"{value:g}"
    return text.visible(str(value), longest=_LONGEST)


def _texts(view: View, records: Sequence[Any], *, short: bool = False) -> tuple[list[str], list[list[str]]]:
    """The headers and the cells; short instants leave it to their header to say that they are UTC."""
    headers = [
        f"{_header(name)} (UTC)"
        if short and any(isinstance(getattr(record, name), datetime) for record in records)
        else _header(name)
        for name in view.columns
    ]
    return headers, [
        [cell(name, getattr(record, name), short=short) for name in view.columns] for record in records
    ]


def _made(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    words: Sequence[bool],
    fitting: Sequence[int] | None = None,
) -> Table:
    """Make the table, its columns as wide as they like or as wide as told."""
    padding = (0, 1) if fitting is None else 0
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=padding)
    for number, (header, left) in enumerate(zip(headers, words, strict=True)):
        # Folded, never cut: half a number is a wrong number.
        made.add_column(
            Text(header),
            justify="left" if left else "right",
            overflow="fold",
            width=None if fitting is None else fitting[number],
        )
    for row in rows:
        made.add_row(*map(Text, row))
    return made


class Screen(Console):
    """A console that obeys no markup, and leaves a closed pipe to ``main`` instead of ending the process."""

    def on_broken_pipe(self) -> None:
        """Let the error through."""
        raise BrokenPipeError


def console(out: TextIO, width: int | None = None) -> Screen:
    """Make a console; where no window limits it (a pipe, a file) it is so wide, or keeps lines whole."""
    if out.isatty():
        return Screen(file=out, highlight=False, emoji=False, markup=False)
    return Screen(
        file=out, highlight=False, emoji=False, markup=False, width=width or 10_000, color_system=None
    )


def _header(name: str) -> str:
    """Turn a field's name into a column's."""
    return name.removesuffix("_id").replace("_seconds", " (s)").replace("_", " ")


def _write_table(report: Report, out: TextIO, rows: int) -> None:
    """Write the most telling columns, then what else there is to know."""
    shown = report.records[:rows] if rows else report.records
    screen = console(out)
    if report.records:
        screen.print(table(report.view, shown, screen.width))
    hidden = len(report.records) - len(shown)
    parts = [
        f"{len(report.records):,} {report.view.rows}",
        f"{report.requests:,} request{'' if report.requests == 1 else 's'}",
    ]
    if hidden:
        parts.append(f"{hidden:,} rows not shown: --rows 0, --csv or --json for all")
    if report.absent:
        parts.append(f"{len(report.absent):,} answered without a row: {_some(report.absent)}")
    screen.print("; ".join(parts), soft_wrap=True)


def _some(keys: Sequence[Any]) -> str:
    """List the first keys."""
    listed = ", ".join(text.visible(str(key), longest=30) for key in keys[:8])
    return listed + (", ..." if len(keys) > 8 else "")


def _write_json(report: Report, out: TextIO) -> None:
    """Write one object and nothing else; characters beyond ASCII are escaped, so a terminal is safe."""
    document = {
        "version": 1,
        "records": [record.to_dict() for record in report.records],
        "failures": report.failures,
        "rejected": report.rejected,
        "absent": list(report.absent),
        "requests": report.requests,
    }
    json.dump(document, out)
    out.write("\n")


class CsvRows:
    """Writes rows as CSV, a header before the first; numbers stay numbers, text is made harmless."""

    def __init__(self, view: View, out: TextIO) -> None:
        self.count = 0
        self._record: type[Any] = view.record
        self._writer = csv.writer(out, lineterminator="\n")

    def header(self) -> None:
        """Write the header, unless rows have been written."""
        if not self.count:
            self._writer.writerow(attribute.name for attribute in fields(self._record))

    def write(self, record: Any) -> None:
        """Write one row."""
        self.header()
        self.count += 1
        values = record.to_dict().values()
        self._writer.writerow([harmless(value) if isinstance(value, str) else value for value in values])


def _write_csv(report: Report, out: TextIO) -> None:
    """Write every field of every record."""
    rows = CsvRows(report.view, out)
    for record in report.records:
        rows.write(record)
    rows.header()
