"""Work that must not be left half done: carried to its end whoever cancels, and undone if need be."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import anyio

T = TypeVar("T")
_NAME = "cc_async.agents"

_log = logging.getLogger("cc_async")


async def carried_through(
    work: Coroutine[Any, Any, T], undo: Callable[[], Coroutine[Any, Any, object]], grace: float
) -> T:
    """Await work whose effect must not stay unknown.

    A cancel does not reach it: its end is awaited for up to ``grace`` seconds, what it did is undone within
    as many, and then the cancel goes on. Work that is not over by then is cancelled.
    """
    task = begun(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _settled(task, grace)
        if task.cancelled():
            _log.warning("given up without an answer: the gateway may keep the agent for 120 s")
        elif task.exception() is None:
            undone = begun(undo())
            await _settled(undone, grace)
            if undone.cancelled() or undone.exception() is not None:
                _log.warning("what was cancelled could not be undone: the agent may still be signed in")
        raise


def begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task of sessions; whoever begins one awaits its end."""
    return asyncio.create_task(work, name=_NAME)


async def to_its_end(task: asyncio.Task[Any]) -> None:
    """Await work that bounds itself, cancelled or not; a cancel goes on afterwards.

    Raises what the work raises.
    """
    cancelled = await _settled(task, math.inf)
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def _settled(task: asyncio.Task[Any], seconds: float) -> bool:
    """Wait for a task for so many seconds, then cancel it; True when we were cancelled meanwhile."""
    loop = asyncio.get_running_loop()
    until, cancelled = loop.time() + seconds, False
    # Who uses anyio is cancelled at every await of a cancelled scope: the shield holds that off.
    with anyio.CancelScope(shield=True):
        while not task.done():
            left = until - loop.time()
            if left <= 0:
                task.cancel()
            try:
                await asyncio.wait({task}, timeout=left if 0 < left < math.inf else None)
            except asyncio.CancelledError:
                cancelled = True
    return cancelled
