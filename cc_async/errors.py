"""Every error a caller can catch.

The tree::

    CcError
    ├── ConfigError (ValueError)          the client was set up wrongly
    ├── ClosedError (RuntimeError)        used after close, from another loop, after a fork
    ├── ConnectError                      no connection: DNS, refused, unreachable
    │   └── TlsError                      expired, wrong host, unknown issuer, pin
    ├── RequestTimeout (TimeoutError)     one attempt took too long
    ├── CallTimeout (TimeoutError)        the whole call took too long
    ├── ProtocolError                     what came back is not HTTP as it should be
    │   └── ResponseTooLarge
    ├── HttpError                         a status that is not 200
    │   ├── Throttled                     408, 425, 429 and 503 with Retry-After
    │   ├── ServerError                   5xx
    │   ├── NotTheApi                     a firewall or a login page answered
    │   └── NotDeployed                   404: wrong base URL, or a feature that is not installed
    ├── AuthError
    │   ├── SignatureRejected             401
    │   ├── AddressBlocked                403
    │   └── NoPermission                  the key is good but not for this
    ├── CircuitOpen                       the breaker of this host is open
    ├── DecodeError                       the body cannot be read
    ├── ApiError                          HTTP 200 with a failure code
    │   └── GatewayError
    │       ├── NotSignedIn
    │       └── SessionLost
    ├── PaginationLoop                    pages that cannot be trusted
    ├── UnknownKey (KeyError)             the server answered without this key
    ├── ExportError                       a file cannot be written or read back
    └── BatchError (ExceptionGroup)       some parts of a question failed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AddressBlocked",
    "ApiError",
    "AuthError",
    "BatchError",
    "CallTimeout",
    "CcError",
    "CircuitOpen",
    "ClosedError",
    "ConfigError",
    "ConnectError",
    "DecodeError",
    "ExportError",
    "GatewayError",
    "HttpError",
    "NoPermission",
    "NotDeployed",
    "NotSignedIn",
    "NotTheApi",
    "PaginationLoop",
    "ProtocolError",
    "RequestTimeout",
    "ResponseTooLarge",
    "ServerError",
    "SessionLost",
    "SignatureRejected",
    "Throttled",
    "TlsError",
    "UnknownKey",
]


class CcError(Exception):
    """The base of every error of this library; its text never holds a secret, a GUID or a phone number.

    Attributes:
        retryable: True when asking again later may succeed.
        retry_after: seconds the server asked us to wait, or None.
        endpoint: method name of the interface, such as ``skill_call_stats``, or None.
        part: which part of the question failed, such as ``vdn 170, skills 1..250``, or None.
        host: ``host:port`` of the server, or None.
        attempts: how many times the request was sent.
        code: the vendor's code (``0100002``) or the HTTP status as text, or None.
        hint: what to do about it, or None.
        batch: what did arrive, when a call of many requests ends with this error; else None.
    """

    retryable: bool = False

    def __init__(
        self,
        message: str = "",
        *,
        endpoint: str | None = None,
        part: str | None = None,
        host: str | None = None,
        attempts: int = 0,
        code: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.part = part
        self.host = host
        self.attempts = attempts
        self.code = code
        self.hint = hint
        self.retry_after = retry_after
        self.batch: Any = None
        if retryable is not None:
            self.retryable = retryable

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return str(self.args[0]) if self.args else ""

    def located(
        self,
        *,
        endpoint: str | None = None,
        part: str | None = None,
        host: str | None = None,
        attempts: int | None = None,
    ) -> Self:
        """Add where it happened, keeping what is known already; returns itself."""
        self.endpoint = self.endpoint or endpoint
        self.part = self.part or part
        self.host = self.host or host
        if attempts is not None:
            self.attempts = attempts
        return self

    def __str__(self) -> str:
        where = self.endpoint or ""
        if self.part:
            where += f" ({self.part})"
        if self.host:
            where += f" at {self.host}" if where else self.host
        text = f"{where}: {self.message}" if where else self.message
        if self.code and self.code not in self.message:
            text += f" [{self.code}]"
        if self.attempts > 1:
            text += f" after {self.attempts} attempts"
        if self.hint:
            text += f" - {self.hint}"
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        # The state travels apart: an error and the batch that lists it may refer to each other.
        return _rebuild, (type(self), self.args), self.__dict__.copy()


def _rebuild(kind: type[CcError], args: tuple[Any, ...]) -> CcError:
    """Make the error again without its constructor, so that pickling needs no agreement about arguments."""
    error = kind.__new__(kind, *args)
    error.args = args
    return error


class ConfigError(CcError, ValueError):
    """The client was set up wrongly; raised before any I/O."""


class ClosedError(CcError, RuntimeError):
    """The client was used after close, from another event loop, or in a forked child."""


class ConnectError(CcError):
    """No connection could be made: DNS, refused, unreachable, or a proxy that refuses."""

    retryable = True


class TlsError(ConnectError):
    """The TLS handshake failed; the message says whether expired, wrong host, unknown issuer or pin."""

    retryable = False


class RequestTimeout(CcError, TimeoutError):
    """One attempt of one request took longer than its own limit."""

    retryable = True


class CallTimeout(CcError, TimeoutError):
    """The whole call took longer than its ``timeout``."""

    retryable = True


class ProtocolError(CcError):
    """What came back is not HTTP as it should be."""


class ResponseTooLarge(ProtocolError):
    """The answer is larger than the cap on decoded bytes."""


class HttpError(CcError):
    """An HTTP status that is not 200; ``status`` holds it."""

    def __init__(self, message: str = "", *, status: int = 0, **context: Any) -> None:
        context.setdefault("code", str(status) if status else None)
        super().__init__(message, **context)
        self.status = status


class Throttled(HttpError):
    """The server asks for fewer requests (408, 425, 429, or 503 with Retry-After; gateway 000-007)."""

    retryable = True


class ServerError(HttpError):
    """The server failed (500, 502, 503, 504: retryable; 501, 505: not)."""

    retryable = True


class NotTheApi(HttpError):
    """Something other than the interface answered: a firewall, a login page, a redirect."""


class NotDeployed(HttpError):
    """404: the base URL is wrong, or the feature (iSales, for tasks) is not installed."""


class AuthError(CcError):
    """The credential is not accepted."""


class SignatureRejected(AuthError):
    """401: the server does not accept the signature; never retried, the credential is locked."""


class AddressBlocked(AuthError):
    """403: a firewall or address list, an address locked after bad signatures, or no permission."""


class NoPermission(AuthError):
    """The key is good, but not for this interface (0101001, 0101002, 0101003)."""


class CircuitOpen(CcError):
    """The breaker of this host is open; ``until`` is when it lets a probe through (epoch seconds)."""

    retryable = True

    def __init__(self, message: str = "", *, until: float | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.until = until


class DecodeError(CcError):
    """The body of an answer cannot be read."""


class ApiError(CcError):
    """HTTP 200 with a failure code; ``code`` is the vendor's, ``text`` the server's words."""

    def __init__(self, message: str = "", *, text: str = "", **context: Any) -> None:
        super().__init__(message, **context)
        self.text = text


class GatewayError(ApiError):
    """A CC-Gateway retcode other than 0."""


class NotSignedIn(GatewayError):
    """The agent has no session (100-006), or no GUID is known for it."""


class SessionLost(GatewayError):
    """The agent's session is gone (100-008, 000-003)."""


