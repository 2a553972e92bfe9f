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
class Way:
    """One spelling of the rows: how they are decoded, and how the records are built from that."""

    decoder: msgspec.json.Decoder[Any]
    build: Build


@attrs.frozen
class Reader:
    """What one kind of answer is read by: bytes -> (code, rows, total) -> records."""

    ways: tuple[Way, ...]

    def read(
        self, body: bytes, success: frozenset[str], sampled: datetime, fill: Mapping[str, Any]
    ) -> tuple[list[Any], int | None]:
        """Return the records and the total; Refused, or msgspec's errors, for the tolerant way."""
        answer, build = self._decoded(body)
        code = answer.code
        if (code if type(code) is str else str(code)) not in success:
            raise Refused
        rows = answer.rows
        total = answer.total
        if type(rows) is not list:
            if not hasattr(rows, "data"):
                return build((rows,), sampled, fill), None
            rows, total = rows.data, total if rows.total is UNSET else rows.total
        return build(rows, sampled, fill), None if total is UNSET else total

    def _decoded(self, body: bytes) -> tuple[Any, Build]:
        """The answer in the first spelling that fits; one that does not is noticed at its first row."""
        *usual, last = self.ways
        for way in usual:
            try:
                return way.decoder.decode(body), way.build
            except msgspec.ValidationError:
                continue
        return last.decoder.decode(body), last.build


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
    spellings = max((len(wire.names) for wire in wires.values()), default=1)
    moments = _Moments()
    return Reader(
        tuple(
            Way(
                _decoder(record, wires, code, data, count, spelling),
                _builder(record, wires, spelling, moments),
            )
            for spelling in range(spellings)
        )
    )


def _decoder(
    record: Any, wires: Mapping[str, Wire], code: str, data: str, count: str | None, spelling: int
) -> msgspec.json.Decoder[Any]:
    row = _row_struct(record, wires, spelling)
    if count is None:
        rows: Any = row
        total: Any = UnsetType
    else:
        total = Annotated[int, Meta(ge=0, le=2**63 - 1)] | UnsetType
        rows = list[row] | _struct("Inside", {"data": ("data", list[row]), "total": (count, total)})  # type: ignore[valid-type]
    answer = _struct(
        "Answer", {"code": (code, str | int), "rows": (data, rows), "total": (count or "total", total)}
    )
    return msgspec.json.Decoder(answer)


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


def _row_struct(record: type[Any], wires: Mapping[str, Wire], spelling: int) -> type[Any]:
    """The row as it is on the wire: every field required, under the name it has in this spelling.

    Of two names in one row the first counts, as it does in the tolerant way; so a row that is read by a
    later name must not hold an earlier one.
    """
    fields: dict[str, tuple[str, Any]] = {}
    for wire in wires.values():
        name, earlier = _names(wire, spelling)
        fields[_slot(name)] = (name, _TYPES[wire.kind])
        fields.update({_slot(other): (other, UnsetType) for other in earlier})
    return _struct(record.__name__ + "Row", fields)


def _names(wire: Wire, spelling: int) -> tuple[str, tuple[str, ...]]:
    """The name of a field in one spelling, and those that would count before it."""
    place = min(spelling, len(wire.names) - 1)
    return wire.names[place], wire.names[:place]


def _slot(name: str) -> str:
    return "w_" + name


def _builder(record: type[Any], wires: Mapping[str, Wire], spelling: int, moments: _Moments) -> Build:
    """Make the function wire rows -> records, written out field by field: no call, no lookup is left in it.

    A frozen class stores each field through ``object.__setattr__``, three times as slow as a plain store. So
    the fields are stored in a twin, a class of the same slots that is not frozen, and the twin then
    becomes the record.
    """
    items = fields_of(record)
    scope: dict[str, Any] = {
        "delta": timedelta,
        "moments": moments,
        "ratio": values.ratio,
        "record": record,
        "twin": type(record.__name__, (Record,), {"__slots__": tuple(item.name for item in items)}),
    }
    hoisted: list[str] = []
    looks: dict[str, str] = {}
    stores: list[str] = []
    for n, item in enumerate(items):
        wire = wire_of(item)
        if wire.kind in (Kind.QUESTION, Kind.LATER):
            hoisted.append(f"    fill_{n} = fill.get({item.name!r})")
            value = f"fill_{n}"
        elif wire.names and item.name not in wires:
            value = "None"
        else:
            x = f"row.{_slot(_names(wire, spelling)[0])}" if wire.names else ""
            if wire.kind in (Kind.INSTANT, Kind.BUCKET):
                # A start time and its bucket are one look.
                x = looks.setdefault(x, f"moment_{n}")
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
        *(f"        {name} = moments[{x}]" for x, name in looks.items()),
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
