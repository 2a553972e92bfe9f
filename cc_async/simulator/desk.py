"""What an agent at the gateway does: events to be fetched, and counters that agree with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from math import inf

from .hashing import chances
from .people import ANSWERING, BUSY, IDLE, REST, TALKING, TALKING_STATES, WRAP_UP, Staff
from .tasks import Done

Event = dict[str, object]
Step = tuple[float, str, dict[str, str] | None, Callable[[Done], None] | None]
"""When (epoch seconds), which event, what it says, and what it adds to the counters."""

_STATE_EVENTS = {
    IDLE: "AgentState_Ready",
    ANSWERING: "AgentEvent_Ringing",
    TALKING: "AgentEvent_Talking",
    WRAP_UP: "AgentState_Work",
    BUSY: "AgentState_SetNotReady_Success",
    REST: "AgentState_SetRest_Success",
}
_LOOK = 1.0
"""Seconds between two looks at a world that does not say when it changes."""


class Desk(ABC):
    """The events of one agent, oldest first."""

    def __init__(self, agent_id: int) -> None:
        self._work_no = str(agent_id)
        self._waiting: deque[Event] = deque()

    @abstractmethod
    def advance(self, now: float) -> None:
        """Let everything happen up to a moment (epoch seconds)."""

    @abstractmethod
    def next_at(self, now: float) -> float:
        """Return when to look again, epoch seconds."""

    def tell(self, kind: str, content: dict[str, str] | None = None) -> None:
        """Put an event in line."""
        self._waiting.append({"eventType": kind, "workNo": self._work_no, "content": content})

    def take(self, now: float) -> Event | None:
        """Return the oldest event that nobody has fetched yet."""
        self.advance(now)
        return self._waiting.popleft() if self._waiting else None


class SignedInDesk(Desk):
    """An agent who signed in at the gateway: a pure function of seed, agent and moment of the sign-in.

    Not ready it stays not ready. Ready it takes calls: each rings, is talked, released and wrapped up; then
    it is ready again if it enters idle by itself, and else stays in wrap-up.
    """

    def __init__(
        self, seed: int, agent_id: int, phone: str, began: float, *, state: int, enters_idle: bool
    ) -> None:
        """Sit down at `began` (epoch seconds) in a CTI state: IDLE, BUSY or WRAP_UP."""
        super().__init__(agent_id)
        self._phone, self._began, self._state, self._enters_idle = phone, began, state, enters_idle
        self._done = Done(busy=int(state == BUSY))
        self._chance = chances(seed, 74, agent_id, int(began))
        self._steps = self._life()
        self._coming: Step | None = next(self._steps)
        self.talking = False

    def _life(self) -> Iterator[Step]:
        chance, now = self._chance, self._began
        yield now, "AgentOther_InService", None, None
        yield now, _STATE_EVENTS[self._state], None, None
        ready = self._state == IDLE
        while ready:
            now += 5 + chance.expovariate(1 / 40)
            call = self._call(now)
            yield now, "AgentEvent_Ringing", call, None
            now += 2 + 4 * chance.random()
            yield now, "AgentEvent_Talking", call, self._talks
            seconds = 10 + int(chance.lognormvariate(4.2, 0.6))
            now += seconds
            yield now, "AgentEvent_Call_Release", {"callid": call["callid"]}, self._hangs_up(seconds)
            yield now, "AgentState_Work", None, None
            now += 2 + chance.expovariate(1 / 15)
            ready = self._enters_idle
            if ready:
                yield now, "AgentState_Ready", None, None

    def _call(self, now: float) -> dict[str, str]:
        caller = f"555{self._chance.randrange(10**7):07d}"
        call_id = f"{int(now)}-{self._chance.randrange(1000)}"
        return {"caller": caller, "called": self._phone, "callid": call_id, "feature": "0", "type": "main"}

    def _talks(self, _: Done) -> None:
        self.talking = True

    def _hangs_up(self, seconds: int) -> Callable[[Done], None]:
        def count(done: Done) -> None:
            self.talking = False
            done.answered += 1
            done.talk_seconds += seconds

        return count

    def advance(self, now: float) -> None:
        """Let everything happen up to a moment."""
        while self._coming is not None and self._coming[0] <= now:
            _, kind, content, change = self._coming
            if change is not None:
                change(self._done)
            self.tell(kind, content)
            self._coming = next(self._steps, None)

    def next_at(self, now: float) -> float:
        """Return when the next thing happens."""
        return inf if self._coming is None else self._coming[0]

    def counters(self, now: float) -> dict[str, int]:
        """Return the gateway's counters since sign-in, as they stand now."""
        self.advance(now)
        seconds = int(now - self._began)
        if self._state == BUSY:
            self._done.busy_seconds = seconds
        return self._done.named(seconds)


class WorldDesk(Desk):
    """An agent of the world whose own desktop keeps the session: what changes between two looks."""

    def __init__(self, team: Staff, agent_id: int) -> None:
        super().__init__(agent_id)
        self._team, self._index = team, agent_id - team.first_id
        self._seen: int | None = None

    def advance(self, now: float) -> None:
        """Look at the agent's state; the first look tells the state itself."""
        state, before = self._team.state(self._index, now), self._seen
        if state == before:
            return
        self._seen = state
        if before in TALKING_STATES and state not in TALKING_STATES:
            self.tell("AgentEvent_Call_Release")
        if kind := _STATE_EVENTS.get(state):
            self.tell(kind)

    def next_at(self, now: float) -> float:
        """Return the moment of the next look."""
        return now + _LOOK