class PaginationLoop(CcError):
    """The pages of an answer repeat, never end, or lose rows: they cannot be trusted."""


class UnknownKey(CcError, KeyError):
    """The server answered, but without this key."""


class ExportError(CcError):
    """A file cannot be written or read back: disk full, no permission, damaged, another writer at work."""


class BatchError(ExceptionGroup[CcError], CcError):
    """Some parts of a question failed; ``exceptions`` says why and ``batch`` holds what did arrive."""

    def __new__(cls, message: str, exceptions: Sequence[CcError], *_: Any, **__: Any) -> Self:
        """Make the group; the batch is set by the constructor."""
        return super().__new__(cls, message, exceptions)

    def __init__(self, message: str, exceptions: Sequence[CcError], *, batch: Any = None) -> None:
        CcError.__init__(self, message)
        self.args = (message, tuple(exceptions))
        self.batch = batch
        self.retryable = all(error.retryable for error in exceptions)

    def __str__(self) -> str:
        return f"{self.message} ({len(self.exceptions)} sub-exception{'s'[: len(self.exceptions) != 1]})"

    def derive(self, excs: Sequence[CcError], /) -> BatchError:  # type: ignore[override]
        """Make a group of some of the errors, with the same batch (``except*`` uses it)."""
        return BatchError(self.message, excs, batch=self.batch)
