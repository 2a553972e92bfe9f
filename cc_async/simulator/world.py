"""The contact center as every interface reads it: what all worlds have in common, and what each brings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from . import names, tasks
from .counts import Calls, Indicator, Waiting, counters
from .hashing import mix
from .override import Override
from .people import PERIOD, TALKING_STATES, Staff

if TYPE_CHECKING:
    from .living.call import Call
    from .living.incidents import Incident

_AGENT_ROOM = (101, 59_999)


class World(ABC):
    """Everything that is in the contact center; what is asked for a moment agrees on every interface."""

    first_bucket = 0
    """The first period there is (epoch seconds // 300)."""

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
        self._overrides: dict[tuple[int, int], Override] = {}
        self._first_ids: dict[int, int] = {}
        low, high = _AGENT_ROOM
        place = 0
        for vdn in sorted(self.vdns, key=lambda vdn: -self._agents[vdn]):
            size = self._agents[vdn]
            place = 0 if low + place + size > high else place
            self._first_ids[vdn] = low + place
            place += size

    @abstractmethod
    def team(self, vdn: int) -> Staff:
        """Return the agents of a VDN."""

    @abstractmethod
    def members(self, vdn: int, skill_id: int, now: float) -> tuple[int, ...]:
        """Return the places of the agents a skill queue has at a moment, signed out ones too."""

    @abstractmethod
    def own_calls(self, vdn: int, skill_id: int, now: float) -> Calls:
        """Return the counters of one of the world's own queues, nothing laid over them."""

    @abstractmethod
    def own_waiting(self, vdn: int, skill_id: int, now: float, calls: Calls) -> Waiting:
        """Return what waits in a queue, also a laid down one, that has such calls."""

    @abstractmethod
    def indicator(self, vdn: int, bucket: int) -> Indicator:
        """Return one VDN in one closed period (epoch seconds // 300); agents as they stand at its end."""

    @abstractmethod
    def task(self, vdn: int, task_id: str, now: float) -> tasks.Task:
        """Return how far an outbound task is."""

    @abstractmethod
    def agent_counters(self, vdn: int, agent_id: int, now: float) -> dict[str, int] | None:
        """Return the gateway's counters of an agent since the last sign-in; None: not signed in."""

    @abstractmethod
    def gateway_agents(self, vdn: int) -> list[int]:
        """Return the ids of the agents who have a session on the gateway from the start."""

    def begin(self, now: float) -> None:  # noqa: B027 (most worlds have no beginning)
        """Learn when the contact center opens its doors, epoch seconds."""

    def incident(self, incident: Incident) -> None:
        """Lay down an incident."""
        raise TypeError('incidents happen in a living world only: Simulator(world="living")')

    def calls(self, vdn: int, begin: float, end: float, until: float | None = None) -> Iterator[Call]:
        """Return every call that arrives in [begin, end), as it stands at `until`."""
        raise TypeError('only a living world knows each call: Simulator(world="living")')

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
        if skill_id <= self._skills[vdn]:
            own = self.own_calls(vdn, skill_id, now)
        else:
            own = counters(int(now // PERIOD) * PERIOD, 0, 0, 0)
        laid_down = self._overrides.get((vdn, skill_id))
        return own if laid_down is None else laid_down.calls(own, mix(self.seed, 51, vdn, skill_id))

    def skill_waiting(self, vdn: int, skill_id: int, now: float) -> Waiting:
        """Return what waits in a skill queue at a moment."""
        calls = self.skill_calls(vdn, skill_id, now)
        own = self.own_waiting(vdn, skill_id, now, calls)
        laid_down = self._overrides.get((vdn, skill_id))
        return own if laid_down is None else laid_down.waiting(own)

    def skill_headcount(self, vdn: int, skill_id: int, now: float) -> dict[int, int]:
        """Return how many agents of a skill queue are in which CTI state; 0 (signed out) is left out."""
        team, found = self.team(vdn), dict[int, int]()
        for index in self.members(vdn, skill_id, now):
            state = team.state(index, now)
            if state:
                found[state] = found.get(state, 0) + 1
        return found

    def indicators(self, vdn: int, begin: float, end: float) -> list[Indicator]:
        """Return the periods of one VDN that begin in [begin, end), epoch seconds."""
        return [self.indicator(vdn, bucket) for bucket in range(-int(-begin // PERIOD), -int(-end // PERIOD))]

    def has_task(self, task_id: str) -> bool:
        """Say whether an outbound task exists."""
        return task_id in self._tasks

    def in_a_call(self, vdn: int, agent_id: int, now: float) -> bool:
        """Say whether an agent is answering or talking."""
        team = self.team(vdn)
        index = team.index_of(agent_id)
        return index is not None and team.state(index, now) in TALKING_STATES
