"""The events of one session between whoever fetches them and whoever reads them."""

from __future__ import annotations

import asyncio
from collections import deque

from cc_async.agents.events import AgentEvent
from cc_async.errors import CcError

MOST = 1_000
"""Events kept for a slow reader; the oldest go first."""


class Inbox:
    """Bounded: a session is kept alive whether or not somebody reads its events."""

    def __init__(self) -> None:
        self._events: deque[AgentEvent] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._error: CcError | None = None
        self.dropped = 0
        """Events that nobody read in time."""

    def put(self, event: AgentEvent) -> bool:
        """Keep an event; False when it is the first for which an older one had to go."""
        self._events.append(event)
        self._news.set()
        if len(self._events) <= MOST:
            return True
        self._events.popleft()
        self.dropped += 1
        return self.dropped > 1

    def finish(self, error: CcError | None = None) -> None:
        """No more will come; ``error``: why, if that was not meant."""
        if not self._over:
            self._over, self._error = True, error
            self._news.set()

    async def get(self) -> AgentEvent:
        """Return the next event; raises StopAsyncIteration at the end, or the error it ended with."""
        while not self._events:
            if self._error is not None:
                raise self._error.with_traceback(None)
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()
