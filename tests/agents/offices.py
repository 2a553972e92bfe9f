"""A contact center in virtual time with agents who can sign in, and a client of its gateway."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from cc_async import AgentSession, GatewayClient
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()
PHONE = "7010199"


class Office:
    """The contact center, the client, and shorthands."""

    def __init__(self, sim: Simulator, gateway: GatewayClient) -> None:
        self.sim, self.gateway = sim, gateway
        self.agents = sim.free_agents
        self.agent = self.agents[0]

    def session(self, agent_id: int | None = None, **given: Any) -> AgentSession:
        """A session of an agent, with its password and a phone."""
        agent_id = self.agent if agent_id is None else agent_id
        return self.gateway.agent_session(
            agent_id, **({"password": self.sim.password_of(agent_id), "phone": PHONE} | given)
        )

    def asked(self, *interfaces: str) -> list[Any]:
        """What arrived at some interfaces, in order."""
        return [each for each in self.sim.requests if each.interface in interfaces]

    def verbs(self) -> list[str]:
        """Sign-ins and sign-outs in order of arrival."""
        names = ("agent_sign_in", "agent_force_sign_in", "agent_sign_out")
        return [each.interface.removeprefix("agent_") for each in self.asked(*names)]


@contextlib.asynccontextmanager
async def office(profile: str = "documented", **given: Any) -> AsyncIterator[Office]:
    """Open both; options of the simulator are `sim_...`, the others the client's."""
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": 10, "agents_per_vdn": 60, "clock": LoopClock(NOON)}
    size |= {name[4:]: given.pop(name) for name in list(given) if name.startswith("sim_")}
    options: dict[str, Any] = {"guids": {}, "rng": random.Random(5), **given}
    async with Simulator(profile=profile, **size) as sim:
        guids = options.pop("guids")
        async with GatewayClient(sim.gateway_url, guids, **options) as gateway:
            yield Office(sim, gateway)
            assert "000-007" not in {each.code for each in sim.requests}, "two polls of one agent at once"


def tasks_of_sessions() -> set[asyncio.Task[Any]]:
    """Tasks of sessions that are under way."""
    return {task for task in asyncio.all_tasks() if task.get_name() == "cc_async.agents"}
