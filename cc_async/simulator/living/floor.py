"""The floor of one VDN: callers come in, wait for an agent who has the skill, talk, or give up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from math import inf
from random import Random

import attrs

from ..hashing import chances, mix
from ..people import ANSWERING, IDLE, PERIOD, TALKING, WRAP_UP
from .agenda import Agenda
from .agents import Agents
from .call import Call
from .demand import Demand
from .dialer import Dialer
from .ledger import Ledger
from .shifts import Shifts
from .staffing import outbound_only, shift_starts, skills_of_agents

_PATIENCE = 170.0
_TALK = (4.65, 0.6)
_LONGEST_TALK = 3600
_WRAP_UP = 24.0


@attrs.frozen
class Place:
    """What one VDN is: its size, its seed, and when its life begins (epoch seconds, full 5 minutes)."""

    seed: int
    vdn: int
    queues: int
    agents: int
    first_id: int
    calls_per_day: float
    task_ids: tuple[str, ...]
    begin: int


class Floor:
    """One VDN, alive. Queues and agents are counted from 0 here; `run` brings it to a moment."""

    def __init__(self, place: Place, told: Callable[[Call], None] | None = None) -> None:
        """Open the floor; `told` hears of every call as it arrives."""
        seed, vdn, queues = place.seed, place.vdn, place.queues
        self.place, self._told = place, told
        self.agenda = Agenda(place.begin)
        self.agents = Agents(place.agents, place.begin)
        self.ledger = Ledger(queues, place.begin // PERIOD)
        self.demand = Demand(seed, vdn, queues, place.calls_per_day)
        self.skills = skills_of_agents(seed, vdn, place.agents, self.demand)
        found: list[list[int]] = [[] for _ in range(queues)]
        for index, skills in enumerate(self.skills):
            for queue in skills:
                found[queue].append(index)
        self._configured = [tuple(each) for each in found]
        self.members = list(self._configured)
        """Agents per queue, as long as the queue has not lost them."""
        self.waiting: list[deque[Call]] = [deque() for _ in range(queues)]
        self._lines: set[int] = set()
        """The queues in which somebody waits: few, next to the skills of all agents."""
        self.at_agents = [0] * queues
        self._turn = [0] * queues
        self._absent = [0] * queues
        self._thinned: list[tuple[int | None, float]] = []
        self._thin_chance = chances(seed, 38, vdn)
        self.agenda.at(place.begin + PERIOD, self._close)
        self.dialer = Dialer(
            mix(seed, 39, vdn), self.agenda, self.agents, self.ledger, place.task_ids, self.ready
        )
        starts = shift_starts(self.demand)
        self.shifts = Shifts(mix(seed, 40, vdn), self.agenda, self.agents, starts, self.ready)
        self.callers(0, place.begin)

    def run(self, until: float) -> None:
        """Let everything happen up to a moment."""
        if until != self.agenda.now:
            self.agenda.run(until)

    def _close(self, now: float, _: None) -> None:
        self.ledger.close(self.place.vdn, self.agents.heads())
        self.agenda.at(now + PERIOD, self._close)

    def callers(
        self, stream: int, begin: float, end: float = inf, factor: float = 1.0, only: int | None = None
    ) -> None:
        """Begin a stream of callers: number 0 is the usual one, an incident adds its own."""
        chance = chances(self.place.seed, 37, self.place.vdn, stream)
        self._expect(chance, self.demand.arrivals(chance, begin, end, factor, only))

    def _expect(self, chance: Random, arrivals: Iterator[tuple[float, int]]) -> None:
        coming = next(arrivals, None)
        if coming is not None:
            self.agenda.at(coming[0], self._arrive, (coming[1], chance, arrivals))

    def _arrive(self, now: float, what: tuple[int, Random, Iterator[tuple[float, int]]]) -> None:
        queue, chance, arrivals = what
        random = chance.random
        call = Call(
            skill_id=queue + 1,
            arrived=now,
            ivr_seconds=8 + int(40 * random()),
            patience=5 + chance.expovariate(1 / _PATIENCE),
            ring_seconds=2 + 4 * random(),
            talk_seconds=min(_LONGEST_TALK, 10 + int(chance.lognormvariate(*_TALK))),
            wrap_up_seconds=2 + int(chance.expovariate(1 / _WRAP_UP)),
        )
        self._expect(chance, arrivals)
        if self._thinned and not self._comes(queue):
            return
        self.ledger.arrived(queue, call)
        if self._told is not None:
            self._told(call)
        index = self._idle(queue)
        if index >= 0:
            self._ring(now, index, call)
        else:
            self.waiting[queue].append(call)
            self._lines.add(queue)
            self.agenda.at(now + call.patience, self._give_up, call)

    def _idle(self, queue: int) -> int:
        """Return an idle agent of a queue, each in turn; -1: there is none."""
        team, state, turn = self.members[queue], self.agents.state, self._turn[queue]
        # Places from `turn` to the end, then from the beginning: negative ones count from the end.
        for place in range(turn - len(team), turn):
            index = team[place]
            if state[index] == IDLE:
                self._turn[queue] = (place + 1) % len(team)
                return index
        return -1

    def _first_in_line(self, queue: int) -> Call:
        call = self.waiting[queue].popleft()
        if not self.waiting[queue]:
            self._lines.remove(queue)
        return call

    def _ring(self, now: float, index: int, call: Call) -> None:
        call.agent_id = self.place.first_id + index
        self.at_agents[call.skill_id - 1] += 1
        self.agents.turn(index, now, ANSWERING)
        self.agenda.at(now + call.ring_seconds, self._answer, (index, call))

    def _give_up(self, now: float, call: Call) -> None:
        if call.agent_id is not None:
            return
        queue = call.skill_id - 1
        self.waiting[queue].remove(call)
        if not self.waiting[queue]:
            self._lines.remove(queue)
        call.abandoned = now
        self.ledger.gave_up(queue, now - call.arrived)

    def _answer(self, now: float, what: tuple[int, Call]) -> None:
        index, call = what
        call.connected = now
        self.ledger.answered(call.skill_id - 1, now - call.arrived)
        self.agents.done[index].answered += 1
        self.agents.turn(index, now, TALKING)
        self.agenda.at(now + call.talk_seconds, self._hang_up, what)

    def _hang_up(self, now: float, what: tuple[int, Call]) -> None:
        index, call = what
        call.ended = now
        self.at_agents[call.skill_id - 1] -= 1
        self.ledger.hung_up(call.skill_id - 1, call.talk_seconds)
        self.agents.done[index].talk_seconds += call.talk_seconds
        self.agents.turn(index, now, WRAP_UP)
        self.agenda.at(now + call.wrap_up_seconds, self._wrap, what)

    def _wrap(self, now: float, what: tuple[int, Call]) -> None:
        index, call = what
        until = self.shifts.hangs_until(index)
        if until > now:
            self.agenda.at(until, self._wrap, what)
            return
        call.wrapped_up = now
        self.ledger.wrapped(call.skill_id - 1, now - (call.ended or now))
        self.ready(now, index)

    def ready(self, now: float, index: int) -> None:
        """Find work for a free agent: the call that has waited longest in any of the agent's queues."""
        if self.shifts.keeps(now, index):
            return
        if outbound_only(index):
            self.dialer.next(now, index)
            return
        first: Call | None = None
        for queue in self.skills[index] & self._lines:
            oldest = self.waiting[queue][0]
            if (first is None or oldest.arrived < first.arrived) and not self._absent[queue]:
                first = oldest
        if first is None:
            self.agents.turn(index, now, IDLE)
        else:
            self._ring(now, index, self._first_in_line(first.skill_id - 1))

    def lose_agents(self, queue: int) -> None:
        """Take a queue's agents away from it; calls they are in go on."""
        self._absent[queue] += 1
        self.members[queue], self._turn[queue] = (), 0

    def regain_agents(self, now: float, queue: int) -> None:
        """Give a queue its agents back; those who are idle take the calls that wait."""
        self._absent[queue] -= 1
        if self._absent[queue]:
            return
        self.members[queue] = self._configured[queue]
        while self.waiting[queue] and (index := self._idle(queue)) >= 0:
            self._ring(now, index, self._first_in_line(queue))

    def thin(self, only: int | None, share: float) -> None:
        """Let only a share of the callers come, at one queue or at all."""
        self._thinned.append((only, share))

    def thicken(self, only: int | None, share: float) -> None:
        """End a thinning."""
        self._thinned.remove((only, share))

    def _comes(self, queue: int) -> bool:
        return all(
            only not in (None, queue) or self._thin_chance.random() < share for only, share in self._thinned
        )
