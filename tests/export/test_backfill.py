"""Time questions into files: layout, schema, exactly once, nothing asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars
import pytest
import truth
from folders import DAY, asked, counted, left, parquet, parts

from cc_async import BatchError, CmsClient, ConfigError, SignatureRejected
from cc_async.export import Progress, Target, export, verify
from cc_async.simulator import Simulator

HOUR = timedelta(hours=1)


async def test_rows_stand_in_parts_by_date(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """Two days of three VDNs are two parts of that layout, which hold exactly the contact center's rows."""
    end = DAY + timedelta(days=2)
    account = await cms.system_indicators(begin=DAY, end=end, vdns=[1, 2, 3]).to_parquet(tmp_path)
    assert [part.parent.relative_to(tmp_path).as_posix() for part in parts(tmp_path)] == [
        "system_indicators/date=2026-03-01",
        "system_indicators/date=2026-03-02",
    ]
    assert counted(parquet(tmp_path)) == counted(truth.system_indicators(sim, DAY, end, [1, 2, 3]))
    assert (account.rows, account.parts, account.skipped) == (3 * 288 * 2, 2, 0)
    assert account.requests == asked(sim)


async def test_duckdb_reads_the_folder(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """DuckDB reads rows and dates by hive partitioning; instants are instants, counts whole numbers."""
    await cms.system_indicators(begin=DAY, end=DAY + timedelta(days=2), vdns=[1, 2]).to_parquet(tmp_path)
    source = f"read_parquet('{tmp_path}/system_indicators/*/*.parquet', hive_partitioning = true)"
    with duckdb.connect() as db:
        [[rows, days, instants]] = db.execute(
            f"SELECT count(*), count(DISTINCT date), count(DISTINCT epoch(interval_start)) FROM {source}"
        ).fetchall()
        types = dict(db.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {source})").fetchall())
    assert (rows, days, instants) == (2 * 288 * 2, 2, 2 * 288)
    assert types["interval_start"] == "TIMESTAMP WITH TIME ZONE"
    assert types["vdn"] == types["inbound_calls"] == "BIGINT"
    assert types["date"] == "DATE"


async def test_what_the_server_does_not_say_is_null(
    open_sim: Callable[..., Any], make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """A count that is missing is null in a column of whole numbers, never 0."""
    sim = await open_sim()
    row = {"beginTime": str(int(DAY.timestamp()) * 1000), "ccId": 1, "vdn": 1, "incallNums": 7}
    sim.fail(
        "system_indicators",
        times=1,
        body={"resultCode": "0100000", "resultDesc": {"data": [row], "count": 1}},
    )
    await make_cms(sim).system_indicators(begin=DAY, end=DAY + HOUR, vdns=[1]).to_parquet(tmp_path)
    frame = polars.read_parquet(parts(tmp_path)[0])
    assert frame.schema["online_agents"] == polars.Int64
    assert frame.schema["interval_start"] == polars.Datetime("us", "UTC")
    assert frame.select("inbound_calls", "online_agents").rows() == [(7, None)]


async def test_a_second_run_asks_nothing(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """What is in the manifest is not asked again, by this client or another."""
    query = cms.system_indicators(begin=DAY, end=DAY + timedelta(days=2), vdns=[1, 2, 3])
    await query.to_parquet(tmp_path)
    before, kept = asked(sim), {part: part.read_bytes() for part in parts(tmp_path)}
    account = await query.to_parquet(tmp_path)
    assert asked(sim) == before
    assert (account.rows, account.requests, account.skipped) == (0, 0, 2)
    assert {part: part.read_bytes() for part in parts(tmp_path)} == kept


async def test_only_what_is_missing_is_asked(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """Questions that overlap in time and VDNs leave every row once, whatever their order."""
    await cms.system_indicators(begin=DAY + 6 * HOUR, end=DAY + 30 * HOUR, vdns=[2, 1]).to_parquet(tmp_path)
    await cms.system_indicators(begin=DAY, end=DAY + 12 * HOUR, vdns=[1, 3]).to_parquet(tmp_path)
    await cms.system_indicators(begin=DAY, end=DAY + 48 * HOUR, vdns=[1, 2, 3]).to_parquet(tmp_path)
    wanted = truth.system_indicators(sim, DAY, DAY + 48 * HOUR, [1, 2, 3])
    assert counted(parquet(tmp_path)) == counted(wanted)


async def test_all_vdns_after_some(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A question about all VDNs leaves out the rows that were written when some of them were asked."""
    await cms.system_indicators(begin=DAY, end=DAY + 3 * HOUR, vdns=[2]).to_parquet(tmp_path)
    await cms.system_indicators(begin=DAY + HOUR, end=DAY + 5 * HOUR).to_parquet(tmp_path)
    wanted = truth.system_indicators(sim, DAY + HOUR, DAY + 5 * HOUR, sim.world.vdns)
    wanted += truth.system_indicators(sim, DAY, DAY + HOUR, [2])
    assert counted(parquet(tmp_path)) == counted(wanted)


async def test_time_to_come_is_asked_when_it_is_over(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """A period that is not over on the server's clock is not done, and comes with a later run."""
    begin = datetime(2026, 3, 4, 11, tzinfo=UTC)

    async def fill() -> None:
        query = make_cms(sim).system_indicators(begin=begin, end=begin + 3 * HOUR, vdns=[1])
        await query.to_parquet(tmp_path)

    await fill()
    first = len(parquet(tmp_path))
    sim.clock.now += 900
    await fill()
    assert (first, len(parquet(tmp_path))) == (12, 12 + 3)
    assert counted(parquet(tmp_path)) == counted(
        truth.system_indicators(sim, begin, begin + timedelta(minutes=75), [1])
    )


@pytest.mark.parametrize(
    ("day", "rows"), [((2025, 3, 30), 276), ((2025, 10, 26), 300), ((2025, 10, 27), 288)]
)
async def test_days_of_a_local_zone(
    cms: CmsClient, tmp_path: Path, day: tuple[int, int, int], rows: int
) -> None:
    """A day that a clock change makes shorter or longer is one date, with 23 or 25 hours of rows."""
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime(*day, tzinfo=zone)
    query = cms.system_indicators(begin=begin, end=begin + timedelta(days=1), vdns=[1])
    await query.to_parquet(tmp_path, zone=zone)
    frame = polars.scan_parquet(tmp_path / "system_indicators", hive_partitioning=True).collect()
    assert frame.height == rows
    assert frame.get_column("date").unique().to_list() == [begin.date()]
    assert frame.get_column("interval_start").is_unique().all()


async def test_a_failed_part_leaves_no_row(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A date that fails is in no file, the others are; the error says so and the next run asks it alone."""
    sim.fail("system_indicators", code="0300028", times=1)
    query = cms.with_options(concurrency=1).system_indicators(
        begin=DAY, end=DAY + timedelta(days=3), vdns=[1]
    )
    with pytest.raises(BatchError, match="1 parts failed") as caught:
        await query.to_parquet(tmp_path)
    later = truth.system_indicators(sim, DAY + timedelta(days=1), DAY + timedelta(days=3), [1])
    assert caught.value.batch.rows == len(later)
    assert counted(parquet(tmp_path)) == counted(later)
    account = await query.to_parquet(tmp_path)
    assert (account.done, account.skipped) == (1, 2)
    everything = truth.system_indicators(sim, DAY, DAY + timedelta(days=3), [1])
    assert counted(parquet(tmp_path)) == counted(everything)


async def test_a_wrong_key_is_told_as_it_is(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """An error of the whole client is raised bare, with the account; nothing is entered as done."""
    sim.fail("system_indicators", status=401, times=1)
    query = make_cms(sim).system_indicators(begin=DAY, end=DAY + timedelta(days=3), vdns=[1])
    with pytest.raises(SignatureRejected) as caught:
        await query.to_parquet(tmp_path)
    assert caught.value.batch.rows == 0
    assert parts(tmp_path) == []


async def test_cancelled_and_started_again(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A run that is cancelled after some partitions goes on from there."""
    query = cms.system_indicators(begin=DAY, end=DAY + timedelta(days=3), vdns=[1, 2, 3])
    reached = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.done:
            reached.set()

    running = asyncio.create_task(query.to_parquet(tmp_path, on_progress=watch))
    await reached.wait()
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    account = await query.to_parquet(tmp_path)
    assert account.skipped >= 1
    assert counted(parquet(tmp_path)) == counted(
        truth.system_indicators(sim, DAY, DAY + timedelta(days=3), [1, 2, 3])
    )
    assert left(tmp_path) == []


async def test_progress_counts_to_the_end(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """Progress names the partitions to do from the first call on, and never goes back."""
    seen: list[tuple[int, int, int, int]] = []
    query = cms.system_indicators(begin=DAY, end=DAY + timedelta(days=2), vdns=[1])
    await query.to_parquet(tmp_path, on_progress=lambda p: seen.append((p.total, p.done, p.rows, p.requests)))
    assert {total for total, *_ in seen} == {2}
    assert seen == sorted(seen)
    assert seen[-1][2:] == (576, asked(sim))


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_other_formats_hold_the_same(sim: Simulator, cms: CmsClient, tmp_path: Path, form: Any) -> None:
    """JSONL and CSV parts hold the rows of the Parquet ones, as DuckDB reads them."""
    query = cms.system_indicators(begin=DAY, end=DAY + HOUR, vdns=[1, 2])
    account = await export(query, Target(tmp_path, form))
    reader = "read_json" if form == "jsonl" else "read_csv"
    with duckdb.connect() as db:
        found = db.execute(
            f"SELECT vdn, epoch(interval_start::TIMESTAMPTZ)::BIGINT, inbound_calls "
            f"FROM {reader}('{parts(tmp_path)[0]}')"
        ).fetchall()
    wanted = truth.system_indicators(sim, DAY, DAY + HOUR, [1, 2])
    assert sorted(found) == [
        (row["vdn"], int(row["interval_start"].timestamp()), row["inbound_calls"]) for row in wanted
    ]
    assert account.rows == 24
    assert verify(tmp_path) == (1, 24, [])


async def test_choices_are_kept(cms: CmsClient, tmp_path: Path) -> None:
    """A zone without a name and a format nobody knows are refused before anything is asked."""
    with pytest.raises(ConfigError, match="zone"):
        await cms.skill_states([1]).to_parquet(tmp_path, zone=datetime.now().astimezone().tzinfo)
    with pytest.raises(ConfigError, match="jsonl"):
        Target(tmp_path, "xlsx")  # type: ignore[arg-type]
