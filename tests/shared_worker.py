"""One process of several that share a quota, for tests and run by them: ``python shared_worker.py JSON``.

It asks ``requests`` questions at once and prints what came of them as JSON; with ``hold`` it takes so many
slots, prints a line and waits to be killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from cc_async import AkSk, CmsClient, Quota
from cc_async.integrations.redis_pacer import RedisPacer
from cc_async.session.file_book import file_pacer
from cc_async.session.shared_pacer import SharedPacer

KEY = ("cms.example.com:443", "ak-1", "skills")


def pacer_of(task: dict[str, Any]) -> SharedPacer:
    """The pacer of this process."""
    if "redis" in task:
        return RedisPacer(task["redis"], processes=task.get("processes", 8))
    return file_pacer(task["file"])


async def hold(task: dict[str, Any]) -> None:
    """Take slots and keep them, unsent."""
    pacer = pacer_of(task)
    quota = Quota(task["limit"], per=task["per"])
    for _ in range(task["hold"]):
        await pacer.acquire([(KEY, quota)])
    sys.stdout.write("held\n")
    sys.stdout.flush()
    await asyncio.sleep(3600)


async def ask(task: dict[str, Any]) -> None:
    """Ask many questions of one request each."""
    quota = Quota(task["limit"], per=task["per"])
    pacer = pacer_of(task)
    errors: Counter[str] = Counter()
    auth = AkSk(task["access_key"], task["secret_key"])
    async with CmsClient(task["url"], auth, vdn=170, quota=quota, pacer=pacer, concurrency=16) as cms:
        asked = (cms.signed_in_agents([1], timeout=None) for _ in range(task["requests"]))
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, BaseException):
                errors[type(answer).__name__] += 1
    await pacer.aclose()
    sys.stdout.write(json.dumps(errors))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(hold(given) if "hold" in given else ask(given))
