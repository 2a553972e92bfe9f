"""The fast way of reading: code made from a record's declaration, for answers just as documented.

It refuses anything unusual - a number as text, a missing field, another spelling, a value out of range - and
then the same bytes are read the tolerant way. What it accepts, both ways read alike.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import attrs
import msgspec
from msgspec import UNSET, Meta, UnsetType

from cc_async.contract.wire import Kind, Record, Wire, fields_of, wire_of
from cc_async.session import values

# One below the smallest number that means "none": the tolerant way knows what to do with the rest.
_TOP = min(values.NONE_NUMBERS) - 1
_COUNT = Annotated[int, Meta(ge=0, le=_TOP)]
_TYPES: dict[Kind, Any] = {
    Kind.COUNT: _COUNT,
    Kind.SIGNED: Annotated[int, Meta(ge=-_TOP, le=_TOP)],
    Kind.NUMBER: Annotated[float, Meta(ge=0, le=_TOP)],
    Kind.RATIO: str,
    Kind.RAW: Annotated[int, Meta(ge=-_TOP, le=_TOP)] | Annotated[float, Meta(ge=-_TOP, le=_TOP)] | str,
    Kind.TEXT: str,
    Kind.CODE: _COUNT,
    Kind.INSTANT: int | str,
    Kind.BUCKET: int | str,
    Kind.SINCE: _COUNT,
}
_EXPRESSIONS = {
    Kind.COUNT: "{x}",
    Kind.SIGNED: "{x}",
    Kind.NUMBER: "{x}",
    Kind.RATIO: "ratio({x})",
    Kind.RAW: "(None if (text := {x}) == '' else text)",
    Kind.TEXT: "({x} or None)",
    Kind.CODE: "(known_{n}({x}) or table_{n}({x}))",
    Kind.INSTANT: "{x}[0]",
    Kind.BUCKET: "{x}[1]",
    Kind.SINCE: "(sampled - delta(0, {x}))",
    Kind.SAMPLED: "sampled",
}

_KEPT_MOMENTS = 1024

Build = Callable[[Sequence[Any], datetime, Mapping[str, Any]], list[Any]]


class Refused(Exception):
    """Not just as documented; the tolerant way decides."""


@attrs.frozen
class Reader:
    """What one kind of answer is read by: bytes -> (code, rows, total) -> records."""

    decoder: msgspec.json.Decoder[Any]
    build: Build

    def read(self, body: bytes, success: frozenset[str]) -> tuple[Sequence[Any], int | None]:
        """Return the wire rows and the total; Refused, or msgspec's errors, for the tolerant way."""
        answer = self.decoder.decode(body)
        code = answer.code
        if (code if type(code) is str else str(code)) not in success:
            raise Refused
        rows = answer.rows
        total = answer.total
        if type(rows) is not list:
            if not hasattr(rows, "data"):
                return (rows,), None
            rows, total = rows.data, total if rows.total is UNSET else rows.total
        return rows, None if total is UNSET else total


@functools.cache
def reader_for(
    record: Any, reports: tuple[str, ...] | None, code: str, data: str, count: str | None
) -> Reader:
    """Make the reader of a record inside an envelope; once per kind of answer."""
    wires = {
        item.name: wire_of(item)
        for item in fields_of(record)
        if wire_of(item).names and (reports is None or item.name in reports)
    }
    row = _row_struct(record, wires)
    if count is None:
        rows: Any = row
        total: Any = UnsetType
    else:
        total = Annotated[int, Meta(ge=0, le=2**63 - 1)] | UnsetType
        rows = list[row] | _struct("Inside", {"data": ("data", list[row]), "total": (count, total)})  # type: ignore[valid-type]
    answer = _struct(
        "Answer", {"code": (code, str | int), "rows": (data, rows), "total": (count or "total", total)}
    )
    return Reader(msgspec.json.Decoder(answer), _builder(record, wires))


