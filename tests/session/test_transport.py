"""Transport: what is sent, what comes back, and when connections live and die."""

import asyncio
import gzip
import os
import threading
import traceback
import tracemalloc
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from waiting import until
from wires import OK, answers, wire

from cc_async import __version__
from cc_async.errors import (
    ClosedError,
    ConfigError,
    ConnectError,
    ProtocolError,
    RequestTimeout,
    ResponseTooLarge,
)
from cc_async.session.timeouts import Timeouts
from cc_async.session.transport import StaleConnection, Transport

QUICK = Timeouts(connect=2.0, read=0.3, attempt=5.0)
SECRET = {"Guid": "3d1f5d5e-guid", "Authorization": "auth-v2/ak/secret"}


async def send(transport, method="GET", path="/a", query="", headers=None, body=b"", sent=None):
    """Send with less to write."""
    note = sent.append if sent is not None else lambda _: None
    return await transport.send(method, path, query, headers or {}, body, on_sent=lambda: note(1))


@pytest.fixture
async def open_transport():
    """Make transports that are closed at the end."""
    made = []

    def make(*arguments, **options):
        made.append(Transport(*arguments, **{"timeouts": QUICK, **options}))
        return made[-1]

    yield make
    for transport in made:
        await transport.close()


async def test_the_bytes_of_a_post(open_transport):
    """A POST goes out with our headers and the caller's, a length, no chunks, and the body as it is."""
    async with wire(answers(OK)) as server:
        body = b'{"ccId":1}'
        transport = open_transport(server.url + "/pre")
        await send(transport, "POST", "/v1/x", "", {"Content-Type": "application/json;charset=UTF-8"}, body)
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /pre/v1/x HTTP/1.1"
    assert sorted(lines[1:]) == sorted(
        [
            f"Host: 127.0.0.1:{server.port}",
            f"User-Agent: cc_async/{__version__}",
            "Accept: */*",
            "Accept-Encoding: gzip, deflate",
            "Content-Length: 10",
            "Content-Type: application/json;charset=UTF-8",
        ]
    )
    assert sent == body


async def test_the_bytes_of_a_get(open_transport):
    """A GET says its length too, and path and query travel exactly as they were signed."""
    async with wire(answers(OK)) as server:
        transport = open_transport(server.url)
        await send(transport, path="/a%20b/%2F/../c", query="a=%7E%2f&b=")
        lines = server.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /a%20b/%2F/../c?a=%7E%2f&b= HTTP/1.1"
    assert "Content-Length: 0" in lines
    assert lines.count("Content-Type: application/json;charset=UTF-8") == 1
    assert not any(line.lower().startswith("transfer-encoding") for line in lines)


async def test_the_host_header_can_be_another(open_transport):
    """Behind an address translation the Host header is the one given, and it is what gets signed."""
    async with wire(answers(OK)) as server:
        transport = open_transport(server.url, host="cms.example.com:28443")
        await send(transport)
        assert transport.host == "cms.example.com:28443"
        assert transport.name == f"127.0.0.1:{server.port}"
        assert server.requests[0].count(b"Host:") == 1
        assert b"\r\nHost: cms.example.com:28443\r\n" in server.requests[0]


async def test_a_reply_is_status_headers_and_body(open_transport):
    """Any status comes back as a reply, with case-insensitive headers and the body of every framing."""
    head = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
    chunked = head + b"2\r\n{}\r\n1\r\n!\r\n0\r\n\r\n"
    async with wire(answers(chunked)) as server:
        reply = await send(open_transport(server.url))
    assert (reply.status, reply.body) == (503, b"{}!")
    assert reply.headers.getall("x-a") == ["1", "2"]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_answer_is_unpacked(open_transport, coding):
    """gzip and deflate are undone."""
    packed = gzip.compress(b"[1]" * 999) if coding == "gzip" else zlib.compress(b"[1]" * 999)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n"
    async with wire(answers(head.encode() + packed)) as server:
        assert (await send(open_transport(server.url))).body == b"[1]" * 999


