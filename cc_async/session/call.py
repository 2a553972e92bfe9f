"""One call of a user: its number, its deadline, and what it may do when the client closes."""

from __future__ import annotations

from attrs import define

from cc_async.session.clock import Clock
from cc_async.session.deadline import Deadline


@define(eq=False)
class Call:
    """A question under way: everything that is sent for it belongs to it and ends with it."""

    number: int
    endpoint: str
    began: float
    """Epoch seconds."""
    started: float
    """Monotonic seconds."""
    until: float | None
    """Monotonic seconds at which it must be over, or None."""
    limit: Deadline

    @classmethod
    def begin(cls, number: int, endpoint: str, timeout: float | None, clock: Clock) -> Call:
        """Begin now, with ``timeout`` seconds from now on (None: without a limit)."""
        now = clock.monotonic()
        until = None if timeout is None else now + timeout
        return cls(number, endpoint, clock.wall(), now, until, Deadline(until, clock))

    def left(self, now: float) -> float | None:
        """Seconds left at ``now`` (monotonic), or None."""
        return None if self.until is None else self.until - now
