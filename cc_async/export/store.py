"""The folder of one interface, open for writing: parts under way, what is done, recovery after a kill.

A partition is written in four steps: its parts under temporary names, each on the disk; one line in the
manifest, which is the moment it is done; the parts renamed to their places; the parts it replaces removed.
Killed before the line, nothing has happened and the temporary files go at the next start. Killed after it,
the next start finishes the renaming.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import date
from types import TracebackType
from typing import Any, Self

from cc_async.contract.spec import Question
from cc_async.errors import ExportError
from cc_async.export import files, formats
from cc_async.export.layout import Layout, Site, Target, part_name
from cc_async.export.manifest import Entry, Manifest, Part
from cc_async.export.schema import Columns, Schema, extend, length

ROWS = 50_000
"""Rows of one part at the most: what a writer holds in memory."""
_log = logging.getLogger("cc_async")


class Store:
    """One interface of a folder; one writer at a time."""

    def __init__(
        self, target: Target, interface: str, site: Site, schema: Schema, *, polls: bool = False
    ) -> None:
        """Take the lock, read the manifest, finish or clear what a killed run left.

        Raises:
            ExportError: another writer is at work, the folder was begun with other choices, a manifest that
                cannot be read, or the system does not let us write.
        """
        self.target, self.schema = target, schema
        self.layout = Layout.of(target.directory, interface)
        files.make_folder(self.layout.work)
        self._lock = files.Lock(self.layout.lock)
        try:
            self.manifest = Manifest(self.layout.manifest)
            self.manifest.begin(target.header(interface, site, polls), moved=target.moved)
            files.make_folder(self.layout.data)
            self._recover()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def _recover(self) -> None:
        layout = self.layout
        known = {part.name: part for entry in self.manifest.entries.values() for part in entry.parts}
        for name in known:
            if layout.staged(name).exists():
                files.move(layout.staged(name), layout.part(name))
        for left in layout.work.glob("part-*.tmp"):
            files.remove(left)
        for name in layout.found():
            if name in self.manifest.superseded:
                files.remove(layout.part(name))
            elif name not in known:
                self._set_aside(name, "the manifest does not know it")

    def _set_aside(self, name: str, why: str) -> None:
        """Move a file to where no reader looks; nothing is thrown away."""
        source = self.layout.part(name)
        if source.exists():
            target = self.layout.aside / name.replace("/", "-")
            while target.exists():
                target = target.with_name("again-" + target.name)
            files.move(source, target)
            _log.warning("%s: %s; moved to %s", source, why, target)

    def damaged(self) -> list[Entry]:
        """The entries with a part that is missing or has another size; ``verify`` looks at contents too."""
        return [entry for entry in self.manifest.entries.values() if not all(map(self._intact, entry.parts))]

    def _intact(self, part: Part) -> bool:
        path = self.layout.part(part.name)
        with files.guarded(path):
            return path.is_file() and path.stat().st_size == part.size

    def retire(self, entries: list[Entry]) -> None:
        """These are done no longer: what is left of them is set aside, so that they can be asked again."""
        if not entries:
            return
        self.manifest.retire(entry.number for entry in entries)
        for part in (part for entry in entries for part in entry.parts):
            self._set_aside(part.name, "it belongs to a partition with a missing or damaged part")

    def load(self, part: Part) -> Columns:
        """The rows of a part; raises ExportError when it is not what was written."""
        path = self.layout.part(part.name)
        with files.guarded(path):
            data = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise ExportError(
                f"{path} is missing or damaged",
                hint="restore it, or remove it and run a backfill of that date",
            )
        return formats.decode(self.target.form, data, self.schema.kinds)

    def stage(self) -> Staged:
        """Begin a partition; there is one under way at a time."""
        return Staged(self, self.manifest.next)

    def commit(self, staged: Staged, question: Question, **facts: Any) -> Entry:
        """The partition is whole: enter it as done, then put its parts in their places.

        ``facts`` are the other fields of ``Entry``.
        """
        staged.flush()
        if staged.parts:
            files.sync_folder(self.layout.work)
        replaced = [self.manifest.entries[number] for number in facts.get("replaces", ())]
        entry = Entry(staged.number, question, tuple(staged.parts), **facts)
        self.manifest.add(entry)
        staged.entry = entry
        for part in entry.parts:
            files.move(self.layout.staged(part.name), self.layout.part(part.name))
        for old in (part for entry in replaced for part in entry.parts):
            files.remove(self.layout.part(old.name))
        return entry


class Staged:
    """A partition under way: at most ``ROWS`` rows in memory, full parts under temporary names."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._waiting: dict[date, Columns] = {}
        self._count = 0
        self.number = number
        """The number its entry will have."""
        self.parts: list[Part] = []
        self.entry: Entry | None = None
        """Set once it is done: from then on nothing is taken back."""

    @property
    def full(self) -> bool:
        """True when it is time to ``flush``."""
        return self._count >= ROWS

    def add(self, columns: Columns, day: date) -> None:
        """Take rows of one date."""
        extend(self._waiting.setdefault(day, self._store.schema.empty()), columns)
        self._count += length(columns)

    def flush(self) -> None:
        """Write the rows in memory as parts."""
        for day, columns in self._waiting.items():
            if length(columns):
                self._write(day, columns)
        self._waiting.clear()
        self._count = 0

    def _write(self, day: date, columns: Columns) -> None:
        store = self._store
        name = part_name(day, self.number, len(self.parts), store.target.form)
        data = formats.encode(store.target.form, columns, store.schema.kinds)
        files.write_whole(store.layout.staged(name), data)
        part = Part(name, length(columns), len(data), hashlib.sha256(data).hexdigest())
        self.parts.append(part)

    def discard(self) -> None:
        """Forget everything, unless it is done already."""
        self._waiting.clear()
        self._count = 0
        if self.entry is None:
            for part in self.parts:
                files.remove(self._store.layout.staged(part.name))
            self.parts.clear()
