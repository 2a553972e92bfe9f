"""The drive from a stream to the store: pieces in, partitions committed one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from anyio import to_thread
from attrs import define, field, frozen

from cc_async.batch.chunk import INSTANT
from cc_async.batch.collect import incomplete
from cc_async.batch.piece import Piece
from cc_async.batch.result import Failure
from cc_async.batch.stream import Stream
from cc_async.contract.spec import Question, Window
from cc_async.errors import CcError
from cc_async.export.partitions import floored, runs
from cc_async.export.progress import Exported, OnProgress, Progress
from cc_async.export.store import Staged, Store
from cc_async.session.request import Rejected

if TYPE_CHECKING:
    from cc_async.query import Query

Drop = Callable[[Any], bool]


@frozen
class Answer:
    """A partition of a time question as it was answered."""

    window: Window
    now: datetime
    """The server's time, as far as it is known."""
    newest: datetime | None
    """Where the newest of its rows begins."""
    rejected: int

    def reached(self, period: int, settle: timedelta = timedelta()) -> datetime:
        """How far the window is done: periods that were not over are asked again another time."""
        end = floored(self.now - settle, period)
        if self.newest is not None:
            end = max(end, self.newest + timedelta(seconds=period))
        return min(end, self.window.end)


class Way(Protocol):
    """What happens to a partition of a time question."""

    def drop(self, window: Window) -> Drop | None:
        """A test for rows that are left out, or None when none are."""
        ...

    def commit(self, staged: Staged, answer: Answer) -> None:
        """Enter it as done; runs in a thread."""
        ...


@define(eq=False)
class _Partition:
    """The chunk under way."""

    turn: int
    window: Window | None
    day: date
    staged: Staged
    drop: Drop | None = None
    whole: bool = False
    """True when its last answer has come."""
    failed: bool = False
    rejected: int = 0
    rows: int = 0
    newest: datetime | None = None


@define(eq=False)
class Run:
    """One run into one store, and its account."""

    query: Query[Any]
    store: Store
    on_progress: OnProgress | None = None
    progress: Progress = field(init=False)
    _failures: list[Failure] = field(factory=list)
    _rejected: list[Rejected] = field(factory=list)
    _rejected_count: int = 0
    _rows: int = 0
    _parts: int = 0
    _asked: int = 0

    def __attrs_post_init__(self) -> None:
        self.progress = Progress(self.query.question.interface)

    async def windows(self, wanted: Iterable[Window], way: Way) -> Exported:
        """Ask these windows and commit each as it comes whole; raises what awaiting the query would."""
        for question in runs(self.query.question, wanted):
            await self._ask(question, way)
        return self.account()

    async def whole(self, question: Question, day: date) -> Exported:
        """Ask one question and commit it as one partition of that date."""
        await self._ask(question, None, day)
        return self.account()

    async def _ask(self, question: Question, way: Way | None, day: date | None = None) -> None:
        part: _Partition | None = None
        async with self.query.origin.again(question).stream() as stream:
            try:
                async for piece in stream.pieces():
                    if part is None or (way is not None and piece.turn != part.turn):
                        await self._finish(part, way, stream.question)
                        part = self._begin(piece, way, day)
                    await self._take(part, piece)
                    self._tell(stream)
                if part is None and way is None and stream.cause is None:
                    part = _Partition(0, None, day or self._today(), self.store.stage(), whole=True)
                await self._finish(part, way, stream.question)
            finally:
                if part is not None:
                    part.staged.discard()
                self._note(stream)
        if stream.cause is not None:
            stream.cause.batch = self.exported
            raise stream.cause

    def _today(self) -> date:
        return self.store.target.date_of(self.query.origin.now())

    def _begin(self, piece: Piece[Any], way: Way | None, day: date | None) -> _Partition:
        if way is None or piece.chunk.window is None:
            return _Partition(piece.turn, None, day or self._today(), self.store.stage())
        window = Window(*piece.chunk.window, piece.chunk.vdns)
        its_day = self.store.target.date_of(window.begin)
        return _Partition(piece.turn, window, its_day, self.store.stage(), way.drop(window))

    async def _take(self, part: _Partition, piece: Piece[Any]) -> None:
        part.whole = part.whole or piece.last
        bad = 0 if piece.page is None else len(piece.page.rejected)
        part.rejected += bad
        if piece.error is not None or (bad and not self.query.origin.partial):
            part.failed = True
        if piece.kept is None:
            return
        rows = piece.kept.rows
        if part.drop is not None:
            rows = [row for row in rows if not part.drop(row)]
        self.progress.rows += len(rows)
        part.rows += len(rows)
        if rows and part.window is not None:
            newest = max(map(attrgetter(INSTANT), rows))
            part.newest = newest if part.newest is None else max(newest, part.newest)
        if rows and not part.failed:
            schema, privacy = self.store.schema, self.store.target.privacy
            part.staged.add(privacy.apply(schema.columns(rows), schema), part.day)
            if part.staged.full:
                await to_thread.run_sync(part.staged.flush)

    async def _finish(self, part: _Partition | None, way: Way | None, question: Question) -> None:
        """Commit what is whole; what is not leaves nothing behind."""
        if part is None:
            return
        partial = way is None and self.query.origin.partial and self.progress.rows > 0
        if not part.whole or (part.failed and not partial):
            part.staged.discard()
            return
        await to_thread.run_sync(self._commit, part, way, question, self.query.origin.now())
        if part.staged.entry is not None:
            self._parts += len(part.staged.parts)
            self._rows += part.rows
            self.progress.done += 1

    def _commit(self, part: _Partition, way: Way | None, question: Question, now: datetime) -> None:
        if way is not None and part.window is not None:
            way.commit(part.staged, Answer(part.window, now, part.newest, part.rejected))
        else:
            self.store.commit(part.staged, question, rejected=part.rejected)

    def _tell(self, stream: Stream[Any]) -> None:
        self.progress.requests = self._asked + stream.request_count
        if self.on_progress is not None:
            self.on_progress(self.progress)

    def _note(self, stream: Stream[Any]) -> None:
        self._asked += stream.request_count
        self.progress.requests = self._asked
        self._failures.extend(stream.failures)
        self._rejected.extend(stream.rejected[:1000])
        self._rejected_count += stream.rejected_count

    @property
    def exported(self) -> Exported:
        """What has come of it so far."""
        progress = self.progress
        return Exported(
            progress.interface,
            self._rows,
            self._parts,
            self._asked,
            progress.done,
            progress.skipped,
            self._rejected_count,
            tuple(self._failures),
        )

    def account(self) -> Exported:
        """What it came to, or the error that says what is missing."""
        found = self.exported
        something = found.rows or found.done or found.skipped
        if found.complete or (self.query.origin.partial and something):
            return found
        error: CcError = incomplete(
            found.interface, self._failures, self._rejected_count, self._rejected, found.rows
        )
        error.batch = found
        raise error
