"""The Auth protocol: a request half that signs and a response half that absorbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from attrs import frozen

from cc_async.errors import AuthError, CcError


@frozen
class Unsigned:
    """One request as it is about to be sent: what a signature may cover."""

    method: str
    path: str
    """Raw path, no host, no query."""
    query: Mapping[str, str]
    host: str
    """Exactly the ``Host`` header that is sent."""
    content_type: str
    body: bytes
    now: float
    """Epoch seconds, taken after all waiting."""
    agent_id: int | None = None
    """The agent a gateway request speaks for."""


@runtime_checkable
class Auth(Protocol):
    """How requests are authenticated. ``AkSk`` and ``Guids`` are two; a bearer token is five lines."""

    @property
    def identity(self) -> str:
        """A stable name of the credential that gives nothing away; quotas and lock-outs are kept by it."""
        ...

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        """Return the headers to add; called once per attempt, after all waiting."""
        ...

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        """Take what the answer brings (a new GUID, a cookie); ``headers`` is case-insensitive.

        ``Set-Cookie`` may come several times: a multidict's ``getall`` tells them apart.
        """
        ...


def own_error(error: Exception, what: str, hint: str) -> CcError:
    """What an Auth raised, as an error of ours: what somebody else's code says may hold a secret."""
    if isinstance(error, CcError):
        return error
    return AuthError(f"the credential {what} ({type(error).__name__})", hint=hint)