async def test_a_connection_is_kept(open_transport):
    """Requests one after another travel on one connection, also when bodies come in pieces."""

    async def talk(peer):
        while True:
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"ab", b"cd")

    async with wire(talk) as server:
        transport = open_transport(server.url)
        for _ in range(5):
            assert (await send(transport)).body == b"abcd"
        assert server.connections == 1


async def test_cookies_are_not_kept(open_transport):
    """A cookie from the server is not sent back by itself."""
    async with wire(answers(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n"))) as server:
        transport = open_transport(server.url)
        assert (await send(transport)).headers["Set-Cookie"].startswith("a=b")
        await send(transport)
        assert b"Cookie" not in server.requests[1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(open_transport, status):
    """A redirect comes back as it is: Guid and Authorization go nowhere else."""
    async with wire(answers(OK)) as other:
        answer = f"HTTP/1.1 {status} Go\r\nLocation: {other.url}/a\r\nContent-Length: 0\r\n\r\n"
        async with wire(answers(answer.encode())) as server:
            assert (await send(open_transport(server.url), headers=SECRET)).status == status
        assert other.connections == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_stale_connection_is_told_and_not_repeated(open_transport, method, end):
    """A kept connection that ends before an answer is a StaleConnection; the request went out once."""

    async def talk(peer):
        await peer.request()
        await peer.say(OK)
        await peer.request()
        if end == "reset":
            peer.reset()

    async with wire(talk) as server:
        transport, sent = open_transport(server.url), []
        await send(transport, sent=sent)
        with pytest.raises(StaleConnection) as caught:
            await send(transport, method, body=b"{}" if method != "GET" else b"", sent=sent)
        assert caught.value.stale
        assert caught.value.retryable
        assert len(server.requests) == 2
        assert len(sent) == 2
        assert (await send(transport)).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_new_connection_that_ends_is_not_stale(open_transport, method):
    """A first connection that ends without an answer is a plain ConnectError, sent once."""

    async def talk(peer):
        await peer.request()

    async with wire(talk) as server:
        with pytest.raises(ConnectError) as caught:
            await send(open_transport(server.url), method)
        assert type(caught.value) is ConnectError
        assert caught.value.retryable
        assert len(server.requests) == 1


class Arrivals(BaseHTTPRequestHandler):
    """Answers in threads of its own, while the loop is held up, and counts what has arrived."""

    protocol_version = "HTTP/1.1"
    arrived = threading.Semaphore(0)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.arrived.release()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


async def test_on_sent_means_now(open_transport):
    """Of a burst on kept connections, each request is on its way before on_sent is called for the next."""
    on_its_way = []

    def note():
        if on_its_way:
            on_its_way.append(Arrivals.arrived.acquire(timeout=1.0))
        else:
            on_its_way.append(True)

    with ThreadingHTTPServer(("127.0.0.1", 0), Arrivals) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            transport = open_transport(f"http://127.0.0.1:{server.server_port}")
            await asyncio.gather(*(send(transport, "POST", body=b"{}") for _ in range(4)))
            for _ in range(4):
                assert Arrivals.arrived.acquire(timeout=1.0)
            posts = (transport.send("POST", "/a", "", {}, b"{}", on_sent=note) for _ in range(4))
            await asyncio.gather(*posts)
            await transport.close()
        finally:
            server.shutdown()
    assert on_its_way == [True] * 4


async def test_on_sent_means_connected(open_transport):
    """on_sent is called once, on an open connection: not before, and not when there is none."""
    async with wire(answers(OK)) as server:
        seen = []
        transport = open_transport(server.url)
        await transport.send("GET", "/a", "", {}, b"", on_sent=lambda: seen.append(len(server.requests)))
        assert seen == [0]
    sent = []
    with pytest.raises(ConnectError):
        await send(open_transport(server.url), sent=sent)
    assert sent == []


async def test_an_endless_answer_stops_at_the_cap(open_transport):
    """An answer without end is given up at the cap, its connection dropped, memory flat."""

    async def talk(peer):
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        block = bytes(2**16)
        while True:
            await peer.say(block)

    async with wire(talk) as server:
        transport = open_transport(server.url, max_body=2**20)
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLarge, match="1048576"):
                await send(transport)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 6 * 2**20
        await server.all_gone()


async def test_a_bomb_stops_at_the_cap(open_transport):
    """200 MB of zeros in 200 kB of gzip never become 200 MB here."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    async with wire(answers(head.encode() + bomb)) as server:
        transport = open_transport(server.url, max_body=2**20)
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLarge):
                await send(transport)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 10 * 2**20


async def test_silence_is_a_request_timeout(open_transport):
    """No byte for longer than the read timeout, before or inside an answer: RequestTimeout."""

    async def mute(peer):
        await peer.request()
        await peer.gone()

    async def half(peer):
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
        await peer.gone()

    for talk in (mute, half):
        async with wire(talk) as server:
            with pytest.raises(RequestTimeout) as caught:
                await send(open_transport(server.url))
            assert caught.value.retryable
            await server.all_gone()


async def test_a_slow_answer_is_no_silence(open_transport):
    """Bytes that keep coming keep an answer alive, however long it takes."""

    async def talk(peer):
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", *[b"x"] * 30)
        await peer.gone()

    async with wire(talk) as server:
        assert (await send(open_transport(server.url))).body == b"x" * 30


async def test_a_cancelled_request_leaves_nothing_behind(open_transport):
    """A cancelled request drops its connection, and the next one has its own."""

    async def talk(peer):
        request = await peer.request()
        if b"/hang" not in request:
            await peer.say(OK)
        await peer.gone()

    async with wire(talk) as server:
        transport = open_transport(server.url, limit=1)
        sent = asyncio.Event()
        task = asyncio.ensure_future(transport.send("GET", "/hang", "", {}, b"", on_sent=sent.set))
        await sent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.all_gone()
        assert (await send(transport)).status == 200


async def test_endless_continues_can_be_cut(open_transport):
    """100-continue without end goes on only as long as the caller's own limit."""

    async def talk(peer):
        await peer.request()
        while True:
            await peer.say(b"HTTP/1.1 100 Continue\r\n\r\n", b"")

    async with wire(talk) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await send(open_transport(server.url))
        await server.all_gone()


async def test_close_closes_every_connection(open_transport):
    """After close nothing is open, a second close does nothing, and sending is a ClosedError."""
    async with wire(answers(OK)) as server:
        transport = open_transport(server.url)
        await asyncio.gather(*(send(transport) for _ in range(5)))
        await transport.close()
        await server.all_gone()
        await transport.close()
        with pytest.raises(ClosedError, match="closed"):
            await send(transport)


async def test_close_before_the_first_request(open_transport):
    """A transport that never opened closes as well."""
    transport = open_transport("https://cms.example.com")
    await transport.close()
    with pytest.raises(ClosedError):
        await send(transport)


async def test_another_loop_is_refused(open_transport):
    """A transport that opened in one loop says so in another one, and closing it there harms nothing."""
    async with wire(answers(OK)) as server:
        transport = open_transport(server.url)
        await send(transport)
        with pytest.raises(ClosedError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, send(transport))
        assert (await send(transport)).status == 200


async def test_a_forked_child_is_refused(open_transport):
    """A transport that was open before a fork says so in the child; the parent goes on."""
    async with wire(answers(OK)) as server:
        transport = open_transport(server.url)
        await send(transport)
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(send(transport))
            except ClosedError as error:
                os._exit(7 if "fork" in str(error) else 1)
            finally:
                os._exit(2)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 7
        assert (await send(transport)).status == 200


async def test_a_callers_connector_is_used_and_left_open(open_transport):
    """A caller's connector carries the requests, is shared, and stays open after close."""
    async with wire(answers(OK)) as server, aiohttp.TCPConnector(limit=7, limit_per_host=3) as connector:
        one = open_transport(server.url, connector=connector)
        two = open_transport(server.url, connector=connector)
        await send(one)
        await one.close()
        await send(two)
        assert not connector.closed
        assert server.connections == 1
        assert one.capacity == 3


async def test_a_callers_closed_connector_is_told(open_transport):
    """When the caller has closed the connector, sending is a ClosedError."""
    async with wire(answers(OK)) as server:
        connector = aiohttp.TCPConnector()
        transport = open_transport(server.url, connector=connector)
        await send(transport)
        await connector.close()
        with pytest.raises(ClosedError, match="connector"):
            await send(transport)


@pytest.mark.parametrize(
    ("total", "per_host", "capacity"), [(7, 3, 3), (7, 0, 7), (0, 3, 3), (0, 0, 40), (2, 9, 2)]
)
async def test_the_capacity_is_the_smallest_limit(open_transport, total, per_host, capacity):
    """The gate learns how many requests can travel; a connector's 0 means any number."""
    async with aiohttp.TCPConnector(limit=total, limit_per_host=per_host) as connector:
        assert open_transport("https://h", connector=connector, limit=40).capacity == capacity
    assert open_transport("https://h", limit=40).capacity == 40


@pytest.mark.parametrize("name", ["limit", "max_body"])
@pytest.mark.parametrize("bad", [0, -1, True, 1.5, "5", None])
def test_numbers_that_cannot_work(name, bad):
    """Limits are whole numbers from 1, refused before any I/O."""
    with pytest.raises(ConfigError, match=name):
        Transport("https://cms.example.com", **{name: bad})


class TwoFamilies(AbstractResolver):
    """Resolves every name to IPv6 first, then IPv4, of this machine."""

    async def resolve(self, host, port=0, family=0):
        return [
            {"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}
            for address, kind in (("::1", 10), ("127.0.0.1", 2))
        ]

    async def close(self):
        """Nothing to close."""


async def test_a_dead_ipv6_address_is_got_over(open_transport):
    """When the first address is dead and the second lives, the request succeeds."""
    async with wire(answers(OK)) as server, aiohttp.TCPConnector(resolver=TwoFamilies()) as connector:
        url = f"http://cms.localhost:{server.port}"
        assert (await send(open_transport(url, connector=connector))).status == 200


async def test_errors_hold_no_headers(open_transport):
    """Neither the text nor the whole chain of an error knows what was in the headers."""

    async def talk(peer):
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\nGuid: 3d1f5d5e-guid\r\n\r\n")

    async with wire(talk) as server:
        for url in (server.url, "http://127.0.0.1:1"):
            with pytest.raises((ConnectError, ProtocolError)) as caught:
                await send(open_transport(url), headers=SECRET)
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None
            text = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
            assert not any(secret in text for secret in SECRET.values())


async def test_a_broken_header_of_the_caller_is_not_sent(open_transport):
    """A line break in a header is a ValueError, and nothing of it reaches the server."""
    async with wire(answers(OK)) as server:
        with pytest.raises(ValueError, match=r"(?i)header"):
            await send(open_transport(server.url), headers={"X": "a\r\nY: b"})
        await server.all_gone()
        assert server.requests == []


async def test_the_answer_is_told_when_its_head_is_there(open_transport):
    """``on_answer`` comes with the head, not with the last byte of a body that drips."""
    told = []

    async def talk(peer):
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await until(lambda: told)
        told.append("body")
        await peer.say(b"{}")

    async with wire(talk) as server:
        reply = await open_transport(server.url).send(
            "GET", "/", "", {}, b"", on_sent=lambda: None, on_answer=lambda: told.append("head")
        )
    assert (told, reply.body) == (["head", "body"], b"{}")
