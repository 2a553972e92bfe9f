"""The same requests by other clients, at their best: bytes read, nothing signed, nothing decoded."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import canned, floor, lab, overhead, work
from benchmarks.report import Line, line, not_installed


def headers(ask: work.Ask) -> dict[str, str]:
    """What every way of asking sends."""
    proof = (
        {"Authorization": floor.AUTHORIZATION}
        if ask.agent_id is None
        else {"Guid": canned.guid(ask.agent_id)}
    )
    return floor.HEADERS | proof


@contextlib.asynccontextmanager
async def httpx_ways(
    httpx: Any, server: lab.Server, jobs: tuple[work.Work, ...]
) -> AsyncIterator[dict[str, lab.Way]]:
    """One ``httpx.AsyncClient`` and as many workers as everybody."""
    limits = httpx.Limits(max_connections=work.WORKERS, max_keepalive_connections=work.WORKERS)
    async with httpx.AsyncClient(limits=limits, timeout=60.0, trust_env=False) as client:

        async def fetch(ask: work.Ask) -> None:
            response = await client.request(
                ask.method, server.url + ask.path, content=ask.body or None, headers=headers(ask)
            )
            assert response.status_code == 200

        def way(job: work.Work) -> lab.Way:
            return lambda: work.by_workers(job.asks, fetch)

        yield {job.name: way(job) for job in jobs}


@contextlib.asynccontextmanager
async def requests_ways(
    requests: Any, server: lab.Server, jobs: tuple[work.Work, ...]
) -> AsyncIterator[dict[str, lab.Way]]:
    """A ``requests.Session`` for each of as many threads."""
    mine = threading.local()

    def open_session() -> None:
        mine.session = requests.Session()
        mine.session.trust_env = False

    def fetch(ask: work.Ask) -> None:
        response = mine.session.request(
            ask.method, server.url + ask.path, data=ask.body or None, headers=headers(ask), timeout=60
        )
        assert response.status_code == 200

    with ThreadPoolExecutor(work.WORKERS, initializer=open_session) as threads:

        def all_of(job: work.Work) -> int:
            return sum(1 for _ in threads.map(fetch, job.asks))

        def way(job: work.Work) -> lab.Way:
            return lambda: asyncio.to_thread(all_of, job)

        yield {job.name: way(job) for job in jobs}


PEERS = {"httpx": ("httpx", httpx_ways), "requests": ("requests, 32 threads", requests_ways)}
"""By the name of the package."""


async def measure(server: lab.Server, agents: int, vdns: int, rounds: int) -> list[Line]:
    """The three pieces of work of line 1."""
    jobs = overhead.jobs_of(agents, vdns)
    lines = []
    async with contextlib.AsyncExitStack() as stack:
        mine = await stack.enter_async_context(overhead.ours(server, agents, vdns))
        others = {}
        for name, (title, make) in PEERS.items():
            if (package := lab.optional(name)) is not None:
                others[title] = await stack.enter_async_context(make(package, server, jobs))
        for job in jobs:
            ways = {"ours": mine[job.name], **{title: each[job.name] for title, each in others.items()}}
            taken = await lab.alternate(ways, rounds)
            lines.append(
                line(f"{job.name}: cc_async, signed and decoded", lab.Spread.of(taken["ours"]), "us CPU")
            )
            for title, _ in PEERS.values():
                lines += _compare(f"{job.name}: {title}", taken.get(title), taken["ours"])
    return lines


def _compare(name: str, theirs: list[float] | None, ours: list[float]) -> list[Line]:
    if theirs is None:
        return [not_installed(name)]
    ratio = lab.Spread.of([slow / fast for slow, fast in zip(theirs, ours, strict=True)])
    return [
        line(f"{name}, bytes only", lab.Spread.of(theirs), "us CPU"),
        line(f"{name} / cc_async", ratio, "x"),
    ]


def run(smoke: bool) -> list[Line]:
    """Start a server and measure."""
    with lab.canned_server() as server:
        if smoke:
            return asyncio.run(measure(server, agents=10, vdns=2, rounds=1))
        return asyncio.run(measure(server, agents=400, vdns=60, rounds=5))
