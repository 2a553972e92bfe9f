"""Concurrency in front of the connection pool: whoever waits, waits here and not inside the pool."""

from __future__ import annotations

import asyncio
from collections import OrderedDict


class Gate:
    """At most ``places`` requests at a time, first come, first served: ``async with gate as waited:``.

    ``waited`` tells whether there was a wait: then the world may be another one than before. ``take``,
    ``wait`` and ``leave`` are its parts, for whoever sends thousands a second.

    Args:
        concurrency: how many requests the client may have under way, 1 or more.
        limits: limits of the connector (whole and per host); 0 means unlimited, as it does there.
    """

    __slots__ = ("_line", "in_use", "places")

    def __init__(self, concurrency: int, *limits: int) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int):
            raise TypeError(f"concurrency must be an int, not {type(concurrency).__name__}")
        if concurrency < 1:
            raise ValueError(f"concurrency must be 1 or more, not {concurrency}")
        self.places = min([concurrency, *(limit for limit in limits if limit > 0)])
        self.in_use = 0
        # First in, first out, and who gives up is taken out of the middle without a search.
        self._line: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    def take(self) -> bool:
        """Take a place if one is free; nobody waits then, since a place that is left goes to who waits."""
        if self.in_use >= self.places:
            return False
        self.in_use += 1
        return True

    async def wait(self) -> None:
        """Wait in line for a place; a cancelled waiter leaves no trace."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line[waiter] = None
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.leave()  # it was ours already
            else:
                self._line.pop(waiter, None)
            raise

    def leave(self) -> None:
        """Give the place to the first in line, if there is one."""
        while self._line:
            waiter, _ = self._line.popitem(last=False)
            if not waiter.done():
                waiter.set_result(None)
                return
        self.in_use -= 1

    async def __aenter__(self) -> bool:
        waited = not self.take()
        if waited:
            await self.wait()
        return waited

    async def __aexit__(self, *_: object) -> None:
        self.leave()
