"""The stream end of the engine: the rows of a batch, in order, with few requests ahead of the reader."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async.batch.collect import Collector
from cc_async.batch.engine import Engine
from cc_async.batch.result import Failure
from cc_async.batch.split import split
from cc_async.batch.stream import Stream
from cc_async.contract.endpoints import skill_call_stats, system_indicators
from cc_async.contract.records import SkillCallStats, SystemIndicators
from cc_async.contract.spec import Endpoint, Group, IdArray, Question, Windows
from cc_async.errors import BatchError, CcError, CircuitOpen, ConnectError, ServerError
from cc_async.session.request import Page, Rejected, Request

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
FIVE = timedelta(minutes=5)

Send = Callable[[Request[Any]], Awaitable[Page[Any]]]


@define(eq=False)
class Source:
    """The run behind a stream."""

    question: Question
    engine: Engine[Any] | None = None
    cause: CcError | None = None
    lost: tuple[Failure, ...] = ()


@define(eq=False)
class Setup:
    """A question, how it is cut, and who answers; made into a stream or a batch."""

    question: Question
    endpoint: Endpoint[Any]
    send: Send
    window: int = 8
    workers: int = 4
    page_size: int = 10
    partial: bool = False

    def engine(self, end: Any) -> Engine[Any]:
        chunks = split(self.question, self.endpoint, fair=True)
        return Engine(self.send, chunks, end, workers=self.workers, page_size=self.page_size)

    def stream(self) -> Stream[Any]:
        source = Source(self.question)

        async def run(stream: Stream[Any]) -> None:
            source.engine = self.engine(stream.buffer)
            await source.engine.run()
            source.cause = source.engine.cause
            stream.cut_off()

        return Stream(source, run, window=self.window, partial=self.partial, record=self.endpoint.record)

    async def batch(self) -> Any:
        collector = Collector(self.question, self.endpoint, lambda piece: None)
        engine = self.engine(collector)
        await engine.run()
        return collector.batch(engine.unfinished(), engine.cause, began=0, ended=0, requests=engine.requests)


class Server:
    """Answers from what the request asks, after a random number of turns of the loop."""

    def __init__(self, seed: int, *, cap: int = 1000, total: bool = True) -> None:
        self.random = random.Random(seed)
        self.cap, self.total = cap, total
        self.sent = 0
        self.failing: dict[int, CcError] = {}
        """What the n-th request, from 1, is answered with instead."""
        self.stuck: set[int] = set()
        """Requests that are never answered."""

    async def send(self, request: Request[Any]) -> Page[Any]:
        self.sent += 1
        number = self.sent
        if number in self.stuck:
            await asyncio.Event().wait()
        for _ in range(self.random.randrange(6)):
            await asyncio.sleep(0)
        if number in self.failing:
            raise self.failing[number]
        params = request.params
        if "skillIds" in params:
            vdn = params["vdn"]
            return Page(
                [SkillCallStats(skill, vdn=vdn) for skill in params["skillIds"]], len(params["skillIds"])
            )
        begin, end = (
            datetime.strptime(params[name], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            for name in ("beginDate", "endDate")
        )
        rows = [
            SystemIndicators(vdn, begin + n * FIVE)
            for vdn in params["vdn"]
            for n in range((end - begin) // FIVE)
        ]
        page = rows[params["offset"] :][: min(params["limit"], self.cap)]
        return Page(page, len(page), len(rows) if self.total else None)


def periods(count: int, vdns: int, *, rows: int = 30, width: int = 2) -> tuple[Question, Endpoint[Any]]:
    """So many periods of so many VDNs, in windows of few rows."""
    question = Question(
        "system_indicators", vdns=tuple(range(1, vdns + 1)), begin=BEGIN, end=BEGIN + count * FIVE
    )
    return question, evolve(system_indicators, split=Windows(max_vdns=width, rows=rows))


def skills(by_vdn: dict[int, int], *, items: int = 3) -> tuple[Question, Endpoint[Any]]:
    """So many skills of some VDNs, a few to a request."""
    groups = tuple(Group(vdn, tuple(range(1, count + 1))) for vdn, count in by_vdn.items())
    return Question("skill_call_stats", 1, groups), evolve(skill_call_stats, split=IdArray("skillIds", items))


def name(row: Any) -> Any:
    """What tells a row."""
    return (row.vdn, row.key)


async def drain(rows: Any) -> tuple[list[Any], Exception | None]:
    """Every row that is handed out, and the error at the end."""
    got: list[Any] = []
    try:
        async for row in rows:
            got.append(row)
    except CcError as error:
        return got, error
    return got, None


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 40),
    vdns=st.integers(1, 5),
    cap=st.sampled_from([3, 10, 1000]),
    total=st.booleans(),
    window=st.integers(1, 9),
    workers=st.integers(1, 6),
)
def test_a_stream_of_pages_is_the_batch(
    seed: int, count: int, vdns: int, cap: int, total: bool, window: int, workers: int
) -> None:
    """The same rows in the same order, whatever comes first, and never more than the window ahead."""

    async def main() -> None:
        question, endpoint = periods(count, vdns)
        server = Server(seed, cap=cap, total=total)
        setup = Setup(question, endpoint, server.send, window=window, workers=workers)
        got, read = [], 0
        async with setup.stream() as rows:
            async for piece in rows.pieces():
                read += 1
                assert server.sent - read <= window
                got += piece.kept.rows if piece.kept else []
                for _ in range(server.random.randrange(3)):
                    await asyncio.sleep(0)
        batch = await setup.batch()
        assert got == list(batch)
        assert len(set(map(name, got))) == len(got) == count * vdns
        assert rows.request_count == read

    asyncio.run(main())


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    by_vdn=st.dictionaries(st.integers(1, 9), st.integers(1, 20), min_size=1, max_size=4),
    window=st.integers(1, 6),
)
def test_a_stream_of_keys_has_the_rows_of_the_batch(seed: int, by_vdn: dict[int, int], window: int) -> None:
    """Each once, VDNs in turn, the rows of one VDN in the order of the question."""

    async def main() -> None:
        question, endpoint = skills(by_vdn)
        setup = Setup(question, endpoint, Server(seed).send, window=window)
        async with setup.stream() as rows:
            got = [row async for row in rows]
        batch = await setup.batch()
        assert sorted(map(name, got)) == sorted(map(name, batch))
        for vdn in by_vdn:
            mine = [row for row in got if row.vdn == vdn]
            assert mine == [row for row in batch if row.vdn == vdn]

    asyncio.run(main())


async def test_vdns_take_turns() -> None:
    """A VDN of many queues does not keep the others waiting."""
    question, endpoint = skills({1: 9, 2: 6, 3: 3})
    async with Setup(question, endpoint, Server(1).send, workers=1).stream() as rows:
        got = [row.vdn async for row in rows]
    assert got[::3] == [1, 2, 3, 1, 2, 1]


async def test_a_reader_that_stops_stops_the_requests() -> None:
    """As many requests as the window are ahead, not one more, until he reads on; then everything comes."""
    question, endpoint = periods(100, 2)
    server = Server(2)
    setup = Setup(question, endpoint, server.send, window=5)
    async with setup.stream() as rows:
        assert (await anext(rows)).vdn == 1
        for _ in range(200):
            await asyncio.sleep(0)
        assert server.sent == 6  # the page that is being read, and five ahead
        got = 1 + len([row async for row in rows])
    assert got == 200
    assert server.sent == 20


@pytest.mark.parametrize("way", ["break", "error", "cancel"])
async def test_leaving_early_leaves_nothing_running(way: str) -> None:
    """Whatever the way out, requests in flight are cancelled and no task stays."""
    before = asyncio.all_tasks()
    question, endpoint = periods(100, 2)
    server = Server(3)
    server.stuck = {4, 5}
    stream = Setup(question, endpoint, server.send).stream()

    async def read() -> None:
        async with stream as rows:
            async for _ in rows:
                if way == "break":
                    break
                if way == "error":
                    raise LookupError("the reader's own")

    task = asyncio.create_task(read())
    if way == "cancel":
        for _ in range(60):
            await asyncio.sleep(0)
        assert not task.done()  # it waits for the page that never comes
        task.cancel()
    (found,) = await asyncio.gather(task, return_exceptions=True)
    assert type(found) is {"break": type(None), "error": LookupError, "cancel": asyncio.CancelledError}[way]
    assert asyncio.all_tasks() == before
    with pytest.raises(RuntimeError, match="was left"):
        await anext(stream)


async def test_a_stream_is_entered_once_and_read_inside() -> None:
    """Misuse is a RuntimeError that says what to do."""
    question, endpoint = skills({1: 3})
    stream = Setup(question, endpoint, Server(4).send).stream()
    with pytest.raises(RuntimeError, match="async with"):
        await anext(stream)
    async with stream as rows:
        with pytest.raises(RuntimeError, match="entered once"):
            async with stream:
                pass
        assert [row.skill_id async for row in rows] == [1, 2, 3]


async def test_a_failed_part_is_told_at_the_end() -> None:
    """The other rows come first, then BatchError; ``failures`` and ``unanswered`` name the part, once."""
    question, endpoint = periods(30, 2)
    server = Server(5)
    server.failing = {n: ServerError("busy", status=503, attempts=3) for n in (5, 6)}
    async with Setup(question, endpoint, server.send, workers=1).stream() as rows:
        got, error = await drain(rows)
    assert isinstance(error, BatchError)
    failed = [failure.question for failure in rows.failures]
    assert len(failed) == len(error.exceptions) > 0
    assert len({part.begin for part in failed}) == len(failed)
    assert not rows.complete
    again = rows.unanswered
    assert again is not None
    async with Setup(again, endpoint, Server(5).send).stream() as more:
        rest = [row async for row in more]
    assert {name(row) for row in got} | {name(row) for row in rest} == {
        (vdn, (vdn, BEGIN + n * FIVE)) for vdn in (1, 2) for n in range(30)
    }


async def test_with_partial_a_stream_just_ends() -> None:
    """What failed is in ``failures``; but nothing at all is an error, bare when nothing is reachable."""
    question, endpoint = skills({1: 6})
    server = Server(6)
    server.failing = {1: ServerError("busy", status=503)}
    async with Setup(question, endpoint, server.send, partial=True).stream() as rows:
        assert [row.skill_id async for row in rows] == [4, 5, 6]
    assert [failure.keys for failure in rows.failures] == [(1, 2, 3)]
    server = Server(6)
    server.failing = dict.fromkeys((1, 2), ConnectError("refused"))
    async with Setup(question, endpoint, server.send, partial=True).stream() as rows:
        with pytest.raises(ConnectError):
            await anext(rows)


async def test_what_ends_everything_is_raised_after_what_arrived() -> None:
    """A page behind one that never came is handed out too, then the error is raised bare."""
    question, endpoint = skills({1: 30})
    server = Server(7)
    server.stuck, server.failing = {2}, {4: CircuitOpen("open")}
    async with Setup(question, endpoint, server.send, workers=2).stream() as rows:
        got, error = await drain(rows)
    assert type(error) is CircuitOpen
    assert [row.skill_id for row in got] == [1, 2, 3, 7, 8, 9]
    assert [failure.keys for failure in rows.failures] == [(4, 5, 6), (10, 11, 12)]
    assert rows.unanswered is not None
    assert rows.unanswered.groups == (Group(1, (4, 5, 6, *range(10, 31))),)


async def test_unreadable_rows_are_counted_and_bounded() -> None:
    """The first thousand are remembered one by one, all are counted."""
    question, endpoint = skills({1: 6})

    async def send(request: Request[Any]) -> Page[Any]:
        return Page([], 900, rejected=tuple(Rejected("no id", request.part, n) for n in range(900)))

    async with Setup(question, endpoint, send).stream() as rows:
        with pytest.raises(BatchError, match="1800 rows unreadable"):
            await anext(rows)
    assert (len(rows.rejected), rows.rejected_count) == (1000, 1800)


async def test_an_error_of_the_run_itself_comes_out() -> None:
    """Not swallowed, not hung on: a signer of the user that raises."""
    question, endpoint = skills({1: 3})

    async def send(request: Request[Any]) -> Page[Any]:
        raise ZeroDivisionError("the user's own")

    async with Setup(question, endpoint, send).stream() as rows:
        with pytest.raises(ZeroDivisionError):
            await anext(rows)
