"""A job that asks every queue once in 5 minutes and writes down what each 5 minutes came to."""

import asyncio
import json
import sys

from cc_async import CmsClient
from cc_async.monitor import Stitcher, figures, watch


async def main() -> None:
    stitcher = Stitcher(state_file="sums.json")
    async with CmsClient.from_env() as cms, watch(cms.skill_call_stats(), aligned=True) as beats:
        async for beat in beats:
            if beat.error is not None:
                print(beat.error, file=sys.stderr)
            stitched = await stitcher.take(beat.batch or ())
            with open("buckets.jsonl", "a", encoding="utf-8") as file:
                for bucket in stitched.closed:
                    file.write(json.dumps(bucket.to_dict()) + "\n")
            print(f"last 30 minutes: {figures.service_level(stitcher.rolling(30), now=beat.at)}")


if __name__ == "__main__":
    asyncio.run(main())
