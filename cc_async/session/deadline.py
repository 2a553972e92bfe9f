"""Deadline: a time limit that forgives a blocked loop and can be cut short with an error."""

from __future__ import annotations

import asyncio
from math import inf
from types import TracebackType
from typing import Any, Self

from cc_async.session.clock import Clock

# A timer that fires this much late tells of a loop that was blocked, not of a slow server.
_LATE = 0.25


class Deadline:
    """End a block at a time, as ``asyncio.timeout_at`` does: ``with Deadline(until, clock) as limit``.

    When the loop itself was blocked over the end, an answer may lie ready that nobody could read yet:
    the block is given ``grace`` seconds, once, before it is cancelled. ``limit.cut(error)`` ends the block
    at once with that error. A cancellation from outside stays a cancellation. Nothing is awaited on the way
    in or out; ``async with`` does the same.

    Args:
        until: when to end, on the axis of ``clock.monotonic()``; None: never by itself.
        clock: where the time comes from.
        grace: seconds given after a blocked loop.
        line: who watches the time, if not a timer of this limit alone.
        about: anything; for whoever looks through the line.

    Raises:
        TimeoutError: the block was cancelled because its time was over.
    """

    __slots__ = (
        "_before",
        "_clock",
        "_error",
        "_grace",
        "_handle",
        "_line",
        "_task",
        "_until",
        "about",
        "due",
        "expired",
    )

    def __init__(
        self,
        until: float | None,
        clock: Clock,
        grace: float = 1.0,
        *,
        line: Line | None = None,
        about: Any = None,
    ) -> None:
        self._until = until
        self._clock = clock
        self._grace = grace
        self._line = line
        self.due = 0.0
        """When its time is over, once the block has begun."""
        self._before = 0
        self._error: BaseException | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self.about = about
        self.expired = False
        """True once the time was over and the block was cancelled for it."""

    def __enter__(self) -> Self:
        task = self._task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a Deadline needs a task to run in")
        self._before = task.cancelling()
        if self._line is not None:
            self.due = self._line.enter(self)
        elif self._until is not None:
            # A time that is over already is due now: only what comes on top of that counts as blocked.
            self.due = max(self._until, self._clock.monotonic())
            self._handle = task.get_loop().call_at(self.due, self._fire, self._grace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line is not None:
            self._line.open.pop(self, None)
        if self._handle is not None:
            self._handle.cancel()
        task, self._task = self._task, None
        if self._error is None or task is None:
            return
        # Somebody outside cancelled as well: theirs goes first.
        if task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise self._error from error

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def cut(self, error: BaseException) -> None:
        """End the block now with this error; nothing happens when the block is over or ending already."""
        if self._task is None or self._error is not None:
            return
        if self._task is asyncio.current_task():
            raise error
        self._error = error
        self._task.cancel()

    def disarm(self) -> None:
        """From now on the block ends by ``cut`` only."""
        if self._line is not None:
            self._line.open.pop(self, None)
        if self._handle is not None:
            self._handle.cancel()

    def overdue(self) -> None:
        """Its time is over: the block is ended, or given its grace if it was not yet."""
        if self._handle is None:
            self._fire(self._grace)

    def _fire(self, grace: float) -> None:
        """The time is over: cancel, unless the loop was blocked and the grace is not used yet."""
        if self._task is None:
            return
        if grace > 0 and self._clock.monotonic() - self.due > _LATE:
            self._handle = self._task.get_loop().call_later(grace, self._fire, 0.0)
        elif self._error is None:
            self.expired = True
            self._error = TimeoutError()
            self._task.cancel()


class Line:
    """Limits of one length: they end in the order they began, so one timer serves them all.

    A timer costs more than all else a limit does, and of thousands a second hardly one is ever needed.

    Args:
        seconds: how long each block may take; None: any time, they end by ``cut`` only.
        clock: where the time comes from.
    """

    __slots__ = ("_clock", "_seconds", "_timer", "open")

    def __init__(self, seconds: float | None, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self.open: dict[Deadline, float] = {}
        """The limits of the blocks that are running now, and when each is due: in order of time."""

    def limit(self, about: Any = None) -> Deadline:
        """A limit that counts from the moment its block begins."""
        return Deadline(None, self._clock, line=self, about=about)

    def enter(self, limit: Deadline) -> float:
        """A block begins; returns when it is due."""
        if self._seconds is None:
            self.open[limit] = inf
            return inf
        due = self.open[limit] = self._clock.monotonic() + self._seconds
        if self._timer is None:
            self._watch(due)
        return due

    def _watch(self, when: float) -> None:
        self._timer = asyncio.get_running_loop().call_at(when, self._tick, when)

    def _tick(self, when: float) -> None:
        """End those whose time is over; the next one in line says when to look again."""
        # A loop's timer may fire a hair before its time.
        self._timer, now = None, max(when, self._clock.monotonic())
        for limit, due in list(self.open.items()):
            if due > now:
                self._watch(due)
                return
            limit.overdue()
