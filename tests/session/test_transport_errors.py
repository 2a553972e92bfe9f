"""Transport: every way an exchange can fail, and the error it is."""

import asyncio
import errno
import os
import socket

import pytest
from wires import OK, answers, wire

from cc_async.errors import ConnectError, ProtocolError, TlsError
from cc_async.session.timeouts import Timeouts
from cc_async.session.transport import Transport

QUICK = Timeouts(connect=0.5, read=1.0, attempt=5.0)


async def send(url, **options):
    """Send one request with a transport of its own."""
    transport = Transport(url, **{"timeouts": QUICK, **options})
    try:
        return await transport.send("GET", "/a", "", {}, b"", on_sent=lambda: None)
    finally:
        await transport.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
BROKEN = {
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunked": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a length that is none": HEAD + b"Content-Length: x\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n{}",
    "a bad chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "HTTP/0.9": b'{"resultCode":"0"}',
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00d",
    "a long header": HEAD + b"X: " + b"a" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
    "many headers": HEAD + b"".join(b"X%d: a\r\n" % n for n in range(5000)) + b"Content-Length: 2\r\n\r\n{}",
    "an endless header": HEAD + b"X: " + b"a" * 1_000_000,
    "bytes behind the end": HEAD + b"Content-Length: 2\r\n\r\n{}garbage",
    "an answer behind the end": OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
}
CUT = {
    "inside the status": b"HTTP/1.1 2",
    "inside the headers": HEAD + b"Content-Le",
    "inside the body": HEAD + b"Content-Length: 10\r\n\r\n{}",
    "between chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
}


def saying(answer, packets, before):
    """Answer well a few times, then say this in so many packets, and close."""

    async def talk(peer):
        for _ in range(before):
            await peer.request()
            await peer.say(OK)
        await peer.request()
        head, end, tail = answer.partition(b"\r\n\r\n")
        await peer.say(*([head + end, tail] if packets == 2 else [answer]))
        if packets == 2:
            await asyncio.sleep(0.02)

    return talk


async def last_failure(answer, packets, before):
    """Send until the odd answer comes, and return the error it makes and whether the next request is well."""
    async with wire(saying(answer, packets, before)) as server:
        transport = Transport(server.url, timeouts=QUICK)
        try:
            for _ in range(before):
                assert (await transport.send("GET", "/", "", {}, b"", on_sent=lambda: None)).body == b"{}"
            with pytest.raises(ConnectError if answer in CUT.values() else ProtocolError) as caught:
                await transport.send("GET", "/", "", {}, b"", on_sent=lambda: None)
            await server.all_gone()
            return caught.value
        finally:
            await transport.close()


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("packets", [1, 2])
@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_not_http_is_a_protocol_error(name, packets, before):
    """Broken HTTP, in one packet or two, on a new or a kept connection: ProtocolError, connection dropped."""
    error = await last_failure(BROKEN[name], packets, before)
    assert type(error) is ProtocolError
    assert not error.retryable
    assert len(str(error)) < 200


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("packets", [1, 2])
@pytest.mark.parametrize("name", CUT)
async def test_a_cut_answer_may_be_asked_again(name, packets, before):
    """An answer that ends too early is a ConnectError worth another try, and no free one: bytes had come."""
    error = await last_failure(CUT[name], packets, before)
    assert type(error) is ConnectError
    assert error.retryable
    assert "cut off" in str(error)


@pytest.mark.parametrize("packets", [1, 2])
async def test_nothing_is_smuggled_into_the_next_answer(packets):
    """A second answer behind the first never becomes the answer of the next request."""
    forged = BROKEN["an answer behind the end"]

    async def talk(peer):
        await peer.request()
        head, end, tail = forged.partition(b"\r\n\r\n")
        await peer.say(*([head + end, tail] if packets == 2 else [forged]))
        while True:
            await peer.request()
            await peer.say(OK)

    async with wire(talk) as server:
        transport = Transport(server.url, timeouts=QUICK)
        with pytest.raises(ProtocolError):
            await transport.send("GET", "/", "", {}, b"", on_sent=lambda: None)
        with pytest.raises(ProtocolError):  # a new connection, which begins with a forged pair again
            await transport.send("GET", "/", "", {}, b"", on_sent=lambda: None)
        assert server.connections == 2
        await transport.close()


