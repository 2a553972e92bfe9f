"""What the tests of the command line hold in hand: the contact center, and what a run came to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, frozen

from cc_async.simulator import Simulator

T = TypeVar("T")


@define
class Center:
    """A simulator that serves in a thread, and the environment that leads to it."""

    sim: Simulator
    loop: asyncio.AbstractEventLoop
    environ: dict[str, str]

    def do(self, action: Callable[[], T]) -> T:
        """Run something on the simulator's own loop and return its result."""

        async def act() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self.loop).result(10)

    def asked(self, interface: str) -> int:
        """Requests of an interface so far."""
        return self.do(lambda: sum(each.interface == interface for each in self.sim.requests))


@frozen
class Outcome:
    """What one run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output read as JSON."""
        return json.loads(self.out)
