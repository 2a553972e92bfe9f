"""Params and a host's shape -> the bytes of a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from cc_async.contract.spec import Endpoint, Host, Shape
from cc_async.session.secret import Secret, Veiled

_NUMBER = re.compile(r"0|[1-9][0-9]*")


def encode(endpoint: Endpoint[Any], shape: Shape, params: Mapping[str, Any]) -> bytes:
    """Return the body in one host's shape, as minified JSON.

    A GET or DELETE has none (``b""``), nor has a request to the gateway without parameters. A body that
    holds a secret is masked where it is printed. Parameters that are None are left out. Raises TypeError or
    ValueError for values JSON cannot hold.
    """
    if endpoint.method in ("GET", "DELETE") or (not params and endpoint.host is Host.GATEWAY):
        return b""
    body = {name: value for name, value in params.items() if value is not None}
    veiled = any(isinstance(value, Secret) for value in body.values())
    if veiled or shape.as_text or shape.as_number:
        body = {name: _written(shape, name, value) for name, value in body.items()}
    try:
        written = msgspec.json.encode({"queryParam": body} if shape.wrapped else body)
    except (RecursionError, msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise ValueError(f"{endpoint.name}: these parameters cannot be written as JSON: {error}") from error
    return Veiled(written) if veiled else written


def _written(shape: Shape, name: str, value: Any) -> Any:
    if name in shape.as_text:
        return str(value)
    if name in shape.as_number and isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    return str(value) if isinstance(value, Secret) else value
