"""Calls of a library that may lose a cancel: whoever loops over them ends all the same."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("redis")

from cc_async.integrations.redis_link import cancels_kept


async def losing() -> None:
    """Ends well when it is cancelled, as ``asyncio.wait_for`` of Python 3.11 may."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        return


async def test_a_lost_cancel_is_raised() -> None:
    """The loop ends with the call during which it was cancelled."""

    async def loop() -> None:
        while True:
            with cancels_kept():
                await losing()

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=1)
    assert task.cancelled()


async def test_an_earlier_cancel_is_not_raised_again() -> None:
    """What was cancelled and caught before may call on, to clean up after itself."""

    async def clean_up() -> str:
        await losing()
        with cancels_kept():
            await asyncio.sleep(0)
        return "clean"

    task = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "clean"
