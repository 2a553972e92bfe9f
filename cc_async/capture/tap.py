"""The tap: a client's transport that shows every exchange to somebody before it hands the answer on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from cc_async.clients.base import BaseClient
from cc_async.session.transport import Reply, Transport


class Tap(Protocol):
    """Sees what passes: never a header that was sent, so neither signature nor GUID."""

    def exchanged(self, method: str, path: str, body: bytes, reply: Reply) -> None:
        """Take one request and its answer; called on the loop, so be quick."""
        ...


class Tapped:
    """A transport with a tap; everything else is the transport's own."""

    def __init__(self, transport: Transport, tap: Tap) -> None:
        self._transport = transport
        self._tap = tap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    async def send(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, **options: Any
    ) -> Reply:
        """Send as the transport does; an attempt without an answer is not shown."""
        reply = await self._transport.send(method, path, query, headers, body, **options)
        self._tap.exchanged(method, path, body, reply)
        return reply


def attach(client: BaseClient, tap: Tap) -> None:
    """Put a tap on a client that has not been used yet; not public, since it sees bodies as they are."""
    core = client._core
    if core.session is not None:
        raise RuntimeError("a tap has to be there before the first request")
    core.transport = cast("Transport", Tapped(core.transport, tap))