async def test_bytes_that_come_while_a_connection_is_kept():
    """Bytes nobody asked for on a kept connection end it; they are not the next answer."""

    async def talk(peer):
        await peer.request()
        await peer.say(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        await peer.gone()

    async with wire(talk) as server:
        transport = Transport(server.url, timeouts=QUICK)
        await transport.send("GET", "/", "", {}, b"", on_sent=lambda: None)
        await asyncio.sleep(0.1)
        sent = []
        with pytest.raises(ConnectError) as caught:
            await transport.send("GET", "/", "", {}, b"", on_sent=lambda: sent.append(1))
        assert caught.value.stale
        assert sent == []
        await transport.close()


async def test_a_continue_before_the_answer():
    """1xx answers before the real one are passed over."""
    async with wire(
        answers(b"HTTP/1.1 103 Early\r\nX: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK)
    ) as server:
        assert (await send(server.url)).status == 200


async def test_a_switch_of_protocols_is_only_a_status():
    """101 comes back as a status without a body, and its connection is not used again."""
    switch = b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nzzz"
    async with wire(answers(switch)) as server:
        reply = await send(server.url)
        assert (reply.status, reply.body) == (101, b"")
        await server.all_gone()


async def test_a_refused_connection():
    """A port where nobody listens is said to be one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ConnectError, match="refused") as caught:
        await send(f"http://127.0.0.1:{port}")
    assert caught.value.retryable
    assert caught.value.host == f"127.0.0.1:{port}"


async def test_a_name_that_does_not_exist():
    """A host that DNS does not know is said to be one."""
    with pytest.raises(ConnectError, match="resolved") as caught:
        await send("https://no-such-host.invalid", timeouts=Timeouts(connect=5))
    assert caught.value.retryable


@pytest.mark.parametrize("code", [errno.ENETUNREACH, errno.EHOSTUNREACH])
async def test_a_host_without_a_route(code, monkeypatch):
    """When the system knows no way to the host, the error says unreachable."""

    async def no_route(self, sock, address):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "sock_connect", no_route)
    with pytest.raises(ConnectError, match="unreachable"):
        await send("https://127.0.0.1:1")


async def test_a_handshake_that_stalls_is_the_connect_timeout():
    """A server that accepts and then says nothing to our TLS is given up after the connect timeout."""

    async def talk(peer):
        await peer.gone()

    async with wire(talk) as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ConnectError, match="connect timeout") as caught:
            await send(f"https://127.0.0.1:{server.port}")
        assert caught.value.retryable
        assert 0.4 < asyncio.get_running_loop().time() - began < 1.0


async def test_a_port_without_tls():
    """https to a port that speaks plain HTTP is a final TlsError that says so."""
    async with wire(answers(OK)) as server:

        async def talk(peer):
            await peer.reader.read(10)
            await peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        server.talk = talk
        with pytest.raises(TlsError, match="does not speak TLS") as caught:
            await send(f"https://127.0.0.1:{server.port}")
        assert not caught.value.retryable


@pytest.mark.parametrize(
    ("target", "status", "retryable"),
    [
        ("https://cms.example.com", 407, False),
        ("https://cms.example.com", 403, False),
        ("https://cms.example.com", 502, True),
        ("http://cms.example.com", 407, False),  # without a tunnel only 407 is surely the proxy's own
    ],
)
async def test_a_proxy_that_refuses(target, status, retryable):
    """407 is final, and a proxy's password is nowhere in the error; a refused tunnel is told as one."""
    answer = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    async with wire(answers(answer)) as server:
        url = f"http://user:hunter2@127.0.0.1:{server.port}"
        with pytest.raises(ConnectError, match=f"proxy.*{status}") as caught:
            await send(target, proxy=url, allow_http=True)
        assert caught.value.retryable is retryable
        assert "hunter2" not in str(caught.value) + repr(vars(caught.value))
        assert b"\r\nProxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n" in server.requests[0]


async def test_a_proxy_that_is_not_there():
    """A proxy that cannot be reached is told apart from a server that cannot."""
    with pytest.raises(ConnectError, match="cannot reach the proxy"):
        await send("https://cms.example.com", proxy="http://127.0.0.1:1")


async def test_plain_http_through_a_proxy():
    """Through a proxy a plain request carries the whole URL, encoded as it was signed."""
    async with wire(answers(OK)) as server:
        transport = Transport("http://cms.example.com:8080", proxy=server.url, allow_http=True)
        await transport.send("GET", "/a%20b", "c=%2F", {}, b"", on_sent=lambda: None)
        await transport.close()
        assert server.requests[0].startswith(b"GET http://cms.example.com:8080/a%20b?c=%2F HTTP/1.1\r\n")
