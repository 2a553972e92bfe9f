"""AkSk: the ``auth-v2`` signature of CC-CMS."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote_from_bytes

from attrs import frozen

from cc_async.session.auth import Unsigned
from cc_async.session.secret import Secret

_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ESCAPES = {bytes([byte]): b"%%%02X" % byte for byte in range(128) if byte not in _SAFE}
_SIGNABLE = ("content-length", "content-type", "host")


def _encode(data: bytes) -> bytes:
    """Write every byte but letters, digits and ``-._~`` as ``%XX``."""
    if not data.isascii():
        return quote_from_bytes(data, safe="").encode("ascii")
    unsafe = data.translate(None, _SAFE)
    if b"%" in unsafe:  # first, since the other replacements write new ones
        unsafe = unsafe.replace(b"%", b"")
        data = data.replace(b"%", b"%25")
    # JSON holds many of few such characters: one pass for each is faster than one look at every byte.
    while unsafe:
        char = unsafe[:1]
        unsafe = unsafe.replace(char, b"")
        data = data.replace(char, _ESCAPES[char])
    return data


def encode_query(query: Mapping[str, str]) -> str:
    """Return the query as it is signed and as it must be sent: encoded, sorted, joined by ``&``."""
    pairs = [_encode(key.encode()) + b"=" + _encode(value.encode()) for key, value in query.items()]
    return b"&".join(sorted(pairs)).decode("ascii")


@frozen
class Explanation:
    """What a signature was made from; it shows everything but the keys."""

    prefix: str
    canonical_request: str
    signature: str

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` header."""
        return f"{self.prefix}/{self.signature}"


