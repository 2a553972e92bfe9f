"""Who is not trusted yet travels alone: one request at a time, until one of them has proven the key."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

Key = tuple[str, ...]
"""What has to be proven: a credential, or an interface of a host (its request shape)."""


class Turn(Protocol):
    """The time in which one request may travel: ``async with probation.turn(keys) as alone:``."""

    async def __aenter__(self) -> bool:
        """Wait for the turn; True when this request travels alone, to prove something."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """End the turn; what is still not proven lets exactly the next one go."""
        ...


class _Anytime:
    """The turn of requests whose keys are all proven."""

    __slots__ = ()

    async def __aenter__(self) -> bool:
        return False

    async def __aexit__(self, *_: object) -> None:
        pass


class Probation:
    """Knows which keys are proven. Not for threads."""

    __slots__ = ("_doubted", "_lines", "_proven")

    def __init__(self) -> None:
        self._proven: set[Key] = set()
        self._doubted: set[Key] = set()
        self._lines: dict[Key, deque[asyncio.Future[bool]]] = {}

    def turn(self, keys: Sequence[Key], trusted: Sequence[Key] = ()) -> Turn:
        """Return the turn of a request.

        Args:
            keys: have to be proven first.
            trusted: count as proven until somebody doubts them.
        """
        if self._proven.issuperset(keys) and (not self._doubted or self._doubted.isdisjoint(trusted)):
            return ANYTIME
        return _InLine(self, sorted({*keys, *self._doubted.intersection(trusted)}))

    def is_proven(self, key: Key) -> bool:
        """True once a request has proven this key, and nobody has doubted it since."""
        return key in self._proven

    def prove(self, key: Key) -> None:
        """A request with this key succeeded: everybody who waits for it goes at once."""
        self._doubted.discard(key)
        if key in self._proven:
            return
        self._proven.add(key)
        line = self._lines.get(key)
        while line:
            waiter = line.popleft()
            if not waiter.done():
                waiter.set_result(False)

    def doubt(self, key: Key) -> None:
        """From now on requests with this key travel alone until one succeeds."""
        self._proven.discard(key)
        self._doubted.add(key)

    async def enter(self, key: Key) -> bool:
        """Wait until the key is proven (False) or it is our turn to prove it (True: ``leave`` ends it)."""
        while key not in self._proven:
            line = self._lines.get(key)
            if line is None:
                self._lines[key] = deque()
                return True
            waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            line.append(waiter)
            try:
                ours = await waiter
            except BaseException:
                if waiter.done() and not waiter.cancelled() and waiter.result():
                    self.leave(key)
                else:
                    waiter.cancel()
                raise
            if ours:
                return True
        return False

    def leave(self, key: Key) -> None:
        """Hand the turn to the next in line, if there is one."""
        line = self._lines[key]
        while line:
            waiter = line.popleft()
            if not waiter.done():
                waiter.set_result(True)
                return
        del self._lines[key]


class _InLine:
    """The turn of a request with something to prove. Keys are taken in one order by all: no deadlock."""

    __slots__ = ("_held", "_keys", "_probation")

    def __init__(self, probation: Probation, keys: Sequence[Key]) -> None:
        self._probation = probation
        self._keys = keys
        self._held: list[Key] = []

    async def __aenter__(self) -> bool:
        try:
            for key in self._keys:
                if await self._probation.enter(key):
                    self._held.append(key)
        except BaseException:
            self._leave()
            raise
        return bool(self._held)

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        while self._held:
            self._probation.leave(self._held.pop())


ANYTIME: Final[Turn] = _Anytime()
"""The turn of requests with nothing to prove: going through it changes nothing."""
