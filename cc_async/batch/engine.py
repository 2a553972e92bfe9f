"""The engine: a few workers drawing chunks and pages. Batch and stream are two ends of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup
from attrs import define

from cc_async.batch.paging import Paging, paged
from cc_async.batch.piece import End, Piece
from cc_async.batch.split import Chunk, Kept, Seen, keep
from cc_async.errors import (
    AddressBlocked,
    CcError,
    CircuitOpen,
    ClosedError,
    PaginationLoop,
    SignatureRejected,
    TlsError,
)
from cc_async.session.request import Page, Request

__all__ = ["CLIENT_WIDE", "UNBOUNDED_ROWS", "End", "Engine", "Piece"]

R = TypeVar("R")

CLIENT_WIDE = (SignatureRejected, AddressBlocked, TlsError, CircuitOpen, ClosedError)
"""Errors that concern the client as a whole: nothing further is asked after one of them."""

UNBOUNDED_ROWS = 1_000_000
"""Most rows a chunk can hold where the contract names no bound (the newest agent ids have six digits)."""


@define(eq=False)
class _Reader(Generic[R]):
    """One chunk being read: its pages, and the keys of the rows seen so far."""

    chunk: Chunk[R]
    turn: int
    paging: Paging | None = None
    seen: Seen | None = None
    again: Seen | None = None
    """Rows of the second reading, if there is one."""
    kept: int = 0


Job = tuple[_Reader[R], int]


class Engine(Generic[R]):
    """Draws requests from the chunks, keeps up to ``workers`` of them in flight, hands on what comes."""

    def __init__(
        self,
        send: Callable[[Request[R]], Awaitable[Page[R]]],
        chunks: Iterator[Chunk[R]],
        end: End[R],
        *,
        workers: int,
        page_size: int,
    ) -> None:
        self._send = send
        self._chunks = chunks
        self._end = end
        self._workers = workers
        self._open: dict[int, _Reader[R]] = {}
        self._paged: dict[int, Paging] = {}
        self._held: Chunk[R] | None = None
        self._turn = 0
        self._active = 0
        self._group: TaskGroup | None = None
        self._full = False
        self._over = anyio.Event()
        self.page_size = page_size
        """Rows asked for per page, in the chunks that are drawn from now on."""
        self.requests = 0
        """Requests answered or failed so far, repeated attempts included."""
        self.cause: CcError | None = None
        """The error that concerned the client as a whole and ended everything, or None."""

    async def run(self) -> None:
        """Ask everything; return when all is answered, or when an error concerns the whole client."""
        job = self._draw()
        if job is None:
            return
        if self.peek() is None and job[0].paging is None:
            await self._ask(*job)  # a single request: no task is worth making
            return
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                self._start(job)
                self.fill()
                # A slow reader of a stream may leave nothing in flight and yet something to ask.
                await self._over.wait()
        finally:
            self._group = None

    def fill(self) -> None:
        """Start workers while there is something to ask; a stream calls this when its reader catches up."""
        if self._group is None:
            return
        while self._active < self._workers and (job := self._draw()) is not None:
            self._start(job)
        self._note_idle()

    def _note_idle(self) -> None:
        if self._active == 0 and not self._full:
            self._over.set()

    def peek(self) -> Chunk[R] | None:
        """The next chunk to be drawn, or None; before the run this is the first."""
        self._held = self._held or next(self._chunks, None)
        return self._held

    def begun(self) -> list[Chunk[R]]:
        """The chunks that were begun and not finished."""
        return [reader.chunk for reader in self._open.values()]

    def unfinished(self) -> Iterator[Chunk[R]]:
        """The chunks that were begun and not finished, and those that were never begun; told once."""
        yield from self.begun()
        if self._held is not None:
            yield self._held
        yield from self._chunks

    def _start(self, job: Job[R]) -> None:
        if self._group is not None:
            self._active += 1
            self._group.start_soon(self._work, job)

    async def _work(self, job: Job[R] | None) -> None:
        try:
            while job is not None:
                await self._ask(*job)
                job = self._draw()
        finally:
            self._active -= 1
            self._note_idle()

    def _draw(self) -> Job[R] | None:
        """The first request, in the order of the question, that may be sent now."""
        self._full = False
        if self.cause is not None:
            return None
        for turn, paging in self._paged.items():
            if (number := paging.next()) is not None:
                if not self._end.room(turn, number):
                    self._full = True
                    return None
                paging.draw()
                return self._open[turn], number
        chunk = self.peek()
        self._held = None
        if chunk is None:
            return None
        if not self._end.room(self._turn, 0):
            self._held, self._full = chunk, True
            return None
        reader = self._open[self._turn] = self._reader(chunk)
        self._turn += 1
        return reader, 0

    def _reader(self, chunk: Chunk[R]) -> _Reader[R]:
        if chunk.request.endpoint.pages is None:
            return _Reader(chunk, self._turn)
        paging = self._paged[self._turn] = Paging(self.page_size, chunk.most_rows or UNBOUNDED_ROWS)
        paging.draw()
        return _Reader(chunk, self._turn, paging, Seen())

    async def _ask(self, reader: _Reader[R], number: int) -> None:
        try:
            page = await self._send(self._request(reader, number))
        except CcError as error:
            self.requests += error.attempts
            if isinstance(error, CLIENT_WIDE):
                self._stop(error)
            self._failed(reader, number, error)
        else:
            self.requests += page.attempts
            self._answered(reader, number, page)
        if self.cause is None:
            self.fill()

    def _request(self, reader: _Reader[R], number: int) -> Request[R]:
        paging = reader.paging
        if paging is None:
            return reader.chunk.request
        return paged(reader.chunk.request, paging.limit, paging.offset(number), number)

    def _answered(self, reader: _Reader[R], number: int, page: Page[R]) -> None:
        kept = keep(page.rows, reader.chunk, reader.seen)
        error: CcError | None = None
        if (paging := reader.paging) is not None:
            reader.kept += len(kept.rows)
            once = self._once(reader, page) if paging.again else None
            paging.took(number, page.received, page.received - kept.duplicates, page.total, once)
            if reader.kept == reader.chunk.expect_rows:
                paging.complete()  # every VDN has a row for every period: an empty page would tell no more
            if paging.done and paging.problem is not None:
                request = reader.chunk.request
                error = PaginationLoop(
                    paging.problem,
                    endpoint=request.endpoint.name,
                    part=request.part,
                    attempts=page.attempts,
                    hint="ask a narrower time window, or again when fewer rows change",
                )
        self._hand_on(reader, number, kept, page, error)

    def _once(self, reader: _Reader[R], page: Page[R]) -> int:
        """Rows of a page that did not come before in the second reading."""
        reader.again = reader.again or Seen()
        return page.received - keep(page.rows, reader.chunk, reader.again).duplicates

    def _failed(self, reader: _Reader[R], number: int, error: CcError) -> None:
        if reader.paging is not None:
            reader.paging.failed()
        self._hand_on(reader, number, None, None, error)

    def _hand_on(
        self,
        reader: _Reader[R],
        number: int,
        kept: Kept[R] | None,
        page: Page[R] | None,
        error: CcError | None,
    ) -> None:
        last = reader.paging is None or reader.paging.done
        if last:
            self._open.pop(reader.turn, None)
            self._paged.pop(reader.turn, None)
        self._end.take(Piece(reader.chunk, reader.turn, number, last, kept, page, error))

    def _stop(self, error: CcError) -> None:
        """Nothing further is asked; what is in flight elsewhere is not waited for."""
        if self.cause is None:
            self.cause = error
            if self._group is not None:
                self._group.cancel_scope.cancel()
