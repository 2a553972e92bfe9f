"""What an answer is wrapped in: bytes -> object -> code -> rows, or the error the code means."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from cc_async.contract.codes import HINTS, MEANINGS, NO_PERMISSION, NOT_SIGNED_IN, SESSION_LOST
from cc_async.contract.spec import Endpoint, Envelope, Host
from cc_async.errors import (
    ApiError,
    CcError,
    DecodeError,
    GatewayError,
    NoPermission,
    NotSignedIn,
    NotTheApi,
    SessionLost,
    Throttled,
)
from cc_async.session import values
from cc_async.session.secret import struck_out
from cc_async.session.tolerant import fold, lookup

_SHOWN = 200


def cleaned(text: str, limit: int = _SHOWN) -> str:
    """The server's words, safe to print: readable, cut to ``limit``, without what may be a secret."""
    return struck_out(_readable(text, limit * 4)).strip()[:limit]


def _readable(text: str, limit: int) -> str:
    """No control characters, no direction marks, at most ``limit`` characters."""
    # Cut first: a megabyte of text is not worth looking at one by one. Half a word may be half a secret.
    if len(text) > limit:
        text = text[:limit].rpartition(" ")[0] or text[:limit]
    kept = (" " if mark.isspace() else mark for mark in text if mark.isspace() or _visible(mark))
    return "".join(kept).strip()


def _visible(mark: str) -> bool:
    return unicodedata.category(mark)[0] != "C"


def parse(body: bytes) -> dict[str, Any]:
    """Read a body as one JSON object; NaN and numbers of any size are let through for the rules to judge.

    Raises DecodeError, retryable where asking again may help (an empty or cut-off body), or NotTheApi when
    the body is markup.
    """
    if not body.strip():
        raise DecodeError("the answer is empty", retryable=True)
    if body.lstrip()[:1] == b"<":
        shown = cleaned(body[: _SHOWN * 8].decode("utf-8", "replace"))
        raise NotTheApi(f"markup in place of JSON: {shown}", status=200)
    try:
        answer = _DECODER.decode(body.decode("utf-8"))
        # A half of a surrogate pair cannot be printed, stored or sent on.
        json.dumps(answer, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        cut_off = error.reason == "unexpected end of data"
        raise DecodeError("the answer is not UTF-8", retryable=cut_off) from None
    except UnicodeEncodeError:
        raise DecodeError("the answer holds broken text (half of a surrogate pair)") from None
    except json.JSONDecodeError as error:
        raise _not_json(error) from None
    except RecursionError:
        raise DecodeError("the answer is nested too deeply") from None
    if not isinstance(answer, dict):
        raise DecodeError("the answer is not a JSON object")
    return answer


def _not_json(error: json.JSONDecodeError) -> DecodeError:
    """Cut off, when what is missing stands at the very end; else simply not JSON."""
    rest = error.doc[error.pos :]
    cut_word = rest != "" and any(word.startswith(rest) for word in ("true", "false", "null", "NaN", "-"))
    # Texts and escapes are complained about where they begin.
    cut_text = error.msg.startswith(("Unterminated string", "Invalid \\")) and not rest.rstrip().endswith("}")
    if (not rest.strip() and "Extra data" not in error.msg) or cut_word or cut_text:
        return DecodeError("the answer is cut off", retryable=True)
    return DecodeError(f"the answer is not JSON (character {error.pos})")


def _any_size(digits: str) -> int | float:
    """Python refuses to read an int of thousands of digits; as a float it is merely out of range."""
    return int(digits) if len(digits) <= 40 else float(digits)


_DECODER = json.JSONDecoder(parse_int=_any_size)


class Opened:
    """An answer whose code means success, or a known empty: what its data field holds, and the total."""

    __slots__ = ("data", "total")

    def __init__(self, data: Any, total: int | None) -> None:
        self.data = data
        self.total = total


def open_envelope(endpoint: Endpoint[Any], part: str, answer: Mapping[str, Any]) -> Opened:
    """Return the data of a successful answer, or raise the error its code means."""
    envelope = endpoint.envelope
    folded = fold(answer)
    code = _code(lookup(answer, folded, (envelope.code,)))
    if code is None and envelope.otherwise is not None:
        envelope = envelope.otherwise
        code = _code(lookup(answer, folded, (envelope.code,)))
    if code is None:
        raise DecodeError(f"no {endpoint.envelope.code} in the answer")
    if code in envelope.empty:
        return Opened((), 0)
    if code not in envelope.success:
        text = next((t for n in envelope.text if isinstance(t := lookup(answer, folded, (n,)), str)), "")
        raise failure(endpoint, envelope, code, text)
    found = (lookup(answer, folded, (name,)) for name in envelope.data)
    data = next((value for value in found if value is not None and value != ""), None)
    total = _total(lookup(answer, folded, (envelope.count,))) if envelope.count else None
    return Opened(data, total)


def rows_of(envelope: Envelope, opened: Opened) -> tuple[Sequence[Any], int | None]:
    """The rows in a list, ``{"data": [...], "count": n}``, one object, or nothing at all; and the total."""
    data, total = opened.data, opened.total
    if isinstance(data, dict) and envelope.count:
        folded = fold(data)
        if "data" in folded and (folded["data"] is None or isinstance(folded["data"], (list, dict))):
            inside = _total(lookup(data, folded, (envelope.count,)))
            total = total if inside is None else inside
            data = lookup(data, folded, ("data",))
    if isinstance(data, str):
        raise DecodeError(f"text in place of rows: {cleaned(data)}")
    if isinstance(data, dict):
        return ([data] if data else []), total
    if data is None:
        return (), total
    if isinstance(data, (list, tuple)):
        return data, total
    raise DecodeError("a number in place of rows")


def _code(value: Any) -> str | None:
    """The code as text, never as a number: 0100000 is not 100000."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(int(value)) if value == value and abs(value) < 2**63 and value == int(value) else str(value)


def _total(value: Any) -> int | None:
    """A hint only, so one that cannot be read is no error."""
    try:
        return values.whole(value)
    except values.BadValue:
        return None


def failure(endpoint: Endpoint[Any], envelope: Envelope, code: str, text: str) -> CcError:
    """The error a failure code means."""
    text, code = cleaned(text), _readable(code, 40)
    meaning = MEANINGS.get(code)
    said = f'the server says "{text}"' if text else "the server gives no reason"
    message = f"{meaning}: {said}" if meaning else f"refused: {said}"
    context: dict[str, Any] = {"code": code, "hint": HINTS.get(code), "retryable": code in envelope.retry}
    if code in envelope.throttle:
        return Throttled(message, status=200, code=code, hint=HINTS.get(code))
    if endpoint.host is Host.GATEWAY:
        kind = NotSignedIn if code in NOT_SIGNED_IN else SessionLost if code in SESSION_LOST else GatewayError
        return kind(message, text=text, **context)
    if code in NO_PERMISSION:
        # The endpoint's own words say why it may be so; what to do about the code stays the first advice.
        context["hint"] = "; ".join(hint for hint in (HINTS.get(code), endpoint.hint) if hint)
        return NoPermission(message, **context)
    return ApiError(message, text=text, **context)
