"""Deadline: a time limit that forgives a blocked loop and can be cut short with an error."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from cc_async.session.clock import Clock

# A timer that fires this much late tells of a loop that was blocked, not of a slow server.
_LATE = 0.25


class Deadline:
    """End a block at a time, as ``asyncio.timeout_at`` does: ``async with Deadline(until, clock) as limit``.

    When the loop itself was blocked over the end, an answer may lie ready that nobody could read yet:
    the block is given ``grace`` seconds, once, before it is cancelled. ``limit.cut(error)`` ends the block
    at once with that error. A cancellation from outside stays a cancellation.

    Args:
        until: when to end, on the axis of ``clock.monotonic()``; None: never by itself.
        clock: where the time comes from.
        grace: seconds given after a blocked loop.

    Raises:
        TimeoutError: the block was cancelled because its time was over.
    """

    __slots__ = ("_before", "_clock", "_due", "_error", "_grace", "_handle", "_task", "_until", "expired")

    def __init__(self, until: float | None, clock: Clock, grace: float = 1.0) -> None:
        self._until = until
        self._clock = clock
        self._grace = grace
        self._due = 0.0
        self._before = 0
        self._error: BaseException | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self.expired = False
        """True once the time was over and the block was cancelled for it."""

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a Deadline needs a task to run in")
        self._task = task
        self._before = task.cancelling()
        if self._until is not None:
            # A time that is over already is due now: only what comes on top of that counts as blocked.
            self._due = max(self._until, self._clock.monotonic())
            self._handle = task.get_loop().call_at(self._due, self._fire, self._grace)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()
        task, self._task = self._task, None
        if self._error is None or task is None:
            return
        # Somebody outside cancelled as well: theirs goes first.
        if task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise self._error from error

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
        if self._handle is not None:
            self._handle.cancel()

    def _fire(self, grace: float) -> None:
        """The time is over: cancel, unless the loop was blocked and the grace is not used yet."""
        if self._task is None:
            return
        if grace > 0 and self._clock.monotonic() - self._due > _LATE:
            self._handle = self._task.get_loop().call_later(grace, self._fire, 0.0)
        elif self._error is None:
            self.expired = True
            self._error = TimeoutError()
            self._task.cancel()
