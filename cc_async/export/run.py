"""The drive from a stream to the store: pieces in, partitions committed one after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from attrs import define, field

from cc_async.batch.chunk import INSTANT
from cc_async.batch.collect import incomplete
from cc_async.batch.piece import Piece
from cc_async.batch.result import Failure
from cc_async.batch.stream import Stream
from cc_async.contract.spec import Question, Window
from cc_async.errors import CcError
from cc_async.export.folder import Folder
from cc_async.export.partitions import runs
from cc_async.export.progress import Exported, OnProgress, Progress
from cc_async.export.ways import Partition, Snapshot, Way
from cc_async.session.request import Rejected

if TYPE_CHECKING:
    from cc_async.query import Query


@define(eq=False)
class Run:
    """One run into one store, and its account."""

    query: Query[Any]
    store: Folder
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

    async def snapshot(self) -> Exported:
        """Ask the question as it is and commit the answer as one partition; raises the same."""
        self.progress.total = 1
        origin = self.query.origin
        await self._ask(self.query.question, Snapshot(self.store, origin.now(), origin.partial))
        return self.account()

    async def _ask(self, question: Question, way: Way) -> None:
        part: Partition | None = None
        async with self.query.origin.again(question).stream() as stream:
            try:
                async for piece in stream.pieces():
                    if part is None or not way.holds(part, piece.chunk):
                        await self._finish(part, way, stream)
                        part = way.begin(piece.chunk)
                    await self._take(part, piece, way)
                    self._tell(stream)
                part = part or way.unanswered()
                await self._finish(part, way, stream)
            finally:
                if part is not None:
                    part.staged.discard()
                self._note(stream)
        if stream.cause is not None:
            stream.cause.batch = self.exported
            raise stream.cause

    async def _take(self, part: Partition, piece: Piece[Any], way: Way) -> None:
        part.last = part.last or piece.last
        bad = 0 if piece.page is None else len(piece.page.rejected)
        part.rejected += bad
        if piece.error is not None or (bad and not self.query.origin.partial):
            part.failed = True
        if piece.kept is None:
            return
        rows = [row for row in piece.kept.rows if part.drop is None or not part.drop(row)]
        self.progress.rows += len(rows)
        if not rows or not way.takes(part):
            return
        moments = [moment for row in rows if (moment := getattr(row, INSTANT, None)) is not None]
        part.newest = max([*moments, part.newest] if part.newest else moments, default=None)
        part.rows += len(rows)
        schema, privacy = self.store.schema, self.store.target.privacy
        part.staged.add(privacy.apply(schema.columns(rows), schema), part.day)
        if part.staged.full:
            await to_thread.run_sync(part.staged.flush)

    async def _finish(self, part: Partition | None, way: Way, stream: Stream[Any]) -> None:
        """Commit what is whole; what is not leaves nothing behind."""
        if part is None:
            return
        if not way.whole(part, stream.cause is None):
            part.staged.discard()
            return
        await to_thread.run_sync(way.commit, part, stream.question, self.query.origin.now())
        if part.staged.entry is not None:
            self._parts += len(part.staged.parts)
            self._rows += part.rows
            self.progress.done += 1

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
