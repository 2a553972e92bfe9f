"""Keys that were looked up: once for many callers, kept for a while."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cc_async.session.directory import KEPT_SECONDS, KeyDirectory


class LookUp:
    """A look-up that counts itself, and may fail or wait."""

    def __init__(self, *answers: tuple[int, ...] | Exception, gate: asyncio.Event | None = None) -> None:
        self.answers, self.gate, self.calls = list(answers), gate, 0

    async def __call__(self) -> tuple[int, ...]:
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_looked_up_once_and_kept_for_ten_minutes(ahead: Any) -> None:
    """Fresh keys are given without asking; after 600 s they are asked for again."""
    directory, look_up = KeyDirectory(ahead), LookUp((1, 2), (1, 2, 3))
    assert directory.known("a") is None
    assert await directory.keys("a", look_up) == (1, 2)
    ahead.skew += KEPT_SECONDS - 1
    assert await directory.keys("a", look_up) == directory.known("a") == (1, 2)
    ahead.skew += 2
    assert directory.known("a") is None
    assert await directory.keys("a", look_up) == (1, 2, 3)
    assert look_up.calls == 2
    assert KEPT_SECONDS == 600


async def test_places_are_apart(ahead: Any) -> None:
    """Each VDN has its own keys, and its own waiting."""
    directory = KeyDirectory(ahead)
    gate = asyncio.Event()
    slow = asyncio.create_task(directory.keys("a", LookUp((1,), gate=gate)))
    await asyncio.sleep(0)
    assert await directory.keys("b", LookUp((2,))) == (2,)
    gate.set()
    assert await slow == (1,)


async def test_many_callers_share_one_look_up(ahead: Any) -> None:
    """Whoever comes while it is under way waits for it."""
    directory, gate = KeyDirectory(ahead), asyncio.Event()
    look_up = LookUp((1, 2), gate=gate)
    callers = [asyncio.create_task(directory.keys("a", look_up)) for _ in range(10)]
    await asyncio.sleep(0)
    gate.set()
    assert {await caller for caller in callers} == {(1, 2)}
    assert look_up.calls == 1


async def test_a_failed_look_up_is_not_remembered(ahead: Any) -> None:
    """The next caller looks up again; each caller of a failing one has its own error."""
    directory, look_up = KeyDirectory(ahead), LookUp(KeyError("no"), KeyError("no"), (5,))
    found = await asyncio.gather(*(directory.keys("a", look_up) for _ in range(2)), return_exceptions=True)
    assert [type(each) for each in found] == [KeyError, KeyError]
    assert await directory.keys("a", look_up) == (5,)


async def test_a_cancelled_look_up_passes_to_the_next(ahead: Any) -> None:
    """Its caller is gone; whoever waited makes it anew."""
    directory = KeyDirectory(ahead)
    look_up = LookUp((7,), gate=asyncio.Event())
    first = asyncio.create_task(directory.keys("a", look_up))
    await asyncio.sleep(0)
    second = asyncio.create_task(directory.keys("a", LookUp((8,))))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == (8,)


async def test_no_keys_are_keys(ahead: Any) -> None:
    """A VDN without queues is known to have none: it is not asked again and again."""
    directory, look_up = KeyDirectory(ahead), LookUp((), ())
    assert await directory.keys("a", look_up) == ()
    assert await directory.keys("a", look_up) == ()
    assert look_up.calls == 1
