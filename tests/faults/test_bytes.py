"""Numbers 14 to 24 and 37: answers that are not HTTP as it should be."""

# ruff: noqa: SIM117 - first a server, then a client of it: one line each

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable
from typing import Any

import pytest

from cc_async import Breaker, Retry, Timeouts
from cc_async.errors import (
    CallTimeout,
    CcError,
    ConnectError,
    DecodeError,
    ProtocolError,
    RequestTimeout,
    ResponseTooLarge,
)

from . import answers
from . import behaviours as do
from .checks import ACCESS_KEY, SECRET_KEY, asking, checked, failing
from .server import FaultServer, Seen, Wire

ONCE: dict[str, Any] = {"retry": Retry(attempts=1)}
MIB = 2**20


async def test_fault_14_slow_headers() -> None:
    """Headers that stop half-way end with the read timeout, and are asked again."""
    limits = Timeouts(connect=1, read=0.1, attempt=10)
    async with FaultServer(do.slow_headers(5), then=do.good) as server:
        async with asking(server, timeouts=limits) as cms:
            assert len(await cms.skill_call_stats([1])) == 1
    async with FaultServer(then=do.slow_headers(5)) as server:
        async with asking(server, timeouts=limits) as cms:
            error = await failing(cms.skill_call_stats([1]), RequestTimeout, within=3, attempts=3)
            assert "read timeout" in error.message
            assert isinstance(error, TimeoutError)
    assert len(server.requests) == 3


@pytest.mark.parametrize("from_body", [True, False], ids=["body", "headers"])
async def test_fault_15_one_byte_at_a_time(from_body: bool) -> None:
    """Bytes that trickle in never break the read timeout, so the attempt's own limit ends them."""
    limits = Timeouts(connect=1, read=0.1, attempt=0.3)
    async with FaultServer(then=do.drip(0.01, from_body=from_body)) as server:
        async with asking(server, timeouts=limits, **ONCE) as cms:
            error = await failing(cms.skill_call_stats(range(1, 100)), RequestTimeout, within=1.5, attempts=1)
            assert "0.3 s" in error.message


async def test_fault_15_one_byte_at_a_time_and_the_deadline_of_the_call() -> None:
    """The call's own timeout ends an attempt under way."""
    async with FaultServer(then=do.drip(0.01)) as server:
        async with asking(server, timeouts=Timeouts(1, 1, 60), timeout=0.2) as cms:
            error = await failing(cms.skill_call_stats(range(1, 100)), CallTimeout, within=0.5)
            assert error.batch is not None
            assert not error.batch.complete


@pytest.mark.parametrize("gap", [0.0, 0.01])
async def test_fault_16_endless_100_continue(gap: float) -> None:
    """An answer that is announced for ever ends with the attempt."""
    limits = Timeouts(connect=1, read=0.2, attempt=0.3)
    async with FaultServer(then=do.endlessly(b"", do.CONTINUE, gap)) as server:
        async with asking(server, timeouts=limits, **ONCE) as cms:
            await failing(cms.skill_call_stats([1]), RequestTimeout, within=1.5, attempts=1)


