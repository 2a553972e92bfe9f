"""One speaker, many listeners, none of whom can make anything pile up: the newest wins."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Fanout(Generic[T]):
    """Hands every item to all subscriptions, each of which keeps the newest few it has not read."""

    def __init__(self) -> None:
        self._open: set[Subscription[T]] = set()
        self._ended = False
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._open)

    def subscribe(self, keep: int, *first: T) -> Subscription[T]:
        """A new subscription; what comes first, then everything published while it is entered."""
        return Subscription(self, keep, first)

    def publish(self, item: T) -> None:
        """Give an item to everybody; never waits."""
        for subscription in self._open:
            subscription.put(item)

    def end(self, error: BaseException | None = None) -> None:
        """There will be no more; readers get the error, or the end of their loop."""
        self._ended, self._error = True, error
        for subscription in self._open:
            subscription.wake()

    def joined(self, subscription: Subscription[T]) -> None:
        """A subscription was entered."""
        self._open.add(subscription)

    def left(self, subscription: Subscription[T]) -> None:
        """A subscription was left."""
        self._open.discard(subscription)

    @property
    def ended(self) -> bool:
        """True when there will be no more."""
        return self._ended

    @property
    def error(self) -> BaseException | None:
        """Why it ended, where that was no good end."""
        return self._error


class Subscription(Generic[T]):
    """What one reader has still to read, the newest ``keep`` items; read inside ``async with``."""

    def __init__(self, fanout: Fanout[T], keep: int, first: tuple[T, ...]) -> None:
        self._fanout = fanout
        self._waiting: deque[T] = deque(first, maxlen=keep)
        self._arrived = asyncio.Event()
        self.dropped = 0
        """Items that were overtaken by newer ones before they were read."""

    async def __aenter__(self) -> Self:
        self._fanout.joined(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fanout.left(self)

    def put(self, item: T) -> None:
        """Take an item."""
        self.dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(item)
        self._arrived.set()

    def wake(self) -> None:
        """Look again whether there will be more."""
        self._arrived.set()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        """The oldest item not read yet; waits for one where there is none. Raises what ended the fanout."""
        while not self._waiting:
            if self._fanout.ended:
                if self._fanout.error is not None:
                    raise self._fanout.error
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()
