"""The progress bar in virtual time: when it appears, what it counts, that it ends."""

from __future__ import annotations

import asyncio
import io

import pytest
from rich.console import Console

from cc_async.cli.progress import Counter, shown
from cc_async.session.events import RequestAnswered

pytestmark = pytest.mark.looptime


def terminal() -> Console:
    """A screen that a test can read."""
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def written(screen: Console) -> str:
    """What is on it."""
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def answered(rows: int) -> RequestAnswered:
    """A request that was answered."""
    return RequestAnswered(0.0, 1, "agents", 1, "", 1, 200, 0.1, rows, None)


async def test_it_appears_after_a_second_and_counts() -> None:
    """Quick questions show nothing; a slow one shows requests of those expected, and rows."""
    screen, counter = terminal(), Counter()
    counter.expected = 8
    async with shown(counter, "agents", screen):
        await asyncio.sleep(0.95)
        assert written(screen) == ""
        for _ in range(3):
            counter.on_event(answered(400))
        await asyncio.sleep(0.3)
        assert "agents" in written(screen)
        assert "3/8" in written(screen)
        assert "1,200 rows" in written(screen)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_off_a_terminal_there_is_none() -> None:
    """A file or a pipe gets no bar."""
    screen = Console(file=io.StringIO(), force_terminal=False)
    async with shown(Counter(), "agents", screen):
        await asyncio.sleep(5)
    assert written(screen) == ""
    async with shown(Counter(), "agents", None):
        await asyncio.sleep(5)
