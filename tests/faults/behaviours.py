"""Ways of behaving badly, byte by byte; each factory returns a behaviour of ``FaultServer``."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Sequence

from . import answers
from .server import Behaviour, Seen, Wire

Header = tuple[str, str]


def http(
    body: bytes,
    status: int = 200,
    *headers: Header,
    length: int | None = None,
    kind: str = "application/json;charset=UTF-8",
) -> bytes:
    """The bytes of an answer; ``length`` is what its Content-Length claims."""
    claimed = len(body) if length is None else length
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Type: {kind}",
        f"Content-Length: {claimed}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def good(wire: Wire, seen: Seen) -> None:
    """Answer as an honest server does."""
    await wire.write(http(answers.for_request(seen)))


def good_with(*headers: Header) -> Behaviour:
    """Answer honestly, with more headers."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.write(http(answers.for_request(seen), 200, *headers))

    return behave


def status(
    code: int, *headers: Header, body: bytes = b"", kind: str = "application/json;charset=UTF-8"
) -> Behaviour:
    """Answer with a status."""
    return raw(http(body, code, *headers, kind=kind))


def body(text: bytes) -> Behaviour:
    """Answer 200 with this body."""
    return raw(http(text))


def page(text: str, code: int = 200, *headers: Header) -> Behaviour:
    """Answer with a page of HTML, as firewalls and login pages do."""
    return status(code, *headers, body=text.encode(), kind="text/html;charset=UTF-8")


def raw(data: bytes, *, close: bool = False) -> Behaviour:
    """Write these bytes and nothing else; then keep the connection, or close it."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.write(data)
        if close:
            wire.close()

    return behave


async def reset(wire: Wire, seen: Seen) -> None:
    """Reset in place of an answer."""
    wire.reset()


async def close(wire: Wire, seen: Seen) -> None:
    """Close in place of an answer."""
    wire.close()


def cut(behind: int, *, by_reset: bool = False, chunked: bool = False) -> Behaviour:
    """Answer honestly, but end the connection so many bytes into the body."""

    async def behave(wire: Wire, seen: Seen) -> None:
        whole = answers.for_request(seen)
        if chunked:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            await wire.write(head + f"{len(whole):x}\r\n".encode() + whole[:behind])
        else:
            await wire.write(http(whole[:behind], length=len(whole)))
        # A reset would throw away what the client has not read yet.
        await asyncio.sleep(0.02 if by_reset else 0)
        (wire.reset if by_reset else wire.close)()

    return behave


def cut_json(behind: int) -> Behaviour:
    """Answer with the beginning of the JSON and no length at all; the end of the connection is the end."""

    async def behave(wire: Wire, seen: Seen) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        await wire.write(head + answers.for_request(seen)[:behind])
        wire.close()

    return behave


async def silence(wire: Wire, seen: Seen) -> None:
    """Never answer."""
    await wire.pause()


def late(seconds: float) -> Behaviour:
    """Answer honestly after some time."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.pause(seconds)
        await good(wire, seen)

    return behave


def slow_headers(gap: float) -> Behaviour:
    """Send half of the headers, then nothing for ``gap`` seconds, then the rest."""

    async def behave(wire: Wire, seen: Seen) -> None:
        whole = http(answers.for_request(seen))
        await wire.write(whole[:30])
        await wire.pause(gap)
        await wire.write(whole[30:])

    return behave


def drip(gap: float, *, from_body: bool = True) -> Behaviour:
    """Send one byte every ``gap`` seconds, the headers at once unless told otherwise."""

    async def behave(wire: Wire, seen: Seen) -> None:
        whole = http(answers.for_request(seen))
        start = whole.index(b"\r\n\r\n") + 4 if from_body else 0
        await wire.write(whole[:start])
        for at in range(start, len(whole)):
            await wire.write(whole[at : at + 1])
            await wire.pause(gap)

    return behave


def endlessly(begin: bytes, again: bytes, gap: float = 0.0) -> Behaviour:
    """Write the same bytes again and again until the client has enough."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.write(begin)
        while True:
            await wire.write(again)
            if gap:
                await wire.pause(gap)
            else:
                await asyncio.sleep(0)

    return behave


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OPEN_ENDED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def gzipped(data: bytes, *, claimed: str = "gzip") -> Behaviour:
    """Answer with these bytes, said to be compressed."""
    return raw(http(data, 200, ("Content-Encoding", claimed)))


def gzip_bomb(megabytes: int) -> bytes:
    """Zeros, so well compressed that they travel in a thousandth of their size."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    parts = [squeeze.compress(bytes(2**20)) for _ in range(megabytes)]
    return b"".join(parts) + squeeze.flush()


def well_gzipped() -> Behaviour:
    """Answer honestly and compressed."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.write(http(gzip.compress(answers.for_request(seen)), 200, ("Content-Encoding", "gzip")))

    return behave


def smuggled(extra: bytes) -> Behaviour:
    """Answer honestly, with more bytes behind the end of the answer."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.write(http(answers.for_request(seen)) + extra)

    return behave


def times(behaviour: Behaviour, number: int) -> Sequence[Behaviour]:
    """The same a few times over."""
    return [behaviour] * number
