"""Work that must not be left half done: carried to its end whoever cancels, and undone if need be."""

from __future__ import annotations

import asyncio
import logging
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
    task = asyncio.create_task(work, name=_NAME)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _settled(task, grace)
        if task.cancelled():
            _log.warning("given up without an answer: the gateway may keep the agent for 120 s")
        elif task.exception() is None:
            undone = asyncio.create_task(undo(), name=_NAME)
            await _settled(undone, grace)
            if undone.cancelled() or undone.exception() is not None:
                _log.warning("what was cancelled could not be undone: the agent may still be signed in")
        raise


async def bounded(work: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Run work to its end for so many seconds, cancelled or not; True when it came to its end.

    Raises CancelledError afterwards when somebody cancelled meanwhile, and what the work raises.
    """
    task = asyncio.create_task(work, name=_NAME)
    cancelled = await _settled(task, seconds)
    ended = not task.cancelled()
    if ended:
        task.result()
    if cancelled:
        raise asyncio.CancelledError
    return ended


async def _settled(task: asyncio.Task[Any], seconds: float) -> bool:
    """Wait for a task, then cancel it; True when we were cancelled meanwhile."""
    loop = asyncio.get_running_loop()
    until, cancelled = loop.time() + seconds, False
    with anyio.CancelScope(shield=True):
        while not task.done():
            if loop.time() >= until:
                task.cancel()
                until = loop.time() + 1.0
            try:
                await asyncio.wait({task}, timeout=max(0.0, until - loop.time()))
            except asyncio.CancelledError:
                cancelled = True
    return cancelled


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task of ours and wait until it is over."""
    task.cancel()
    await asyncio.wait({task})
