"""The one task that talks to the book: what comes up while an answer is awaited goes out with the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from cc_async.errors import CcError
from cc_async.session.book import Op, Take
from cc_async.session.clock import Clock
from cc_async.session.shared_line import BEAT, Lines


class Talker(Protocol):
    """For whom the task talks; times are monotonic seconds."""

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        ...

    def due(self) -> float:
        """When there is something to tell or to ask that nobody has said."""
        ...

    def collect(self, ops: list[Op], now: float) -> list[Op]:
        """What there is to tell now: that, and what is due."""
        ...

    async def tell(self, ops: list[Op]) -> None:
        """Exchange with the book; an error ends the waiting of everybody."""
        ...

    def hear(self, take: Take, now: float) -> None:
        """Act on an answer."""
        ...


class Talk:
    """Says things in order, and wakes when something is due. Belongs to the loop of its first use.

    Args:
        talker: knows what is due, and acts on the answers.
        lines: who waits for the answers.
    """

    def __init__(self, talker: Talker, lines: Lines) -> None:
        self._talker = talker
        self._lines = lines
        self._says: list[Op] = []
        self._telling: list[Op] = []
        self._sleeps_until = 0.0
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def say(self, op: Op) -> None:
        """Tell the book something, soon and in order."""
        self.start()
        self._says.append(op)
        self._wake.set()

    def wake(self) -> None:
        """Look at once what is due."""
        self._wake.set()

    def hurry(self, when: float) -> None:
        """Wake the task if it would sleep longer than that."""
        if when < self._sleeps_until:
            self._wake.set()

    def start(self) -> None:
        """Have the task run in this loop; what belongs to a closed loop is left behind."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed() and self._lines.waiting:
                raise RuntimeError("a pacer serves one event loop at a time; use one pacer per loop")
            self._loop, self._task, self._wake = loop, None, asyncio.Event()
            self._lines.clear()
            self._telling, self._says = [], [op for op in self._says if op.heard is None]
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run(), name="cc_async shared pacer")

    async def stop(self) -> list[Op] | None:
        """End the task; returns what it had still to tell, or None when there was no task in this loop."""
        task, self._task = self._task, None
        if task is None or self._loop is not asyncio.get_running_loop():
            return None
        while not task.done():  # a library below may take one cancel for an error of its own
            task.cancel()
            await asyncio.wait([task], timeout=BEAT)
        self._telling = [op for op in [*self._telling, *self._says] if not isinstance(op, Take)]
        self._says = []
        return self._telling

    def answered(self, ops: Sequence[Op]) -> None:
        """Act on the answers."""
        self._telling, now = [], self._talker.clock.monotonic()
        for op in ops:
            if isinstance(op, Take):
                self._talker.hear(op, now)
            if op.heard is not None and not op.heard.done():
                op.heard.set_result(None)

    def fail(self, error: Exception) -> None:
        """The book is of no use: everybody who waits hears why, and the next who asks tries again."""

        def again() -> BaseException:
            return type(error)(error.message, hint=error.hint) if isinstance(error, CcError) else error

        self._lines.refuse_all(again)
        for op in [*self._telling, *self._says]:
            if op.heard is not None and not op.heard.done():
                op.heard.set_exception(again())
        self._telling, self._says = [], []

    async def _run(self) -> None:
        try:
            while True:
                self._wake.clear()
                says, self._says = self._says, []
                self._telling = self._talker.collect(says, self._talker.clock.monotonic())
                if self._telling:
                    await self._talker.tell(self._telling)
                    self.answered(self._telling)
                    await asyncio.sleep(0)  # a book that answers at once must not keep the loop to itself
                else:
                    await self._sleep()
        except Exception as error:
            self.fail(error)

    async def _sleep(self) -> None:
        self._sleeps_until = self._talker.due()
        try:
            async with asyncio.timeout(max(0.0, self._sleeps_until - self._talker.clock.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass
        finally:
            self._sleeps_until = 0.0
