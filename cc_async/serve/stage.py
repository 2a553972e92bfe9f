"""What readers read where processes take turns: the feed of the one that leads, else why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from cc_async.board import Board, Happening
from cc_async.board.fanout import Fanout, Subscription
from cc_async.board.feed import TICK
from cc_async.session.clock import Clock, LoopClock

Exposition = tuple[bytes, str]
"""Metrics as a scraper reads them: the text and its content type."""
Rendered = Callable[[str], Exposition | Awaitable[Exposition]]
"""Makes metrics for an ``Accept`` header, at once or in a while: ``Metrics.scrape``, ``Metrics.render``."""


class Boards(Protocol):
    """What a server reads: a ``Feed``, or a ``Stage``."""

    @property
    def board(self) -> Board:
        """Everything as it stands at this moment."""
        ...

    def boards(self) -> Subscription[Board]:
        """A subscription that always hands over the newest board, the present one first."""
        ...

    def happenings(self, after: int | None = None) -> Subscription[Happening]:
        """A subscription to alerts and changes; those since number ``after`` come first, if still known."""
        ...


class Stage:
    """Shows one feed after the other, and between them a board that says why there is nothing to see.

    Use ``async with``. Streams end when the show changes; whoever reads them comes back.

    Args:
        idle: what metrics there are between two feeds.
        clock: where the time comes from.
    """

    def __init__(self, idle: Rendered | None = None, *, clock: Clock | None = None) -> None:
        self._idle, self._given_clock = idle, clock
        self._feed: Boards | None = None
        self._render = idle
        self._why, self._number = "stands by", 0
        self._between: Fanout[Board] = Fanout()
        self._nothing: Fanout[Happening] = Fanout()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._clock = self._given_clock or LoopClock()
        self._task = asyncio.create_task(self._go_on(), name="cc_async.stage")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._part()

    def note(self, why: str) -> None:
        """Why there is no feed, in words."""
        self._why = why
        self._publish()

    @contextmanager
    def show(self, feed: Boards, render: Rendered | None = None) -> Iterator[None]:
        """Show a feed and its metrics for the length of a block."""
        self._feed, self._render = feed, render
        self._part()
        try:
            yield
        finally:
            self._feed, self._render = None, self._idle

    # What a server reads

    @property
    def board(self) -> Board:
        """That of the feed, else one that says that we stand by."""
        if self._feed is not None:
            return self._feed.board
        at = datetime.fromtimestamp(self._clock.wall(), UTC)
        return Board(number=self._number, at=at, standing_by=self._why)

    def boards(self) -> Subscription[Board]:
        """Those of the feed, else ours."""
        return self._between.subscribe(1, self.board) if self._feed is None else self._feed.boards()

    def happenings(self, after: int | None = None) -> Subscription[Happening]:
        """Those of the feed; nothing happens between two."""
        return self._nothing.subscribe(1) if self._feed is None else self._feed.happenings(after)

    async def metrics(self, accept: str) -> Exposition:
        """Those of the feed, else the idle ones."""
        if self._render is None:
            return b"", "text/plain; version=0.0.4; charset=utf-8"
        found = self._render(accept)
        return await found if isinstance(found, Awaitable) else found

    def _part(self) -> None:
        """End the streams of those who have read that we stand by."""
        for fanout in (self._between, self._nothing):
            fanout.end()
        self._between, self._nothing = Fanout(), Fanout()

    async def _go_on(self) -> None:
        """A board now and then, so that readers know that we are there."""
        while True:
            self._publish()
            await self._clock.sleep(TICK)

    def _publish(self) -> None:
        if self._feed is None:
            self._number += 1
            self._between.publish(self.board)
