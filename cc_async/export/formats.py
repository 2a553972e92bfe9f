"""Columns as the bytes of one part, and back: Parquet, JSONL, CSV. polars is imported here only."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from cc_async.errors import ConfigError
from cc_async.export.cells import cell, instant, plain, value_of
from cc_async.export.schema import Columns, length

Format = Literal["parquet", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
Kinds = Mapping[str, type[Any]]


def check_format(name: str) -> Format:
    """One of the formats, and that it can be written here; raises ConfigError."""
    for form in FORMATS:
        if form == name:
            if form == "parquet":
                _polars()
            return form
    raise ConfigError(f"no format {name!r}", hint=f"one of {', '.join(FORMATS)}")


def encode(form: Format, columns: Columns, kinds: Kinds) -> bytes:
    """The bytes of a part."""
    if form == "parquet":
        return _to_parquet(columns, kinds)
    if form == "jsonl":
        rows = zip(*columns.values(), strict=True)
        lines = (dict(zip(columns, map(plain, row), strict=True)) for row in rows)
        return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(cell, row) for row in zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def decode(form: Format, data: bytes, kinds: Kinds) -> Columns:
    """The columns of a part; a column that it lacks is all None.

    Raises ValueError when it cannot be read.
    """
    try:
        if form == "parquet":
            found = _from_parquet(data, kinds)
        elif form == "jsonl":
            found = _from_jsonl(data, kinds)
        else:
            found = _from_csv(data, kinds)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not readable as {form}: {error}") from None
    count = length(found)
    return {name: found.get(name) or [None] * count for name in kinds}


def count_rows(form: Format, data: bytes) -> int:
    """How many rows a part has."""
    if form == "parquet":
        return int(_polars().read_parquet(io.BytesIO(data), hive_partitioning=False).height)
    if form == "jsonl":
        return data.count(b"\n")
    return sum(1 for _ in csv.reader(io.StringIO(data.decode(), newline=""))) - 1


def _from_jsonl(data: bytes, kinds: Kinds) -> Columns:
    rows = [json.loads(line) for line in data.decode().splitlines()]
    names = [name for name in kinds if rows and name in rows[0]]
    return {name: [_read(row[name], kinds[name]) for row in rows] for name in names}


def _read(value: Any, kind: type[Any]) -> Any:
    return instant(value) if kind is datetime and value is not None else value


def _from_csv(data: bytes, kinds: Kinds) -> Columns:
    header, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
    known = [name for name in header if name in kinds]
    return {name: [value_of(row[header.index(name)], kinds[name]) for row in rows] for name in known}


def _to_parquet(columns: Columns, kinds: Kinds) -> bytes:
    pl = _polars()
    types = _types(pl)
    made = [
        pl.Series(name, _micros(values), dtype=pl.Int64).cast(types[datetime])
        if kinds[name] is datetime
        else pl.Series(name, values, dtype=types[kinds[name]])
        for name, values in columns.items()
    ]
    out = io.BytesIO()
    pl.DataFrame(made).write_parquet(out)
    return out.getvalue()


def _micros(instants: Sequence[datetime | None]) -> list[int | None]:
    """Microseconds since 1970: what Parquet holds; polars takes five times as long to find them."""
    return [None if at is None else int(at.timestamp() // 1) * 1_000_000 + at.microsecond for at in instants]


def _from_parquet(data: bytes, kinds: Kinds) -> Columns:
    pl = _polars()
    try:
        frame = pl.read_parquet(io.BytesIO(data), hive_partitioning=False)
    except pl.exceptions.PolarsError as error:
        raise ValueError(str(error)) from None
    return {name: frame.get_column(name).to_list() for name in frame.columns if name in kinds}


def _types(pl: Any) -> dict[type[Any], Any]:
    return {
        bool: pl.Boolean,
        int: pl.Int64,
        float: pl.Float64,
        str: pl.String,
        datetime: pl.Datetime("us", "UTC"),
    }


def _polars() -> Any:
    try:
        import polars
    except ImportError:
        raise ConfigError(
            "Parquet files need polars", hint="pip install 'cc_async[frames]', or write jsonl or csv"
        ) from None
    return polars