class AkSk:
    """An access key and its secret key: signs every request with the scheme ``auth-v2``.

    Args:
        access_key: the AK; it travels in every request.
        secret_key: the SK; it never leaves this object.
        milliseconds: True writes the timestamp as ``...SS.mmmZ``, as newer ports do.
        empty_query_line: True keeps an empty line where a request has no query.
        signed_headers: which of ``host``, ``content-type`` and ``content-length`` are signed.

    Raises:
        TypeError: a key or a name that is not text.
        ValueError: a key that is empty or cannot travel in a header; a header that cannot be signed.
    """

    __slots__ = (
        "_access_key",
        "_empty_query_line",
        "_last_headers",
        "_last_prefix",
        "_milliseconds",
        "_secret_key",
        "_signed_headers",
    )

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        *,
        milliseconds: bool = False,
        empty_query_line: bool = False,
        signed_headers: Iterable[str] = ("host",),
    ) -> None:
        self._access_key = _checked_access_key(access_key)
        self._secret_key = _checked_secret_key(secret_key)
        self._milliseconds = milliseconds
        self._empty_query_line = empty_query_line
        self._signed_headers = _checked_names(signed_headers)
        # Prefix and signing key of the last timestamp: within one second they stay the same.
        self._last_prefix: tuple[object, str, bytes] = (None, "", b"")
        # The host is the same in every request.
        self._last_headers: tuple[object, str, bytes] = (None, "", b"")

    @property
    def access_key(self) -> str:
        """The AK."""
        return self._access_key

    @property
    def identity(self) -> str:
        """A short fingerprint of the AK."""
        return "ak-" + hashlib.sha256(self._access_key.encode()).hexdigest()[:12]

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        """Return the ``Authorization`` header of this request."""
        headers = {}
        for name in self._signed_headers:
            if name == "host":
                headers[name] = request.host
            elif name == "content-type":
                headers[name] = request.content_type
            else:
                headers[name] = str(len(request.body))
        value = self.authorization(
            request.method,
            request.path,
            headers=headers,
            body=request.body,
            query=request.query,
            now=request.now,
        )
        return {"Authorization": Secret(value)}

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        """Take nothing: an answer never changes a key."""

    def authorization(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
        now: float,
    ) -> str:
        """Return the value of the ``Authorization`` header.

        Args:
            method: the HTTP method.
            path: the raw path, without host and query.
            headers: the headers to sign; the server recomputes from what is sent, so the values must agree.
            body: the bytes that are sent.
            query: the query, not yet encoded.
            now: epoch seconds.
        """
        names, lines = self._signed(headers)
        prefix, signing_key = self._prefix(names, now)
        canonical = self._canonical(method, path, query, lines, body)
        return f"{prefix}/{hmac.digest(signing_key, canonical, 'sha256').hex()}"

    def explain(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
        now: float,
    ) -> Explanation:
        """Show what ``authorization`` with the same arguments is made from, without the keys."""
        names, lines = self._signed(headers)
        prefix, signing_key = self._prefix(names, now)
        canonical = self._canonical(method, path, query, lines, body)
        signature = hmac.digest(signing_key, canonical, "sha256").hex()
        return Explanation(prefix, canonical.decode("utf-8"), signature)

    def _prefix(self, names: str, now: float) -> tuple[str, bytes]:
        """Return everything before the signature, and the key made from it."""
        moment = (round(now * 1000) if self._milliseconds else int(now // 1), names)
        if self._last_prefix[0] != moment:
            prefix = f"auth-v2/{self._access_key}/{self._timestamp(moment[0])}/{names}"
            key = hmac.digest(str(self._secret_key).encode(), prefix.encode(), "sha256").hex()
            self._last_prefix = (moment, prefix, key.encode("ascii"))
        return self._last_prefix[1:]

    def _timestamp(self, count: int) -> str:
        """Write seconds (or milliseconds) since the epoch as the server wants them."""
        seconds, rest = divmod(count, 1000) if self._milliseconds else (count, 0)
        text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
        return f"{text}.{rest:03d}Z" if self._milliseconds else f"{text}Z"

    def _signed(self, headers: Mapping[str, str]) -> tuple[str, bytes]:
        """Return the names of the signed headers, and their lines of the canonical request."""
        given = tuple(headers.items())
        if self._last_headers[0] != given:
            names = ";".join(sorted(name.lower() for name, _ in given))
            lines = sorted(
                _encode(name.lower().encode()) + b":" + _encode(value.encode()) for name, value in given
            )
            self._last_headers = (given, names, b"\n".join([names.encode(), *lines]))
        return self._last_headers[1:]

    def _canonical(
        self, method: str, path: str, query: Mapping[str, str] | None, lines: bytes, body: bytes
    ) -> bytes:
        """Return the text that is signed."""
        start = [method.encode(), path.encode()]
        if query:
            start.append(encode_query(query).encode("ascii"))
        elif self._empty_query_line:
            start.append(b"")
        return b"\n".join([*start, lines, _encode(body)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AkSk) and self._settings() == other._settings()

    def __hash__(self) -> int:
        return hash(self._settings())

    def _settings(self) -> tuple[object, ...]:
        return (
            self._access_key,
            self._secret_key,
            self._milliseconds,
            self._empty_query_line,
            self._signed_headers,
        )

    def __repr__(self) -> str:
        return f"AkSk({self._access_key[:4]}..., '***')"


def _checked_access_key(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"access_key must be text, not {type(value).__name__}")
    if not value or not value.isascii() or not value.isprintable() or " " in value or "/" in value:
        raise ValueError("access_key must be printable ASCII without blanks and slashes, and not empty")
    return value


def _checked_secret_key(value: object) -> Secret:
    if not isinstance(value, str):
        raise TypeError(f"secret_key must be text, not {type(value).__name__}")
    if not value:
        raise ValueError("secret_key must not be empty")
    if "\r" in value or "\n" in value:
        raise ValueError("secret_key must not hold a line break; was it read from a file with its newline?")
    return Secret(value)


def _checked_names(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError("signed_headers must be several names, such as ('host',), not one text")
    found = set()
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"signed_headers must hold text, not {type(name).__name__}")
        if name.lower() not in _SIGNABLE:
            raise ValueError(f"cannot sign the header {name!r}; those that can: {', '.join(_SIGNABLE)}")
        found.add(name.lower())
    if not found:
        raise ValueError("signed_headers must not be empty; the server wants 'host' at least")
    return tuple(sorted(found))
