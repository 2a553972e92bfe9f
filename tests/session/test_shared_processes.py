"""A quota shared by a file, among real processes against a real server."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from random import Random
from typing import Any

from processes import counting, hear, kill, outcomes, start
from shared_worker import KEY, Ahead

from cc_async import AkSk, CmsClient, Quota, SignatureRejected
from cc_async.session.book import LEASE
from cc_async.session.file_book import FileBook, file_pacer
from cc_async.session.shared_pacer import SharedPacer

AHEAD = 1000.0
"""Seconds by which the clocks are ahead of the machine's where a test lets a lease go by in a leap."""


def task(url: str, file: Path, **given: Any) -> dict[str, Any]:
    """What one process has to do."""
    usual = {"url": url, "file": str(file), "access_key": "AK", "secret_key": "SK", "limit": 12, "per": 0.5}
    return {**usual, **given}


async def test_three_processes_never_exceed_one_quota(tmp_path: Path) -> None:
    """As the server's handler counts; and all that was asked is answered."""
    async with counting() as server:
        told = await outcomes([task(server.url, tmp_path / "q", requests=12)] * 3)
    assert told == [{}] * 3
    assert len(server.times) == 36
    assert server.fullest(0.5) <= 12


async def test_a_wrong_key_in_all_processes_costs_one_request(tmp_path: Path) -> None:
    """Whoever has the first turn meets the 401; the others hear of it and send nothing."""
    async with counting(401) as server:
        told = await outcomes([task(server.url, tmp_path / "q", requests=3)] * 3)
    assert told == [{"SignatureRejected": 3}] * 3
    assert len(server.times) == 1


async def test_a_killed_process_gives_its_slots_back(tmp_path: Path) -> None:
    """Others go on at once with what is free; what it held is free when its lease is over, not before."""
    quota = Quota(4, per=0.2)
    holder = await start(task("", tmp_path / "q", limit=4, per=0.2, hold=3, ahead=AHEAD))
    await hear(holder, "held")
    await kill(holder)
    clock = Ahead(AHEAD)
    pacer = SharedPacer(FileBook(tmp_path / "q", Random(1)), clock=clock, rng=Random(1))
    try:
        await asyncio.wait_for(pacer.acquire([(KEY, quota)]), 1)
        assert pacer.used(KEY) == (4, 4)
        waiting = [asyncio.create_task(pacer.acquire([(KEY, quota)])) for _ in range(3)]
        clock.seconds += LEASE / 2
        done, _ = await asyncio.wait(waiting, timeout=0.3)
        assert not done
        clock.seconds += LEASE / 2 + 1
        await asyncio.wait_for(asyncio.gather(*waiting), 1)
        assert pacer.used(KEY) == (4, 4)  # what this process held all the time counts as before
    finally:
        await pacer.aclose()


async def test_a_process_killed_with_the_lock_of_the_file_stops_nobody(tmp_path: Path) -> None:
    """It dies in the middle of an exchange: the kernel takes the lock from it, and the others go on."""
    quota = Quota(2)
    pacers = [file_pacer(tmp_path / "q") for _ in range(2)]
    stuck = await start(task("", tmp_path / "q", stick=True))
    try:
        await hear(stuck, "held")
        asking = [asyncio.create_task(pacer.acquire([(KEY, quota)])) for pacer in pacers]
        done, _ = await asyncio.wait(asking, timeout=0.2)
        assert not done  # it has the lock indeed
        await kill(stuck)
        await asyncio.wait_for(asyncio.gather(*asking), 1)
    finally:
        await kill(stuck)
        for pacer in pacers:
            await pacer.aclose()


async def test_a_process_killed_on_probation_leaves_its_turn_to_one(tmp_path: Path) -> None:
    """Its turn is free when its lease is over, not before; one takes it: a wrong key costs two requests."""
    async with counting(401, hangs=True) as server, contextlib.AsyncExitStack() as stack:
        alone = await start(task(server.url, tmp_path / "q", requests=1, ahead=AHEAD))
        stack.push_async_callback(kill, alone)
        await hear(alone, "ready")
        sending = asyncio.create_task(alone.communicate(b"go\n"))
        await asyncio.wait_for(server.hung.wait(), 30)
        await kill(alone)
        await sending
        clock = Ahead(AHEAD)
        asking = []
        for _ in range(2):
            cms = CmsClient(
                server.url, AkSk("AK", "SK"), vdn=170, quota=Quota(12, per=0.5), clock=clock,
                pacer=file_pacer(tmp_path / "q"),
            )  # fmt: skip
            await stack.enter_async_context(cms)
            asking += [asyncio.create_task(cms.signed_in_agents([1], timeout=None)) for _ in range(2)]
        await asyncio.wait(asking, timeout=0.3)
        assert len(server.times) == 1
        clock.seconds += LEASE
        answers = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 2)
        assert [type(answer) for answer in answers] == [SignatureRejected] * 4
        assert len(server.times) == 2
