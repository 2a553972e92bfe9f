"""The world by formula: one seed, one world, every figure a pure function of seed, ids and time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import tasks
from .calls import Traffic
from .counts import Calls, Indicator, Waiting
from .hashing import mix
from .people import PERIOD
from .roster import Team
from .world import World


class FormulaWorld(World):
    """A world of any size that costs nothing until asked, and can be asked about any moment in any order."""

    def __init__(
        self, seed: int, vdns: Iterable[int], skills: Mapping[int, int], agents: Mapping[int, int]
    ) -> None:
        super().__init__(seed, vdns, skills, agents)
        self._teams: dict[int, Team] = {}
        self._traffic: dict[int, Traffic] = {}

    def team(self, vdn: int) -> Team:
        """Return the agents of a VDN."""
        if vdn not in self._teams:
            size, first = self._agents[vdn], self._first_ids[vdn]
            self._teams[vdn] = Team(self.seed, vdn, size, first, self._skills[vdn])
        return self._teams[vdn]

    def traffic(self, vdn: int) -> Traffic:
        """Return the calls of a VDN."""
        if vdn not in self._traffic:
            self._traffic[vdn] = Traffic(self.seed, vdn, self.team(vdn), self._skills[vdn])
        return self._traffic[vdn]

    def members(self, vdn: int, skill_id: int, now: float) -> tuple[int, ...]:
        """Return the places of the agents that have a skill, always the same."""
        return self.team(vdn).members(skill_id)

    def own_calls(self, vdn: int, skill_id: int, now: float) -> Calls:
        """Return the counters of a queue in the period of `now`."""
        return self.traffic(vdn).skill(skill_id, now)

    def own_waiting(self, vdn: int, skill_id: int, now: float, calls: Calls) -> Waiting:
        """Return what waits in a queue at a moment; it changes every 10 seconds."""
        bits = mix(self.seed, 52, vdn, skill_id, int(now // 10))
        average = 5 + (bits >> 8) % 40 if calls.offered else 0
        return Waiting(
            calls_waiting=bits % (calls.offered // 4 + 1),
            longest_wait=average + (bits >> 16) % 90 if calls.offered else 0,
            average_wait=average,
            average_talk=60 + (bits >> 24) % 240 if calls.connected else 0,
        )

    def indicator(self, vdn: int, bucket: int) -> Indicator:
        """Return one VDN in one period; agents as they stand at its end."""
        heads, volume = self.team(vdn).headcount(bucket), self.traffic(vdn).volume(bucket)
        return Indicator(
            vdn, bucket * PERIOD, heads.online, heads.talking, heads.idle, heads.busy, heads.resting,
            volume.inbound, volume.connected, volume.outbound,
        )  # fmt: skip

    def task(self, vdn: int, task_id: str, now: float) -> tasks.Task:
        """Return how far an outbound task is."""
        return tasks.task(self.seed, vdn, task_id, now)

    def agent_counters(self, vdn: int, agent_id: int, now: float) -> dict[str, int]:
        """Return the gateway's counters of an agent since the last sign-in."""
        team = self.team(vdn)
        index = team.index_of(agent_id)
        if index is None:
            raise KeyError(agent_id)
        return tasks.agent_counters(self.seed, agent_id, team.signed_in_at(index, now), now)

    def gateway_agents(self, vdn: int) -> list[int]:
        """Return the ids of the agents who stay signed in day and night."""
        team = self.team(vdn)
        return [team.first_id + index for index in team.always_on()]
