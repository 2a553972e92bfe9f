"""A server on a raw socket that misbehaves by script, and remembers what its clients sent."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from attrs import define, frozen
from multidict import CIMultiDict, CIMultiDictProxy

from cc_async.simulator.signature import verify

_BACKLOG = 2048
TASK = "a connection of the fault server"
_CONTENT_TYPE = "application/json;charset=UTF-8"


@frozen
class Seen:
    """One request as it arrived."""

    connection: int
    """Number of its connection, from 1."""
    number: int
    """Its number on that connection, from 1."""
    method: str
    path: str
    """With the query, raw."""
    headers: CIMultiDictProxy[str]
    body: bytes
    at: float
    """The loop's time."""

    @property
    def json(self) -> Any:
        """The body, decoded; the inner object where it is wrapped."""
        found = json.loads(self.body) if self.body else {}
        return found.get("queryParam", found) if isinstance(found, dict) else found


class Wire:
    """One connection, as a behaviour sees it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
    ) -> None:
        self.reader = reader
        self._writer = writer
        self._count = count
        self.over = False
        """True when the behaviour has ended the connection."""

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the client does not read; ConnectionError when it is gone."""
        self._writer.write(data)
        self._count(len(data))
        await self._writer.drain()

    async def pause(self, seconds: float | None = None) -> None:
        """Wait; ConnectionError as soon as the client goes. None: until it does."""
        try:
            async with asyncio.timeout(seconds):
                if await self.reader.read(1):
                    raise AssertionError("the client sent something while an answer was under way")
                raise ConnectionResetError
        except TimeoutError:
            return

    def close(self) -> None:
        """End the connection in good order (FIN)."""
        self.over = True
        self._writer.close()

    def reset(self) -> None:
        """End the connection with a reset (RST)."""
        self.over = True
        found = self._writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Behaviour = Callable[[Wire, Seen], Awaitable[None]]
"""What the server does about one request."""


@define
class Counters:
    """What a server counted."""

    connections: int = 0
    open: int = 0
    received: int = 0
    sent: int = 0


class FaultServer:
    """Behaves as the script says, request by request in order of arrival, then as ``then`` says.

    ``secrets``: access keys and their secret keys; with them every signature is checked. ``greet``: done
    with every new connection before its first request is read. What clients did wrong is in ``complaints``.
    """

    def __init__(
        self,
        *script: Behaviour,
        then: Behaviour,
        secrets: Mapping[str, str] | None = None,
        greet: Callable[[Wire], Awaitable[None]] | None = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.script = list(script)
        self.then = then
        self.requests: list[Seen] = []
        self.complaints: list[str] = []
        self.counters = Counters()
        self._secrets = secrets
        self._greet = greet
        self._tls = tls
        self._host = host
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._drained = asyncio.Event()
        self.port = 0

    @property
    def name(self) -> str:
        """``host:port``."""
        return f"{self._host}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self._tls else 'http'}://{self.name}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self._host, self.port, ssl=self._tls, backlog=_BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Refuse from now on, and end what is under way; ``async with`` again opens the same port."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drained(self, seconds: float = 2.0) -> None:
        """Wait until no connection is open; TimeoutError when one stays."""
        async with asyncio.timeout(seconds):
            while self.counters.open:
                self._drained.clear()
                await self._drained.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name(TASK)
        self._tasks.add(task)
        counters = self.counters
        counters.connections += 1
        counters.open += 1
        wire = Wire(reader, writer, self._sent)
        try:
            if self._greet is not None:
                await self._greet(wire)
            await self._requests(wire, counters.connections)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            wire.reset()
        except AssertionError as error:
            self.complaints.append(str(error))
        finally:
            writer.close()
            counters.open -= 1
            self._drained.set()
            self._tasks.discard(task)

    async def _requests(self, wire: Wire, connection: int) -> None:
        number = 0
        while not wire.over:
            number += 1
            seen = await self._read(wire.reader, connection, number)
            self.requests.append(seen)
            self._check(seen)
            behaviour = self.script.pop(0) if self.script else self.then
            await behaviour(wire, seen)

    async def _read(self, reader: asyncio.StreamReader, connection: int, number: int) -> Seen:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = CIMultiDict((name, value.strip()) for name, _, value in (x.partition(":") for x in lines))
        body = await reader.readexactly(int(headers.get("Content-Length", "0")))
        self.counters.received += len(head) + len(body)
        now = asyncio.get_running_loop().time()
        return Seen(connection, number, method, path, CIMultiDictProxy(headers), body, now)

    def _check(self, seen: Seen) -> None:
        """Note what no request of ours may look like."""
        headers = seen.headers
        if headers.getall("Host", []) != [self.name]:
            self.complaints.append("not exactly one Host, or another than is signed")
        if (
            "Transfer-Encoding" in headers
            or "Expect" in headers
            or len(headers.getall("Content-Length", [])) != 1
        ):
            self.complaints.append("a body without exactly one length")
        if headers.get("Content-Type") != _CONTENT_TYPE:
            self.complaints.append("another Content-Type")
        if seen.body != _minified(seen.body):
            self.complaints.append("the body is not minified")
        if self._secrets is not None:
            path, _, query = seen.path.partition("?")
            verdict = verify(seen.method, path, query, headers, seen.body, self._secrets)
            if not verdict.good:
                self.complaints.append(verdict.refusal)

    def _sent(self, size: int) -> None:
        self.counters.sent += size


def _minified(body: bytes) -> bytes:
    if not body:
        return body
    return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()


class BlackHole:
    """A port that answers no SYN: it listens, its queue is full, and nobody accepts."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._held = [socket.socket(family) for _ in range(4)]

    def __enter__(self) -> Self:
        for each in self._held:
            each.setblocking(False)
            each.connect_ex(self._listener.getsockname())
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self._held, self._listener):
            each.close()
