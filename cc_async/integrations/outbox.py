"""Outbox: messages wait in order until each is delivered or given up; how one is sent is not its matter."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable

from attrs import field, frozen
from attrs.validators import ge

from cc_async.integrations.chat import Message
from cc_async.integrations.verdict import Verdict
from cc_async.session.clock import Clock

_FIRST, _LONGEST = 1.0, 60.0
"""Seconds before the second try, and between two tries at the most."""


@frozen(kw_only=True)
class Patience:
    """How long and how much an outbox waits for a chat that does not take its messages."""

    seconds: float = field(default=3600.0, validator=ge(0))
    """A message that was not taken for so long is given up."""
    most: int = field(default=100, validator=ge(2))
    """Messages that wait at the most; of more, the oldest but the one under way is dropped."""


@frozen(eq=False)
class _Posted:
    message: Message
    since: float
    done: Callable[[bool], None] | None


class Outbox:
    """Sends messages one after another, each again and again until it is taken; told of every loss.

    ``send`` tries once and never raises for what the other side does; ``name`` is what troubles are told of.
    """

    def __init__(
        self,
        send: Callable[[Message], Awaitable[Verdict]],
        name: str,
        patience: Patience,
        on_trouble: Callable[[str], None],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._send, self._name, self._patience, self._tell = send, name, patience, on_trouble
        self._clock, self._rng = clock, rng
        self._queue: deque[_Posted] = deque()
        """What is not delivered yet; the first is under way."""
        self._filled, self._ending = asyncio.Event(), asyncio.Event()
        self._failing = False
        self._task = asyncio.create_task(self._work(), name="cc_async.outbox")

    def put(self, message: Message, done: Callable[[bool], None] | None = None) -> None:
        """Put a message behind those that wait; ``done`` is told whether it was delivered, or given up."""
        if self._ending.is_set():
            raise RuntimeError("this outbox is closed")
        if self._task.done():
            self._task.result()
        if len(self._queue) >= self._patience.most:
            oldest = self._queue[1]
            del self._queue[1]
            self._give_up(oldest, f"more than {self._patience.most} alerts wait")
        self._queue.append(_Posted(message, self._clock.monotonic(), done))
        self._filled.set()

    async def aclose(self, grace: float) -> None:
        """Try once to send each message that waits, for ``grace`` seconds at the most, then end."""
        self._ending.set()
        self._filled.set()
        try:
            await asyncio.wait([self._task], timeout=grace)
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._queue:
            self._tell(f"{self._name}: {len(self._queue)} alerts were not delivered")
        if not self._task.cancelled():
            self._task.result()

    # The task

    async def _work(self) -> None:
        while True:
            while not self._queue:
                if self._ending.is_set():
                    return
                self._filled.clear()
                await self._filled.wait()
            if not await self._deliver(self._queue[0]):
                return

    async def _deliver(self, posted: _Posted) -> bool:
        """Send one message until it is taken or given up; False: the end came first."""
        tries = 0
        while True:
            found = await self._send(posted.message)
            tries += 1
            if found.kind == "delivered":
                self._delivered(posted)
                return True
            backoff = min(_FIRST * 2 ** min(tries - 1, 10), _LONGEST) * (0.5 + self._rng.random() / 2)
            wait = max(backoff, found.wait or 0.0)
            late = self._clock.monotonic() + wait > posted.since + self._patience.seconds
            if found.kind == "refused" or late:
                self._queue.popleft()
                lasting = "" if found.kind == "refused" else f", for {self._patience.seconds / 60:g} minutes"
                self._give_up(posted, found.reason + lasting)
                return True
            if not self._failing:
                self._tell(f"{self._name}: {found.reason}; trying again")
            self._failing = True
            if not await self._pause(wait):
                return False

    async def _pause(self, seconds: float) -> bool:
        """Wait; False: the end came first."""
        pause = asyncio.ensure_future(self._clock.sleep(seconds))
        end = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait([pause, end], return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            end.cancel()
            await asyncio.gather(pause, end, return_exceptions=True)
        return not self._ending.is_set()

    def _delivered(self, posted: _Posted) -> None:
        if self._failing:
            self._tell(f"{self._name}: posting works again")
        self._failing = False
        self._queue.popleft()
        if posted.done is not None:
            posted.done(True)

    def _give_up(self, posted: _Posted, why: str) -> None:
        self._tell(f"{self._name}: {why}; not delivered: {posted.message.heading}: {posted.message.text}")
        if posted.done is not None:
            posted.done(False)
