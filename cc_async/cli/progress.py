"""A progress bar fed by the client's events: after one second, on a terminal, on stderr."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cc_async.session.events import Event, RequestAnswered

_BEAT = 0.1


class Counter:
    """Counts answered requests and their rows; an observer of the client."""

    def __init__(self) -> None:
        self.answered = 0
        self.rows = 0
        self.retried = 0
        self.expected: int | None = None
        """Requests in all, where a plan could tell."""

    def on_event(self, event: Event) -> None:
        """Take one event of the client."""
        if isinstance(event, RequestAnswered):
            self.retried += event.attempt > 1
            if event.error is None:
                self.answered += 1
                self.rows += event.rows


@asynccontextmanager
async def shown(
    counter: Counter, title: str, screen: Console | None, *, after: float = 1.0
) -> AsyncIterator[None]:
    """Show the counter while the block runs, if it runs longer than that; nothing off a terminal."""
    if screen is None or not screen.is_terminal:
        yield
        return
    task = asyncio.create_task(_draw(counter, title, screen, after))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _draw(counter: Counter, title: str, screen: Console, after: float) -> None:
    """Draw until cancelled; the bar leaves no line behind."""
    await asyncio.sleep(after)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("requests, {task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, auto_refresh=False, transient=True) as bar:
        line = bar.add_task(title, total=counter.expected, rows=0)
        while True:
            expected = None if counter.expected is None else max(counter.expected, counter.answered)
            bar.update(line, completed=counter.answered, total=expected, rows=counter.rows, refresh=True)
            await asyncio.sleep(_BEAT)
