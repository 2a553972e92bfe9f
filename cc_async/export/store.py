"""The folder of one interface, open for writing: parts under way, what is done, recovery after a kill.

A partition is written in four steps: its parts under temporary names, each on the disk; one line in the
manifest, which is the moment it is done; the parts renamed to their places; the parts it replaces removed.
Killed before the line, nothing has happened and the temporary files go at the next start. Killed after it,
the next start finishes the renaming.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from attrs import evolve

from cc_async.contract.spec import Question, Window
from cc_async.export import files, slips
from cc_async.export.folder import Folder
from cc_async.export.layout import Layout, Site, Target
from cc_async.export.manifest import Entry, Manifest, Part
from cc_async.export.schema import Schema
from cc_async.export.staged import Staged

_log = logging.getLogger("cc_async")


class Store(Folder):
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
            self._absorb()
            self._recover()
        except BaseException:
            self._lock.release()
            raise

    def _absorb(self) -> None:
        """Enter into the manifest what many writers have finished since."""
        known = {(entry.question, entry.parts) for entry in self.manifest.entries.values()}
        found = slips.found(self.layout)
        # Killed between the two steps below, some are in the manifest already.
        new = [entry for _, entry in found if (entry.question, entry.parts) not in known]
        if new:
            self.manifest.add(*(evolve(one, number=n) for n, one in enumerate(new, self.manifest.next)))
        for path, _ in found:
            files.remove(path)
            with suppress(OSError):  # there are more
                path.parent.rmdir()

    def _recover(self) -> None:
        layout = self.layout
        known = {part.name for entry in self.manifest.entries.values() for part in entry.parts}
        for entry in self.manifest.entries.values():
            self.settle(entry)
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

    def stage(self, window: Window | None = None) -> Staged:
        """Begin a partition; its parts bear the number its entry will have."""
        return Staged(self, f"{self.manifest.next:06d}")

    def commit(self, staged: Staged, question: Question, **facts: Any) -> Entry:
        """Enter it, put its parts in their places, remove those it replaces."""
        staged.flush()
        if staged.parts:
            files.sync_folder(self.layout.work)
        replaced = [self.manifest.entries[number] for number in facts.get("replaces", ())]
        entry = Entry(self.manifest.next, question, tuple(staged.parts), **facts)
        self.manifest.add(entry)
        staged.entry = entry
        self.settle(entry)
        for old in (part for entry in replaced for part in entry.parts):
            files.remove(self.layout.part(old.name))
        return entry
