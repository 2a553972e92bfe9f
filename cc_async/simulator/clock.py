"""The simulator's one clock: wall time as an offset to the event loop's time."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Protocol


class Clock(Protocol):
    """What the simulator wants from a clock."""

    def wall(self) -> float:
        """Return seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...


class LoopClock:
    """Time as the running event loop counts it, so that a virtual-time loop moves the contact center too."""

    def __init__(self, start: float | None = None) -> None:
        """Take the loop that is running; `start` is the wall time of this moment (epoch seconds)."""
        self._loop = asyncio.get_running_loop()
        self._offset = (time.time() if start is None else start) - self._loop.time()

    def wall(self) -> float:
        """Return seconds since the epoch, UTC."""
        return self._loop.time() + self._offset

    def monotonic(self) -> float:
        """Return the loop's time in seconds."""
        return self._loop.time()


class SteppedClock:
    """Time that stands still until it is moved by hand."""

    def __init__(self, start: float) -> None:
        """Begin at a wall time, epoch seconds."""
        self._now = start

    def wall(self) -> float:
        """Return seconds since the epoch, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the same seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on; raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += seconds


class DateHeader:
    """The text of the `Date` header, made once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._text = ""

    def now(self) -> str:
        """Return the present as an HTTP date."""
        second = int(self._clock.wall())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True)
        return self._text
