"""Numbers 55 to 60: what users give, and pages that cannot be trusted."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cc_async import GatewayClient
from cc_async.errors import BatchError, NotSignedIn, PaginationLoop

from . import answers
from . import behaviours as do
from .checks import GUID, asking, asking_gateway, checked, failing, no_secret
from .server import Behaviour, FaultServer, Seen, Wire

BEGIN = datetime(2023, 11, 14, 22, 15, tzinfo=UTC)
PERIOD = timedelta(minutes=5)


@pytest.mark.parametrize(
    "wrong", ["../..", "１０１", True, "0101", 3.0, None, 100, -1, 2**70 * -1, "101/../102"]
)
async def test_fault_55_wrong_ids(wrong: Any) -> None:
    """An id that is none is refused by the method itself, before any connection."""
    async with FaultServer(then=do.good) as server:
        async with asking_gateway(server) as gateway:
            with pytest.raises((TypeError, ValueError)):
                gateway.agent_call_stats([101, wrong])
        async with asking(server) as cms:
            with pytest.raises((TypeError, ValueError)):
                cms.signed_in_agents([1, 0 if wrong == 100 else wrong])
        assert server.counters.connections == 0


@pytest.mark.parametrize("wrong", ["101", b"12"])
async def test_fault_55_text_in_place_of_ids(wrong: Any) -> None:
    """One text where many ids are wanted is a TypeError: "101" is not three agents."""
    async with FaultServer(then=do.good) as server, asking_gateway(server) as gateway:
        with pytest.raises(TypeError):
            gateway.agent_call_stats(wrong)


BAD_GUIDS = ["", " ", "abc\r\nX: y", "abc\n", "a b", "ü" * 8, "a\x00b", "abc;d"]


@pytest.mark.parametrize("end", BAD_GUIDS)
async def test_fault_56_guids_that_cannot_travel(end: str) -> None:
    """A GUID that no header can hold is refused, and not repeated in the error."""
    guid = GUID + end if end.strip() else end
    with pytest.raises(ValueError, match="GUID") as caught:
        GatewayClient("http://127.0.0.1:1", {101: guid})
    no_secret(caught.value.args)

    async def source(agent_id: int) -> str:
        return guid

    async with FaultServer(then=do.good) as server, asking_gateway(server, guids=source) as gateway:
        with pytest.raises(BatchError, match="GUID") as refused:
            await gateway.agent_call_stats([101])
        assert [type(error) for error in refused.value.exceptions] == [NotSignedIn]
        no_secret(str(refused.value))
        assert server.requests == []


async def test_fault_57_no_ids_and_the_same_id_twice() -> None:
    """No ids: an empty batch and no request. The same id twice: asked once."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        empty = await cms.skill_call_stats([])
        assert (len(empty), empty.request_count, empty.complete) == (0, 0, True)
        assert (await cms.task_stats([])).request_count == 0
        assert (await cms.system_indicators(begin=BEGIN, end=BEGIN + PERIOD, vdns=[])).request_count == 0
        assert server.counters.connections == 0
        await cms.skill_call_stats([3, 1, 3, 1, 3])
        assert server.requests[-1].json["skillIds"] == [3, 1]


async def test_fault_58_a_million_ids() -> None:
    """A million ids are planned in bounded memory, and streamed without holding their rows."""
    async with FaultServer(then=do.good) as server, asking(server, quota=None, concurrency=8) as cms:
        query = cms.skill_call_stats(by_vdn={vdn: range(1, 10_001) for vdn in range(1, 101)})
        assert query.plan().requests > 4000
        number = 1
        try:
            async with query.stream() as rows:
                assert (await anext(rows)).skill_id == 1
                # From here on: that the ids are cut at the first draw costs time when it is traced.
                tracemalloc.start()
                async for row in rows:
                    assert row.offered == row.skill_id + 5
                    number += 1
                    if number == 5_000:
                        break
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert number == 5_000
        assert len(server.requests) < 400
        assert peak < 16 * 2**20


