"""When a board is published: at every change, and after a while though nothing has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cc_async.board.fanout import Fanout
from cc_async.board.model import Board
from cc_async.session.clock import Clock


class Publishing:
    """Numbers the boards of one feed, and hands them to its readers.

    Args:
        boards: the readers.
        make: makes the board with this number.
        tick: seconds after which a board is published though nothing came, so that ages go on.
        clock: where the time comes from.
    """

    def __init__(
        self, boards: Fanout[Board], make: Callable[[int], Board], *, tick: float, clock: Clock
    ) -> None:
        self._boards, self._make, self._tick, self._clock = boards, make, tick, clock
        self.number = 0
        """Of the last board that was due, whether anybody read it or not."""
        self._at = clock.monotonic()
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something is to be shown; changes of one moment share one board."""
        self._changed.set()

    async def keep_time(self) -> None:
        """Ages go on when nothing comes."""
        while True:
            left = self._at + self._tick - self._clock.monotonic()
            due = left <= 0.001  # a rest too small to be waited for would be waited for for ever
            if due:
                self._changed.set()
            await self._clock.sleep(self._tick if due else left)

    async def publish(self) -> None:
        """A board for every change."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self.number, self._at = self.number + 1, self._clock.monotonic()
            if len(self._boards):  # a large board takes a while to make: not for nobody
                self._boards.publish(self._make(self.number))
