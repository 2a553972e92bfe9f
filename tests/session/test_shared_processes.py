"""A quota shared by a file, among real processes against a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from processes import counting, outcomes, start
from shared_worker import KEY

from cc_async import Quota
from cc_async.session.book import LEASE
from cc_async.session.file_book import file_pacer


def task(url: str, file: Path, **given: Any) -> dict[str, Any]:
    """What one process has to do."""
    usual = {"url": url, "file": str(file), "access_key": "AK", "secret_key": "SK", "limit": 20, "per": 1.0}
    return {**usual, **given}


async def test_four_processes_never_exceed_one_quota(tmp_path: Path) -> None:
    """As the server's handler counts; and all that was asked is answered."""
    async with counting() as server:
        told = await outcomes([task(server.url, tmp_path / "q", requests=15)] * 4)
    assert told == [{}] * 4
    assert len(server.times) == 60
    assert server.fullest(1.0) <= 20


async def test_a_wrong_key_in_all_processes_costs_one_request(tmp_path: Path) -> None:
    """Whoever has the first turn meets the 401; the others hear of it and send nothing."""
    async with counting(401) as server:
        told = await outcomes([task(server.url, tmp_path / "q", requests=3)] * 4)
    assert told == [{"SignatureRejected": 3}] * 4
    assert len(server.times) == 1


async def test_a_killed_process_gives_its_slots_back(tmp_path: Path) -> None:
    """Its lock is gone at once, so others go on; what it held is free when its lease is over, not before."""
    quota = Quota(4, per=0.2)
    holder = await start(task("", tmp_path / "q", limit=4, per=0.2, hold=3))
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    holder.kill()
    await holder.wait()
    killed = asyncio.get_running_loop().time()
    pacer = file_pacer(tmp_path / "q")
    try:
        last = await asyncio.wait_for(pacer.acquire([(KEY, quota)]), 1)
        assert pacer.used(KEY) == (4, 4)
        await asyncio.wait_for(pacer.acquire([(KEY, quota)]), LEASE + 2)
        waited = asyncio.get_running_loop().time() - killed
        assert waited > LEASE / 2
        last.release()
    finally:
        await pacer.aclose()
