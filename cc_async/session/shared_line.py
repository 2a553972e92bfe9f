"""Who waits in this process for slots that are counted elsewhere, and when to ask for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from random import Random
from typing import Final

from cc_async.contract.spec import Quota
from cc_async.session.book import Op, Take
from cc_async.session.locks import Credential
from cc_async.session.pacer import PaceKey
from cc_async.session.slot import Slot

BEAT: Final = 1.0
"""Seconds between two looks at the book while nobody asks for anything: so old may a mirror be."""
_LEAST: Final = 0.0005
"""Seconds between two questions for one key when the first brought too little."""
_AT_ONCE: Final = 64
"""Slots asked for in one go; whoever waits for more asks again."""
_REMEMBERED: Final = 60.0
"""Seconds for which the pauses and locks of a key that nobody asks for are looked at."""


class Line:
    """The waiters of one key, first come first served, and what was last heard of the key."""

    __slots__ = ("ask_at", "asking", "counted", "dead", "key", "quota", "used_at", "waiters")

    def __init__(self, key: PaceKey, quota: Quota | None) -> None:
        self.key = key
        self.quota = quota
        self.waiters: deque[asyncio.Future[Slot]] = deque()
        self.dead = 0
        """Waiters that gave up and still stand in the line."""
        self.asking: Take | None = None
        """What was asked and is not answered yet."""
        self.ask_at = 0.0
        """Monotonic seconds before which asking makes no sense."""
        self.used_at = 0.0
        self.counted = 0
        """Slots counted by all processes, when it was last heard."""

    @property
    def live(self) -> int:
        """Waiters that still want a slot."""
        return len(self.waiters) - self.dead

    @property
    def keep(self) -> float:
        """Seconds for which it is kept without waiters; there may be thousands of agents."""
        return _REMEMBERED if len(self.key) == 3 else self.quota.per if self.quota else 0.0

    def next_waiter(self) -> asyncio.Future[Slot] | None:
        """Take the first who still waits out of the line."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                return waiter
            self.dead -= 1
        return None

    def gave_up(self, waiter: asyncio.Future[Slot]) -> None:
        """A waiter gives up: its place is skipped, or the slot it was just granted is given back."""
        if waiter.done() and not waiter.cancelled():
            if waiter.exception() is None:
                waiter.result().release()
            return
        waiter.cancel()
        self.dead += 1
        if self.dead > 64 and self.dead * 2 > len(self.waiters):
            self.waiters = deque(each for each in self.waiters if not each.done())
            self.dead = 0

    def refuse(self, error: Callable[[], BaseException]) -> None:
        """End every waiting acquire with an error of its own."""
        while (waiter := self.next_waiter()) is not None:
            waiter.set_exception(error())


class Lines:
    """The lines of one pacer by key; those that nobody uses any more are forgotten."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._lines: dict[PaceKey, Line] = {}
        self._hungry: dict[PaceKey, Line] = {}

    @property
    def waiting(self) -> bool:
        """True while somebody waits."""
        return any(line.live for line in self._hungry.values())

    @property
    def ask_at(self) -> float:
        """When the next question makes sense."""
        asks = (line.ask_at for line in self._hungry.values() if line.asking is None and line.live)
        return min(asks, default=inf)

    def stand(self, key: PaceKey, quota: Quota | None) -> tuple[Line, asyncio.Future[Slot]]:
        """Stand in line; the last quota asked for holds for everybody of the key."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key, quota)
        line.quota = quota
        waiter: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        line.waiters.append(waiter)
        self._hungry[key] = line
        return line, waiter

    def questions(self, now: float) -> list[Take]:
        """What the lines ask for now, each once at a time."""
        questions: list[Take] = []
        for key, line in list(self._hungry.items()):
            if not line.live:
                del self._hungry[key]
            elif line.asking is None and line.ask_at <= now:
                line.used_at = now
                line.asking = Take(key, line.quota, min(line.live, _AT_ONCE))
                questions.append(line.asking)
        return questions

    def answered(self, take: Take, now: float) -> Line:
        """Note an answer; returns the line it belongs to."""
        line = self._lines.get(take.key) or Line(take.key, take.quota)
        if line.asking is take:
            line.asking = None
        line.counted = take.counted
        if take.count:
            line.ask_at = now if take.locks else now + self._wait(take)
        return line

    def _wait(self, take: Take) -> float:
        """Seconds until the line asks again: until a slot ends, or somebody may have given one back."""
        if take.granted >= take.count:
            return 0.0
        per = take.quota.per if take.quota else BEAT
        # What others have not reported yet ends no earlier than three quarters of a window from here.
        longest = min(BEAT, per / 2)
        # Where several wait for the same slot, one of them asks first and the others see the next.
        spread = min(per / 100, 0.05) * take.rivals / (take.rivals + 1)
        known = longest if take.wait is None else min(longest, take.wait)
        return max(_LEAST, known) + self._rng.uniform(0.0, spread)

    def looks(self, now: float) -> tuple[list[Op], list[PaceKey]]:
        """Look at the keys in use that nobody asks for; the other half are the keys just forgotten."""
        looks: list[Op] = []
        forgotten: list[PaceKey] = []
        for key, line in list(self._lines.items()):
            if line.live or line.asking is not None:
                continue
            if now - line.used_at > line.keep:
                del self._lines[key]
                forgotten.append(key)
            elif len(key) == 3:
                looks.append(Take(key, line.quota, 0))
        return looks, forgotten

    def refuse(
        self, credential: Credential, interface: str | None, error: Callable[[], BaseException]
    ) -> None:
        """End the waiting of whom a lock concerns."""
        for key, line in self._hungry.items():
            if key[:2] == credential and interface in (None, key[2]):
                line.refuse(error)

    def refuse_all(self, error: Callable[[], BaseException]) -> None:
        """End all waiting; what was asked is not answered any more."""
        for line in self._lines.values():
            line.asking = None
            line.refuse(error)
        self._hungry.clear()

    def clear(self) -> None:
        """Leave behind everybody who waits: their loop is closed."""
        self._lines.clear()
        self._hungry.clear()

    def used(self, key: PaceKey) -> tuple[int, int]:
        """The slots counted, as last heard, and the limit; (0, 0) for a key without a quota or not in use."""
        line = self._lines.get(key)
        return (0, 0) if line is None or line.quota is None else (line.counted, line.quota.limit)
