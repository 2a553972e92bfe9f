"""The server's half of the AK/SK signature `auth-v2`: recompute from what arrived, compare."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, quote_from_bytes

import attrs

SCHEME = "auth-v2"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", re.ASCII)
_PARTS = 5


@attrs.frozen
class Verdict:
    """What came of checking a signature: the key it was made with, or why it is refused."""

    access_key: str | None
    refusal: str = ""

    @property
    def good(self) -> bool:
        """Whether the signature holds."""
        return self.access_key is not None


def claimed_key(authorization: str) -> str:
    """Return the access key an Authorization header names, unchecked; empty when there is none."""
    parts = authorization.split("/")
    return parts[1] if len(parts) == _PARTS else ""


def _canonical(
    method: str,
    path: str,
    query: str,
    names: list[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    empty_query_line: bool,
) -> bytes:
    pairs = parse_qsl(query, keep_blank_values=True)
    line = "&".join(sorted(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs))
    signed = sorted(f"{quote(name, safe='')}:{quote(headers[name], safe='')}" for name in names)
    query_lines = [line] if line or empty_query_line else []
    lines = [method, path, *query_lines, ";".join(names), *signed, quote_from_bytes(body, safe="")]
    return "\n".join(lines).encode()


def verify(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Mapping[str, str],
    *,
    empty_query_line: bool = False,
    now: float = 0.0,
    window: float | None = None,
) -> Verdict:
    """Check the Authorization header of a request.

    `headers` must find names in any case; `path` and `query` are raw, as they came; `secrets` holds the
    secret key of every access key; `window` limits how many seconds the timestamp may be off from `now`.
    """
    parts = headers.get("authorization", "").split("/")
    if len(parts) != _PARTS or parts[0] != SCHEME:
        return Verdict(None, "no auth-v2 Authorization header")
    _, access_key, timestamp, joined, signature = parts
    secret = secrets.get(access_key)
    if secret is None:
        return Verdict(None, "unknown access key")
    if not _TIMESTAMP.fullmatch(timestamp):
        return Verdict(None, "the timestamp is not of the form YYYY-MM-DDTHH:MM:SSZ")
    try:
        signed_at = datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        return Verdict(None, "the timestamp is no date")
    if window is not None and abs(signed_at - now) > window:
        return Verdict(None, "the timestamp is too far off")
    names = joined.split(";")
    if names != sorted(set(names)) or joined != joined.lower() or "host" not in names:
        return Verdict(None, "signed header names must be lowercase, sorted, and include host")
    if any(name not in headers for name in names):
        return Verdict(None, "a signed header was not sent")
    prefix = f"{SCHEME}/{access_key}/{timestamp}/{joined}"
    key = hmac.new(secret.encode(), prefix.encode(), hashlib.sha256).hexdigest()
    text = _canonical(method, path, query, names, headers, body, empty_query_line=empty_query_line)
    expected = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        return Verdict(None, "the signature does not match")
    return Verdict(access_key)
