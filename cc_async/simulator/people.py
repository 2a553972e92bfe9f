"""The agents of one VDN: who is signed in, in which state, since when; a pure function of seed and time."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate

import attrs

from . import names
from .hashing import Permutation, mix

PERIOD = 300
DAY_SLOTS = 288
SIGNED_OUT, IDLE, PRE_OCCUPIED, OCCUPIED, ANSWERING, TALKING, WRAP_UP, BUSY, REST, STUDY = range(10)
TALKING_STATES = frozenset({ANSWERING, TALKING})
_CYCLE = (IDLE, PRE_OCCUPIED, OCCUPIED, ANSWERING, TALKING, WRAP_UP, REST, BUSY, STUDY)
_SHIFT_SECONDS = 28_800
_KEPT_ROSTERS = 128


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
    phase: int
    """Seconds after the start of a period at which this agent changes state."""


@attrs.frozen
class Presence:
    """One agent at one moment."""

    state: int
    since: int
    signed_in_at: int


@attrs.frozen
class Headcount:
    """Agents of the VDN at the end of one period; all but `online` leave out agents without inbound calls."""

    online: int
    talking: int
    idle: int
    busy: int
    resting: int


class Team:
    """All agents of one VDN.

    The head counts of a period come first, from one hash; agents then take their place in them by rank. So
    a count costs no walk over the agents, and every interface still agrees with every other.
    """

    def __init__(self, seed: int, vdn: int, size: int, first_id: int, skills: int) -> None:
        self.seed, self.vdn, self.size, self.first_id, self.skills = seed, vdn, size, first_id, skills
        self._rank = Permutation(size, mix(seed, 21, vdn))
        self._rosters: OrderedDict[int, bytes] = OrderedDict()
        self._members: dict[int, tuple[int, ...]] | None = None
        self._agents: dict[int, Agent] = {}
        self._online = tuple(self._online_in_slot(slot) for slot in range(DAY_SLOTS))

    def _online_in_slot(self, slot: int) -> int:
        slot -= slot % 6
        ramp = min(max((slot - 72) / 48, 0.0), max((264 - slot) / 48, 0.0), 1.0)
        return max(1, int(self.size * (0.4 + 0.45 * ramp))) if self.size else 0

    def agent(self, index: int) -> Agent:
        """Return the agent at a place in the list, 0 to size - 1."""
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
                self._rank(index) % 10 != 9,
                (bits >> 16) % PERIOD,
            )
        return known

    def index_of(self, agent_id: int) -> int | None:
        """Return the place of an agent id, or None when it is not of this VDN."""
        index = agent_id - self.first_id
        return index if 0 <= index < self.size else None

    def always_on(self) -> list[int]:
        """Return the places of agents that stay signed in day and night."""
        return [index for index in range(self.size) if self._rank(index) < self._online[0]]

    def members(self, skill_id: int) -> tuple[int, ...]:
        """Return the places of the agents that have a skill."""
        if self._members is None:
            found: dict[int, list[int]] = {}
            for index in range(self.size if self.skills else 0):
                if self._rank(index) % 10 == 9:
                    continue
                bits = mix(self.seed, 23, self.vdn, index)
                picks = {1 + mix(bits, pick) % self.skills for pick in range(2 + bits % 8)}
                for skill in picks:
                    found.setdefault(skill, []).append(index)
            self._members = {skill: tuple(indexes) for skill, indexes in found.items()}
        return self._members.get(skill_id, ())

    def _bands(self, bucket: int) -> tuple[int, list[int]]:
        """Return how many are online, and the number of inbound agents per state in the order of _CYCLE."""
        online = self._online[bucket % DAY_SLOTS]
        inbound = online - online // 10
        bits = mix(self.seed, 24, self.vdn, bucket)
        talking = inbound * (34 + ((bits & 255) * 18 >> 8)) // 100
        answering = inbound * (1 + (bits >> 8 & 1)) // 100
        occupied = inbound * (bits >> 16 & 1) // 100
        pre_occupied = inbound * (bits >> 24 & 1) // 100
        wrap_up = inbound * (5 + (bits >> 32 & 7)) // 100
        busy = inbound * (3 + (bits >> 40 & 7)) // 100
        rest = inbound * (4 + (bits >> 48 & 7)) // 100
        study = inbound * (bits >> 56 & 1) // 100
        idle = inbound - talking - answering - occupied - pre_occupied - wrap_up - busy - rest - study
        return online, [idle, pre_occupied, occupied, answering, talking, wrap_up, rest, busy, study]

    def headcount(self, bucket: int) -> Headcount:
        """Return the head counts at the end of a period (`bucket` is epoch seconds // 300)."""
        online, bands = self._bands(bucket)
        return Headcount(online, bands[3] + bands[4], bands[0], bands[7], bands[6])

    def _roster(self, bucket: int) -> bytes:
        """Return the state of every agent, by place, once all changes of a period have happened."""
        roster = self._rosters.get(bucket)
        if roster is not None:
            return roster
        online, bands = self._bands(bucket)
        inbound = sum(bands)
        edges = list(accumulate(bands))
        turn = bucket * max(1, inbound // 5)
        states = bytearray(self.size)
        for index in range(self.size):
            rank = self._rank(index)
            if rank >= online:
                continue
            if rank % 10 == 9:
                states[index] = TALKING if mix(self.seed, 25, self.vdn, index, bucket) & 1 else IDLE
            else:
                place = (rank - rank // 10 + turn) % inbound
                states[index] = _CYCLE[bisect_right(edges, place)]
        roster = self._rosters[bucket] = bytes(states)
        if len(self._rosters) > _KEPT_ROSTERS:
            self._rosters.popitem(last=False)
        return roster

    def _bucket_of(self, index: int, now: float) -> int:
        return int(now - self.agent(index).phase) // PERIOD

    def state(self, index: int, now: float) -> int:
        """Return the CTI state of an agent at a moment; 0 is signed out."""
        return self._roster(self._bucket_of(index, now))[index]

    def signed_in_at(self, index: int, now: float) -> int:
        """Return the moment (epoch seconds) of the last sign-in of an agent who is signed in."""
        phase, rank = self.agent(index).phase, self._rank(index)
        if rank < self._online[0]:
            return int(now - phase) // _SHIFT_SECONDS * _SHIFT_SECONDS + phase
        day = self._bucket_of(index, now) // DAY_SLOTS * DAY_SLOTS
        first = next((slot for slot in range(DAY_SLOTS) if self._online[slot] > rank), 0)
        return (day + first) * PERIOD + phase

    def presence(self, index: int, now: float) -> Presence | None:
        """Return state, its begin and the sign-in of an agent at a moment, or None when signed out."""
        bucket = self._bucket_of(index, now)
        state = self._roster(bucket)[index]
        if state == SIGNED_OUT:
            return None
        phase, signed_in_at = self.agent(index).phase, self.signed_in_at(index, now)
        since = bucket * PERIOD + phase
        while since > signed_in_at and self._roster(since // PERIOD - 1)[index] == state:
            since -= PERIOD
        return Presence(state, max(since, signed_in_at), signed_in_at)
