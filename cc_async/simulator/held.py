"""A poll that is held: up to 10 s of waiting for something to happen to an agent."""

from __future__ import annotations

import asyncio
from typing import Final

from .clock import Clock
from .desk import Desk, Event
from .sessions import AgentSession
from .shapes import Reply

HOLD = 10.0
"""Seconds a poll is held when nothing happens."""
HELD: Final = Reply(0, b"")
"""The answer that has to wait."""
_SOONEST = 0.001


async def held(session: AgentSession, clock: Clock, desk: Desk) -> Event | None:
    """Return the next event of a session, or None when none came in time or the session ended.

    The wait is the event loop's, also where the contact center's clock stands still or is moved by hand.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + HOLD
    session.polling = True
    try:
        while not session.ended and (left := until - loop.time()) > 0:
            session.wake.clear()
            now = clock.wall()
            pause = max(_SOONEST, min(left, desk.next_at(now) - now))
            try:
                async with asyncio.timeout(pause):
                    await session.wake.wait()
            except TimeoutError:
                pass
            event = None if session.ended else desk.take(clock.wall())
            if event is not None:
                return event
        return None
    finally:
        session.polling = False
        session.touch(clock.monotonic())
