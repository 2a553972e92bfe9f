"""Agents as every interface sees them: what is configured for one, and what it is doing at a moment."""

from __future__ import annotations

from abc import ABC, abstractmethod

import attrs

from . import names
from .hashing import mix

PERIOD = 300
DAY_SLOTS = 288
SIGNED_OUT, IDLE, PRE_OCCUPIED, OCCUPIED, ANSWERING, TALKING, WRAP_UP, BUSY, REST, STUDY = range(10)
TALKING_STATES = frozenset({ANSWERING, TALKING})


@attrs.frozen
class Agent:
    """What is configured for one agent."""

    agent_id: int
    index: int
    name: str
    group_id: int
    media_type: int
    phone_number: str
    takes_inbound: bool


@attrs.frozen
class Presence:
    """One agent at one moment; epoch seconds."""

    state: int
    since: float
    signed_in_at: int


class Staff(ABC):
    """All agents of one VDN, each at a place from 0 to `size` - 1 and with the id `first_id` + place."""

    def __init__(self, seed: int, vdn: int, size: int, first_id: int) -> None:
        self.seed, self.vdn, self.size, self.first_id = seed, vdn, size, first_id
        self._agents: dict[int, Agent] = {}

    @abstractmethod
    def takes_inbound(self, index: int) -> bool:
        """Say whether an agent takes inbound calls."""

    @abstractmethod
    def state(self, index: int, now: float) -> int:
        """Return the CTI state of an agent at a moment; 0 is signed out."""

    @abstractmethod
    def presence(self, index: int, now: float) -> Presence | None:
        """Return state, its begin and the sign-in of an agent at a moment, or None when signed out."""

    def agent(self, index: int) -> Agent:
        """Return the agent at a place."""
        known = self._agents.get(index)
        if known is None:
            agent_id = self.first_id + index
            bits = mix(self.seed, 22, self.vdn, agent_id)
            known = self._agents[index] = Agent(
                agent_id,
                index,
                names.agent_name(self.seed, agent_id),
                1 + bits % 12,
                5 if bits >> 8 & 7 else 51,
                f"{70_000 + agent_id}",
                self.takes_inbound(index),
            )
        return known

    def index_of(self, agent_id: int) -> int | None:
        """Return the place of an agent id, or None when it is not of this VDN."""
        index = agent_id - self.first_id
        return index if 0 <= index < self.size else None
