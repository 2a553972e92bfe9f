"""The pretend contact center: one seed, one world; every interface reads it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from . import names, tasks
from .calls import Calls, Traffic, counters
from .hashing import mix
from .people import PERIOD, TALKING_STATES, Team

_AGENT_ROOM = (101, 59_999)


@attrs.frozen
class Override:
    """What a test has laid down for one skill queue; None leaves the world's own value."""

    offered: int | None = None
    connected: int | None = None
    lost: int | None = None
    ended: int | None = None
    ivr_seconds: int | None = None
    connected_in_20s: int | None = None
    wrapped_up: int | None = None
    wrap_up_seconds: int | None = None
    calls_waiting: int | None = None
    longest_wait_seconds: int | None = None
    average_wait_seconds: int | None = None
    average_talk_seconds: int | None = None
    name: str | None = None
    media_type: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.offered is None or self.connected is None or self.lost is None:
            return
        if self.offered != self.connected + self.lost:
            raise ValueError("offered = connected + lost does not hold")


@attrs.frozen
class Waiting:
    """Calls in the queue and the vendor's 5-minute averages, in seconds."""

    calls_waiting: int
    longest_wait: int
    average_wait: int
    average_talk: int


@attrs.frozen
class Indicator:
    """One VDN in one 5-minute period."""

    vdn: int
    begin: int
    online: int
    talking: int
    idle: int
    busy: int
    resting: int
    inbound: int
    connected: int
    connection_rate: int
    outbound: int


