"""HTTP statuses: which of them is an answer, and which error the others are."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import msgspec

from cc_async.errors import (
    AddressBlocked,
    CcError,
    DecodeError,
    NotDeployed,
    NotTheApi,
    ServerError,
    SignatureRejected,
    Throttled,
)
from cc_async.session.secret import struck_out

_EXCERPT = 200
_MONTHS = {
    "Jan": 1,
    "Feb": 2,
    "Mar": 3,
    "Apr": 4,
    "May": 5,
    "Jun": 6,
    "Jul": 7,
    "Aug": 8,
    "Sep": 9,
    "Oct": 10,
    "Nov": 11,
    "Dec": 12,
}
_INVISIBLE_PARTS = re.compile(r"<!--.*?-->|<(script|style|head)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*(>|\Z)")
_RETRYABLE = frozenset({500, 502, 503, 504})


def answers(status: int, body: bytes) -> bool:
    """True for the everyday answer: its body is worth reading, its status says nothing."""
    return status == 200 and body[:1] in (b"{", b"[")


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, wall_now: float, hint: str | None = None
) -> CcError | None:
    """Return the error an HTTP answer stands for, or None when the body is worth reading.

    Args:
        status: the HTTP status.
        headers: the headers, case-insensitive.
        body: the body, decompressed.
        wall_now: our clock in epoch seconds, for ``Retry-After`` and the clock offset.
        hint: what to say when this interface in particular is refused (401, 403, 404).
    """
    if answers(status, body):
        return None
    if status in (200, 204):
        return _odd_success(status, headers, body)
    shown = _shown(body)
    wait = retry_after(headers, wall_now)
    if status == 401:
        return SignatureRejected(
            f"the server rejects the signature (HTTP 401){shown}",
            code="401",
            hint=_joined(_clock_advice(headers, wall_now), hint),
        )
    if status == 403:
        return AddressBlocked(
            f"the server refuses to talk to us (HTTP 403){shown}",
            code="403",
            hint=_joined(_BLOCKED, hint),
            retry_after=wait,
        )
    if status == 404:
        return NotDeployed(
            f"the server does not know this path (HTTP 404){shown}",
            status=404,
            hint=_joined(_NOT_DEPLOYED, hint),
        )
    if status in (408, 425, 429) or (status == 503 and wait is not None):
        return Throttled(
            f"the server asks for fewer requests (HTTP {status}){shown}", status=status, retry_after=wait
        )
    if 500 <= status <= 599:
        return ServerError(
            f"the server failed (HTTP {status}){shown}",
            status=status,
            retry_after=wait,
            retryable=status in _RETRYABLE,
        )
    return _not_the_api(status, headers, shown)


def retry_after(headers: Mapping[str, str], wall_now: float) -> float | None:
    """Return the seconds ``Retry-After`` asks us to wait, 0 or more, or None (missing, unreadable).

    How long a wait is believed is for ``Retry`` to say.
    """
    text = headers.get("Retry-After")
    if text is None:
        return None
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?", text):
        seconds = float(text)
    else:
        date = _http_date(text)
        if date is None:
            return None
        seconds = date - wall_now
    return max(seconds, 0.0)


def server_date(headers: Mapping[str, str]) -> float | None:
    """Return the server's ``Date`` in epoch seconds, or None when it is missing or unreadable."""
    text = headers.get("Date")
    return None if text is None else _http_date(text)


def _http_date(text: str) -> float | None:
    """Read an HTTP date: by position when it has today's form, else by the tolerant parser."""
    if len(text) == 29 and text[25:] == " GMT" and text[8:11] in _MONTHS:
        try:
            year, month, day = int(text[12:16]), _MONTHS[text[8:11]], int(text[5:7])
            clock = int(text[17:19]), int(text[20:22]), int(text[23:25])
            return datetime(year, month, day, *clock, tzinfo=UTC).timestamp()
        except ValueError:
            return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    # A date without a zone is UTC: HTTP knows no other.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


_BLOCKED = (
    "three causes: a firewall or an address list in front of the server, this address locked after too many "
    "bad signatures, or a key without permission"
)
_NOT_DEPLOYED = "check the base URL; or the feature is not installed there"
_BY_ADDRESS = "use the host name, not the address"


def _odd_success(status: int, headers: Mapping[str, str], body: bytes) -> CcError | None:
    """Judge a 200 that does not begin like JSON, or a 204."""
    start = body.lstrip()[:1]
    if not start:
        return DecodeError(f"the answer is empty (HTTP {status})", code=str(status), retryable=True)
    is_page = "html" in headers.get("Content-Type", "").lower() and start not in (b"{", b"[")
    if is_page or start == b"<":
        text = f"a page answered instead of the interface (HTTP {status}){_shown(body)}"
        return NotTheApi(text, status=status, hint="a firewall or a login page is in the way")
    return None


def _not_the_api(status: int, headers: Mapping[str, str], shown: str) -> NotTheApi:
    """Name the statuses that no part of the contract knows."""
    hint = None
    if 300 <= status <= 399:
        target = _target(headers.get("Location", ""))
        text = f"the server redirects to {target} (HTTP {status}); redirects are never followed"
        hint = "check the base URL: scheme, host and port"
    else:
        text = f"something other than the interface answered (HTTP {status}){shown}"
        if status == 418:
            hint = _BY_ADDRESS
    return NotTheApi(text, status=status, hint=hint)


def _target(location: str) -> str:
    """Return host and port of a redirect: path and query may hold what nobody should see."""
    try:
        parts = urlsplit(location)
        host = parts.hostname
        port = parts.port
    except ValueError:
        return "an unreadable address"
    if not host:
        return "another path of the same host"
    return _cleaned(f"{parts.scheme}://{host}:{port}" if port else f"{parts.scheme}://{host}")


def _clock_advice(headers: Mapping[str, str], wall_now: float) -> str:
    """Say how far our clock is from the server's: signatures carry the time."""
    date = server_date(headers)
    if date is None:
        return "check the keys and the clock of this machine"
    offset = round(wall_now - date)
    if abs(offset) <= 1:
        return "check the keys; the clocks agree"
    return (
        f"check the keys; our clock is {abs(offset)} s {'ahead of' if offset > 0 else 'behind'} the server's"
    )


def _joined(first: str, second: str | None) -> str:
    return f"{first}; {second}" if second else first


def _shown(body: bytes) -> str:
    """Return the beginning of a page as a piece of a message: readable, harmless, short."""
    # Decoding more than the beginning of a large page would be work for nothing.
    text = _message(body[:65536]) or body[:65536].decode("utf-8", errors="replace")
    text = html.unescape(_TAG.sub(" ", _INVISIBLE_PARTS.sub(" ", text)))
    text = _cleaned(struck_out(text))
    return f': "{text[:_EXCERPT]}"' if text else ""


def _message(body: bytes) -> str | None:
    """Return what a JSON error page says in words, as Spring and gateways write it, or None."""
    try:
        page = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    said = page.get("message") or page.get("error") if isinstance(page, dict) else None
    return said if isinstance(said, str) else None


def _cleaned(text: str) -> str:
    """Replace what is not printable (control characters, right-to-left marks) and runs of blanks."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
