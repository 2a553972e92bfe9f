"""A captured site played again, faster than it was: the simulator and whoever asks it in one loop."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from cc_async.cli.stopping import run_stoppable
from cc_async.cli.usage import UsageError
from cc_async.session.secret import Secret
from cc_async.settings import Site
from cc_async.simulator import Simulator

T = TypeVar("T")
FASTEST = 1000.0
"""Times as fast as it was, at the most."""


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds are shorter: everything that waits on it waits so much less."""

    def __init__(self, speed: float) -> None:
        """Make a loop on which ``speed`` seconds go by in one."""
        self._speed = speed
        super().__init__(_FastSelector(speed))

    def time(self) -> float:
        """Seconds of the loop."""
        return super().time() * self._speed


class _FastSelector(selectors.DefaultSelector):
    """Waits for sockets as long as the loop's seconds really last."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait."""
        return super().select(None if timeout is None else timeout / self._speed)


def play(file: Path, speed: float, main: Callable[[Site], Coroutine[Any, Any, T]]) -> T:
    """Play a capture file ``speed`` times as fast, hand ``main`` the site it has become, run it.

    Simulator and ``main`` live in one loop whose clock runs faster, ``LoopClock`` included: beats of 15
    seconds come every 0.75 seconds at speed 20. The site has both keys, the capture's call center and VDN,
    and no quota.

    Raises:
        UsageError: the file cannot be read or is no capture, or a speed that is none.
        KeyboardInterrupt: Ctrl-C or SIGTERM ended it.
    """
    if not 0 < speed <= FASTEST:
        raise UsageError(f"--speed goes from above 0 to {FASTEST:g}, such as 20")
    simulator = replayed(file, record_requests=False)
    return run_stoppable(_played(simulator, main), loop_factory=lambda: FastLoop(speed))


def replayed(file: Path, **options: Any) -> Simulator:
    """Make the simulator that plays a file; raises UsageError for one that is no capture."""
    try:
        return Simulator.replay(file, **options)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None


async def _played(simulator: Simulator, main: Callable[[Site], Coroutine[Any, Any, T]]) -> T:
    async with simulator as sim:
        site = Site(
            name="replay",
            cms_url=sim.cms_url,
            access_key=sim.access_key,
            secret_key=Secret(sim.secret_key),
            global_access_key=sim.global_access_key,
            global_secret_key=Secret(sim.global_secret_key),
            cc_id=sim.cc_id,
            vdn=sim.vdn,
            quota=None,
        )
        return await main(site)
