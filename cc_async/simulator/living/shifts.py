"""Agents come and go: shifts, breaks, and what keeps an agent from the next call."""

from __future__ import annotations

from collections.abc import Callable

from ..hashing import chances, mix, unit
from ..people import BUSY, IDLE, REST, SIGNED_OUT, STUDY, WRAP_UP
from .agenda import Agenda
from .agents import Agents
from .staffing import SHIFT, Break, breaks

_DAY = 86_400
_LATENESS = 600
_STRIDE = 37
"""Neighbours have different shifts, and a small team has some of each."""
_AT_EASE = frozenset({IDLE, BUSY, REST, STUDY})


class Shifts:
    """The duty of every agent; `ready(now, index)` is told who may take a call."""

    def __init__(
        self,
        bits: int,
        agenda: Agenda,
        agents: Agents,
        starts: list[int],
        ready: Callable[[float, int], None],
    ) -> None:
        self._bits, self._agenda, self._agents, self._ready = bits, agenda, agents, ready
        self._on_shift = bytearray(agents.size)
        self._locked = 0
        self._due: list[list[Break]] = [[] for _ in range(agents.size)]
        self._break: dict[int, Break] = {}
        # When an agent who is away comes back: an event of any other instant is out of date.
        self._back_at = [0.0] * agents.size
        self._hung: dict[int, float] = {}
        midnight = agenda.now // _DAY * _DAY
        for index in range(agents.size):
            late = _LATENESS * unit(mix(bits, index))
            start = midnight - _DAY + starts[index * _STRIDE % len(starts)] + late
            while start + SHIFT <= agenda.now:
                start += _DAY
            agenda.at(max(start, agenda.now), self._come, (index, start))

    def _come(self, now: float, what: tuple[int, float]) -> None:
        index, start = what
        self._on_shift[index] = 1
        self._agenda.at(start + SHIFT, self._go, index)
        self._agenda.at(start + _DAY, self._come, (index, start + _DAY))
        chance = chances(self._bits, index, int(start))
        for each in breaks(chance, start):
            if each[0] > now:
                self._agenda.at(each[0], self._fall_due, (index, each))
        if not self._locked and self._agents.state[index] == SIGNED_OUT:
            self._sign_in(now, index)

    def _sign_in(self, now: float, index: int) -> None:
        self._agents.sign_in(index, now)
        self._ready(now, index)

    def _go(self, now: float, index: int) -> None:
        self._on_shift[index] = 0
        if self._agents.state[index] in _AT_EASE:
            self._sign_out(now, index)

    def _sign_out(self, now: float, index: int) -> None:
        self._agents.turn(index, now, SIGNED_OUT)
        self._due[index].clear()
        self._break.pop(index, None)
        self._back_at[index] = 0.0

    def _fall_due(self, now: float, what: tuple[int, Break]) -> None:
        index, each = what
        if self._agents.state[index] == SIGNED_OUT:
            return
        self._due[index].append(each)
        if self._agents.state[index] == IDLE:
            self.keeps(now, index)

    def keeps(self, now: float, index: int) -> bool:
        """Say whether a free agent takes no call: goes home, hangs in wrap-up, or has a break from now on."""
        if not self._on_shift[index] or self._locked:
            self._sign_out(now, index)
            return True
        if self.hangs_until(index) > now:
            self._away(index, now, WRAP_UP, self._hung[index])
            return True
        if self._due[index]:
            each = self._break[index] = self._due[index].pop(0)
            self._away(index, now, each[1], now + each[2])
            return True
        return False

    def _away(self, index: int, now: float, state: int, until: float) -> None:
        self._agents.turn(index, now, state)
        self._back_at[index] = until
        self._agenda.at(until, self._back, index)

    def _back(self, now: float, index: int) -> None:
        if self._back_at[index] != now:
            return
        over = self._break.pop(index, None)
        if over is not None:
            self._count(index, over)
        self._ready(now, index)

    def _count(self, index: int, over: Break) -> None:
        done, (_, state, took, overrun) = self._agents.done[index], over
        if state == BUSY:
            done.busy += 1
            done.busy_seconds += took
        elif state == REST:
            done.rests += 1
            done.rest_seconds += took
            done.overruns += overrun > 0
            done.overrun_seconds += overrun

    def hangs_until(self, index: int) -> float:
        """Return until when an agent hangs in wrap-up; 0.0: does not."""
        return self._hung.get(index, 0.0)

    def hang(self, now: float, index: int, until: float) -> None:
        """Let an agent hang in wrap-up: now when idle, else after the call, the break, the sign-in."""
        self._hung[index] = until
        if self._agents.state[index] == IDLE:
            self.keeps(now, index)

    def lock(self, now: float) -> None:
        """Sign everyone out: now, or at the end of the call; nobody signs in until `unlock`."""
        self._locked += 1
        for index in range(self._agents.size):
            if self._agents.state[index] in _AT_EASE:
                self._sign_out(now, index)

    def unlock(self, now: float) -> None:
        """Let those whose shift it is sign in again."""
        self._locked -= 1
        if self._locked:
            return
        for index in range(self._agents.size):
            if self._on_shift[index] and self._agents.state[index] == SIGNED_OUT:
                self._sign_in(now, index)
