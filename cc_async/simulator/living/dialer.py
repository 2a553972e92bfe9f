"""Outbound tasks: agents without inbound calls dial number after number."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from ..hashing import chances
from ..people import IDLE, OCCUPIED, TALKING, WRAP_UP
from ..tasks import Task
from .agenda import Agenda
from .agents import Agents
from .ledger import Ledger
from .staffing import outbound_only

_DAY = 86_400
_ATTEMPTS_PER_AGENT = 250
_LEAST_NUMBERS = 20
_LOOK_AGAIN = 120.0


@attrs.define(eq=False)
class Campaign:
    """One outbound task of the day."""

    total: int
    reach: float
    """Chance that a number answers."""
    waiting: int = 0
    executing: int = 0
    succeeded: int = 0
    failed: int = 0
    halted: int = 0
    """How many incidents hold it up."""

    def renew(self) -> None:
        """Begin a new day; what is being dialled belongs to it."""
        self.succeeded = self.failed = 0
        self.waiting = max(0, self.total - self.executing)

    def counts(self) -> Task:
        """Return how far it is."""
        total = self.succeeded + self.failed + self.waiting + self.executing
        return Task(total, self.succeeded, self.failed, self.waiting, self.executing)


class Dialer:
    """The outbound tasks of one VDN, dialled in turn; they begin anew at midnight UTC."""

    def __init__(
        self,
        bits: int,
        agenda: Agenda,
        agents: Agents,
        ledger: Ledger,
        task_ids: tuple[str, ...],
        ready: Callable[[float, int], None],
    ) -> None:
        self._agenda, self._agents, self._ledger, self._ready = agenda, agents, ledger, ready
        self._chance = chances(bits, 1)
        dialling = sum(map(outbound_only, range(agents.size)))
        usual = dialling * _ATTEMPTS_PER_AGENT / max(1, len(task_ids))
        self.campaigns = {
            task_id: Campaign(
                total=max(_LEAST_NUMBERS, int(usual * (0.5 + self._chance.random()))),
                reach=0.15 + 0.4 * self._chance.random(),
            )
            for task_id in task_ids
        }
        self._turn = list(self.campaigns.values())
        self._place = 0
        for each in self._turn:
            each.renew()
        agenda.at(agenda.now // _DAY * _DAY + _DAY, self._midnight)

    def _midnight(self, now: float, _: None) -> None:
        for each in self._turn:
            each.renew()
        self._agenda.at(now + _DAY, self._midnight)

    def _number(self) -> Campaign | None:
        """Take the next number, from the tasks in turn."""
        for _ in self._turn:
            each = self._turn[self._place]
            self._place = (self._place + 1) % len(self._turn)
            if each.waiting and not each.halted:
                each.waiting -= 1
                each.executing += 1
                return each
        return None

    def next(self, now: float, index: int) -> None:
        """Let a free agent dial the next number, or look again a little later."""
        task = self._number()
        if task is None:
            self._pause(now, index, _LOOK_AGAIN)
            return
        self._ledger.outbound += 1
        self._agents.done[index].outbound += 1
        self._agents.turn(index, now, OCCUPIED)
        self._agenda.at(now + 8 + 25 * self._chance.random(), self._dialled, (index, task))

    def _pause(self, now: float, index: int, seconds: float) -> None:
        self._agents.turn(index, now, IDLE)
        self._agenda.at(now + seconds, self._again, (index, self._agents.since[index]))

    def _again(self, now: float, what: tuple[int, float]) -> None:
        index, since = what
        # Meanwhile the agent may have had a break: then the end of that went on.
        if self._agents.state[index] == IDLE and self._agents.since[index] == since:
            self._ready(now, index)

    def _dialled(self, now: float, what: tuple[int, Campaign]) -> None:
        index, task = what
        if self._chance.random() < task.reach:
            self._agents.turn(index, now, TALKING)
            talk = 15 + int(self._chance.expovariate(1 / 75))
            self._agenda.at(now + talk, self._hung_up, (index, task, talk))
            return
        task.executing -= 1
        task.failed += 1
        self._pause(now, index, 10 + 10 * self._chance.random())

    def _hung_up(self, now: float, what: tuple[int, Campaign, int]) -> None:
        index, task, talk = what
        task.executing -= 1
        task.succeeded += 1
        self._agents.done[index].talk_seconds += talk
        self._agents.turn(index, now, WRAP_UP)
        self._agenda.at(now + 5 + 20 * self._chance.random(), self._ready, index)