def _struct(name: str, fields: Mapping[str, tuple[str, Any]]) -> type[Any]:
    """A Struct from our field names to (wire name, type); what may be absent is UNSET then."""
    return msgspec.defstruct(
        name,
        [
            (field, kind, UNSET)
            if kind is UnsetType or UnsetType in getattr(kind, "__args__", ())
            else (field, kind)
            for field, (_, kind) in fields.items()
        ],
        rename={field: wire for field, (wire, _) in fields.items()},
        kw_only=True,
        gc=False,
    )


def _row_struct(record: type[Any], wires: Mapping[str, Wire]) -> type[Any]:
    """The row as it is on the wire: every field required; of two spellings exactly one (see ``_either``)."""
    fields: dict[str, tuple[str, Any]] = {}
    for wire in wires.values():
        kind = _TYPES[wire.kind]
        for name in wire.names:
            fields[_slot(name)] = (name, kind | UnsetType if len(wire.names) > 1 else kind)
    return _struct(record.__name__ + "Row", fields)


def _slot(name: str) -> str:
    return "w_" + name


def _builder(record: type[Any], wires: Mapping[str, Wire]) -> Build:
    """Make the function wire rows -> records, written out field by field: no call, no lookup is left in it.

    A frozen class stores each field through ``object.__setattr__``, three times as slow as a plain store. So
    the fields are stored in a twin, a class of the same slots that is not frozen, and the twin then
    becomes the record.
    """
    items = fields_of(record)
    scope: dict[str, Any] = {
        "delta": timedelta,
        "either": _either,
        "moments": _Moments(),
        "ratio": values.ratio,
        "record": record,
        "twin": type(record.__name__, (Record,), {"__slots__": tuple(item.name for item in items)}),
    }
    hoisted: list[str] = []
    moments: dict[str, str] = {}
    stores: list[str] = []
    for n, item in enumerate(items):
        wire = wire_of(item)
        if wire.kind in (Kind.QUESTION, Kind.LATER):
            hoisted.append(f"    fill_{n} = fill.get({item.name!r})")
            value = f"fill_{n}"
        elif wire.names and item.name not in wires:
            value = "None"
        else:
            slots = [f"row.{_slot(name)}" for name in wire.names]
            x = f"either({', '.join(slots)})" if len(slots) > 1 else "".join(slots)
            if wire.kind in (Kind.INSTANT, Kind.BUCKET):
                # A start time and its bucket are one look.
                x = moments.setdefault(x, f"moment_{n}")
            value = _EXPRESSIONS[wire.kind].format(x=x, n=n)
        if wire.table is not None:
            scope[f"table_{n}"] = wire.table
            scope[f"known_{n}"] = {int(member): member for member in wire.table}.get
        stores.append(f"        made.{item.name} = {value}")
    source = [
        "def build(rows, sampled, fill):",
        "    records = []",
        "    add = records.append",
        *hoisted,
        "    for row in rows:",
        *(f"        {name} = moments[{x}]" for x, name in moments.items()),
        "        made = twin()",
        *stores,
        "        made.__class__ = record",
        "        add(made)",
        "    return records",
    ]
    code = compile("\n".join(source), f"<{record.__name__} from the wire>", "exec")
    exec(code, scope)  # noqa: S102 - written from our own field names only
    build: Build = scope["build"]
    return build


def _either(first: Any, second: Any) -> Any:
    """The one spelling that came; none or both are for the tolerant way."""
    if (first is UNSET) is (second is UNSET):
        raise Refused
    return second if first is UNSET else first


class _Moments(dict[Any, tuple[datetime, datetime]]):
    """Instants that were read lately: rows and pages share few of them, so each is made (and hashed) once."""

    def __missing__(self, value: int | str) -> tuple[datetime, datetime]:
        if len(self) >= _KEPT_MOMENTS:
            self.clear()
        moment = values.moment(value)
        if moment is None:
            raise Refused
        self[value] = moment
        return moment
