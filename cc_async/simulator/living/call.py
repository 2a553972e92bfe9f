"""One inbound call, from the first ring to the end of wrap-up: the truth behind every counter."""

from __future__ import annotations

import attrs


@attrs.define(eq=False)
class Call:
    """One call; instants are epoch seconds and None until they have come."""

    skill_id: int
    arrived: float
    ivr_seconds: int
    patience: float
    """How long the caller waits, at most, for an agent to take the call."""
    ring_seconds: float
    """How long it rings at the agent before the talk; part of the wait."""
    talk_seconds: int
    """How long the talk takes once it has begun."""
    wrap_up_seconds: int
    """How long the agent means to wrap up; `wrapped` says how long it was."""
    agent_id: int | None = None
    """Who takes the call, from the moment it rings there."""
    connected: float | None = None
    abandoned: float | None = None
    ended: float | None = None
    """End of the talk; an abandoned call has none."""
    wrapped_up: float | None = None

    @property
    def waited(self) -> float | None:
        """Seconds until connected or abandoned; None: still waiting."""
        over = self.abandoned if self.connected is None else self.connected
        return None if over is None else over - self.arrived

    @property
    def talked(self) -> float | None:
        """Seconds of talk; None: not talked, or not yet over."""
        return None if self.ended is None or self.connected is None else self.ended - self.connected

    @property
    def wrapped(self) -> float | None:
        """Seconds of wrap-up; None: not wrapped up, or not yet."""
        return None if self.wrapped_up is None or self.ended is None else self.wrapped_up - self.ended

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.abandoned is not None or self.wrapped_up is not None
