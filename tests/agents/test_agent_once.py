"""A sign-in goes out once whatever breaks: in the middle of it, behind a proxy, on a kept connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from attrs import define, field

from cc_async import CcError, GatewayClient

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
REFUSED = b'{"message": "", "retcode": "100-004"}'
ANSWER = HEAD % (len(REFUSED), REFUSED)


@define
class Breaker:
    """A server, or a proxy, that reads a head and then does what it was told, request after request."""

    replies: list[bytes | None]
    """What to answer in turn; None: hang up. After the last: hang up, whether or not it was whole."""
    url: str = ""
    lines: list[bytes] = field(factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while self.replies:
                head = await reader.readuntil(b"\r\n\r\n")
                self.lines.append(head.split(b"\r\n")[0])
                reply = self.replies.pop(0)
                if reply is None:
                    break  # the body lies unread: the kernel resets the connection while it is being sent
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(reply)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def breaking(*replies: bytes | None) -> AsyncIterator[Breaker]:
    """Listen on this machine."""
    breaker = Breaker(list(replies))
    server = await asyncio.start_server(breaker.serve, "127.0.0.1", 0)
    async with server:
        breaker.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield breaker


async def sign_in(gateway: GatewayClient) -> CcError:
    """Try to sign in, and return why it did not work."""
    with pytest.raises(CcError) as caught:
        await gateway.agent_session(101, password="s3cret-one", phone="7010199").__aenter__()
    assert "s3cret-one" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize(
    "reply", [None, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", ANSWER[:60], b"HTTP/1.1 2"]
)
async def test_broken_off_it_is_not_sent_again(proxied: bool, reply: bytes | None) -> None:
    """Hung up before the body was read, refused by a proxy, cut off in head or body: one line arrived."""
    async with breaking(reply) as breaker:
        given: dict[str, Any] = {"proxy": breaker.url} if proxied else {}
        url = "http://127.0.0.1:9" if proxied else breaker.url
        async with GatewayClient(url, {}, **given) as gateway:
            assert (await sign_in(gateway)).attempts == 1
    assert [line.split()[0] for line in breaker.lines] == [b"PUT"]


async def test_a_kept_connection_that_closes_gets_it_once() -> None:
    """On a caller's connector a sign-in may meet one that is closing: an error, not a second PUT."""
    async with breaking(ANSWER, None) as breaker:
        connector = aiohttp.TCPConnector(limit=40)
        async with GatewayClient(breaker.url, {}, connector=connector) as gateway:
            assert (await sign_in(gateway)).code == "100-004"
            assert (await sign_in(gateway)).attempts == 1
        await connector.close()
    assert [line.split()[0] for line in breaker.lines] == [b"PUT", b"PUT"]
    assert breaker.connections == 1
