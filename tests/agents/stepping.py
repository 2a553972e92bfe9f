"""A cancel at a chosen step: every task's every step is counted, and at one of them the work is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Generator
from typing import Any


class _Counted:
    """A coroutine that tells before each of its steps."""

    def __init__(self, work: Coroutine[Any, Any, Any], steps: Steps) -> None:
        self._work, self._steps = work, steps

    def __await__(self) -> Generator[Any, Any, Any]:
        step, given = self._work.send, None
        while True:
            self._steps.tick()
            try:
                wanted = step(given)  # type: ignore[arg-type] # send and throw by turns
            except StopIteration as end:
                return end.value
            try:
                given, step = (yield wanted), self._work.send
            except BaseException as error:
                given, step = error, self._work.throw


class Steps:
    """Counts the steps of all tasks of a loop and cancels one task at some of them."""

    def __init__(self, *cancel_at: int) -> None:
        self._cancel_at = frozenset(cancel_at)
        self._victim: asyncio.Task[Any] | None = None
        self.count = 0

    def tick(self) -> None:
        """A step begins."""
        self.count += self._victim is not None
        if self.count in self._cancel_at and self._victim is not None:
            self._victim.cancel()

    def _task(self, loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> asyncio.Task[Any]:
        async def counted() -> Any:
            return await _Counted(work, self)

        return asyncio.Task(counted(), loop=loop, **given)

    async def run(self, work: Coroutine[Any, Any, object]) -> bool:
        """Run the work; True when it came to its end without a cancel."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._task)
        try:
            victim = self._victim = asyncio.create_task(work)
            with contextlib.suppress(asyncio.CancelledError):
                await victim
            return not victim.cancelled()
        finally:
            self._victim = None
            loop.set_task_factory(None)
