"""What is there: keys that were looked up, kept for a while, looked up once for many callers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from cc_async.session.clock import Clock

KEPT_SECONDS = 600.0
"""Skill queues are configured by people: ten minutes old is new enough."""


class KeyDirectory:
    """Keys by place (a VDN), each place looked up at most once in ``kept`` seconds."""

    def __init__(self, clock: Clock, kept: float = KEPT_SECONDS) -> None:
        self._clock = clock
        self._kept = kept
        self._known: dict[Hashable, tuple[float, tuple[int, ...]]] = {}
        self._looking: dict[Hashable, asyncio.Lock] = {}

    def known(self, place: Hashable) -> tuple[int, ...] | None:
        """The keys of a place if they are fresh, else None."""
        entry = self._known.get(place)
        return entry[1] if entry is not None and entry[0] > self._clock.monotonic() else None

    async def keys(
        self, place: Hashable, look_up: Callable[[], Awaitable[tuple[int, ...]]]
    ) -> tuple[int, ...]:
        """The keys of a place; a failed look-up is not remembered."""
        async with self._looking.setdefault(place, asyncio.Lock()):
            keys = self.known(place)
            if keys is None:
                keys = await look_up()
                self._known[place] = (self._clock.monotonic() + self._kept, keys)
            return keys
