"""Keeping up: what is new, late rows in the place of earlier ones, the watermark."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import truth
from attrs import evolve
from folders import WallClock, asked, counted, parquet, parts

from cc_async import BatchError, CmsClient, Query, SystemIndicators
from cc_async.export import Target, export, sync, verify
from cc_async.simulator import Simulator

BEGIN = datetime(2026, 3, 4, tzinfo=UTC)
FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 4, 12, 4, 59, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


@pytest.fixture
def ask(sim: Simulator, make_cms: Callable[..., CmsClient]) -> Callable[..., Query[SystemIndicators]]:
    """Make the question of a sync, by a client of its own: it sees the contact center's time anew."""

    def make(vdns: list[int] | None = None) -> Query[SystemIndicators]:
        clock = WallClock(sim.clock.wall())
        cms = make_cms(sim, clock=_OnLoop(clock))
        return cms.system_indicators(begin=BEGIN, end=FOREVER, vdns=vdns or [1, 2])

    return make


class _OnLoop:
    """A client's clock: the wall of the contact center, the rest as the loop has it."""

    def __init__(self, wall: WallClock) -> None:
        self._wall = wall

    def wall(self) -> float:
        return self._wall.now

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_a_sync_goes_on_where_the_last_ended(
    sim: Simulator, ask: Callable[..., Query[SystemIndicators]], tmp_path: Path
) -> None:
    """Syncs over two dates leave every settled row exactly once, and ask little more than what is new."""
    for step in (0, 300, 3600, 15 * 3600):
        sim.clock.now += step
        before = asked(sim)
        account = await sync(ask(), Target(tmp_path))
        until = datetime.fromtimestamp((sim.clock.now - 600) // 300 * 300, UTC)
        assert counted(parquet(tmp_path)) == counted(truth.system_indicators(sim, BEGIN, until, [1, 2]))
        assert account.requests == asked(sim) - before
        assert verify(tmp_path)[2] == []
    assert len(parts(tmp_path)) == 2
    sim.clock.now += 300
    account = await sync(ask(), Target(tmp_path))
    assert account.rows == 2 * (24 + 1)
    assert account.requests == 1


async def test_late_rows_replace_earlier_ones(
    sim: Simulator, ask: Callable[..., Query[SystemIndicators]], tmp_path: Path
) -> None:
    """A row that changed within the last two hours is there once, as it is now; older ones stay as read."""
    rows = [_row(NOW - 60 * MINUTES, 1), _row(NOW - 180 * MINUTES, 1)]
    _answer(sim, rows)
    await sync(ask([1]), Target(tmp_path))
    sim.clock.now += 300
    _answer(sim, [_row(NOW - 60 * MINUTES, 9), _row(NOW - 30 * MINUTES, 5)])
    await sync(ask([1]), Target(tmp_path))
    found = {row["interval_start"]: row["inbound_calls"] for row in parquet(tmp_path)}
    assert found == {
        _slot(NOW - 180 * MINUTES): 1,
        _slot(NOW - 60 * MINUTES): 9,
        _slot(NOW - 30 * MINUTES): 5,
    }
    assert len(parquet(tmp_path)) == 3


async def test_a_failed_sync_moves_no_watermark(
    sim: Simulator, ask: Callable[..., Query[SystemIndicators]], tmp_path: Path
) -> None:
    """What a failed sync did not get comes with the next one."""
    await sync(ask(), Target(tmp_path))
    sim.clock.now += 6 * 3600
    sim.fail("system_indicators", code="0300028", times=1)
    with pytest.raises(BatchError):
        await sync(ask(), Target(tmp_path))
    await sync(ask(), Target(tmp_path))
    until = datetime.fromtimestamp((sim.clock.now - 600) // 300 * 300, UTC)
    assert counted(parquet(tmp_path)) == counted(truth.system_indicators(sim, BEGIN, until, [1, 2]))


async def test_added_vdns_bring_their_history(
    sim: Simulator, ask: Callable[..., Query[SystemIndicators]], tmp_path: Path
) -> None:
    """A VDN that joins a folder later is asked from the begin of the question, not from the watermark."""
    await sync(ask([1]), Target(tmp_path))
    sim.clock.now += 300
    account = await sync(ask([1, 3]), Target(tmp_path))
    until = datetime.fromtimestamp((sim.clock.now - 600) // 300 * 300, UTC)
    assert counted(parquet(tmp_path)) == counted(truth.system_indicators(sim, BEGIN, until, [1, 3]))
    assert account.rows == 24 + 1 + 12 * 12 - 1


async def test_the_first_begin_is_kept(
    sim: Simulator, ask: Callable[..., Query[SystemIndicators]], tmp_path: Path
) -> None:
    """What a first sync failed to get comes with the next one, though its question begins later."""
    sim.fail("system_indicators", code="0300028", times=1)
    query = ask([1])
    with pytest.raises(BatchError):
        await sync(query, Target(tmp_path))
    later = evolve(query.question, begin=BEGIN + timedelta(hours=6))
    for _ in range(2):
        await sync(query.origin.again(later), Target(tmp_path))
    until = datetime.fromtimestamp((sim.clock.now - 600) // 300 * 300, UTC)
    assert counted(parquet(tmp_path)) == counted(truth.system_indicators(sim, BEGIN, until, [1]))


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
async def test_a_backfill_and_a_sync_share_a_folder(
    sim: Simulator, ask: Callable[..., Query[SystemIndicators]], tmp_path: Path, form: Any
) -> None:
    """What a backfill wrote is not asked by the first sync; with other VDNs both stand beside each other."""
    cms_query = ask([1, 2, 3])
    await export(
        cms_query.origin.again(_until(cms_query, BEGIN + timedelta(hours=6))), Target(tmp_path, form)
    )
    first = await sync(ask([1, 2]), Target(tmp_path, form))
    assert first.rows == 2 * (11 * 12 + 10 - 6 * 12)
    sim.clock.now += 300
    await sync(ask([1, 2]), Target(tmp_path, form))
    assert verify(tmp_path)[1:] == (3 * 6 * 12 + 2 * (5 * 12 + 11), [])


async def test_some_vdns_after_all(
    sim: Simulator, ask: Callable[..., Query[SystemIndicators]], tmp_path: Path
) -> None:
    """After all VDNs were synced, syncing one of them forgets nothing of the others."""
    everyone = ask([1])
    await sync(everyone.origin.again(evolve(everyone.question, vdns=None)), Target(tmp_path))
    before = counted(parquet(tmp_path))
    await sync(ask([1]), Target(tmp_path), reread=timedelta(hours=11))
    again = evolve(everyone.question, vdns=None, end=NOW - 30 * MINUTES)
    account = await export(everyone.origin.again(again), Target(tmp_path))
    assert account.requests == 0
    assert counted(parquet(tmp_path)) == before


async def test_sync_wants_a_time(cms: CmsClient, tmp_path: Path) -> None:
    """A question about now cannot be synced."""
    with pytest.raises(ValueError, match="skill_states"):
        await sync(cms.skill_states([1]), Target(tmp_path))


def _until(query: Query[Any], end: datetime) -> Any:
    return evolve(query.question, end=end)


def _slot(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() // 300 * 300, UTC)


def _row(moment: datetime, inbound: int) -> dict[str, Any]:
    start = int(_slot(moment).timestamp()) * 1000
    return {"beginTime": str(start), "ccId": 1, "vdn": 1, "incallNums": inbound}


def _answer(sim: Simulator, rows: list[dict[str, Any]]) -> None:
    """Answer the next page with these rows and no others."""
    answer: dict[str, object] = {"data": rows, "count": len(rows)}
    sim.fail("system_indicators", times=1, body={"resultCode": "0100000", "resultDesc": answer})