class World:
    """Everything that is in the contact center; all reads are pure functions of seed, ids and time."""

    def __init__(
        self,
        seed: int,
        vdns: Iterable[int],
        skills: Mapping[int, int],
        agents: Mapping[int, int],
    ) -> None:
        self.seed = seed
        self.vdns = tuple(sorted(set(vdns)))
        self.task_ids = tasks.task_ids(seed)
        self._tasks = frozenset(self.task_ids)
        self._skills, self._agents = dict(skills), dict(agents)
        self._teams: dict[int, Team] = {}
        self._traffic: dict[int, Traffic] = {}
        self._overrides: dict[tuple[int, int], Override] = {}
        self._first_ids: dict[int, int] = {}
        low, high = _AGENT_ROOM
        place = 0
        for vdn in sorted(self.vdns, key=lambda vdn: -self._agents[vdn]):
            size = self._agents[vdn]
            place = 0 if low + place + size > high else place
            self._first_ids[vdn] = low + place
            place += size

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

    def skill_ids(self, vdn: int) -> list[int]:
        """Return the ids of every skill queue of a VDN, ascending."""
        own = range(1, self._skills[vdn] + 1)
        added = {skill for where, skill in self._overrides if where == vdn and skill not in own}
        return [*own, *sorted(added)]

    def has_skill(self, vdn: int, skill_id: int) -> bool:
        """Say whether a skill queue exists."""
        return 1 <= skill_id <= self._skills[vdn] or (vdn, skill_id) in self._overrides

    def override(self, vdn: int, skill_id: int, override: Override | None) -> None:
        """Lay down values of a skill queue, making it exist; None takes them back."""
        if vdn not in self._skills:
            raise ValueError(f"VDN {vdn} does not exist in this contact center")
        if skill_id < 1:
            raise ValueError("ids of skill queues begin at 1")
        if override is None:
            self._overrides.pop((vdn, skill_id), None)
        else:
            self._overrides[vdn, skill_id] = override

    def skill_name(self, vdn: int, skill_id: int) -> str:
        """Return the name of a skill queue."""
        laid_down = self._overrides.get((vdn, skill_id))
        if laid_down is not None and laid_down.name is not None:
            return laid_down.name
        return names.skill_name(self.seed, vdn, skill_id)

    def skill_media(self, vdn: int, skill_id: int) -> int:
        """Return the media type of a skill queue."""
        laid_down = self._overrides.get((vdn, skill_id))
        if laid_down is not None and laid_down.media_type is not None:
            return laid_down.media_type
        return names.skill_media(self.seed, vdn, skill_id)

    def skill_calls(self, vdn: int, skill_id: int, now: float) -> Calls:
        """Return the counters of a skill queue in the period of `now`."""
        start = int(now // PERIOD) * PERIOD
        laid_down = self._overrides.get((vdn, skill_id))
        if skill_id <= self._skills[vdn]:
            own = self.traffic(vdn).skill(skill_id, now)
        else:
            own = counters(start, 0, 0, 0)
        if laid_down is None:
            return own
        offered, connected = _offered_and_connected(laid_down, own)
        bits = mix(self.seed, 51, vdn, skill_id)
        return counters(
            start, offered, connected, bits,
            ended=laid_down.ended, ivr_seconds=laid_down.ivr_seconds,
            connected_in_20s=laid_down.connected_in_20s, wrapped_up=laid_down.wrapped_up,
            wrap_up_seconds=laid_down.wrap_up_seconds,
        )  # fmt: skip

    def skill_waiting(self, vdn: int, skill_id: int, now: float) -> Waiting:
        """Return what waits in a skill queue at a moment."""
        calls = self.skill_calls(vdn, skill_id, now)
        bits = mix(self.seed, 52, vdn, skill_id, int(now // 10))
        waiting = bits % (calls.offered // 4 + 1)
        average = 5 + (bits >> 8) % 40 if calls.offered else 0
        longest = average + (bits >> 16) % 90 if calls.offered else 0
        talk = 60 + (bits >> 24) % 240 if calls.connected else 0
        given = self._overrides.get((vdn, skill_id), Override())
        return Waiting(
            _or(given.calls_waiting, waiting), _or(given.longest_wait_seconds, longest),
            _or(given.average_wait_seconds, average), _or(given.average_talk_seconds, talk),
        )  # fmt: skip

    def skill_headcount(self, vdn: int, skill_id: int, now: float) -> dict[int, int]:
        """Return how many agents of a skill queue are in which CTI state; 0 (signed out) is left out."""
        team, found = self.team(vdn), dict[int, int]()
        for index in team.members(skill_id):
            state = team.state(index, now)
            if state:
                found[state] = found.get(state, 0) + 1
        return found

    def indicator(self, vdn: int, bucket: int) -> Indicator:
        """Return one VDN in one period (epoch seconds // 300); agents as they stand at its end."""
        heads, volume = self.team(vdn).headcount(bucket), self.traffic(vdn).volume(bucket)
        rate = 100 * volume.connected // volume.inbound if volume.inbound else 0
        return Indicator(
            vdn, bucket * PERIOD, heads.online, heads.talking, heads.idle, heads.busy, heads.resting,
            volume.inbound, volume.connected, rate, volume.outbound,
        )  # fmt: skip

    def indicators(self, vdn: int, begin: float, end: float) -> list[Indicator]:
        """Return the periods of one VDN that begin in [begin, end), epoch seconds."""
        return [self.indicator(vdn, bucket) for bucket in range(-int(-begin // PERIOD), -int(-end // PERIOD))]

    def has_task(self, task_id: str) -> bool:
        """Say whether an outbound task exists."""
        return task_id in self._tasks

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

    def in_a_call(self, vdn: int, agent_id: int, now: float) -> bool:
        """Say whether an agent is answering or talking."""
        team = self.team(vdn)
        index = team.index_of(agent_id)
        return index is not None and team.state(index, now) in TALKING_STATES


def _or(given: int | None, own: int) -> int:
    return own if given is None else given


def _offered_and_connected(laid_down: Override, own: Calls) -> tuple[int, int]:
    """Complete what a test gave so that offered = connected + lost."""
    offered, connected, lost = laid_down.offered, laid_down.connected, laid_down.lost
    if offered is not None and connected is None:
        connected = offered - (offered // 10 if lost is None else lost)
    elif offered is None and (connected is not None or lost is not None):
        connected = own.connected if connected is None else connected
        offered = connected + (0 if lost is None else lost)
    if offered is None or connected is None:
        return own.offered, own.connected
    return offered, connected
