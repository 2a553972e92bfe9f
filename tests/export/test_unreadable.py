"""Rows that nobody can read: their partitions are written with ``partial``, and asked again until whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import truth
from attrs import evolve
from folders import DAY, counted, parquet

from cc_async import CmsClient
from cc_async.export import Target, sync, verify
from cc_async.simulator import Simulator

HOUR = timedelta(hours=1)
END = DAY + timedelta(days=2)


async def test_they_are_asked_again(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """A date with an unreadable row is written, asked again in any pieces, and then there once."""
    cms = make_cms(sim, concurrency=1)
    query = cms.system_indicators(begin=DAY, end=END, vdns=[1, 2], partial=True)
    garble(sim, [1])
    first = await query.to_parquet(tmp_path)
    assert (first.rejected, first.rows) == (1, 1 + 2 * 288)
    part = query.origin.again(evolve(query.question, begin=DAY + 6 * HOUR, vdns=(2,)))
    garble(sim, [])
    assert (await part.to_parquet(tmp_path)).rejected == 1
    assert (await part.to_parquet(tmp_path)).complete
    assert (await query.to_parquet(tmp_path)).complete
    wanted = truth.system_indicators(sim, DAY, END, [1, 2])
    assert counted(parquet(tmp_path)) == counted(wanted)
    assert (await query.to_parquet(tmp_path)).requests == 0
    assert verify(tmp_path)[1:] == (len(wanted), [])


async def test_all_vdns_around_some(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """Rows of a single VDN that were read stay, whatever of all VDNs is asked around them."""
    cms = make_cms(sim, concurrency=1)
    garble(sim, [2])
    some = cms.system_indicators(begin=DAY, end=DAY + 2 * HOUR, vdns=[2], partial=True)
    assert (await some.to_parquet(tmp_path)).rejected == 1
    one = cms.system_indicators(begin=DAY, end=DAY + HOUR, vdns=[2], partial=True)
    assert (await one.to_parquet(tmp_path)).complete
    everyone = cms.system_indicators(begin=DAY, end=DAY + 3 * HOUR, partial=True)
    assert (await everyone.to_parquet(tmp_path)).complete
    wanted = truth.system_indicators(sim, DAY, DAY + 3 * HOUR, sim.world.vdns)
    assert counted(parquet(tmp_path)) == counted(wanted)
    assert (await everyone.to_parquet(tmp_path)).requests == 0


async def test_a_sync_asks_them_again(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """Rows far behind the watermark are asked again when one of their date could not be read."""
    cms = make_cms(sim, concurrency=1)
    query = cms.system_indicators(begin=DAY, end=END, vdns=[1], partial=True)
    garble(sim, [1])
    assert (await sync(query, Target(tmp_path))).rejected == 1
    assert (await sync(query, Target(tmp_path))).complete
    assert counted(parquet(tmp_path)) == counted(truth.system_indicators(sim, DAY, END, [1]))


def garble(sim: Simulator, vdns: list[int]) -> None:
    """Answer the next page with a row of each of these VDNs and one that nobody can read."""
    rows: list[dict[str, Any]] = [
        {"beginTime": str(int(DAY.timestamp()) * 1000), "ccId": 1, "vdn": vdn} for vdn in [*vdns, "oops"]
    ]
    answer: dict[str, object] = {"data": rows, "count": len(rows)}
    sim.fail("system_indicators", times=1, body={"resultCode": "0100000", "resultDesc": answer})
