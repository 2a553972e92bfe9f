"""Paging that can be trusted, over sockets: every row once, or an error that says what is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import truth
from aiohttp import web
from attrs import evolve

from cc_async import AkSk, BatchError, CcError, CmsClient, PaginationLoop
from cc_async.simulator import Simulator
from cc_async.simulator.profiles import PROFILES

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]
Answer = Callable[[int, int, int], tuple[list[int], int | None]]
"""Number of the request from 1, limit, offset -> agent ids of the page, and the total it claims."""

BEGIN = datetime(2026, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)
TRUSTED = (
    "documented", "indicators_list", "count_large", "count_small", "count_missing", "count_text", "capped_50",
    "capped_1000", "limit_ignored", "by_time", "unsorted", "inclusive_end", "paging_text", "wrapped",
)  # fmt: skip


async def drain(rows: Any) -> tuple[list[Any], Exception | None]:
    """Every row that is handed out, and the error at the end."""
    got: list[Any] = []
    try:
        async for row in rows:
            got.append(row)
    except CcError as error:
        return got, error
    return got, None


@pytest.mark.parametrize("profile", TRUSTED)
@pytest.mark.parametrize("size", [100, "learn"])
async def test_every_habit_of_a_server_gives_all_rows_once(
    profile: str, size: Any, open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Whatever total, cap, order and shape: exactly the contact center's rows, batch and stream alike."""
    sim = await open_sim(profile=profile)
    query = make_cms(sim, page_size=size).system_indicators(begin=BEGIN, end=BEGIN + DAY, vdns=[1, 2, 3])
    expected = {
        (row["vdn"], row["interval_start"])
        for row in truth.system_indicators(sim, BEGIN, BEGIN + DAY, [1, 2, 3])
    }
    batch = await query
    assert {row.key for row in batch} == expected
    assert len(batch) == len(expected) == 864
    async with query.stream() as rows:
        assert {row.key async for row in rows} == expected
    assert rows.row_count == 864


@pytest.mark.parametrize("count", ["right", "missing", "large", "small"])
async def test_an_ignored_offset_is_told(count: Any, open_sim: OpenSim, make_cms: MakeCms) -> None:
    """PaginationLoop with the rows of the first page in the batch; the stream hands them out, then raises."""
    sim = await open_sim(profile=evolve(PROFILES["offset_ignored"], count=count))
    query = make_cms(sim).system_indicators(begin=BEGIN, end=BEGIN + DAY, vdns=[1, 2, 3])
    with pytest.raises(BatchError) as caught:
        await query
    assert [type(error) for error in caught.value.exceptions] == [PaginationLoop]
    assert len(caught.value.batch) == 100
    assert caught.value.batch.unanswered == query.question
    async with query.stream() as rows:
        got, error = await drain(rows)
    assert "ignore the offset" in str(error)
    assert len(got) == len(set(got)) == 100