FLOODS = {
    "one header without end": do.endlessly(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 4096),
    "headers without end": do.endlessly(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
    "ten thousand headers": do.raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000 + b"\r\n"),
    "a name without end": do.endlessly(b"HTTP/1.1 200 OK\r\n", b"x" * 4096),
    "a reason without end": do.endlessly(b"HTTP/1.1 200 ", b"O" * 4096),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
async def test_fault_17_header_flood(flood: Any) -> None:
    """Headers beyond measure are refused at once, not gathered, and not asked for again."""
    async with FaultServer(then=flood) as server:
        async with asking(server) as cms:
            error = await failing(cms.skill_call_stats([1]), ProtocolError, within=1.5, attempts=1)
            assert "header" in error.message or "HTTP" in error.message
        assert len(server.requests) == 1
        assert server.counters.sent < 16 * MIB


async def peak_of(asked: Awaitable[Any]) -> tuple[int, CcError]:
    """The most memory Python holds while something is asked in vain, in bytes."""
    tracemalloc.start()
    try:
        async with asyncio.timeout(3):
            await asked
    except CcError as error:
        return tracemalloc.get_traced_memory()[1], error
    finally:
        tracemalloc.stop()
    raise AssertionError("there is no error")


TEN_GB = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10737418240\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
FAT = b'{"a":"' + b"x" * 65530
ENDLESS = {
    "10 GB": do.endlessly(TEN_GB, FAT),
    "no length": do.endlessly(do.OPEN_ENDED, FAT),
    "chunks": do.endlessly(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
}


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS.keys())
async def test_fault_18_endless_body(endless: Any) -> None:
    """An answer without end stops at the cap; memory stays within a few times of it."""
    async with FaultServer(then=endless) as server:
        async with asking(server, max_body=MIB) as cms:
            peak, error = await peak_of(cms.skill_call_stats([1]))
        assert str(MIB) in checked(error, ResponseTooLarge, attempts=1).message
        assert peak < 8 * MIB
        assert server.counters.sent < 64 * MIB
        assert len(server.requests) == 1


async def test_fault_19_gzip_bomb() -> None:
    """200 MB in 200 kB stop at the cap, decompressed no further."""
    bomb = do.gzip_bomb(200)
    async with FaultServer(then=do.gzipped(bomb)) as server:
        async with asking(server, max_body=MIB) as cms:
            peak, error = await peak_of(cms.skill_call_stats([1]))
    checked(error, ResponseTooLarge, attempts=1)
    assert len(bomb) < MIB
    assert peak < 8 * MIB


async def test_fault_19_a_compressed_answer_is_read() -> None:
    """An honest compressed answer is read like any other."""
    async with FaultServer(then=do.well_gzipped()) as server, asking(server) as cms:
        batch = await cms.skill_call_stats(range(1, 100))
        assert len(batch) == 99


async def test_fault_20_gzip_header_without_gzip() -> None:
    """Said to be gzip and not being it is asked once more, then final."""
    plain = answers.cms([answers.skill_row(1)])
    async with FaultServer(do.gzipped(plain), then=do.good) as server, asking(server) as cms:
        assert len(await cms.skill_call_stats([1])) == 1
    async with FaultServer(then=do.gzipped(plain)) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats([1]), DecodeError, within=3, attempts=2)
        assert "gzip" in error.message
    assert len(server.requests) == 2


async def test_fault_20_unknown_encoding_is_final() -> None:
    """An encoding nobody asked for is final."""
    async with FaultServer(then=do.gzipped(b"x", claimed="br")) as server, asking(server) as cms:
        await failing(cms.skill_call_stats([1]), DecodeError, within=3, attempts=1)


async def test_fault_21_shorter_than_content_length() -> None:
    """A body shorter than it claims is transient when the connection ends, a timeout when it does not."""
    async with FaultServer(do.cut(30), then=do.good) as server, asking(server) as cms:
        assert (await cms.skill_call_stats([1])).request_count == 2
    waiting = do.raw(do.http(b"{}", length=100))
    async with FaultServer(waiting, then=do.good) as server:
        async with asking(server, timeouts=Timeouts(1, 0.05, 1)) as cms:
            assert (await cms.skill_call_stats([1])).request_count == 2
    async with FaultServer(then=do.cut(30)) as server, asking(server) as cms:
        await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=3, retryable=True)


POISON = do.http(answers.cms([answers.skill_row(1, allCallCount=666)]))


@pytest.mark.parametrize(
    "extra", [b" ", b"}}", POISON, POISON * 3], ids=["blank", "braces", "answer", "three"]
)
async def test_fault_22_longer_than_content_length(extra: bytes) -> None:
    """Bytes behind the end are a ProtocolError, and never the answer to the next request."""
    async with FaultServer(do.smuggled(extra), then=do.good) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats([1]), ProtocolError, within=3, attempts=1)
        assert "HTTP" in error.message or "behind the end" in error.message
        batch = await cms.skill_call_stats([1])
        assert batch[0].offered == 6
        assert [seen.connection for seen in server.requests] == [1, 2]


