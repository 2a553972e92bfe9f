"""Params -> bytes, and the bytes of an answer -> a page of records, or one of our errors."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from cc_async.errors import CcError
from cc_async.session.envelope import open_envelope, parse, rows_of
from cc_async.session.fast import Refused, reader_for
from cc_async.session.request import Page, Request
from cc_async.session.shapes import encode
from cc_async.session.tolerant import read_rows
from cc_async.session.values import BadValue

__all__ = ["decode", "encode"]

R = TypeVar("R")

# What the fast way may say to bytes it does not expect; the tolerant way says what is wrong with them.
_UNEXPECTED = (Refused, BadValue, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)


def decode(request: Request[R], body: bytes, sampled_at: datetime) -> Page[R]:
    """Read the body of an HTTP 200 into a page of records.

    ``sampled_at`` is the moment of asking (aware UTC), kept in the rows of snapshots. Rows that cannot be
    read are in ``rejected``; the others live. An interface without a record gives one row: its data, raw.

    Raises:
        ApiError: the answer has a failure code; NotSignedIn, SessionLost, GatewayError on the gateway.
        NoPermission: the code says the key is not good for this.
        Throttled: the code says too many requests.
        DecodeError: the body cannot be read; retryable when it is empty or cut off.
        NotTheApi: the body is markup.
    """
    try:
        if request.endpoint.record is object:
            return _raw(request, body)
        return _fast(request, body, sampled_at) or _tolerant(request, body, sampled_at)
    except CcError as error:
        raise error.located(endpoint=request.endpoint.name, part=request.part or None) from None


def _fast(request: Request[R], body: bytes, sampled_at: datetime) -> Page[R] | None:
    endpoint = request.endpoint
    envelope = endpoint.envelope
    record: Any = endpoint.record
    reader = reader_for(record, endpoint.reports, envelope.code, envelope.data[0], envelope.count)
    try:
        if not body.isascii():
            # msgspec does not look inside the texts it skips.
            body.decode("utf-8")
        rows, total = reader.read(body, envelope.success, sampled_at, request.fill)
    except _UNEXPECTED:
        return None
    return Page(rows, len(rows), total)


def _tolerant(request: Request[R], body: bytes, sampled_at: datetime) -> Page[R]:
    endpoint = request.endpoint
    opened = open_envelope(endpoint, request.part, parse(body))
    rows, total = rows_of(endpoint.envelope, opened)
    good, bad = read_rows(endpoint.record, endpoint.reports, rows, sampled_at, request.fill, request.part)
    return Page(good, len(rows), total, bad)


def _raw(request: Request[R], body: bytes) -> Page[R]:
    opened = open_envelope(request.endpoint, request.part, parse(body))
    rows: list[Any] = [opened.data]
    return Page(rows, 1, opened.total)
