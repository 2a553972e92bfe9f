"""How a record field stands on the wire: one declaration, from which both ways of reading are made."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any, ClassVar

import attrs
from attrs import field, frozen


class Kind(enum.Enum):
    """Which rule reads a value."""

    COUNT = "count"
    """A whole number of 0 or more: ids, counters, seconds."""
    SIGNED = "signed"
    """A whole number that may be below 0."""
    NUMBER = "number"
    """A number of 0 or more that may have a fraction."""
    RATIO = "ratio"
    """A rate, read into 0..1."""
    RAW = "raw"
    """A number or a text, kept as it came."""
    TEXT = "text"
    CODE = "code"
    """A number of a code table."""
    INSTANT = "instant"
    """Epoch milliseconds."""
    BUCKET = "bucket"
    """Epoch milliseconds, floored to 5 minutes."""
    SINCE = "since"
    """Seconds before the moment of asking."""
    QUESTION = "question"
    """Not on the wire: known from the question."""
    SAMPLED = "sampled"
    """Not on the wire: the moment of asking."""
    LATER = "later"
    """Not on the wire: filled in by other parts of the library."""


@frozen
class Wire:
    """The vendor's name(s) of a field and the rule that reads it."""

    kind: Kind
    names: tuple[str, ...] = ()
    """Spellings seen on servers; letter case and surrounding blanks do not matter."""
    table: type[enum.IntEnum] | None = None
    """The open enum of a CODE."""


_WIRE = "cc_async.wire"


def wire_of(attribute: attrs.Attribute[Any]) -> Wire:
    """The declaration of one record field."""
    wire: Wire = attribute.metadata[_WIRE]
    return wire


def fields_of(record: Any) -> tuple[attrs.Attribute[Any], ...]:
    """The fields of a record class, in order."""
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(record)
    return fields


def key_of(kind: Kind, *names: str) -> dict[str, Any]:
    """Metadata of a key field: ``field(metadata=key_of(...))`` keeps it mandatory for type checkers too."""
    return {_WIRE: Wire(kind, names)}


def _optional(wire: Wire, **options: Any) -> Any:
    return field(default=None, metadata={_WIRE: wire}, **options)


def count(*names: str) -> Any:
    """A counter, an id, or whole seconds: 0 or more."""
    return _optional(Wire(Kind.COUNT, names))


def signed(*names: str) -> Any:
    """A whole number that may be below 0."""
    return _optional(Wire(Kind.SIGNED, names))


def number(*names: str) -> Any:
    """A number that may have a fraction, 0 or more."""
    return _optional(Wire(Kind.NUMBER, names))


def ratio(*names: str) -> Any:
    """A rate, read into 0..1."""
    return _optional(Wire(Kind.RATIO, names))


def raw(*names: str) -> Any:
    """A number or a text, kept as it came."""
    return _optional(Wire(Kind.RAW, names))


def text(*names: str) -> Any:
    """A text; an empty one is None."""
    return _optional(Wire(Kind.TEXT, names))


def masked_text(*names: str) -> Any:
    """A text that a repr does not show."""
    return _optional(Wire(Kind.TEXT, names), repr=lambda value: "None" if value is None else "'***'")


def code(table: type[enum.IntEnum], *names: str) -> Any:
    """A number of a code table; numbers outside the table are kept."""
    return _optional(Wire(Kind.CODE, names, table))


def instant(*names: str) -> Any:
    """Epoch milliseconds, read into an aware UTC datetime."""
    return _optional(Wire(Kind.INSTANT, names))


def bucket(*names: str) -> Any:
    """Epoch milliseconds, read into the start of their 5-minute bucket."""
    return _optional(Wire(Kind.BUCKET, names))


def since(*names: str) -> Any:
    """Seconds before ``sampled_at``, read into an instant."""
    return _optional(Wire(Kind.SINCE, names))


def from_question() -> Any:
    """Known from the question, not from the row."""
    return _optional(Wire(Kind.QUESTION))


def from_clock() -> Any:
    """When the answer was given."""
    return _optional(Wire(Kind.SAMPLED))


def filled_later() -> Any:
    """No interface reports it; the client fills it in where it knows."""
    return _optional(Wire(Kind.LATER))


class Record:
    """What every record can do: frozen, hashable, picklable; everything but the key may be None."""

    # Not an attrs class itself: a frozen base would freeze the twin that the codec fills records by.
    __slots__ = ("__weakref__",)

    key_fields: ClassVar[tuple[str, ...]] = ()

    @property
    def key(self) -> Any:
        """What tells this row from the others of an answer: one value, or a tuple of them."""
        values = tuple(getattr(self, name) for name in self.key_fields)
        return values[0] if len(values) == 1 else values

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, ready for JSON.

        Instants become ISO 8601 text in UTC that ends in ``Z``, codes become plain ints, the rest is left
        as it is; fields the server did not send are there as None. Phone numbers are not masked here.
        """
        return {item.name: _plain(getattr(self, item.name)) for item in fields_of(type(self))}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic and FastAPI check, return and document records; imported only when they ask."""
        from cc_async.contract.pydantic_schema import record_schema

        return record_schema(cls)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    if isinstance(value, enum.IntEnum):
        return int(value)
    return value
