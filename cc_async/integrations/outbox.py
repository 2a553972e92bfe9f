"""Outbox: messages wait in order until each is delivered or given up; how one is sent is not its matter."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from attrs import field, frozen
from attrs.validators import ge

from cc_async.integrations.chat import Message
from cc_async.integrations.verdict import Verdict
from cc_async.session.clock import Clock

_FIRST, _LONGEST = 1.0, 60.0
"""Seconds before the second try, and between two tries at the most."""
FEW = 5
"""Messages that are sent one by one; more that wait are merged."""


@frozen(kw_only=True)
class Patience:
    """How long and how much an outbox waits for a chat that does not take its messages."""

    seconds: float = field(default=3600.0, validator=ge(0))
    """A message that was not taken for so long is given up."""
    most: int = field(default=5000, validator=ge(1))
    """Messages that wait at the most, but for what is under way; of more, the oldest is dropped."""


@frozen(eq=False)
class _Posted:
    message: Message
    since: float
    done: Callable[[bool], None] | None


class Outbox:
    """Sends messages one after another, each again and again until it is taken; told of every loss.

    ``send`` tries once and never raises for what the other side does; ``name`` is what troubles are told of.
    ``merge`` makes one message of many where more than a few wait; None: each is sent by itself.
    """

    def __init__(
        self,
        send: Callable[[Message], Awaitable[Verdict]],
        name: str,
        merge: Callable[[Sequence[Message]], Message] | None,
        patience: Patience,
        on_trouble: Callable[[str], None],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._send, self._name, self._merge = send, name, merge
        self._patience, self._tell = patience, on_trouble
        self._clock, self._rng = clock, rng
        self._queue: deque[_Posted] = deque()
        self._under_way: list[_Posted] = []
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
            self._give_up([self._queue.popleft()], f"more than {self._patience.most} alerts wait")
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
        if left := len(self._queue) + len(self._under_way):
            self._tell(f"{self._name}: {left} alerts were not delivered")
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
            many = self._merge is not None and len(self._queue) > FEW
            self._under_way = [self._queue.popleft() for _ in range(len(self._queue) if many else 1)]
            messages = [posted.message for posted in self._under_way]
            if not await self._deliver(self._merge(messages) if self._merge and many else messages[0]):
                return

    async def _deliver(self, message: Message) -> bool:
        """Send one message until it is taken or given up; False: the end came first."""
        tries, since = 0, self._under_way[0].since
        while True:
            found = await self._send(message)
            tries += 1
            if found.kind == "delivered":
                self._delivered()
                return True
            backoff = min(_FIRST * 2 ** min(tries - 1, 10), _LONGEST) * (0.5 + self._rng.random() / 2)
            wait = max(backoff, found.wait or 0.0)
            late = self._clock.monotonic() + wait > since + self._patience.seconds
            if found.kind == "refused" or late:
                lasting = "" if found.kind == "refused" else f", for {self._patience.seconds / 60:g} minutes"
                given_up, self._under_way = self._under_way, []
                self._give_up(given_up, found.reason + lasting)
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

    def _delivered(self) -> None:
        if self._failing:
            self._tell(f"{self._name}: posting works again")
        self._failing = False
        delivered, self._under_way = self._under_way, []
        for posted in delivered:
            if posted.done is not None:
                posted.done(True)

    def _give_up(self, given_up: Sequence[_Posted], why: str) -> None:
        for posted in given_up:
            message = posted.message
            self._tell(f"{self._name}: {why}; not delivered: {message.heading}: {' '.join(message.lines)}")
            if posted.done is not None:
                posted.done(False)
