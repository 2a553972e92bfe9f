"""The slow, forgiving way of reading rows (cattrs): one bad row costs one row, and says which and why."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs
from cattrs import AttributeValidationNote, ClassValidationError, Converter
from cattrs.gen import make_dict_structure_fn, override

from cc_async.contract.wire import Kind, Wire, fields_of, wire_of
from cc_async.session import values
from cc_async.session.request import Rejected

_RULES: dict[Kind, Callable[[Any], Any]] = {
    Kind.COUNT: values.whole,
    Kind.SIGNED: values.signed,
    Kind.NUMBER: values.number,
    Kind.RATIO: values.ratio,
    Kind.RAW: values.raw,
    Kind.TEXT: values.text,
    Kind.INSTANT: lambda value: (values.moment(value) or (None, None))[0],
    Kind.BUCKET: lambda value: (values.moment(value) or (None, None))[1],
}


def lookup(row: Mapping[str, Any], folded: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value under any of these names: as spelt, else whatever the letter case; None when absent."""
    for name in names:
        if name in row:
            return row[name]
    for name in names:
        if name.lower() in folded:
            return folded[name.lower()]
    return None


def fold(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same values under trimmed lower-case names; of two that fall together the first counts."""
    folded: dict[str, Any] = {}
    for name, value in row.items():
        folded.setdefault(name.strip().lower(), value)
    return folded


def read_rows(
    record: Any,
    reports: tuple[str, ...] | None,
    rows: Sequence[Any],
    sampled: datetime,
    fill: Mapping[str, Any],
    part: str,
) -> tuple[list[Any], tuple[Rejected, ...]]:
    """Return the records that could be read, and why the others could not."""
    read = row_reader(record, reports)
    good: list[Any] = []
    bad: list[Rejected] = []
    for position, row in enumerate(rows):
        try:
            good.append(read(row, sampled, fill))
        except values.BadValue as error:
            bad.append(Rejected(str(error), part, position))
    return good, tuple(bad)


RowReader = Callable[[Any, datetime, Mapping[str, Any]], Any]


@functools.cache
def row_reader(record: Any, reports: tuple[str, ...] | None) -> RowReader:
    """Make the function that reads one row of a record; BadValue names the fields that could not be read."""
    wires = {item.name: wire_of(item) for item in fields_of(record)}
    keys = {item.name for item in fields_of(record) if item.default is attrs.NOTHING}
    hooks = {name: override(struct_hook=_hook(wire, name in keys)) for name, wire in wires.items()}
    structure = make_dict_structure_fn(record, Converter(), **hooks)  # type: ignore[arg-type]

    def read(row: Any, sampled: datetime, fill: Mapping[str, Any]) -> Any:
        if not isinstance(row, dict):
            raise values.BadValue("the row is not an object")
        folded = fold(row)
        named: dict[str, Any] = {}
        for name, wire in wires.items():
            value = fill.get(name)
            if wire.names and (reports is None or name in reports):
                found = lookup(row, folded, wire.names)
                value = value if found is None else found
            named[name] = (value, sampled)
        try:
            return structure(named, record)
        except ClassValidationError as group:
            raise values.BadValue(_reasons(group, wires)) from None

    return read


def _hook(wire: Wire, is_key: bool) -> Callable[[Any, Any], Any]:
    """Read (value, moment of asking) by the rule of the field."""
    rule = _rule(wire)

    def read(pair: Any, _: Any) -> Any:
        value = rule(*pair)
        if value is None and is_key:
            raise values.BadValue("missing, and a row is nothing without it")
        return value

    return read


def _rule(wire: Wire) -> Callable[[Any, datetime], Any]:
    table = wire.table

    def code(value: Any, _: datetime) -> Any:
        number = values.whole(value)
        return None if number is None or table is None else table(number)

    def since(value: Any, sampled: datetime) -> Any:
        seconds = values.whole(value)
        return None if seconds is None else values.before(sampled, seconds)

    special: dict[Kind, Callable[[Any, datetime], Any]] = {
        Kind.CODE: code,
        Kind.SINCE: since,
        Kind.SAMPLED: lambda _, sampled: sampled,
        Kind.QUESTION: lambda value, _: value,
        Kind.LATER: lambda value, _: value,
    }
    if wire.kind in special:
        return special[wire.kind]
    plain = _RULES[wire.kind]
    return lambda value, _: plain(value)


def _reasons(group: ClassValidationError, wires: Mapping[str, Wire]) -> str:
    """Which vendor fields could not be read and why, each once."""
    reasons: dict[str, None] = {}
    for error in group.exceptions:
        for note in getattr(error, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                names = wires[note.name].names or (note.name,)
                reasons[f"{names[0]}: {error}"] = None
    return "; ".join(reasons)
