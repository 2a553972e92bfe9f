"""How answers become partitions: which answers belong together, when they are whole, how they are entered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from attrs import define, evolve, field, frozen

from cc_async.batch.chunk import Chunk
from cc_async.batch.remainder import covers
from cc_async.contract.spec import Question, Window
from cc_async.export.folder import Folder
from cc_async.export.manifest import Entry
from cc_async.export.partitions import floored, minus, overlaps, united
from cc_async.export.schema import chosen
from cc_async.export.staged import Staged

Drop = Callable[[Any], bool]


@define(eq=False)
class Partition:
    """The partition under way, as far as it was answered."""

    staged: Staged
    day: date
    window: Window
    """The time it asks for; of no length for a snapshot."""
    drop: Drop | None = None
    """A test for rows that are left out, or None when none are."""
    index: int = 0
    """The chunk it belongs to."""
    last: bool = False
    """True when the last answer of a chunk has come."""
    failed: bool = False
    """True when an answer did not come, or not readable where all of it is wanted."""
    rejected: int = 0
    rows: int = 0
    """Rows staged."""
    newest: datetime | None = None
    """Where the newest of its rows begins."""


class Way(Protocol):
    """What becomes of the answers of a stream."""

    def holds(self, partition: Partition, chunk: Chunk[Any]) -> bool:
        """True when the answers of this chunk belong to the partition."""
        ...

    def begin(self, chunk: Chunk[Any]) -> Partition:
        """The partition of this chunk."""
        ...

    def unanswered(self) -> Partition | None:
        """What stands for a stream that ended without an answer."""
        ...

    def takes(self, partition: Partition) -> bool:
        """True while it is of use to stage rows."""
        ...

    def whole(self, partition: Partition, ended: bool) -> bool:
        """True when it may be entered; ``ended`` says that nothing broke the stream off."""
        ...

    def commit(self, partition: Partition, question: Question, now: datetime) -> None:
        """Enter it; runs in a thread. ``question`` is the stream's, ``now`` the server's time."""
        ...


@frozen
class Snapshot:
    """All answers of a stream are one partition of one date, which is whole when the stream is."""

    store: Folder
    now: datetime
    partial: bool
    """True when the answers that came are wanted without those that failed."""

    def holds(self, partition: Partition, chunk: Chunk[Any]) -> bool:
        """Every chunk belongs to it."""
        return True

    def begin(self, chunk: Chunk[Any]) -> Partition:
        """The one partition there is."""
        return self.unanswered()

    def unanswered(self) -> Partition:
        """A question of nothing has a whole answer: no rows."""
        day = self.store.target.date_of(self.now)
        return Partition(self.store.stage(), day, Window(self.now, self.now, None))

    def takes(self, partition: Partition) -> bool:
        """Rows count after a failure, too, where a part of the answer is wanted."""
        return self.partial or not partition.failed

    def whole(self, partition: Partition, ended: bool) -> bool:
        """Nothing broke it off, and nothing failed or some of it was wanted and came."""
        return ended and (not partition.failed or (self.partial and partition.rows > 0))

    def commit(self, partition: Partition, question: Question, now: datetime) -> None:
        """Add it to those of earlier runs."""
        self.store.commit(partition.staged, question, rejected=partition.rejected)


@frozen
class Timed:
    """Every chunk of a time question is a partition; with what it replaces, its time is there once."""

    question: Question
    store: Folder
    period: int
    """Seconds between two rows of a VDN."""
    settle: timedelta = field(default=timedelta(), kw_only=True)
    """How long after its end a period is complete."""

    def drop(self, window: Window) -> Drop | None:
        """A test for rows of this window that are left out."""
        return None

    def replaces(self, entry: Entry, window: Window) -> bool:
        """True when rows of this entry may give way to those of the window."""
        return any(overlaps(each, window) for each in entry.again)

    def holds(self, partition: Partition, chunk: Chunk[Any]) -> bool:
        """A chunk may come in several pages."""
        return chunk.index == partition.index

    def begin(self, chunk: Chunk[Any]) -> Partition:
        """The partition of this chunk; raises ValueError for one without a time."""
        if chunk.window is None:
            raise ValueError(f"{chunk.part} asks for no time")
        window = Window(*chunk.window, chunk.vdns)
        day = self.store.target.date_of(window.begin)
        return Partition(self.store.stage(window), day, window, self.drop(window), chunk.index)

    def unanswered(self) -> None:
        """Nothing: no chunk, no partition."""
        return

    def takes(self, partition: Partition) -> bool:
        """After a failure all of it is asked again."""
        return not partition.failed

    def whole(self, partition: Partition, ended: bool) -> bool:
        """Its last answer has come and none failed, whatever broke the stream off later."""
        return partition.last and not partition.failed

    def commit(self, partition: Partition, question: Question, now: datetime) -> None:
        """Enter the window as far as the server's clock has come, old rows beside it written anew.

        With unreadable rows it is entered as to be asked again.
        """
        window = self._reached(partition, now)
        if window.end <= window.begin:
            return
        store = self.store
        old = [entry for entry in store.manifest.entries.values() if self.replaces(entry, window)]
        self._keep(old, partition, window)
        kept = [left for entry in old for each in entry.windows for left in minus(each, [window])]
        again = [left for entry in old for each in entry.again for left in minus(each, [window])]
        store.commit(
            partition.staged,
            united(self.question, [*kept, window]),
            replaces=tuple(entry.number for entry in old),
            rejected=partition.rejected,
            again=tuple([*again, window] if partition.rejected else again),
        )

    def _reached(self, partition: Partition, now: datetime) -> Window:
        """The window without the periods that were not over: they are asked another time."""
        end = floored(now - self.settle, self.period)
        if partition.newest is not None:
            end = max(end, partition.newest + timedelta(seconds=self.period))
        return evolve(partition.window, end=min(end, partition.window.end))

    def _keep(self, old: list[Entry], partition: Partition, window: Window) -> None:
        """Stage the rows of old parts that were not read again."""
        fresh, dropped = covers(Question(self.question.interface, windows=(window,)), None), partition.drop
        for part in (part for entry in old for part in entry.parts):
            columns = self.store.load(part)
            places = map(_Place, columns["interval_start"], columns["vdn"])
            stale = [fresh(place) and not (dropped is not None and dropped(place)) for place in places]
            partition.staged.add(chosen(columns, lambda at, stale=stale: not stale[at]), partition.day)  # type: ignore[misc]
            if partition.staged.full:
                partition.staged.flush()


@frozen
class _Place:
    """When and where a row of a file is, as ``covers`` looks at rows."""

    interval_start: Any
    vdn: int
