"""The floor: bare aiohttp with the same headers and timeouts; bytes read, nothing signed or decoded."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp

from benchmarks import canned, lab, work

TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10, sock_connect=10, sock_read=30)
HEADERS = {
    "User-Agent": "cc_async/0.1.0",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json;charset=UTF-8",
}
# As long as a real one.
AUTHORIZATION = "auth-v2/ak-of-the-benchmarks/2026-03-01T00:00:00Z/host/" + 64 * "0"


@contextlib.asynccontextmanager
async def ways(
    server: lab.Server, jobs: tuple[work.Work, ...], workers: int = work.WORKERS
) -> AsyncIterator[dict[str, lab.Way]]:
    """One way per piece of work, all on one session."""
    connector = aiohttp.TCPConnector(limit=workers)
    async with aiohttp.ClientSession(
        connector=connector, timeout=TIMEOUT, headers=HEADERS, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def fetch(ask: work.Ask) -> None:
            proof = (
                {"Authorization": AUTHORIZATION}
                if ask.agent_id is None
                else {"Guid": canned.guid(ask.agent_id)}
            )
            async with session.request(
                ask.method, server.url + ask.path, data=ask.body or None, headers=proof
            ) as response:
                await response.read()
                assert response.status == 200

        def way(job: work.Work) -> lab.Way:
            return lambda: work.by_workers(job.asks, fetch, workers)

        yield {job.name: way(job) for job in jobs}
