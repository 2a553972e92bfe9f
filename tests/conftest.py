"""Contact centers and clients for every test: small, closed at the end, on a clock that can be held."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from ahead import Ahead
from attrs import define

from cc_async import AkSk, CmsClient, GatewayClient
from cc_async.simulator import Simulator

NOON = datetime(2026, 3, 4, 12, 4, 59, tzinfo=UTC)
"""Where the wall clock of the held contact center stands: a second before the end of a period."""


def pytest_configure() -> None:
    """Keep pytest-asyncio from making a loop that nobody closes.

    Before the first async test it asks for the current loop, which makes one if none was ever set; the
    garbage collector then complains in whatever test happens to run, and warnings are errors here.
    """
    asyncio.set_event_loop(None)


@define
class HeldClock:
    """The simulator's clock: the wall stands still, so that every row can be foretold; the rest goes on."""

    now: float = NOON.timestamp()

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


@pytest.fixture
def ahead() -> Ahead:
    """A clock for a client that can be put forward."""
    return Ahead()


@pytest.fixture
async def open_sim() -> AsyncIterator[Callable[..., Awaitable[Simulator]]]:
    """Open contact centers with 30 queues and 40 agents in VDN 170, and VDNs 1 to 3; closed at the end."""
    opened: list[Simulator] = []

    async def opener(**given: Any) -> Simulator:
        size = {"vdns": [1, 2, 3], "skills_per_vdn": 30, "agents_per_vdn": 40, "clock": HeldClock()}
        sim = Simulator(**(size | given))
        await sim.start()
        opened.append(sim)
        return sim

    yield opener
    for sim in opened:
        await sim.stop()


@pytest.fixture
async def sim(open_sim: Callable[..., Awaitable[Simulator]]) -> Simulator:
    """A contact center as documented."""
    return await open_sim()


@pytest.fixture
async def make_cms() -> AsyncIterator[Callable[..., CmsClient]]:
    """Make clients of a contact center, without a quota unless told otherwise; closed at the end."""
    made: list[CmsClient] = []

    def maker(sim: Simulator, **given: Any) -> CmsClient:
        usual: dict[str, Any] = {
            "base_url": sim.cms_url,
            "auth": AkSk(sim.access_key, sim.secret_key),
            "global_auth": AkSk(sim.global_access_key, sim.global_secret_key),
            "vdn": sim.vdn,
            "quota": None,
        }
        client = CmsClient(**(usual | given))
        made.append(client)
        return client

    yield maker
    for client in made:
        await client.aclose(grace=0)


@pytest.fixture
async def make_gateway() -> AsyncIterator[Callable[..., GatewayClient]]:
    """Make clients of the gateway with the GUID of every agent; closed at the end."""
    made: list[GatewayClient] = []

    def maker(sim: Simulator, **given: Any) -> GatewayClient:
        client = GatewayClient(**({"base_url": sim.gateway_url, "guids": sim.guids} | given))
        made.append(client)
        return client

    yield maker
    for client in made:
        await client.aclose(grace=0)


@pytest.fixture
def cms(sim: Simulator, make_cms: Callable[..., CmsClient]) -> CmsClient:
    """A client of the contact center as documented."""
    return make_cms(sim)


@pytest.fixture
def gateway(sim: Simulator, make_gateway: Callable[..., GatewayClient]) -> GatewayClient:
    """A client of its gateway."""
    return make_gateway(sim)


@pytest.fixture
def canned_response() -> type[aiohttp.ClientResponse]:
    """The response class aioresponses has to use: aiohttp 3.14 wants a writer, which aioresponses lacks."""

    class CannedResponse(aiohttp.ClientResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
                kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
            super().__init__(*args, **kwargs)

    return CannedResponse
