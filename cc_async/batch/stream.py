"""The other end of the engine: rows in order, in bounded memory, as fast as they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from cc_async.batch.buffer import Buffer
from cc_async.batch.chunk import Chunk
from cc_async.batch.collect import for_part, incomplete
from cc_async.batch.engine import Engine, Piece
from cc_async.batch.merge import failure_of
from cc_async.batch.remainder import question_of, remainder
from cc_async.batch.result import Failure
from cc_async.contract.spec import Question
from cc_async.errors import CcError, ConnectError
from cc_async.session.request import Rejected

R = TypeVar("R")

KEPT_REJECTS = 1_000
"""Rejected rows remembered one by one: a stream has no end, its memory has one."""


class Source(Protocol[R]):
    """The run behind a stream, as far as its reader looks."""

    question: Question
    engine: Engine[R] | None
    cause: CcError | None
    lost: tuple[Failure, ...]


class Stream(Generic[R]):
    """The rows of a question one after another; any length in bounded memory.

    ::

        async with query.stream() as rows:
            async for row in rows: ...

    Rows come in the order of the question (VDNs in turn where there are several). A slow reader slows the
    requests. Leaving the block early, by ``break``, an error or a cancellation, leaves nothing running.

    When the rows are at an end and parts of the question failed or rows were unreadable, the iteration
    raises as awaiting the query would: an error that concerns the whole client bare, others in a
    ``BatchError``. With ``partial=True`` it just ends, unless nothing at all was answered. By then everything
    that arrived has been handed out.
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
        self._left = False
        self._ended = False
        self._rows: Iterator[R] = iter(())
        self._failed: dict[int, Failure] = {}
        self._never: list[Question] | None = None
        self._answered = False
        self.record = record
        """The class of the rows."""
        self.buffer: Buffer[R] = Buffer(window, self._note)
        self.on_piece: Callable[[Piece[R]], None] | None = None
        """Sees every answer as it comes, before its turn."""
        self.rejected: list[Rejected] = []
        """Rows that could not be read, so far; the first thousand of them."""
        self.rejected_count = 0
        self.dropped = 0
        """Rows that came but were not kept: duplicates, and rows nobody asked for."""
        self.row_count = 0
        """Rows handed out or waiting to be."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The parts that were not answered whole, so far; those never begun are in ``unanswered`` only."""
        return (*self._source.lost, *(self._failed[index] for index in sorted(self._failed)))

    @property
    def unanswered(self) -> Question | None:
        """One question of exactly what failed, or None; after a ``cause``, what was never begun too."""
        engine = self._source.engine
        if self._never is None and self.cause is not None and engine is not None and self.buffer.ended:
            begun = {chunk.index for chunk in engine.begun()}
            rest = (chunk for chunk in engine.unfinished() if chunk.index not in begun)
            self._never = [question_of(chunk, self.question) for chunk in rest]
        failed = [failure.question for failure in self.failures]
        return remainder(self.question, [*failed, *(self._never or ())])

    @property
    def complete(self) -> bool:
        """True when the end was reached, every part was answered and every row could be read."""
        return self._ended and not self.failures and not self.rejected_count and self.cause is None

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
        self._task = asyncio.create_task(self._guarded(), name=f"cc_async stream {self.question.interface}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._left, self._rows = self._task, True, iter(())
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # the reader saw it, or left before it mattered

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
            self._fail(piece.chunk, piece.error)
        elif piece.last and not (piece.page and piece.page.rejected):
            self._answered = True

    def cut_off(self) -> None:
        """Note that what was begun when the end came fails with its cause; the run says so at its end."""
        engine, cause = self._source.engine, self.cause
        if cause is not None and engine is not None:
            for chunk in engine.begun():
                self._fail(chunk, for_part(cause, chunk))

    def _fail(self, chunk: Chunk[R], error: CcError) -> None:
        if chunk.index not in self._failed:
            self._failed[chunk.index] = failure_of(chunk, self.question, error)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        for row in self._rows:
            return row
        while (piece := await self._next_piece()) is not None:
            if piece.kept is not None:
                self._rows = iter(piece.kept.rows)
                for row in self._rows:
                    return row
        self._close_account()
        raise StopAsyncIteration

    async def pieces(self) -> AsyncIterator[Piece[R]]:
        """The answers one by one, in order, failed ones included: for writers that keep account."""
        while (piece := await self._next_piece()) is not None:
            yield piece

    async def _next_piece(self) -> Piece[R] | None:
        task = self._task
        if task is None:
            raise RuntimeError("enter the stream first: 'async with query.stream() as rows'")
        if self._left:
            raise RuntimeError("the stream was left: make another with query.stream()")
        while True:
            piece = self.buffer.draw()
            if piece is not None:
                if self._source.engine is not None:
                    self._source.engine.fill()
                return piece
            if task.done():
                task.result()  # an error of the run itself comes out here
                self._ended = True
                return None
            await self.buffer.wait()

    def _close_account(self) -> None:
        if self.complete or (self._partial and (self.row_count or self._answered)):
            return
        errors = [failure.error for failure in self.failures]
        if self.cause is not None:
            raise self.cause
        nothing = not self.row_count and not self._answered
        if nothing and errors and all(isinstance(error, ConnectError) for error in errors):
            raise errors[0]  # nothing is reachable
        raise incomplete(
            self.question.interface, self.failures, self.rejected_count, self.rejected, self.row_count
        )