async def test_fault_22_bytes_that_come_later() -> None:
    """An answer nobody asked for, sent while the connection rests, is thrown away with it."""
    poisoned = asyncio.Event()

    async def afterwards(wire: Wire, seen: Seen) -> None:
        await do.good(wire, seen)
        await wire.pause(0.05)
        await wire.write(POISON)
        poisoned.set()

    async with FaultServer(afterwards, then=do.good) as server, asking(server) as cms:
        await cms.skill_call_stats([1])
        await poisoned.wait()
        await asyncio.sleep(0.02)  # the bytes are under way; sent together with a request nobody could tell
        for _ in range(3):
            assert (await cms.skill_call_stats([1]))[0].offered == 6


LINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GOOD = answers.cms([answers.skill_row(1)])
SIZE = b"%d" % len(GOOD)
CHUNK = b"%x\r\n" % len(GOOD) + GOOD + b"\r\n0\r\n\r\n"
FRAMING = {
    "length and chunked": LINE
    + b"Content-Length: "
    + SIZE
    + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    + CHUNK,
    "two lengths": LINE + b"Content-Length: " + SIZE + b"\r\nContent-Length: 5\r\n\r\n" + GOOD,
    "the same length twice": LINE + (b"Content-Length: " + SIZE + b"\r\n") * 2 + b"\r\n" + GOOD,
    "two lengths in one": LINE + b"Content-Length: " + SIZE + b", 5\r\n\r\n" + GOOD,
    "a negative length": LINE + b"Content-Length: -1\r\n\r\n" + GOOD,
    "a length with a sign": LINE + b"Content-Length: +" + SIZE + b"\r\n\r\n" + GOOD,
    "a length in words": LINE + b"Content-Length: many\r\n\r\n" + GOOD,
    "chunk size in words": LINE + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n" + GOOD,
    "chunk size below zero": LINE + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + GOOD,
    "chunk longer than it says": LINE + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + GOOD + b"\r\n0\r\n\r\n",
    "chunk size beyond measure": LINE + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n" + GOOD,
}


@pytest.mark.parametrize("data", FRAMING.values(), ids=FRAMING.keys())
async def test_fault_23_contradicting_lengths(data: bytes) -> None:
    """Where two lengths contradict each other, or a chunk is none, the connection is dropped."""
    async with FaultServer(do.raw(data), then=do.good) as server, asking(server) as cms:
        await failing(cms.skill_call_stats([1]), ProtocolError, within=3, attempts=1)
        assert (await cms.skill_call_stats([1]))[0].offered == 6
        assert [seen.connection for seen in server.requests] == [1, 2]


@pytest.mark.parametrize("behind", [1, 25, 60, 100])
async def test_fault_24_cut_off_json(behind: int) -> None:
    """Half a JSON text and a closed connection are transient."""
    async with FaultServer(do.cut_json(behind), then=do.good) as server, asking(server) as cms:
        assert (await cms.skill_call_stats([1])).request_count == 2
    async with FaultServer(then=do.cut_json(behind)) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats([1]), DecodeError, within=3, attempts=3)
        assert "cut off" in error.message


OTHER_PROTOCOLS = {
    "HTTP/0.9": do.raw(answers.cms([answers.skill_row(1)]), close=True),
    "HTTP/2 preface": do.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/2 frames": do.raw(bytes.fromhex("000000 04 00 00000000 000000 04 01 00000000")),
    "SSH": do.raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "TLS alert": do.raw(bytes.fromhex("15 0301 0002 02 46"), close=True),
    "SMTP": do.raw(b"220 mail.example.com ESMTP\r\n"),
    "HTTP/3.0": do.raw(b"HTTP/3.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "a status of letters": do.raw(b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\n{}"),
}


@pytest.mark.parametrize("behaviour", OTHER_PROTOCOLS.values(), ids=OTHER_PROTOCOLS.keys())
async def test_fault_37_another_protocol(behaviour: Any) -> None:
    """What speaks something else than HTTP/1.1 is told so, once."""
    async with FaultServer(then=behaviour, secrets={ACCESS_KEY: SECRET_KEY}) as server:
        async with asking(server, breaker=Breaker(failures=1000)) as cms:
            error: CcError = await failing(cms.skill_call_stats([1]), ProtocolError, within=1.5, attempts=1)
            assert "HTTP" in error.message
        assert len(server.requests) == 1
