"""The engine: which requests it sends, how many at a time, in which order, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.chunk import Chunk
from cc_async.batch.engine import CLIENT_WIDE, Engine, Piece
from cc_async.contract.endpoints import agent_states, signed_in_agents
from cc_async.contract.records import AgentState
from cc_async.errors import (
    AddressBlocked,
    CcError,
    CircuitOpen,
    ClosedError,
    ConnectError,
    PaginationLoop,
    ServerError,
    SignatureRejected,
    TlsError,
)
from cc_async.session.request import Page, Request

Send = Callable[[Request[Any]], Awaitable[Page[Any]]]


class Kept:
    """An end that keeps every piece and always has room."""

    def __init__(self) -> None:
        self.pieces: list[Piece[Any]] = []

    def room(self, turn: int, number: int) -> bool:
        return True

    def take(self, piece: Piece[Any]) -> None:
        self.pieces.append(piece)


class Narrow(Kept):
    """An end with room for so many requests, until its owner takes some away."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.left = room

    def room(self, turn: int, number: int) -> bool:
        if self.left == 0:
            return False
        self.left -= 1
        return True


@frozen
class Drawn:
    """What a send saw."""

    index: int
    offset: int | None


def single(count: int) -> Iterator[Chunk[Any]]:
    """Chunks of one request each."""
    for index in range(count):
        yield Chunk(index, Request(signed_in_agents, {"skillId": index + 1}, part=f"skill {index + 1}"), 170)


def many_pages(count: int) -> Iterator[Chunk[Any]]:
    """Chunks that are read in pages."""
    for index in range(count):
        yield Chunk(index, Request(agent_states, {"vdn": index + 1}, part=f"vdn {index + 1}"), index + 1)


def engine(
    send: Send, chunks: Iterator[Chunk[Any]], end: Any, workers: int = 4, size: int = 10
) -> Engine[Any]:
    """An engine over plain functions."""
    return Engine(send, chunks, end, workers=workers, page_size=size)


def page_of(rows: range, request: Request[Any], total: int | None) -> Page[AgentState]:
    """The page of a server with these rows."""
    offset, limit = request.params["offset"], request.params["limit"]
    found = [AgentState(row) for row in rows[offset : offset + limit]]
    return Page(found, len(found), total)


EMPTY: Page[Any] = Page((), 0)


async def test_nothing_to_ask() -> None:
    """No chunk, no request."""

    async def send(request: Request[Any]) -> Page[Any]:
        raise AssertionError("nothing is asked")

    end = Kept()
    asked = engine(send, single(0), end)
    await asked.run()
    assert (end.pieces, asked.requests, list(asked.unfinished())) == ([], 0, [])


async def test_requests_are_drawn_in_the_order_of_the_question() -> None:
    """At most ``workers`` at a time, the next one when one is answered."""
    drawn: list[int] = []
    under_way = most = 0

    async def send(request: Request[Any]) -> Page[Any]:
        nonlocal under_way, most
        drawn.append(request.params["skillId"])
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return EMPTY

    end = Kept()
    asked = engine(send, single(50), end, workers=7)
    await asked.run()
    assert drawn == list(range(1, 51))
    assert most == 7
    assert asked.requests == len(end.pieces) == 50
    assert all(piece.last and piece.number == 0 for piece in end.pieces)


async def test_the_chunks_are_drawn_lazily() -> None:
    """A question of a million chunks is never held in memory: no more is drawn than is under way, and one."""
    made = 0

    def chunks() -> Iterator[Chunk[Any]]:
        nonlocal made
        for chunk in single(1000):
            made += 1
            yield chunk

    ahead: list[int] = []
    answered = 0

    async def send(request: Request[Any]) -> Page[Any]:
        nonlocal answered
        await asyncio.sleep(0)
        ahead.append(made - answered)
        answered += 1
        return EMPTY

    await engine(send, chunks(), Kept(), workers=5).run()
    assert answered == 1000
    assert max(ahead) <= 5 + 2


async def test_a_single_request_makes_no_task() -> None:
    """One request is sent from the caller's own task."""
    tasks: set[asyncio.Task[Any] | None] = set()

    async def send(request: Request[Any]) -> Page[Any]:
        tasks.add(asyncio.current_task())
        return EMPTY

    await engine(send, single(1), Kept()).run()
    assert tasks == {asyncio.current_task()}


@given(
    sizes=st.lists(st.integers(0, 45), min_size=1, max_size=6),
    workers=st.integers(1, 6),
    counted=st.booleans(),
    delays=st.randoms(use_true_random=False),
)
def test_every_row_of_every_chunk_once(sizes: list[int], workers: int, counted: bool, delays: Any) -> None:
    """Whatever the sizes, the workers and the order of the answers: pages in place make the rows in order."""

    async def send(request: Request[Any]) -> Page[Any]:
        for _ in range(delays.randrange(5)):
            await asyncio.sleep(0)
        size = sizes[request.params["vdn"] - 1]
        return page_of(range(101, 101 + size), request, size if counted else None)

    end = Kept()
    asyncio.run(engine(send, many_pages(len(sizes)), end, workers=workers).run())
    for index, size in enumerate(sizes):
        mine = sorted(
            (piece for piece in end.pieces if piece.chunk.index == index), key=lambda piece: piece.number
        )
        rows = [row.agent_id for piece in mine if piece.kept for row in piece.kept.rows]
        assert rows == list(range(101, 101 + size))
        assert [piece.last for piece in end.pieces if piece.chunk.index == index].count(True) == 1
        assert all(piece.error is None for piece in mine)


