"""Server-sent events over real sockets: what comes, what never piles up, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from attrs import frozen
from served import serving

from cc_async.monitor import Rule
from cc_async.serve import Access, Server, make_app
from cc_async.session.clock import LoopClock

pytestmark = pytest.mark.looptime
SLOW = Rule(id="slow", measure="service_level", threshold=0.8, minimum=5)


@frozen
class Event:
    """One event of a stream."""

    name: str
    data: Any
    id: str


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """The events of a stream as a browser reads them; comments are left out."""
    fields: dict[str, str] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Event(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}


async def some(answer: aiohttp.ClientResponse, count: int) -> list[Event]:
    """The next events of a stream."""
    found = []
    async for one in events(answer):
        found.append(one)
        if len(found) == count:
            return found
    raise AssertionError("the stream ended")


async def test_boards_come_one_after_another() -> None:
    """A hello says which page goes with it, then the present board, then every new one."""
    async with serving() as running, running.web.get(running.url + "/v1/board") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        hello, *boards = await some(answer, 6)
    assert hello.name == "hello"
    assert len(hello.data["page"]) == 16
    assert {one.name for one in boards} == {"board"}
    numbers = [one.data["number"] for one in boards]
    assert numbers == sorted(set(numbers))
    assert [queue["skill_id"] for queue in boards[0].data["queues"]] == [1, 2, 3]


async def test_what_is_sent_is_compressed_for_those_who_take_it() -> None:
    """The same boards, whole one by one, in a fraction of the bytes; who does not ask gets them plain."""
    sizes: dict[str, int] = {}
    async with serving(skills=40) as running:
        for coding in ("gzip", "identity"):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
            asked = f"GET /v1/board HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: {coding}\r\n\r\n"
            writer.write(asked.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert (b"Content-Encoding: gzip" in head) is (coding == "gzip")
            unpack = zlib.decompressobj(zlib.MAX_WBITS + 16)
            text, sizes[coding] = b"", 0
            while text.count(b"event: board") < 3 or not text.endswith(b"\n\n"):
                came = await reader.read(65_536)
                sizes[coding] += len(came)
                text += unpack.decompress(came) if coding == "gzip" else came
            writer.close()
            await writer.wait_closed()
            boards = [
                json.loads(line[6:]) for line in text.splitlines() if line.startswith(b'data: {"version":1')
            ]
            assert [len(board["queues"]) for board in boards] == [40] * 3
        async with running.web.get(running.url + "/v1/board.json") as answer:
            assert answer.headers["Content-Encoding"] == "deflate"
            assert len((await answer.json())["queues"]) == 40
    assert sizes["gzip"] * 4 < sizes["identity"]


async def test_alerts_and_changes_come_as_events_and_are_not_missed() -> None:
    """An alert comes as an event; a reader who comes back with its number gets what it missed, once."""
    async with serving(feed={"rules": [SLOW]}) as running:
        running.sim.set_skill(170, 1, offered=20, connected=10, connected_in_20s=10)
        url = running.url + "/v1/events"
        async with running.web.get(url) as answer:
            async for first in events(answer):
                if first.name == "alert" and first.data["what"]["key"] == "queue/170/1":
                    break
        assert first.data["what"]["state"] == "raised"
        assert first.id == str(first.data["number"])
        running.sim.set_skill(170, 1, offered=20, connected=20, connected_in_20s=20)
        await asyncio.sleep(900)
        async with running.web.get(url, headers={"Last-Event-ID": first.id}) as answer:
            async for missed in events(answer):
                assert int(missed.id) > int(first.id)
                if missed.name == "alert" and missed.data["what"]["key"] == "queue/170/1":
                    break
        assert missed.data["what"]["state"] == "cleared"
        for wrong in ("x", "-1", "9" * 40):
            async with running.web.get(url, headers={"Last-Event-ID": wrong}) as answer:
                assert answer.status == 200


@pytest.mark.parametrize("show", [True, False])
async def test_agents_are_in_the_events_only_where_asked_for(show: bool) -> None:
    """Agents change all the time; without show_agents no event is about one."""
    async with serving(feed={"show_agents": show}) as running:
        kinds = set()
        async with running.feed.happenings() as happenings:
            try:
                async with asyncio.timeout(150):
                    async for one in happenings:
                        kinds.add(one.kind)
            except TimeoutError:
                pass
    assert ("agent" in kinds) is show


async def test_a_quiet_stream_shows_that_it_is_alive() -> None:
    """Where no event comes for a while a comment does, so that neither side takes the other for dead."""
    async with (
        serving(feed={"rules": [SLOW]}) as running,
        running.web.get(running.url + "/v1/events") as answer,
    ):
        assert await answer.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        comments = 0
        async for raw in answer.content:
            comments += raw == b": still here\n"
            if comments == 2:
                break


async def test_readers_are_few_and_leave_their_place() -> None:
    """Beyond the limit a reader is told to come again; when one leaves, the next has its place."""
    async with serving(app={"most_streams": 2}) as running:
        url = running.url + "/v1/board"
        async with running.web.get(url) as one, running.web.get(running.url + "/v1/events") as two:
            assert (one.status, two.status) == (200, 200)
            async with running.web.get(url) as three:
                assert three.status == 503
                assert three.headers["Retry-After"] == "10"
            async with running.web.get(running.url + "/v1/board.json") as plain:
                assert plain.status == 200
        await asyncio.sleep(1)
        async with running.web.get(url) as again:
            assert again.status == 200


async def test_a_reader_that_takes_nothing_is_dropped_and_costs_nothing() -> None:
    """Its connection is cut after a while; meanwhile the other reader has every board at once."""
    async with serving(app={"most_streams": 2}, skills=200) as running:
        dead = socket.socket()
        dead.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        dead.connect(("127.0.0.1", running.server.port))
        dead.sendall(b"GET /v1/board HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with running.web.get(running.url + "/v1/board") as answer:
            await some(answer, 60)
        await asyncio.sleep(1)
        async with (
            running.web.get(running.url + "/v1/board") as one,
            running.web.get(running.url + "/v1/board") as two,
        ):
            assert (one.status, two.status) == (200, 200)
        dead.close()


async def test_it_stops_within_a_second_and_readers_see_the_end() -> None:
    """With readers connected the server is gone at once, and its port is free for the next."""
    async with serving() as running:
        clock = LoopClock()
        second = make_app(running.feed, Access())
        async with Server(second) as server:
            port = server.port
            answer = await running.web.get(server.url + "/v1/board")
            await some(answer, 2)
            before = clock.monotonic()
        assert clock.monotonic() - before < 1
        assert [one.name async for one in events(answer) if one.name == "hello"] == []
        async with (
            Server(make_app(running.feed, Access()), port=port) as again,
            running.web.get(again.url + "/v1/board") as answer,
        ):
            await some(answer, 2)


async def test_a_port_in_use_is_an_error_of_the_system() -> None:
    """Two servers cannot have one port; the second leaves nothing behind."""
    async with serving() as running:
        with pytest.raises(OSError, match="address already in use"):
            await Server(make_app(running.feed, Access()), port=running.server.port).__aenter__()
