"""Ctrl-C and SIGTERM that let a command clean up: each asks it to end, none breaks off its last steps."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from cc_async.cli.codes import INTERRUPTED


def run_to_the_end(work: Coroutine[Any, Any, int]) -> int:
    """Run a command that has to sign agents out; its end is bounded by itself.

    ``asyncio.run`` alone would drop everything at the second press, sign-outs under way included, and
    SIGTERM would leave agents signed in for two minutes.
    """
    try:
        return asyncio.run(_interruptible(work))
    except asyncio.CancelledError:
        return INTERRUPTED


async def _interruptible(work: Coroutine[Any, Any, int]) -> int:
    task = asyncio.current_task()
    if task is not None:
        with suppress(NotImplementedError):  # Windows: the first press ends it the usual way
            for each in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    return await work
