"""One exact window: at most so many requests in any window of time, as the server's handler counts them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

from cc_async.contract.spec import Quota
from cc_async.session.clock import Clock
from cc_async.session.slot import FREE, Slot

FLIGHT: Final = 0.05
"""Seconds after which bytes that went out have surely reached the server's handler."""


class WindowSlot:
    """A counted slot: granted, then given back, or in flight, then landed. Every call may be repeated."""

    __slots__ = ("arrived_by", "landed", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.arrived_by = inf
        """Monotonic seconds at which the request has surely arrived; infinity until it is sent."""
        self.landed = False
        """True once the slot was given back, or its time of arrival was settled by an answer."""

    def sent(self) -> None:
        """From here the slot expires by itself, at the latest after FLIGHT and the window's ``per``."""
        if self.arrived_by == inf and not self.landed:
            self.window.fly(self)

    def answered(self) -> None:
        """The slot expires ``per`` seconds from here, or earlier if it was sent more than FLIGHT ago."""
        if not self.landed:
            self.window.land(self)

    def release(self) -> None:
        """Give the slot back if nothing was sent; what was sent keeps its place in the window."""
        if self.arrived_by == inf and not self.landed:
            self.window.give_back(self)


class Window:
    """The requests of one key: slots that are granted and not yet expired never exceed the limit.

    A slot is counted from the moment it is granted until ``per`` seconds after its request has surely
    arrived, which is ``min(answer seen, sent + FLIGHT)``. Waiters are served first come, first served, by
    one timer of the loop. With ``quota=None`` nothing is counted and only pauses hold. Not for threads.
    """

    __slots__ = (
        "_clock",
        "_counted",
        "_dead",
        "_flying",
        "_landed",
        "_loop",
        "_per",
        "_quota",
        "_timer",
        "_waiters",
        "paused_until",
    )

    def __init__(self, quota: Quota | None, clock: Clock) -> None:
        self._quota = quota
        self._per = quota.per if quota else 0.0
        self._clock = clock
        self._counted = 0
        # Both queues are in order of time: the next expiry stands at one of two heads, no heap is needed.
        self._flying: deque[WindowSlot] = deque()
        self._landed: deque[float] = deque()
        self._waiters: deque[asyncio.Future[Slot]] = deque()
        self._dead = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.paused_until = 0.0
        """Monotonic seconds before which nothing is granted; 0 when there is no pause."""

    @property
    def quota(self) -> Quota | None:
        """The quota that holds from now on; what was counted under another one stays counted."""
        return self._quota

    @quota.setter
    def quota(self, quota: Quota | None) -> None:
        self._quota = quota
        self._per = quota.per if quota else self._per
        if self._waiters:
            self._serve()

    @property
    def counted(self) -> int:
        """Slots counted now."""
        self._expire()
        return self._counted

    @property
    def idle(self) -> bool:
        """True when forgetting this window would change nothing."""
        return not self._waiters and self.counted == 0 and self.paused_until <= self._clock.monotonic()

    def take(self) -> Slot | None:
        """Return a slot if one is free and nobody waits before us, else None."""
        if self._waiters or (self.paused_until and self._is_paused()):
            return None
        return self._grant()

    async def acquire(self) -> Slot:
        """Return a slot, waiting in line for it; a cancelled waiter leaves no trace."""
        waiter = self._enqueue()
        try:
            return await waiter
        except BaseException:
            self._abandon(waiter)
            raise

    def pause(self, until: float) -> None:
        """Grant nothing before ``until`` (monotonic seconds); a longer pause stays."""
        self.paused_until = max(self.paused_until, until)

    def refuse(self, error: Callable[[], BaseException]) -> None:
        """End every waiting acquire with an error of its own."""
        waiters, self._waiters, self._dead = self._waiters, deque(), 0
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error())

    def fly(self, slot: WindowSlot) -> None:
        """The bytes of this slot's request go out now."""
        slot.arrived_by = self._clock.monotonic() + FLIGHT
        self._flying.append(slot)
        if self._waiters:
            self._arm()

    def land(self, slot: WindowSlot) -> None:
        """An answer to this slot's request was seen now."""
        now = self._clock.monotonic()
        if now >= slot.arrived_by:
            return  # it arrived before this answer: its time in _flying is the better bound
        slot.landed = True
        self._landed.append(now)
        while self._flying and self._flying[0].landed:
            self._flying.popleft()
        if self._waiters:
            self._arm()

    def give_back(self, slot: WindowSlot) -> None:
        """Nothing was sent for this slot."""
        slot.landed = True
        self._counted -= 1
        if self._waiters:
            self._serve()

    def _is_paused(self) -> bool:
        if self._clock.monotonic() < self.paused_until:
            return True
        self.paused_until = 0.0
        return False

    def _grant(self) -> Slot | None:
        quota = self._quota
        if quota is None:
            return FREE
        if self._counted >= quota.limit:
            # The count is only ever too high, so the clock is asked when it matters and not before.
            self._expire()
            if self._counted >= quota.limit:
                return None
        self._counted += 1
        return WindowSlot(self)

    def _expire(self) -> None:
        landed, flying, per, now = self._landed, self._flying, self._per, self._clock.monotonic()
        while landed and landed[0] + per <= now:
            landed.popleft()
            self._counted -= 1
        while flying and (flying[0].landed or flying[0].arrived_by + per <= now):
            if not flying.popleft().landed:
                self._counted -= 1

    def _enqueue(self) -> asyncio.Future[Slot]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        waiter: asyncio.Future[Slot] = loop.create_future()
        self._waiters.append(waiter)
        self._serve()
        return waiter

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave the waiters of a closed loop behind: they and their timer will never run again."""
        if self._loop is not None and not self._loop.is_closed() and self._waiters:
            raise RuntimeError("a pacer serves one event loop at a time; use one pacer per loop")
        if self._timer is not None:
            self._timer.cancel()
        self._loop, self._timer, self._dead = loop, None, 0
        self._waiters.clear()

    def _abandon(self, waiter: asyncio.Future[Slot]) -> None:
        """A waiter gives up: its place is skipped, or the slot it was just granted goes to the next."""
        if waiter.done() and not waiter.cancelled():
            if waiter.exception() is None:
                waiter.result().release()
            return
        waiter.cancel()
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._waiters):
            self._waiters = deque(each for each in self._waiters if not each.done())
            self._dead = 0

    def _serve(self) -> None:
        """Grant what can be granted now, in order, and set the timer for the rest."""
        waiters = self._waiters
        paused = self.paused_until and self._is_paused()
        while waiters:
            if waiters[0].done():
                waiters.popleft()
                self._dead -= 1
                continue
            slot = None if paused else self._grant()
            if slot is None:
                self._arm()
                return
            waiters.popleft().set_result(slot)

    def _arm(self) -> None:
        """Have one timer run at the next moment at which something can be granted, if that is known."""
        when = self._next_chance()
        if when is None or self._loop is None:
            return
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._serve()

    def _next_chance(self) -> float | None:
        quota = self._quota
        if quota is None or self._counted < quota.limit:
            return self.paused_until
        heads: list[float] = []
        if self._landed:
            heads.append(self._landed[0] + self._per)
        if self._flying:
            heads.append(self._flying[0].arrived_by + self._per)
        return max(self.paused_until, min(heads)) if heads else None
