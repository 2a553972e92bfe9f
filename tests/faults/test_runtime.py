"""Numbers 61, 63 to 66 and 72b: clocks, loops, processes, connections."""

# ruff: noqa: SIM117 - first a server, then a client of it: one line each

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import evolve

from cc_async import Retry, Timeouts
from cc_async.contract.endpoints import raw_endpoint
from cc_async.errors import ClosedError, ConnectError, SignatureRejected
from cc_async.session.request import Request

from . import behaviours as do
from .checks import asking, cms_for, failing, nothing_left, until
from .server import FaultServer, Seen, Wire

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("ahead", "said"), [(3600, "behind"), (-3600, "ahead of"), (0, "agree")])
async def test_fault_61_clock_off(ahead: int, said: str) -> None:
    """A 401 says how far our clock is from the server's, now and as long as the lock holds."""
    date = ("Date", formatdate(time.time() + ahead, usegmt=True))
    async with FaultServer(then=do.status(401, date)) as server, asking(server) as cms:
        first = await failing(cms.skill_states([1]), SignatureRejected, within=3, attempts=1)
        assert said in (first.hint or "")
        later = await failing(cms.skill_states([1]), SignatureRejected, within=3, attempts=0)
        assert said in later.message
        if ahead:
            assert any(f"{seconds} s" in (first.hint or "") for seconds in (3599, 3600, 3601))


@contextmanager
def elsewhere(server: FaultServer) -> Iterator[FaultServer]:
    """Run a server on a loop of another thread, which goes on while ours is blocked."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(5)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.mark.parametrize(
    "warm", [pytest.param(True, id="answers come"), pytest.param(False, id="connecting")]
)
async def test_fault_63_blocked_loop(warm: bool) -> None:
    """A loop blocked for 2 s, far beyond every limit, costs no request its answer, and no second try."""
    limits = Timeouts(connect=0.3, read=0.5, attempt=0.8)
    with elsewhere(FaultServer(then=do.late(0.05))) as server:
        cms = cms_for(server, timeouts=limits, timeout=1.5, retry=Retry(attempts=1), concurrency=40)
        try:
            await cms.signed_in_agents([1])
            if warm:
                await cms.signed_in_agents(range(1, 41))
            sent = len(server.requests)
            asked = asyncio.ensure_future(cms.signed_in_agents(range(1, 41)))
            for _ in range(20 if warm else 4):
                await asyncio.sleep(0)
            time.sleep(2)  # noqa: ASYNC251 - this is the fault
            assert len(await asked) == 40
            assert len(server.requests) - sent == 40
        finally:
            await cms.aclose()


async def test_fault_64_more_callers_than_connections() -> None:
    """Forty callers on two connections wait in front of them, and no limit of an attempt counts that."""
    limits = Timeouts(connect=0.15, read=0.15, attempt=0.2)
    async with FaultServer(then=do.late(0.02)) as server:
        async with asking(server, concurrency=2, timeouts=limits, timeout=10) as cms:
            await asyncio.gather(*(cms.skill_states([n]) for n in range(1, 41)))
            assert len(server.requests) == 40
            assert server.counters.connections <= 2
        async with aiohttp.TCPConnector(limit=50, limit_per_host=2) as connector:
            cms = cms_for(server, connector=connector, timeouts=limits, timeout=10)
            async with nothing_left(cms):
                await asyncio.gather(*(cms.skill_states([n]) for n in range(1, 41)))
        await server.drained()
        assert len(server.requests) == 80
        assert server.counters.connections <= 4


async def test_fault_64_waiting_ends_with_the_deadline() -> None:
    """Who waits in front of the connections waits no longer than the call may take."""
    async with FaultServer(then=do.late(0.1)) as server, asking(server, concurrency=1) as cms:
        await cms.skill_states([1])
        calls = [asyncio.ensure_future(cms.skill_states([n], timeout=0.25)) for n in range(1, 20)]
        began = asyncio.get_running_loop().time()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 0.8
        assert sum(isinstance(each, TimeoutError) for each in ended) >= 16


async def test_fault_65_used_after_close() -> None:
    """A closed client says so, as a RuntimeError, and sends nothing."""
    async with FaultServer(then=do.good) as server:
        cms = cms_for(server)
        async with nothing_left(cms, server):
            await cms.skill_states([1])
        with pytest.raises(RuntimeError, match="closed") as caught:
            await cms.skill_states([1])
        assert isinstance(caught.value, ClosedError)
        assert len(server.requests) == 1


async def test_fault_65_closed_under_way() -> None:
    """Calls under way may end in the grace; those that do not end with ClosedError at its end."""
    async with FaultServer(then=do.good) as server:
        cms = cms_for(server, timeouts=Timeouts(1, 10, 10), timeout=20)
        await cms.skill_states([1])
        server.script[:] = [do.late(0.05), do.late(9)]
        asked = [asyncio.ensure_future(cms.skill_states([n])) for n in (1, 2)]
        await until(lambda: len(server.requests) == 3)
        began = asyncio.get_running_loop().time()
        await cms.aclose(grace=0.2)
        assert asyncio.get_running_loop().time() - began < 0.8
        first, second = await asyncio.gather(*asked, return_exceptions=True)
        assert len(first) == 1
        assert isinstance(second, ClosedError)
        await server.drained()


async def test_fault_65_from_another_loop() -> None:
    """A client opened in one loop says so in another; the first loop's connections are unharmed."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        await cms.skill_states([1])

        async def ask() -> None:
            await cms.skill_states([2])

        def other_loop() -> BaseException | None:
            try:
                asyncio.run(ask())
            except RuntimeError as error:
                return error
            return None

        error = await asyncio.to_thread(other_loop)
        assert isinstance(error, ClosedError)
        assert "loop" in str(error)
        assert len(await cms.skill_states([3])) == 1
        assert server.counters.connections == 1


