"""Raw servers for the tests of transport: they say exactly the bytes they are given."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from attrs import define, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Talk = Callable[["Peer"], Awaitable[None]]


@define(eq=False)
class Peer:
    """One connection, seen from the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: list[bytes]

    async def request(self) -> bytes:
        """Read one request, body included."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self.seen.append(head + await self.reader.readexactly(length))
        return self.seen[-1]

    async def say(self, *pieces: bytes) -> None:
        """Write pieces, each in a packet of its own."""
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(0.02)
            self.writer.write(piece)
            await self.writer.drain()

    def reset(self) -> None:
        """Close with a reset in place of a goodbye."""
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has closed."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()


@define(eq=False)
class Wire:
    """A server that talks as it is told; it counts."""

    talk: Talk
    port: int = 0
    connections: int = 0
    open: int = 0
    requests: list[bytes] = field(factory=list)
    changed: asyncio.Condition = field(factory=asyncio.Condition)
    tasks: set[asyncio.Task[None]] = field(factory=set)

    @property
    def url(self) -> str:
        """Its base URL without TLS."""
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self.open += 1
        try:
            await self.talk(Peer(reader, writer, self.requests))
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.tasks.discard(task)
            async with self.changed:
                self.open -= 1
                self.changed.notify_all()

    async def all_gone(self) -> None:
        """Wait until no connection is open."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.open == 0)


@contextlib.asynccontextmanager
async def wire(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """Open such a server on a free port; at the end it is gone with all its connections."""
    server = Wire(talk)
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(server.tasks):
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
        await asyncio.sleep(0.01)


def answers(*each: bytes) -> Talk:
    """Answer request after request with these bytes (the last again and again)."""

    async def talk(peer: Peer) -> None:
        number = 0
        while True:
            await peer.request()
            await peer.say(each[min(number, len(each) - 1)])
            number += 1

    return talk
