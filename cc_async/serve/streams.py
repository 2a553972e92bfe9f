"""Server-sent events that cannot pile up: few readers, the newest only, and no patience with the dead."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from aiohttp import web

from cc_async.board.fanout import Subscription
from cc_async.errors import CcError

T = TypeVar("T")

MOST = 64
"""Readers at the same time."""
WRITE_SECONDS = 10.0
"""A reader that takes nothing for so long is gone."""
STILL_HERE_SECONDS = 15.0
_STILL_HERE = b": still here\n\n"
_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""How a gzip stream begins (RFC 1952): deflate, no name, no time."""


def event(name: str, data: bytes, number: int | None = None) -> bytes:
    """One event; ``data`` is JSON, which has no line breaks."""
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: %s\ndata: %s\n\n" % (name.encode(), data)


def deflated(piece: bytes) -> bytes:
    """A piece of a gzip stream that refers to none before it: all readers get the same bytes.

    2000 queues are 2 MB, and 0.2 MB so, at 6 ms.
    """
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)


class Streams:
    """The readers that are connected; closed at once when the server stops."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[object]] = set()
        self._closing = False
        self._deflated = b"", b""
        """The newest piece as it is and deflated: of a board all readers get the same."""

    def __len__(self) -> int:
        return len(self._tasks)

    def close(self) -> None:
        """End every stream; browsers come back by themselves."""
        self._closing = True
        for task in self._tasks:
            task.cancel()

    async def serve(
        self, request: web.Request, hello: bytes, subscription: Subscription[T], encode: Callable[[T], bytes]
    ) -> web.StreamResponse:
        """Answer with everything the subscription brings; ends with the reader, the server or the feed."""
        task = asyncio.current_task()
        if self._closing or task is None or len(self._tasks) >= self._most:
            raise web.HTTPServiceUnavailable(
                text=f"{self._most} readers are connected already\n", headers={"Retry-After": "10"}
            )
        packed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        self._tasks.add(task)
        try:
            await response.prepare(request)
            if packed:
                await response.write(_GZIP)
            async with subscription:
                pieces = _Beating(subscription, encode)
                await self._pour(request, response, hello, pieces, self._deflate if packed else bytes)
        except (ConnectionError, TimeoutError):
            pass  # the reader is gone
        except CcError:
            pass  # the feed has ended; whoever runs it is told
        except asyncio.CancelledError:
            if not self._closing:
                raise
            task.uncancel()
        finally:
            self._tasks.discard(task)
        return response

    def _deflate(self, piece: bytes) -> bytes:
        if self._deflated[0] is not piece:
            self._deflated = piece, deflated(piece)
        return self._deflated[1]

    async def _pour(
        self,
        request: web.Request,
        response: web.StreamResponse,
        hello: bytes,
        pieces: AsyncIterator[bytes],
        pack: Callable[[bytes], bytes],
    ) -> None:
        await response.write(pack(b"retry: 2000\n\n" + hello))
        async for piece in pieces:
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(pack(piece))
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
                raise


class _Beating(Generic[T]):
    """The encoded items of a subscription, and a sign of life where none comes for a while."""

    def __init__(self, subscription: Subscription[T], encode: Callable[[T], bytes]) -> None:
        self._subscription, self._encode = subscription, encode

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        next_one: Awaitable[T] = anext(self._subscription)
        try:
            async with asyncio.timeout(STILL_HERE_SECONDS):
                return self._encode(await next_one)
        except TimeoutError:
            return _STILL_HERE
