"""The living world: one floor per VDN, opened at the first question, run to the moment of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from ..counts import Calls, Indicator, Waiting
from ..people import DAY_SLOTS, PERIOD, SIGNED_OUT, Presence, Staff
from ..tasks import Task
from ..world import World
from .call import Call
from .floor import Floor, Place
from .incidents import Incident, lay_down
from .staffing import outbound_only

_DAY = DAY_SLOTS * PERIOD
_STEP = 60.0


class LivingTeam(Staff):
    """The agents of a floor."""

    def __init__(self, floor: Floor) -> None:
        place = floor.place
        super().__init__(place.seed, place.vdn, place.agents, place.first_id)
        self.floor = floor

    def takes_inbound(self, index: int) -> bool:
        """Say whether an agent takes inbound calls: nine of ten do."""
        return not outbound_only(index)

    def state(self, index: int, now: float) -> int:
        """Return the CTI state of an agent at a moment."""
        self.floor.run(now)
        return self.floor.agents.state[index]

    def presence(self, index: int, now: float) -> Presence | None:
        """Return what an agent does at a moment, or None when signed out."""
        state, agents = self.state(index, now), self.floor.agents
        if state == SIGNED_OUT:
            return None
        return Presence(state, agents.since[index], int(agents.signed_in_at[index]))


class LivingWorld(World):
    """A world in which everything has a cause; time only goes forward in it, VDN by VDN."""

    def __init__(
        self,
        seed: int,
        vdns: Iterable[int],
        skills: Mapping[int, int],
        agents: Mapping[int, int],
        calls_per_day: Mapping[int, float],
        begins: float | None = None,
    ) -> None:
        """Plan the world; `begins`: when it comes into being, empty, epoch seconds rounded down to 5 minutes.

        Without `begins` that is midnight UTC before the doors open (`begin`).
        """
        super().__init__(seed, vdns, skills, agents)
        self._calls_per_day = dict(calls_per_day)
        self._teams: dict[int, LivingTeam] = {}
        self._incidents: list[Incident] = []
        self._begins: int | None = None
        if begins is not None:
            self._set_beginning(begins // PERIOD)

    def _set_beginning(self, bucket: float) -> None:
        self.first_bucket = int(bucket)
        self._begins = self.first_bucket * PERIOD

    def begin(self, now: float) -> None:
        """Open the doors; the first time decides."""
        if self._begins is None:
            self._set_beginning(now // _DAY * DAY_SLOTS)

    @property
    def opened(self) -> tuple[int, ...]:
        """The VDNs that live so far: those somebody has asked about."""
        return tuple(self._teams)

    def _place(self, vdn: int) -> Place:
        if self._begins is None:
            raise RuntimeError("a living world begins when the simulator starts, or at a given time (begins)")
        return Place(
            seed=self.seed,
            vdn=vdn,
            queues=self._skills[vdn],
            agents=self._agents[vdn],
            first_id=self._first_ids[vdn],
            calls_per_day=self._calls_per_day[vdn],
            task_ids=self.task_ids,
            begin=self._begins,
        )

    def _floor(self, vdn: int, now: float) -> Floor:
        """Return a VDN as it is at a moment."""
        floor = self.team(vdn).floor
        floor.run(now)
        return floor

    def team(self, vdn: int) -> LivingTeam:
        """Return the agents of a VDN; the first question opens its floor."""
        if vdn not in self._teams:
            self._teams[vdn] = LivingTeam(_opened(self._place(vdn), self._incidents))
        return self._teams[vdn]

    def members(self, vdn: int, skill_id: int, now: float) -> tuple[int, ...]:
        """Return the places of the agents a queue has at a moment."""
        members = self._floor(vdn, now).members
        return members[skill_id - 1] if skill_id <= len(members) else ()

    def own_calls(self, vdn: int, skill_id: int, now: float) -> Calls:
        """Return the counters of a queue since the last full 5 minutes."""
        return self._floor(vdn, now).ledger.calls(skill_id - 1)

    def own_waiting(self, vdn: int, skill_id: int, now: float, calls: Calls) -> Waiting:
        """Return what waits in a queue; longest wait and averages are of the current 5 minutes."""
        floor, queue = self._floor(vdn, now), skill_id - 1
        if queue >= self._skills[vdn]:
            return Waiting(0, 0, 0, 0)
        ledger, line = floor.ledger, floor.waiting[queue]
        oldest = now - line[0].arrived if line else 0.0
        return Waiting(
            calls_waiting=len(line),
            longest_wait=int(max(ledger.longest_wait[queue], oldest)),
            average_wait=int(ledger.wait_seconds[queue] / max(1, ledger.connected[queue])),
            average_talk=ledger.talk_seconds[queue] // max(1, ledger.ended[queue]),
            at_agents=floor.at_agents[queue],
        )

    def indicator(self, vdn: int, bucket: int) -> Indicator:
        """Return one VDN in one closed period; runs to its end when it is yet to come."""
        floor, end = self.team(vdn).floor, (bucket + 1) * PERIOD
        floor.run(max(end, floor.agenda.now))
        return floor.ledger.row(bucket)

    def task(self, vdn: int, task_id: str, now: float) -> Task:
        """Return how far an outbound task is."""
        return self._floor(vdn, now).dialer.campaigns[task_id].counts()

    def agent_counters(self, vdn: int, agent_id: int, now: float) -> dict[str, int] | None:
        """Return the gateway's counters of an agent since sign-in; None: not signed in."""
        team = self.team(vdn)
        index = team.index_of(agent_id)
        if index is None:
            raise KeyError(agent_id)
        presence = team.presence(index, now)
        if presence is None:
            return None
        return team.floor.agents.done[index].named(int(now) - presence.signed_in_at)

    def gateway_agents(self, vdn: int) -> list[int]:
        """Return the ids of all agents: each has a GUID, and is refused when not signed in."""
        first = self._first_ids[vdn]
        return list(range(first, first + self._agents[vdn]))

    def incident(self, incident: Incident) -> None:
        """Lay down an incident.

        Raises ValueError for what does not exist, and when the VDN has been seen past its beginning.
        """
        vdn = incident.vdn
        if vdn not in self._skills:
            raise ValueError(f"VDN {vdn} does not exist in this contact center")
        if incident.skill_id is not None and not 1 <= incident.skill_id <= self._skills[vdn]:
            raise ValueError(f"skill queue {incident.skill_id} is not one of VDN {vdn}")
        if incident.agent_id is not None and incident.agent_id not in self.gateway_agents(vdn):
            raise ValueError("the agent is not of this VDN")
        if incident.task_id is not None and not self.has_task(incident.task_id):
            raise ValueError(f"there is no task {incident.task_id}")
        if vdn in self._teams:
            lay_down(self._teams[vdn].floor, incident, len(self._incidents) + 1)
        self._incidents.append(incident)

    def calls(self, vdn: int, begin: float, end: float, until: float | None = None) -> Iterator[Call]:
        """Return every call that arrives in [begin, end), in order of arrival, as it stands at `until`.

        `until` is `end` unless given. The VDN lives again for it, from its beginning, in memory of its own:
        no call is kept, so the memory is that of the calls under way, and the time that of the days.
        """
        return _retold(self._place(vdn), tuple(self._incidents), begin, end, end if until is None else until)


def _opened(place: Place, incidents: Iterable[Incident], told: Callable[[Call], None] | None = None) -> Floor:
    floor = Floor(place, told)
    for number, incident in enumerate(incidents, 1):
        if incident.vdn == place.vdn:
            lay_down(floor, incident, number)
    return floor


def _retold(
    place: Place, incidents: Iterable[Incident], begin: float, end: float, until: float
) -> Iterator[Call]:
    """Live a floor's life again, and yield its calls as soon as they are over."""
    under_way: deque[Call] = deque()

    def told(call: Call) -> None:
        if begin <= call.arrived < end:
            under_way.append(call)

    floor = _opened(place, incidents, told)
    while floor.agenda.now < until:
        floor.run(min(floor.agenda.now + _STEP, until))
        while under_way and under_way[0].over:
            yield under_way.popleft()
        if floor.agenda.now >= end and not under_way:
            return
    yield from under_way