async def test_fault_59_times() -> None:
    """Naive instants and empty stretches are refused before any I/O."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        with pytest.raises(TypeError):
            cms.system_indicators(begin=BEGIN.replace(tzinfo=None), end=BEGIN)
        with pytest.raises(ValueError):
            cms.system_indicators(begin=BEGIN, end=BEGIN - PERIOD)
        assert server.counters.connections == 0


async def test_fault_59_a_second_more_than_31_days_and_a_change_of_clocks() -> None:
    """Windows touch, none is longer than 31 days, all are UTC, and nothing is asked twice."""
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2024, 3, 1, 0, 0, tzinfo=berlin)
    end = begin.astimezone(UTC) + timedelta(days=31, seconds=1)
    empty = do.body(answers.cms({"data": [], "count": 0}))
    async with FaultServer(then=empty) as server, asking(server) as cms:
        await cms.system_indicators(begin=begin, end=end.astimezone(berlin), vdns=[1])
        asked = [(seen.json["beginDate"], seen.json["endDate"]) for seen in server.requests]
    spans = sorted((datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in asked)
    assert spans[0][0] == datetime(2024, 2, 29, 23, 0)  # noqa: DTZ001 - the wire has no zone
    assert spans[-1][1] >= end.replace(tzinfo=None)
    assert all(last - first <= timedelta(days=31) for first, last in spans)
    assert all(before[1] >= after[0] for before, after in pairwise(spans))


Rows = Callable[[int, int], tuple[list[dict[str, Any]], int | None]]
"""(offset, limit) -> rows and the count that is claimed."""


def pages(rows: Rows) -> Behaviour:
    """A server of system indicators whose pages this function makes."""

    async def behave(wire: Wire, seen: Seen) -> None:
        found, count = rows(int(seen.json["offset"]), int(seen.json["limit"]))
        told = {"data": found} if count is None else {"data": found, "count": count}
        await do.body(answers.cms(told))(wire, seen)

    return behave


ALL = [answers.indicator_row(vdn, answers.START + 300_000 * at) for vdn in (1, 2) for at in range(60)]
HOURS = {"begin": BEGIN, "end": BEGIN + 60 * PERIOD, "vdns": [1, 2]}
HONEST: dict[str, Rows] = {
    "right": lambda at, limit: (ALL[at : at + limit], 120),
    "missing": lambda at, limit: (ALL[at : at + limit], None),
    "too large": lambda at, limit: (ALL[at : at + limit], 99_999),
    "too small": lambda at, limit: (ALL[at : at + limit], 3),
    "capped": lambda at, limit: (ALL[at : at + min(limit, 7)], 120),
    "limit ignored": lambda at, limit: (ALL[at:], 120),
    "count of the page": lambda at, limit: (ALL[at : at + limit], len(ALL[at : at + limit])),
    "count shrinks": lambda at, limit: (ALL[at : at + limit], 120 - at // 2),
    "count grows": lambda at, limit: (ALL[at : at + limit], 120 + at),
}


@pytest.mark.parametrize("rows", HONEST.values(), ids=HONEST.keys())
async def test_fault_60_counts_that_lie(rows: Rows) -> None:
    """Whatever the count says, every row comes once."""
    async with FaultServer(then=pages(rows)) as server, asking(server, page_size=20, quota=None) as cms:
        batch = await cms.system_indicators(**HOURS)
        assert sorted(row.key for row in batch) == sorted({row.key for row in batch})
        assert len(batch) == 120
        assert len(server.requests) < 60


def _same_page_twice() -> Rows:
    return lambda at, limit: (ALL[0:limit] if at else ALL[:limit], 120)


def _endless() -> Rows:
    return lambda at, limit: (
        [answers.indicator_row(1 + (at + n) % 2, answers.START + 300_000 * (at + n)) for n in range(limit)],
        None,
    )


LIES = {"offset ignored": _same_page_twice(), "a page is never empty": _endless()}


@pytest.mark.parametrize("rows", LIES.values(), ids=LIES.keys())
async def test_fault_60_pages_that_cannot_be_trusted(rows: Rows) -> None:
    """Pages that repeat or never end stop with PaginationLoop, within a bounded number of requests."""
    async with FaultServer(then=pages(rows)) as server, asking(server, page_size=20, quota=None) as cms:
        error = await failing(cms.system_indicators(**HOURS), PaginationLoop, within=3)
        assert error.part
        assert len(server.requests) < 60
        with pytest.raises(BatchError) as caught:
            await cms.system_indicators(**HOURS)
        keys = [row.key for row in caught.value.batch]
        assert len(keys) == len(set(keys))
        checked(caught.value, PaginationLoop)


async def test_fault_60_rows_outside_of_the_window() -> None:
    """Rows before the begin and at the end are not kept: neighbouring questions share none."""
    around = [answers.indicator_row(1, answers.START + 300_000 * at) for at in range(-3, 9)]

    def rows(at: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        return around[at : at + limit], len(around)

    plus_two = timezone(timedelta(hours=2))
    async with FaultServer(then=pages(rows)) as server, asking(server) as cms:
        first = await cms.system_indicators(begin=BEGIN, end=BEGIN + 2 * PERIOD, vdns=[1])
        second = await cms.system_indicators(
            begin=(BEGIN + 2 * PERIOD).astimezone(plus_two), end=BEGIN + 4 * PERIOD, vdns=[1]
        )
    starts = [row.interval_start for batch in (first, second) for row in batch]
    assert starts == [BEGIN + n * PERIOD for n in range(4)]


def test_rows_of_the_tests_differ() -> None:
    """The rows above are 120 different ones."""

    def names() -> Iterator[tuple[int, str]]:
        return ((row["vdn"], row["beginTime"]) for row in ALL)

    assert len(set(names())) == 120
