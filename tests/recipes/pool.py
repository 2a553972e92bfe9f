"""A backfill by four processes of this machine: each asks partitions, every row is written once."""

import asyncio
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta

from cc_async import CmsClient, Question, Quota
from cc_async.export import Target, fill, lacking

PROCESSES = 4


async def ask(question: str, folder: str) -> int:
    async with CmsClient.from_env(quota=Quota(2, per=1.0)) as cms:  # a fourth of 10 a second, rounded down
        return (await fill(cms.ask(Question.from_json(question)), folder)).rows


def work(question: str, folder: str) -> int:
    return asyncio.run(ask(question, folder))


async def wanted(folder: str, days: int) -> list[str]:
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with CmsClient.from_env() as cms:  # begins the folder, asks nothing
        query = cms.system_indicators(begin=end - timedelta(days), end=end, vdns=range(1, 4))
        return [one.to_json() for one in (await lacking(query, Target(folder))).questions]


def main(folder: str, days: int) -> None:
    questions = asyncio.run(wanted(folder, days))
    with ProcessPoolExecutor(PROCESSES) as pool:
        print(sum(pool.map(work, questions, [folder] * len(questions))), "rows")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
