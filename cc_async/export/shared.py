"""A folder that many write to at once, on one machine or on many: a partition each, every row exactly once.

Who writes shares a lock that a lone writer (``backfill``, ``sync``) wants for itself. A partition is written
in three steps: its parts under temporary names of their own; a slip named after the partition, which is the
moment it is done, and which only the first of two writers of the same partition can make; the parts renamed
to their places. The next lone writer takes the slips into the manifest and clears what killed writers left.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from anyio import to_thread
from attrs import frozen

from cc_async.batch.remainder import windows_of
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Question, Window, Windows
from cc_async.errors import ExportError
from cc_async.export import files, slips
from cc_async.export.backfill import Fill
from cc_async.export.folder import Folder
from cc_async.export.layout import Layout, Site, Target
from cc_async.export.manifest import Entry, Manifest
from cc_async.export.partitions import Coverage, overlaps
from cc_async.export.progress import Exported, OnProgress
from cc_async.export.run import Run
from cc_async.export.schema import Schema
from cc_async.export.staged import Staged

if TYPE_CHECKING:
    from cc_async.query import Query


class Shared(Folder):
    """One interface of a folder, as one of many writers sees it; ``with folder.share():`` for each partition.

    The folder has been begun by a lone writer, whose choices hold; see ``Store``.
    """

    def __init__(self, directory: Path, interface: str, site: Site, schema: Schema) -> None:
        """Nothing is read before it is shared."""
        self.schema, self._site, self._interface = schema, site, interface
        self._directory = directory
        self.layout = Layout.of(directory, interface)
        self._read_at: tuple[int, int, int] | None = None

    def share(self) -> Self:
        """Be one of the writers until the block ends.

        Raises ExportError, a retryable one while a lone writer is at work.
        """
        if not self.layout.manifest.is_file():
            raise ExportError(
                f"{self._directory} was not begun here", hint="is this the folder that backfill was given?"
            )
        self._lock = files.Lock(self.layout.lock, shared=True)
        try:
            self._refresh()
        except BaseException:
            self._lock.release()
            raise
        return self

    def _refresh(self) -> None:
        """Read the manifest if it is another than last time; nobody writes to it while we share."""
        stat = os.stat(self.layout.manifest)
        now = stat.st_ino, stat.st_size, stat.st_mtime_ns
        if now == self._read_at:
            return
        self.manifest = Manifest(self.layout.manifest)
        self.target = _target(self._directory, self.manifest)
        mine = self.target.header(self._interface, self._site, False)
        # Rows of a time question have no agents: what becomes of agents is all the same.
        self.manifest.agree({name: value for name, value in mine.items() if name != "agents"})
        self._done = Coverage(self.target, _done(self.manifest.entries.values()))
        self._read_at = now

    @property
    def entries(self) -> list[Entry]:
        """All that is done, slips included."""
        return [*self.manifest.entries.values(), *(entry for _, entry in slips.found(self.layout))]

    def left(self, window: Window) -> list[Window]:
        """What of a partition nobody has finished; what was finished by one that was killed is settled.

        Time in which rows could not be read is left to a lone writer, who can put old and new rows together.
        """
        near = [entry for _, entry in slips.found(self.layout, self.target.date_of(window.begin))]
        for entry in near:
            self.settle(entry)
        again = [each for entry in (*self.manifest.entries.values(), *near) for each in entry.again]
        coverage = Coverage(self.target, _done(near))
        left = [piece for some in self._done.left(window) for piece in coverage.left(some)]
        return [piece for piece in left if not any(overlaps(piece, each) for each in again)]

    @property
    def done(self) -> Coverage:
        """What the manifest knows to be done."""
        return self._done

    def stage(self, window: Window | None = None) -> Staged:
        """Begin a partition; its parts bear its key, and a token that tells two writers of it apart."""
        if window is None:
            raise ValueError("only partitions of a time question have many writers")
        key = slips.key_of(Question(self._interface, self._site.cc_id), window)
        return Staged(self, f"{key}-{uuid.uuid4().hex[:8]}")

    def commit(self, staged: Staged, question: Question, **facts: Any) -> Entry:
        """Make the slip, unless another writer was first: then ours is thrown away.

        Raises a retryable ExportError when some of its time was done meanwhile, as part of another cut.
        """
        staged.flush()
        if staged.parts:
            files.sync_folder(self.layout.work)
        entry = Entry(0, question, tuple(staged.parts), **facts)
        slip = self.layout.slip(self.target.date_of(entry.windows[0].begin), staged.stem.partition("-")[0])
        # Named as parts under way are: what a killed writer leaves is cleared in the same way.
        temporary = self.layout.staged(f"part-{staged.stem}-slip")
        lock = files.Lock(self.layout.entering, wait=True)
        try:
            self._alone(staged, entry, slip)
            first = files.claim(slip, entry.encoded(), temporary)
        finally:
            lock.release()
        if not first:
            staged.discard()
            entry = slips.read(slip)
        else:
            staged.entry = entry
        self.settle(entry)
        return entry

    def _alone(self, staged: Staged, entry: Entry, slip: Path) -> None:
        """A writer so slow that its partition was ordered anew may find another cut of it done."""
        day = self.target.date_of(entry.windows[0].begin)
        others = [other for path, other in slips.found(self.layout, day) if path != slip]
        for mine in entry.windows:
            if any(overlaps(mine, each) for other in others for each in other.windows):
                staged.discard()
                raise ExportError(
                    f"other writers have done some of it: {mine.begin} to {mine.end}",
                    hint="ask again: what is left of it is written then",
                    retryable=True,
                )


@frozen
class Once(Fill):
    """Adds a partition to what is there, and replaces nothing: others may be writing the same."""

    def replaces(self, entry: Entry, window: Window) -> bool:
        """Never."""
        return False


async def fill(
    query: Query[Any], folder: Shared | str | PathLike[str], *, on_progress: OnProgress | None = None
) -> Exported:
    """Ask one partition of a time question and enter it, unless it is done; asks nothing then.

    Any number of processes, on any machines that see the folder, may do so at once. ``lacking`` begins the
    folder and tells the partitions.

    Raises:
        ExportError: the folder cannot be written; a retryable one while a lone writer is at work, or when
            others have done some of it meanwhile.
        CcError: as awaiting the query would; nothing of the partition is in the files.
    """
    rule = ENDPOINTS[query.question.interface].split
    if not isinstance(rule, Windows):
        raise ValueError(f"{query.question.interface} is not asked for a time")
    if not isinstance(folder, Shared):
        site = Site(query.origin.host, query.question.cc_id)
        folder = Shared(Path(folder), query.question.interface, site, Schema.of(query.origin.record))
    with await to_thread.run_sync(folder.share):
        wanted = [
            piece
            for window in windows_of(query.question)
            for piece in await to_thread.run_sync(folder.left, window)
        ]
        run = Run(query, folder, on_progress)
        run.progress.total, run.progress.skipped = len(wanted), int(not wanted)
        return await run.windows(wanted, Once(query.question, folder, rule.period, before=folder.done))


def _done(entries: Any) -> list[Window]:
    return [window for entry in entries for window in entry.done]


def _target(directory: Path, manifest: Manifest) -> Target:
    """The choices of the first run."""
    header = manifest.header or {}
    try:
        zone = UTC if header["zone"] == "UTC" else ZoneInfo(header["zone"])
        return Target(directory, header["format"], zone)
    except (KeyError, TypeError, ValueError, OSError):
        raise ExportError(f"{manifest.path} does not say how the folder was begun") from None
