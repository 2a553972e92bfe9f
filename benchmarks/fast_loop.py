"""An event loop whose time runs faster than ours, for hours that browsers and other programs live through."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

_AHEAD = 10_000.0
"""Seconds it is ahead from the start: nobody can take its time for the real one."""


class _Patient(selectors.DefaultSelector):
    """Waits for as long as the fast time means."""

    speed = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait in real seconds."""
        return super().select(None if timeout is None else timeout / self.speed)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop on which a second of ours is ``speed`` seconds; sockets work as ever."""

    def __init__(self, speed: float) -> None:
        selector = _Patient()
        selector.speed = speed
        super().__init__(selector)
        self._speed, self._began = speed, super().time()

    def time(self) -> float:
        """The fast time."""
        now = super().time()
        began = getattr(self, "_began", now)
        return began + _AHEAD + (now - began) * getattr(self, "_speed", 1.0)


def at_speed(speed: float) -> Callable[[], Any]:
    """What ``asyncio.Runner(loop_factory=...)`` wants."""
    return lambda: FastLoop(speed)
