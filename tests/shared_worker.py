"""One process of several that share a quota, for tests and run by them: ``python shared_worker.py JSON``.

It says ``ready``, waits for a line, asks ``requests`` questions at once and prints what came of them as JSON.
With ``hold`` it takes so many slots, with ``stick`` the lock of the file; it says ``held`` and waits to be
killed. With ``ahead`` its clock is so many seconds before that of the machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from cc_async import AkSk, CmsClient, Quota
from cc_async.session.clock import Clock, LoopClock
from cc_async.session.file_book import FileBook
from cc_async.session.shared_pacer import SharedPacer

KEY = ("cms.example.com:443", "ak-1", "skills")


class Ahead(LoopClock):
    """The machine's time and some seconds more: a lease of several seconds is over in one leap.

    All processes of one file need it then: it does not count in two clocks.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__()

    def monotonic(self) -> float:
        """Seconds of the loop, and those."""
        return super().monotonic() + self.seconds


class Sticking(LoopClock):
    """A clock that stops its process for ever, once it is set to."""

    armed = False

    def monotonic(self) -> float:
        """Seconds of the loop; the book asks when it has just got the lock."""
        if self.armed:
            say("held")
            time.sleep(3600)
        return super().monotonic()


def say(text: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def clock_of(task: dict[str, Any]) -> Clock:
    """The clock of this process."""
    return Ahead(task["ahead"]) if "ahead" in task else LoopClock()


def pacer_of(task: dict[str, Any]) -> SharedPacer:
    """The pacer of this process."""
    if "redis" in task:
        from cc_async.integrations.redis_pacer import RedisPacer  # takes a while: not for those with a file

        return RedisPacer(task["redis"], processes=task.get("processes", 8))
    return SharedPacer(FileBook(Path(task["file"]), Random()), clock=clock_of(task), rng=Random())


async def stick(task: dict[str, Any]) -> None:
    """Stop in the middle of an exchange."""
    book, clock = FileBook(Path(task["file"]), Random()), Sticking()
    await book.exchange([], clock)
    clock.armed = True
    await book.exchange([], clock)


async def hold(task: dict[str, Any]) -> None:
    """Take slots and keep them, unsent."""
    pacer = pacer_of(task)
    quota = Quota(task["limit"], per=task["per"])
    for _ in range(task["hold"]):
        await pacer.acquire([(KEY, quota)])
    say("held")
    await asyncio.sleep(3600)


async def ask(task: dict[str, Any]) -> None:
    """Ask many questions of one request each."""
    quota = Quota(task["limit"], per=task["per"])
    pacer = pacer_of(task)
    errors: Counter[str] = Counter()
    auth = AkSk(task["access_key"], task["secret_key"])
    async with CmsClient(task["url"], auth, vdn=170, quota=quota, pacer=pacer, concurrency=16) as cms:
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        asked = (cms.signed_in_agents([1], timeout=None) for _ in range(task["requests"]))
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, BaseException):
                errors[type(answer).__name__] += 1
    await pacer.aclose()
    sys.stdout.write(json.dumps(errors))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(stick(given) if "stick" in given else hold(given) if "hold" in given else ask(given))
