"""A wallboard's server over a contact center, both on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from attrs import frozen

from cc_async import AkSk, CmsClient
from cc_async.board import Feed, Watched
from cc_async.serve import Access, Server, make_app
from cc_async.simulator import Simulator


@frozen
class Running:
    """Everything a test holds in hand."""

    sim: Simulator
    feed: Feed
    server: Server
    web: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """Where the server is."""
        return self.server.url


@asynccontextmanager
async def serving(
    access: Access = Access(),  # noqa: B008 - frozen
    *,
    feed: dict[str, Any] | None = None,
    app: dict[str, Any] | None = None,
    before: Callable[[Simulator], Awaitable[None]] | None = None,
    port: int = 0,
    skills: int = 3,
) -> AsyncIterator[Running]:
    """Run a server over a small contact center for the length of a block; ``before`` prepares that."""
    async with Simulator(vdns=[], skills_per_vdn=skills, agents_per_vdn=20) as sim:
        if before is not None:
            await before(sim)
        async with _over(sim, access, feed or {}, app or {}, port) as running:
            yield running


@asynccontextmanager
async def _over(
    sim: Simulator, access: Access, feed: dict[str, Any], app: dict[str, Any], port: int
) -> AsyncIterator[Running]:
    async with (
        CmsClient(sim.cms_url, AkSk(sim.access_key, sim.secret_key), vdn=170, quota=None) as cms,
        Feed(cms, Watched(queues={170: None}, every=1), **feed) as running,
        Server(make_app(running, access, **app), port=port) as server,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as web,
    ):
        async with running.boards() as boards:
            async for board in boards:
                if board.begun and board.queues[0].name != "queue 1":
                    break
        yield Running(sim, running, server, web)
