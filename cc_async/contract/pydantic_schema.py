"""Records as pydantic and FastAPI see them; imported only when one of them asks."""

from __future__ import annotations

import importlib
from typing import Any

import attrs

from cc_async.contract.wire import Kind, Record, fields_of, wire_of

# By name: pydantic is no dependency of ours, and type checkers need not find it.
core_schema: Any = importlib.import_module("pydantic_core.core_schema")


def record_schema(cls: type[Record]) -> Any:
    """Return the pydantic-core schema of a record: taken as it is or from a dict, given out by field name."""
    fields = fields_of(cls)
    shape = core_schema.typed_dict_schema(
        {
            item.name: core_schema.typed_dict_field(
                _value_schema(item), required=item.default is attrs.NOTHING or None
            )
            for item in fields
        },
        cls_name=cls.__name__,
        total=False,
    )
    given_out = core_schema.typed_dict_schema(
        {item.name: core_schema.typed_dict_field(_value_schema(item), required=True) for item in fields},
        cls_name=cls.__name__,
    )
    return core_schema.json_or_python_schema(
        json_schema=core_schema.no_info_after_validator_function(lambda row: _build(cls, row), shape),
        python_schema=core_schema.union_schema(
            [
                core_schema.is_instance_schema(cls),
                core_schema.no_info_after_validator_function(lambda row: _build(cls, row), shape),
            ]
        ),
        serialization=core_schema.plain_serializer_function_ser_schema(_values, return_schema=given_out),
        ref=f"{cls.__module__}.{cls.__name__}:{id(cls)}",
    )


def _value_schema(item: attrs.Attribute[Any]) -> Any:
    """The schema of one field; codes are plain numbers, since a server may use one outside the table."""
    kind = wire_of(item).kind
    schema: Any
    if kind in (Kind.INSTANT, Kind.BUCKET, Kind.SINCE, Kind.SAMPLED, Kind.LATER):
        schema = core_schema.datetime_schema()
    elif kind in (Kind.NUMBER, Kind.RATIO):
        schema = core_schema.float_schema()
    elif kind is Kind.TEXT or item.type in (str, "str"):
        schema = core_schema.str_schema()
    elif kind is Kind.RAW:
        choices = [core_schema.int_schema(), core_schema.float_schema(), core_schema.str_schema()]
        schema = core_schema.union_schema(choices)
    else:
        schema = core_schema.int_schema()
    return schema if item.default is attrs.NOTHING else core_schema.nullable_schema(schema)


def _build(cls: type[Record], row: dict[str, Any]) -> Record:
    """Make the record; numbers of code tables become their enums again."""
    for item in fields_of(cls):
        table = wire_of(item).table
        if table is not None and row.get(item.name) is not None:
            row[item.name] = table(row[item.name])
    return cls(**row)


def _values(record: Record) -> dict[str, Any]:
    values = {item.name: getattr(record, item.name) for item in fields_of(type(record))}
    return {name: int(value) if isinstance(value, int) else value for name, value in values.items()}
