"""A process that leads or stands by, and stitches while it leads; what it does is told on stdout."""

from __future__ import annotations

import asyncio
import json
import sys

from cc_async import AkSk, CmsClient
from cc_async.integrations.redis_lease import Lease
from cc_async.integrations.redis_state import RedisState
from cc_async.monitor import Stitcher, watch


def tell(**what: object) -> None:
    """One line for the test."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main(redis: str, cms_url: str, access_key: str, secret_key: str, length: str) -> None:
    """Lead when it is our turn."""
    lease = Lease(redis, "test", length=float(length))
    async with CmsClient(cms_url, AkSk(access_key, secret_key), vdn=170, quota=None) as cms:

        async def work(token: int) -> None:
            stitcher = Stitcher(state=await RedisState.open(lease, token, "sums"))
            tell(token=token)
            async with watch(cms.skill_call_stats([1]), every=0.1) as beats:
                async for beat in beats:
                    stitched = await stitcher.take(beat.batch or ())
                    sums = stitcher.sums.get((170, 1))
                    tell(
                        offered=sums and sums.offered,
                        gaps=sums and sums.gaps,
                        closed=[[one.interval_start.isoformat(), one.offered] for one in stitched.closed],
                    )

        tell(standing_by=True)
        await lease.lead(work)


asyncio.run(main(*sys.argv[1:]))
