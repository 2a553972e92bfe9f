"""The agents of one VDN at this instant: state, since when, and what each has done since sign-in."""

from __future__ import annotations

from ..people import ANSWERING, BUSY, IDLE, REST, SIGNED_OUT, TALKING
from ..tasks import Done

_EVERY_TENTH = slice(9, None, 10)


class Agents:
    """All agents by place; every tenth serves outbound tasks only (`staffing.outbound_only`)."""

    def __init__(self, size: int, begin: float) -> None:
        self.size = size
        self.state = bytearray(size)
        self.since = [begin] * size
        self.signed_in_at = [begin] * size
        self.done = [Done() for _ in range(size)]

    def turn(self, index: int, now: float, state: int) -> None:
        """Put an agent into a state; one who is in it already stays in it since then."""
        if self.state[index] != state:
            self.state[index] = state
            self.since[index] = now

    def sign_in(self, index: int, now: float) -> None:
        """Sign an agent in: idle, with fresh counters."""
        self.turn(index, now, IDLE)
        self.signed_in_at[index] = now
        self.done[index] = Done()

    def heads(self) -> tuple[int, int, int, int, int]:
        """Count the agents online, and those with inbound calls who talk, are idle, busy, resting."""
        states, outbound = self.state, self.state[_EVERY_TENTH]

        def inbound(state: int) -> int:
            return states.count(state) - outbound.count(state)

        online = self.size - states.count(SIGNED_OUT)
        return online, inbound(TALKING) + inbound(ANSWERING), inbound(IDLE), inbound(BUSY), inbound(REST)
