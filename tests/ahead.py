"""A clock for clients that a test can put forward."""

from __future__ import annotations

import asyncio
import time

from attrs import define


@define(eq=False)
class Ahead:
    """A client's clock that can be put forward: what is remembered grows old, timers stay the loop's."""

    skew: float = 0.0
    """Seconds that have passed in no time."""
    off: float = 0.0
    """Seconds the wall clock is set wrong."""

    def wall(self) -> float:
        return time.time() + self.skew + self.off

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.skew

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
