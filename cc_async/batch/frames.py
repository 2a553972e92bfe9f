"""Rows as a polars frame; polars is imported here only, and only when a frame is asked for."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import fields

if TYPE_CHECKING:
    import polars


def to_polars(rows: Sequence[Any], record: type[Any] | None) -> polars.DataFrame:
    """A frame with one typed, nullable column per record field; see ``Batch.to_polars``."""
    pl = _polars()
    if record is None:
        raise ValueError("an empty batch made by hand has no columns: use Batch.of([], record=...)")
    columns = []
    for name, kind in kinds(record).items():
        dtype = _dtypes(pl)[kind]
        values = [getattr(row, name) for row in rows]
        if kind in (enum.IntEnum, str):
            plain = int if kind is enum.IntEnum else str
            values = [None if value is None else plain(value) for value in values]
        columns.append(pl.Series(name, values, dtype=dtype, strict=True))
    frame: polars.DataFrame = pl.DataFrame(columns)
    return frame


def kinds(record: type[Any]) -> dict[str, type[Any]]:
    """What each field of a record holds, None aside: int, float, bool, str, datetime or IntEnum.

    A value that may be a number or a text is text. Raises ``TypeError`` for a field of any other type, so
    that no column is guessed.
    """
    hints = typing.get_type_hints(record)
    return {
        attribute.name: _kind(record, attribute.name, hints[attribute.name]) for attribute in fields(record)
    }


def _kind(record: type[Any], name: str, hint: Any) -> type[Any]:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    found = [part for part in (typing.get_args(hint) if union else (hint,)) if part is not types.NoneType]
    if len(found) == 1 and isinstance(found[0], type):
        if issubclass(found[0], enum.IntEnum):
            return enum.IntEnum
        if found[0] in (bool, int, float, str, datetime):
            return found[0]
    if set(found) <= {int, float, str}:
        return str
    raise TypeError(f"{record.__name__}.{name} is {hint}, which has no column type")


def _dtypes(pl: Any) -> dict[type[Any], Any]:
    return {
        bool: pl.Boolean,
        int: pl.Int64,
        enum.IntEnum: pl.Int64,
        float: pl.Float64,
        str: pl.String,
        datetime: pl.Datetime("us", "UTC"),
    }


def _polars() -> Any:
    try:
        import polars
    except ImportError as error:
        raise ImportError("frames need polars: pip install 'cc_async[frames]'") from error
    return polars