FORKED = """
import asyncio, os, sys
sys.path[:0] = [{root!r}, {tests!r}]
from faults import behaviours as do
from faults.checks import cms_for
from faults.server import FaultServer

async def main():
    async with FaultServer(then=do.good) as server:
        cms = cms_for(server)
        await cms.skill_states([1])
        child = os.fork()
        if child == 0:
            try:
                await cms.skill_states([2])
            except RuntimeError as error:
                os.write(1, f"child: {{type(error).__name__}}: {{error}}\\n".encode())
            await cms.aclose()
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        await cms.skill_states([3])
        await cms.aclose()
        print("parent:", len(server.requests), server.counters.connections)

asyncio.run(main())
"""


def test_fault_65_after_a_fork() -> None:
    """A forked child is told to make its own client, and the parent's connection still works."""
    script = FORKED.format(root=str(ROOT), tests=str(ROOT / "tests"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=20, check=True
    )
    assert "child: ClosedError" in done.stdout
    assert "fork" in done.stdout
    assert "parent: 2 1" in done.stdout
    assert done.stderr == ""


async def test_fault_66_slow_reader_of_a_stream() -> None:
    """A reader that stops reading stops the requests: a bounded number is asked ahead, no row is lost."""
    async with FaultServer(then=do.good) as server:
        async with asking(server, concurrency=4, quota=None) as cms:
            async with cms.signed_in_agents(range(1, 401)).stream() as rows:
                ids = [(await anext(rows)).skill_id]
                before = -1
                while before != len(server.requests):
                    before = len(server.requests)
                    await asyncio.sleep(0.05)
                assert before <= 4 * 2 + 2
                ids += [row.skill_id async for row in rows]
            assert ids == list(range(1, 401))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET", "POST"])
async def test_fault_72b_nothing_is_sent_twice_by_the_http_library(method: str) -> None:
    """What must not be repeated goes out once, on a connection that dies under it as well."""
    endpoint = evolve(raw_endpoint("/sign/in"), method=method, retryable=False)
    async with FaultServer(do.good, then=do.close) as server, asking(server) as cms:
        await cms.skill_states([1])
        session = cms._core.open()
        call = cms._core.begin("sign in", 5.0)
        try:
            async with call.limit:
                request: Request[Any] = Request(endpoint, {}, path=endpoint.path)
                await failing(
                    session.send(request, call, cms._options.quotas), ConnectError, within=3, attempts=1
                )
        finally:
            cms._core.end(call)
        assert [seen.method for seen in server.requests] == ["POST", method]


async def test_fault_72b_repeatable_requests_are_repeated_by_us_alone() -> None:
    """On a stale connection a read goes out once more, not twice more."""
    async with FaultServer(do.good, do.close, then=do.good) as server, asking(server) as cms:
        await cms.skill_states([1])
        await cms.call("configures/agents/1/1/0/100", method="GET")
        assert [seen.method for seen in server.requests] == ["POST", "GET", "GET"]


async def test_the_server_of_these_tests_notices_a_pipelined_request() -> None:
    """The fault server complains about what no client of ours may do, so that its silence means something."""

    async def slow(wire: Wire, seen: Seen) -> None:
        await wire.pause(0.2)

    async with FaultServer(then=slow) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\nGET / HTTP/1.1\r\n")
        await reader.read()
        writer.close()
        assert "the client sent something while an answer was under way" in server.complaints
        assert "not exactly one Host, or another than is signed" in server.complaints
