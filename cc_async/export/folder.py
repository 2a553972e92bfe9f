"""One interface of a folder, open for writing: what a lone writer and one of many have in common."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

from cc_async.contract.spec import Question, Window
from cc_async.errors import ExportError
from cc_async.export import files, formats
from cc_async.export.layout import Layout, Target
from cc_async.export.manifest import Entry, Manifest, Part
from cc_async.export.schema import Columns, Schema
from cc_async.export.staged import Staged


class Folder(ABC):
    """Where the parts lie, how they are written, what is done."""

    target: Target
    schema: Schema
    layout: Layout
    manifest: Manifest
    _lock: files.Lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @abstractmethod
    def stage(self, window: Window | None = None) -> Staged:
        """Begin a partition, of this window where it asks for a time; there is one under way at a time."""

    @abstractmethod
    def commit(self, staged: Staged, question: Question, **facts: Any) -> Entry:
        """The partition is whole: enter it as done, then put its parts in their places.

        ``facts`` are the other fields of ``Entry``.
        """

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

    def settle(self, entry: Entry) -> None:
        """Put the parts of an entry in their places, as far as they are not there yet."""
        for part in entry.parts:
            staged = self.layout.staged(part.name)
            if staged.exists():
                try:
                    files.move(staged, self.layout.part(part.name))
                except ExportError:
                    # Another of many writers may be doing the same.
                    if staged.exists():
                        raise
