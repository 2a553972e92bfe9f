"""The other end of the engine: rows in order, in bounded memory, as fast as they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from cc_async.batch.collect import incomplete
from cc_async.batch.engine import Engine, Piece
from cc_async.batch.merge import failure_of
from cc_async.batch.result import Failure
from cc_async.contract.spec import Question
from cc_async.errors import CcError
from cc_async.session.request import Rejected

R = TypeVar("R")

KEPT_REJECTS = 1_000
"""Rejected rows remembered one by one: a stream has no end, its memory has one."""


class Buffer(Generic[R]):
    """Pieces that came early, until it is their turn; says when more may be asked."""

    def __init__(self, window: int, on_piece: Callable[[Piece[R]], None]) -> None:
        """Let at most ``window`` requests be ahead of the reader; ``on_piece`` sees each as it comes."""
        self._window = window
        self._on_piece = on_piece
        self._early: dict[tuple[int, int], Piece[R]] = {}
        self._finished: set[int] = set()
        self._next = (0, 0)
        self._ahead = 0
        self._news = asyncio.Event()

    def room(self, turn: int, number: int) -> bool:
        """While few pieces are ahead of the reader; what the reader waits for always has room."""
        if self._ahead >= self._window and (turn, number) != self._next:
            return False
        self._ahead += 1
        return True

    def take(self, piece: Piece[R]) -> None:
        """Keep a piece until its turn."""
        self._on_piece(piece)
        self._early[piece.turn, piece.number] = piece
        if piece.last:
            self._finished.add(piece.turn)
        self._news.set()

    def end(self) -> None:
        """No more pieces will come."""
        self._news.set()

    async def wait(self) -> None:
        """Until something has come since the last look."""
        await self._news.wait()

    def draw(self) -> Piece[R] | None:
        """The next piece in order, or None when it has not come yet."""
        piece = self._early.pop(self._next, None)
        while piece is None and self._next[0] in self._finished:
            self._finished.remove(self._next[0])
            self._next = (self._next[0] + 1, 0)
            piece = self._early.pop(self._next, None)
        if piece is None:
            self._news.clear()
            return None
        self._next = (piece.turn, piece.number + 1)
        self._ahead -= 1
        return piece


class Source(Protocol[R]):
    """The run behind a stream, as far as its reader looks."""

    question: Question
    engine: Engine[R] | None
    cause: CcError | None


class Stream(Generic[R]):
    """The rows of a question one after another; any length in bounded memory.

    ::

        async with query.stream() as rows:
            async for row in rows: ...

    Rows come in the order of the question (VDNs in turn where there are several). A slow reader slows the
    requests. Leaving the block early, by ``break``, an error or a cancellation, leaves nothing running.

    When the rows are at an end and parts of the question failed or rows were unreadable, the iteration
    raises as awaiting the query would, ``partial=True`` excepted: an error that concerns the whole client
    bare, others in a ``BatchError``. By then everything that arrived has been handed out.
    """

    def __init__(
        self,
        source: Source[R],
        run: Callable[[Stream[R]], Coroutine[Any, Any, None]],
        *,
        window: int,
        partial: bool,
        record: type[R],
    ) -> None:
        self._source = source
        self._run = run
        self._partial = partial
        self._task: asyncio.Task[None] | None = None
        self._rows: Sequence[R] = ()
        self._at = 0
        self.record = record
        """The class of the rows."""
        self.buffer: Buffer[R] = Buffer(window, self._note)
        self.on_piece: Callable[[Piece[R]], None] | None = None
        """Sees every answer as it comes, before its turn."""
        self.failures: list[Failure] = []
        """The parts that were not answered whole, so far."""
        self.rejected: list[Rejected] = []
        """Rows that could not be read, so far; the first thousand of them."""
        self.rejected_count = 0
        self.dropped = 0
        """Rows that came but were not kept: duplicates, and rows nobody asked for."""
        self.row_count = 0
        """Rows handed out or waiting to be."""

    @property
    def request_count(self) -> int:
        """Requests sent so far, repeated attempts included."""
        engine = self._source.engine
        return 0 if engine is None else engine.requests

    @property
    def question(self) -> Question:
        """What is asked; its keys are looked up before the first row."""
        return self._source.question

    @property
    def cause(self) -> CcError | None:
        """The error that ended everything, or None."""
        return self._source.cause

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("a Stream is entered once; make another with query.stream()")
        self._task = asyncio.create_task(self._guarded())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = self._task
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait([task])

    async def _guarded(self) -> None:
        try:
            await self._run(self)
        finally:
            self.buffer.end()

    def _note(self, piece: Piece[R]) -> None:
        if self.on_piece is not None:
            self.on_piece(piece)
        if piece.kept is not None and piece.page is not None:
            self.row_count += len(piece.kept.rows)
            self.dropped += piece.kept.dropped
            self.rejected_count += len(piece.page.rejected)
            self.rejected.extend(piece.page.rejected[: KEPT_REJECTS - len(self.rejected)])
        if piece.error is not None:
            self.failures.append(failure_of(piece.chunk, self.question, piece.error))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        if self._at >= len(self._rows):
            piece = await self._next_piece()
            while piece is not None and not (piece.kept and piece.kept.rows):
                piece = await self._next_piece()
            if piece is None or piece.kept is None:
                self._close_account()
                raise StopAsyncIteration
            self._rows, self._at = piece.kept.rows, 0
        self._at += 1
        return self._rows[self._at - 1]

    async def pieces(self) -> AsyncIterator[Piece[R]]:
        """The answers one by one, in order, failed ones included: for writers that keep account."""
        while (piece := await self._next_piece()) is not None:
            yield piece

    async def _next_piece(self) -> Piece[R] | None:
        task = self._task
        if task is None:
            raise RuntimeError("enter the stream first: 'async with query.stream() as rows'")
        while True:
            piece = self.buffer.draw()
            if piece is not None:
                if self._source.engine is not None:
                    self._source.engine.fill()
                return piece
            if task.done():
                task.result()  # an error of the run itself comes out here
                return None
            await self.buffer.wait()

    def _close_account(self) -> None:
        if self._partial:
            return
        if self.cause is not None:
            raise self.cause
        if self.failures or self.rejected_count:
            raise incomplete(
                self.record.__name__, self.failures, self.rejected_count, self.rejected, self.row_count
            )
