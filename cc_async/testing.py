"""pytest fixtures for your own tests: a pretend contact center, and clients that ask it.

In your ``conftest.py``::

    pytest_plugins = ["cc_async.testing"]

and in a test (with pytest-asyncio, or with the pytest plugin of anyio)::

    async def test_wallboard(cc_simulator, cms):
        cc_simulator.set_skill(170, 7, offered=30, calls_waiting=4)
        assert (await cms.skill_states([7]))[0].calls_waiting == 4

The contact center listens on this machine, lasts one test, and is the same in every run. Agents without a
session (``cc_simulator.free_agents``) sign in at its gateway with ``cc_simulator.password_of(agent_id)`` and
any phone. To change it, define ``cc_simulator_options`` yourself: a dict of arguments of
``cc_async.simulator.Simulator``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cc_async import AkSk, CmsClient, GatewayClient
from cc_async.simulator import Simulator

__all__ = ["cc_simulator", "cc_simulator_options", "cms", "gateway"]


def _async_fixture(function: Callable[..., AsyncIterator[Any]]) -> Any:
    """pytest-asyncio wants its own mark on async fixtures; the plugin of anyio runs plain ones."""
    try:
        import pytest_asyncio
    except ImportError:
        return pytest.fixture(function)
    return pytest_asyncio.fixture(function)


@pytest.fixture
def cc_simulator_options() -> dict[str, Any]:
    """Arguments of the ``Simulator`` of ``cc_simulator``; define this fixture yourself to change them."""
    return {}


@_async_fixture
async def cc_simulator(cc_simulator_options: dict[str, Any]) -> AsyncIterator[Simulator]:
    """A contact center for one test: VDN 170 with 2 000 skill queues and 2 000 agents, smaller VDNs 1 to 100.

    ``set_skill`` lays down numbers, ``fail`` lays down failures, ``requests`` is what arrived.
    """
    async with Simulator(**cc_simulator_options) as simulator:
        yield simulator


@_async_fixture
async def cms(cc_simulator: Simulator) -> AsyncIterator[CmsClient]:
    """A ``CmsClient`` of ``cc_simulator`` with both of its keys and its main VDN, without a quota."""
    sim = cc_simulator
    client = CmsClient(
        sim.cms_url,
        AkSk(sim.access_key, sim.secret_key),
        global_auth=AkSk(sim.global_access_key, sim.global_secret_key),
        cc_id=sim.cc_id,
        vdn=sim.vdn,
        quota=None,
    )
    yield client
    await client.aclose(grace=0)


@_async_fixture
async def gateway(cc_simulator: Simulator) -> AsyncIterator[GatewayClient]:
    """A ``GatewayClient`` of ``cc_simulator`` that knows the newest GUID of every agent who is signed in."""

    async def guid_of(agent_id: int) -> str | None:
        return cc_simulator.guids.get(agent_id)

    client = GatewayClient(cc_simulator.gateway_url, guid_of)
    yield client
    await client.aclose(grace=0)
