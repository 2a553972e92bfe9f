"""The one clock: monotonic seconds, wall seconds, sleep. The only file that asks the system for the time."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the library takes its time from."""

    def monotonic(self) -> float:
        """Seconds that never go back; the same axis as ``loop.time()``."""
        ...

    def wall(self) -> float:
        """Epoch seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class LoopClock:
    """The running loop's time; on a virtual-time loop the wall clock follows the virtual time."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        # A real loop counts as time.monotonic does: then the system's wall clock is right, leaps included.
        # A virtual one does not: its wall clock starts at the real time and moves with the loop.
        self._real = counts_as_the_system(self)
        self._offset = time.time() - self._loop.time()

    def monotonic(self) -> float:
        """Seconds of the loop."""
        return self._loop.time()

    def wall(self) -> float:
        """Epoch seconds."""
        return time.time() if self._real else self._offset + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop."""
        await asyncio.sleep(seconds)


def counts_as_the_system(clock: Clock) -> bool:
    """True when other processes of this host read the same monotonic seconds; False for virtual time."""
    return abs(clock.monotonic() - time.monotonic()) < 1.0