@pytest.mark.looptime
async def test_the_first_page_is_asked_alone_and_the_others_together() -> None:
    """The total of the first page says how many to ask at once; offsets are strides of what it held."""
    drawn: list[int] = []
    under_way = most = 0

    async def send(request: Request[Any]) -> Page[Any]:
        nonlocal under_way, most
        drawn.append(request.params["offset"])
        under_way += 1
        most = max(most, under_way) if request.params["offset"] else 0
        await asyncio.sleep(0.001)
        under_way -= 1
        rows = range(101, 136)[request.params["offset"] :][:7]
        return Page([AgentState(row) for row in rows], len(rows), 35)

    await engine(send, many_pages(1), Kept(), workers=8).run()
    assert drawn == [0, 7, 14, 21, 28, 35][: len(drawn)]
    assert len(drawn) in (5, 6)
    assert most == 4


async def test_a_page_that_fails_ends_its_chunk_only() -> None:
    """The pages in flight are kept, no further one is asked; other chunks are read to the end."""

    async def send(request: Request[Any]) -> Page[Any]:
        await asyncio.sleep(0)
        if request.params["vdn"] == 1 and request.params["offset"] == 10:
            raise ServerError("no", status=500, attempts=3)
        return page_of(range(101, 131), request, None)

    end = Kept()
    asked = engine(send, many_pages(2), end, workers=1)
    await asked.run()
    first = [piece for piece in end.pieces if piece.chunk.index == 0]
    assert [(piece.number, piece.last, type(piece.error)) for piece in first] == [
        (0, False, type(None)),
        (1, True, ServerError),
    ]
    second = [row for piece in end.pieces if piece.chunk.index == 1 and piece.kept for row in piece.kept.rows]
    assert len(second) == 30
    assert asked.requests == 1 + 3 + 4
    assert asked.cause is None


async def test_a_server_that_ignores_the_offset_is_told() -> None:
    """PaginationLoop on the last piece of that chunk, with its part; the rows of the first page are kept."""

    async def send(request: Request[Any]) -> Page[Any]:
        return Page([AgentState(row) for row in range(101, 111)], 10, 40)

    end = Kept()
    await engine(send, many_pages(1), end, workers=2).run()
    assert sum(len(piece.kept.rows) for piece in end.pieces if piece.kept) == 10
    error = end.pieces[-1].error
    assert isinstance(error, PaginationLoop)
    assert (error.part, error.endpoint) == ("vdn 1", "agent_states")
    assert end.pieces[-1].last
    assert [piece.error for piece in end.pieces[:-1]] == [None] * (len(end.pieces) - 1)


@pytest.mark.looptime
@pytest.mark.parametrize("kind", CLIENT_WIDE)
async def test_an_error_of_the_whole_client_ends_everything(kind: type[CcError]) -> None:
    """Nothing further is asked, what is in flight is not waited for, and what was never begun is known."""
    drawn: list[int] = []

    async def send(request: Request[Any]) -> Page[Any]:
        skill = request.params["skillId"]
        drawn.append(skill)
        if skill == 5:
            raise kind("stop")
        await asyncio.sleep(0 if skill < 5 else 60)
        return EMPTY

    end = Kept()
    asked = engine(send, single(100), end, workers=4)
    await asked.run()
    assert asyncio.get_running_loop().time() < 1
    assert isinstance(asked.cause, kind)
    assert max(drawn) <= 9
    done = {piece.chunk.index + 1 for piece in end.pieces}
    assert done | {chunk.index + 1 for chunk in asked.unfinished()} == set(range(1, 101))
    assert [type(piece.error) for piece in end.pieces if piece.error] == [kind]


def test_which_errors_concern_the_whole_client() -> None:
    """A connection that failed is the matter of one part: the others may get through."""
    assert set(CLIENT_WIDE) == {SignatureRejected, AddressBlocked, TlsError, CircuitOpen, ClosedError}
    assert not issubclass(ConnectError, CLIENT_WIDE)


@pytest.mark.looptime
async def test_cancelled_it_cancels_what_is_in_flight() -> None:
    """Every send is cancelled and awaited; the chunks that were begun are unfinished."""
    ended: list[int] = []

    async def send(request: Request[Any]) -> Page[Any]:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(request.params["skillId"])
        return EMPTY

    asked = engine(send, single(20), Kept(), workers=6)
    task = asyncio.create_task(asked.run())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [1, 2, 3, 4, 5, 6]
    assert [chunk.index for chunk in asked.begun()] == [0, 1, 2, 3, 4, 5]
    assert len(list(asked.unfinished())) == 20
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.looptime
async def test_it_waits_for_room_and_goes_on_when_told() -> None:
    """A reader that is behind stops the drawing, not the engine; ``fill`` goes on where it stopped."""
    drawn: list[int] = []

    async def send(request: Request[Any]) -> Page[Any]:
        drawn.append(request.params["skillId"])
        await asyncio.sleep(0)
        return EMPTY

    end = Narrow(3)
    asked = engine(send, single(10), end, workers=2)
    task = asyncio.create_task(asked.run())
    await asyncio.sleep(0.01)
    assert drawn == [1, 2, 3]
    assert not task.done()
    end.left = 100
    asked.fill()
    await task
    assert drawn == list(range(1, 11))


async def test_an_error_that_is_none_of_ours_is_not_swallowed() -> None:
    """A mistake in the library itself comes out, and leaves no task."""

    async def send(request: Request[Any]) -> Page[Any]:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, ExceptionGroup)) as caught:
        await engine(send, single(3), Kept()).run()
    assert "ZeroDivisionError" in repr(caught.value)
    assert asyncio.all_tasks() == {asyncio.current_task()}
