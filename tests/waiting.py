"""Waiting for something that has to happen, without a guess at how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(true: Callable[[], object], seconds: float = 2.0) -> None:
    """Return as soon as ``true()`` holds; TimeoutError when it does not within ``seconds``."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for happens at the server, which has no event for it
            await asyncio.sleep(0.002)