class Scripted:
    """A server of agent states that answers as a function says."""

    def __init__(self) -> None:
        self.answer: Answer = lambda number, limit, offset: ([], 0)
        self.offsets: list[int] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.offsets.append(body["offset"])
        ids, total = self.answer(len(self.offsets), body["limit"], body["offset"])
        rows = [{"agentId": one, "currentState": 1, "currentStateTime": 5, "locationId": 1} for one in ids]
        answer: dict[str, Any] = {"resultCode": "0100000", "resultDesc": rows}
        return web.json_response(answer if total is None else answer | {"count": total})


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """The scripted server, closed at the end."""
    server = Scripted()
    runner = web.ServerRunner(web.Server(lambda request: server.handle(request)), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def agents(scripted: Scripted) -> AsyncIterator[CmsClient]:
    """A client of the scripted server."""
    async with CmsClient(scripted.url, AkSk("a", "s"), vdn=170, quota=None) as client:
        yield client


def page(rows: list[int], limit: int, offset: int) -> list[int]:
    """A page as an honest server cuts it."""
    return rows[offset : offset + limit]


EVERYBODY = list(range(101, 2901))
"""2 800 agents: three pages of 1 000."""


@pytest.mark.parametrize(
    "total",
    [
        lambda number, size: 2800,
        lambda number, size: None,
        lambda number, size: 2800 + 500 * number,
        lambda number, size: [2800, 1500, 2900][(number - 1) % 3],
        lambda number, size: 10**15,
        lambda number, size: size,
        lambda number, size: None if number > 1 else 2800,
        lambda number, size: 1,
    ],
    ids=["right", "missing", "grows", "jumps", "absurd", "of the page", "once", "one"],
)
async def test_a_wrong_total_is_no_error_while_pages_are_consistent(
    total: Callable[[int, int], int | None], scripted: Scripted, agents: CmsClient
) -> None:
    """All rows, once, in order."""

    def answer(number: int, limit: int, offset: int) -> tuple[list[int], int | None]:
        rows = page(EVERYBODY, limit, offset)
        return rows, total(number, len(rows))

    scripted.answer = answer
    batch = await agents.agent_states()
    assert [row.agent_id for row in batch] == EVERYBODY
    # Two readings at the most, and no more beside them than are in flight at the same time.
    assert len(scripted.offsets) <= 2 * 3 + 32


@pytest.mark.parametrize(("total", "requests"), [(2800, 1), (None, 2)])
async def test_limit_and_offset_ignored_is_everything_at_once(
    total: int | None, requests: int, scripted: Scripted, agents: CmsClient
) -> None:
    """More rows came than were asked for, and the same again: they are all there are."""
    scripted.answer = lambda number, limit, offset: (EVERYBODY, total)
    batch = await agents.agent_states()
    assert [row.agent_id for row in batch] == EVERYBODY
    assert len(scripted.offsets) == requests


async def test_an_agent_that_signs_off_while_pages_are_read(scripted: Scripted, agents: CmsClient) -> None:
    """Everybody behind moves up by one: the one that slipped between two pages is read the second time."""

    def answer(number: int, limit: int, offset: int) -> tuple[list[int], int]:
        rows = EVERYBODY if number == 1 else [one for one in EVERYBODY if one != 500]
        return page(rows, limit, offset), len(rows)

    scripted.answer = answer
    batch = await agents.agent_states()
    got = [row.agent_id for row in batch]
    assert len(got) == len(set(got))
    assert set(got) == set(EVERYBODY)
    assert scripted.offsets == [0, 1000, 2000, 0, 1000, 2000]


async def test_an_agent_that_comes_while_pages_are_read(scripted: Scripted, agents: CmsClient) -> None:
    """Everybody behind moves back by one: who comes twice is kept once, who is new is read later."""

    def answer(number: int, limit: int, offset: int) -> tuple[list[int], int]:
        rows = EVERYBODY if number == 1 else [100 + 5000, *EVERYBODY]
        return page(rows, limit, offset), len(rows)

    scripted.answer = answer
    batch = await agents.agent_states()
    got = [row.agent_id for row in batch]
    assert len(got) == len(set(got))
    assert set(got) == {5100, *EVERYBODY}
    assert (batch.complete, batch.request_count) == (True, 6)
    assert batch.dropped > 0


async def test_rows_that_never_stand_still(scripted: Scripted, agents: CmsClient) -> None:
    """A gap that stays is reported, with what did arrive, each once; ``partial`` returns it."""

    def answer(number: int, limit: int, offset: int) -> tuple[list[int], int]:
        start = offset - 40 if offset else 0  # pages begin with the end of the one before, the tail is cut
        return EVERYBODY[start : start + limit][: 760 if offset == 2000 else limit], 2800

    scripted.answer = answer
    with pytest.raises(BatchError, match="80 of 2800 are missing") as caught:
        await agents.agent_states()
    assert [type(error) for error in caught.value.exceptions] == [PaginationLoop]
    got = [row.agent_id for row in caught.value.batch]
    assert (len(got), len(set(got))) == (2720, 2720)
    assert len(scripted.offsets) == 6
    assert len(await agents.agent_states(partial=True)) == 2720
    async with agents.agent_states().stream() as rows:
        streamed, error = await drain(rows)
    assert isinstance(error, BatchError)
    assert [row.agent_id for row in streamed] == got


async def test_a_short_page_in_the_middle(scripted: Scripted, agents: CmsClient) -> None:
    """Once: made good by the second reading. Always: told."""

    def once(number: int, limit: int, offset: int) -> tuple[list[int], int]:
        rows = page(EVERYBODY, limit, offset)
        return rows[:700] if number == 2 else rows, 2800

    scripted.answer = once
    assert {row.agent_id for row in await agents.agent_states()} == set(EVERYBODY)

    def always(number: int, limit: int, offset: int) -> tuple[list[int], int]:
        rows = page(EVERYBODY, limit, offset)
        return rows[:700] if offset == 1000 else rows, 2800

    scripted.answer = always
    with pytest.raises(BatchError, match="came short"):
        await agents.agent_states()


async def test_pages_that_never_end(
    scripted: Scripted, agents: CmsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New agents for ever: stopped where there cannot be more."""
    monkeypatch.setattr("cc_async.batch.engine.UNBOUNDED_ROWS", 20_000)
    scripted.answer = lambda number, limit, offset: (list(range(101 + offset, 101 + offset + limit)), None)
    with pytest.raises(BatchError, match="no end is in sight"):
        await agents.agent_states()
    assert len(scripted.offsets) == 21


async def test_parallel_pages_after_the_first(scripted: Scripted, agents: CmsClient) -> None:
    """The first page travels alone; the others the total promises are asked together."""
    together = asyncio.Event()
    handle = scripted.handle

    async def waiting(request: web.Request) -> web.Response:
        if scripted.offsets:
            answer = await handle(request)
            if len(scripted.offsets) >= 6:
                together.set()
            await asyncio.wait_for(together.wait(), 5)
            return answer
        return await handle(request)

    scripted.handle = waiting  # type: ignore[method-assign]
    rows = list(range(101, 5601))
    scripted.answer = lambda number, limit, offset: (page(rows, limit, offset), len(rows))
    batch = await agents.agent_states()
    assert [row.agent_id for row in batch] == rows
    assert sorted(scripted.offsets) == [0, 1000, 2000, 3000, 4000, 5000]
