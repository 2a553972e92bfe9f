"""Line 7: cutting a question into requests."""

from __future__ import annotations

import asyncio
import logging
import time

from benchmarks import lab
from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient
from cc_async.batch.split import split
from cc_async.contract import endpoints


async def plans(ids: int, rounds: int) -> tuple[int, list[float], list[float]]:
    """Requests of 2 000 ids; seconds to plan ``ids`` of them, and to cut their question into chunks."""
    planned, cut = [], []
    async with CmsClient("https://cms.example.com:28443", AkSk("ak", "sk"), vdn=170) as cms:
        few = cms.skill_call_stats(skill_ids=range(1, 2001)).plan().requests
        for _ in range(rounds):
            began = time.process_time()
            query = cms.skill_call_stats(skill_ids=range(1, ids + 1))
            query.plan()
            between = time.process_time()
            chunks = sum(1 for _ in split(query.question, endpoints.skill_call_stats))
            cut.append(time.process_time() - between)
            planned.append(between - began)
            assert chunks > ids // 1000
    return few, planned, cut


def run(smoke: bool) -> list[Line]:
    """Plan small and large questions; nothing is sent."""
    ids, rounds = (10_000, 1) if smoke else (1_000_000, 5)
    logging.disable(logging.WARNING)  # a million queues are more than any server knows
    try:
        with lab.pinned():
            few, planned, cut = asyncio.run(plans(ids, rounds))
    finally:
        logging.disable(logging.NOTSET)
    whole, chunks = lab.Spread.of(planned), lab.Spread.of(cut)
    name = f"{ids:,} skill ids".replace(",", " ")
    return [
        line("2 000 skill ids", float(few), "requests", "at most 9", few <= 9),
        line(f"{name}: checked and planned", whole, "s CPU", "below 1", whole.median < 1),
        line(f"{name}: cut into chunks", chunks, "s CPU", "below 1", chunks.median < 1),
    ]
