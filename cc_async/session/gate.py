"""Concurrency in front of the connection pool: whoever waits, waits here and not inside the pool."""

from __future__ import annotations

import asyncio


class Gate:
    """At most ``places`` requests at a time, first come, first served: ``async with gate as waited:``.

    ``waited`` tells whether there was a wait: then the world may be another one than before.

    Args:
        concurrency: how many requests the client may have under way, 1 or more.
        limits: limits of the connector (whole and per host); 0 means unlimited, as it does there.
    """

    __slots__ = ("_free", "in_use", "places")

    def __init__(self, concurrency: int, *limits: int) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int):
            raise TypeError(f"concurrency must be an int, not {type(concurrency).__name__}")
        if concurrency < 1:
            raise ValueError(f"concurrency must be 1 or more, not {concurrency}")
        self.places = min([concurrency, *(limit for limit in limits if limit > 0)])
        self.in_use = 0
        self._free = asyncio.Semaphore(self.places)

    async def __aenter__(self) -> bool:
        waited = self._free.locked()
        await self._free.acquire()
        self.in_use += 1
        return waited

    async def __aexit__(self, *_: object) -> None:
        self.in_use -= 1
        self._free.release()
