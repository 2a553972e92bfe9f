"""A partition under way: some rows in memory, full parts under temporary names."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

from cc_async.export import files, formats
from cc_async.export.layout import part_name
from cc_async.export.manifest import Entry, Part
from cc_async.export.schema import Columns, extend, length

if TYPE_CHECKING:
    from cc_async.export.folder import Folder

ROWS = 50_000
"""Rows of one part at the most: what a writer holds in memory."""


class Staged:
    """A partition under way: at most ``ROWS`` rows in memory, full parts under temporary names."""

    def __init__(self, folder: Folder, stem: str) -> None:
        self._folder = folder
        self._waiting: dict[date, Columns] = {}
        self._count = 0
        self.stem = stem
        """What its parts are named after; nobody else uses it."""
        self.parts: list[Part] = []
        self.entry: Entry | None = None
        """Set once it is done: from then on nothing is taken back."""

    @property
    def full(self) -> bool:
        """True when it is time to ``flush``."""
        return self._count >= ROWS

    def add(self, columns: Columns, day: date) -> None:
        """Take rows of one date."""
        extend(self._waiting.setdefault(day, self._folder.schema.empty()), columns)
        self._count += length(columns)

    def flush(self) -> None:
        """Write the rows in memory as parts."""
        for day, columns in self._waiting.items():
            if length(columns):
                self._write(day, columns)
        self._waiting.clear()
        self._count = 0

    def _write(self, day: date, columns: Columns) -> None:
        folder = self._folder
        name = part_name(day, self.stem, len(self.parts), folder.target.form)
        data = formats.encode(folder.target.form, columns, folder.schema.kinds)
        files.write_whole(folder.layout.staged(name), data)
        part = Part(name, length(columns), len(data), hashlib.sha256(data).hexdigest())
        self.parts.append(part)

    def discard(self) -> None:
        """Forget everything, unless it is done already."""
        self._waiting.clear()
        self._count = 0
        if self.entry is None:
            for part in self.parts:
                files.remove(self._folder.layout.staged(part.name))
            self.parts.clear()
