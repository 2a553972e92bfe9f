"""Polls that are not in a part yet: one line each, on the disk before the next poll begins."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cc_async.contract.spec import Question
from cc_async.errors import ExportError
from cc_async.export import files
from cc_async.export.cells import instant, plain
from cc_async.export.schema import POLLED_AT, Columns, Schema, length
from cc_async.export.staged import ROWS
from cc_async.export.store import Store


class Journal:
    """The polls since the last part, in a file that is numbered as the entry they will become.

    Killed at any moment, nothing that was noted is lost: the next start makes parts of it, unless the entry
    of its number is there already.
    """

    def __init__(self, store: Store, question: Question) -> None:
        """Make parts of what an earlier run has left."""
        self._store = store
        self._question = question
        self._rows = 0
        self.since: datetime | None = None
        """The beat of its first poll."""
        for left in sorted(store.layout.work.glob("journal-*.jsonl")):
            if int(left.stem.removeprefix("journal-")) < store.manifest.next:
                files.remove(left)
                continue
            if left != self._path:
                files.move(left, self._path)
            self._rows = ROWS
            self.rotate()

    @property
    def _path(self) -> Path:
        return self._store.layout.work / f"journal-{self._store.manifest.next:06d}.jsonl"

    @property
    def full(self) -> bool:
        """True when its rows make a part."""
        return self._rows >= ROWS

    def note(self, columns: Columns, beat: datetime) -> None:
        """See the rows of one poll onto the disk."""
        line = json.dumps({name: list(map(plain, values)) for name, values in columns.items()})
        files.append(self._path, line.encode() + b"\n")
        self._rows += length(columns)
        self.since = self.since or beat

    def rotate(self) -> int:
        """Make parts of everything noted, and begin anew; returns how many."""
        if not self._rows:
            return 0
        path, store = self._path, self._store
        staged = store.stage()
        try:
            with files.guarded(path), open(path, "rb") as lines:
                for line in lines:
                    # A torn last line is a poll that was never noted.
                    if line.endswith(b"\n"):
                        columns = _columns(line, store.schema)
                        staged.add(columns, store.target.date_of(columns[POLLED_AT][0]))
                    if staged.full:
                        staged.flush()
            store.commit(staged, self._question)
        finally:
            staged.discard()
        files.remove(path)
        self._rows, self.since = 0, None
        return len(staged.parts)


def newest(store: Store) -> datetime | None:
    """The last beat there are polls of in the parts; None: there are none, or they cannot be read."""
    for entry in sorted(store.manifest.entries.values(), key=lambda entry: -entry.number):
        beats: list[datetime] = []
        with suppress(ExportError):
            beats = [beat for part in entry.parts for beat in store.load(part)[POLLED_AT]]
        if beats:
            return max(beats)
    return None


def _columns(line: bytes, schema: Schema) -> Columns:
    found = json.loads(line)
    return {
        name: [instant(value) if kind is datetime and value is not None else value for value in found[name]]
        for name, kind in schema.kinds.items()
    }
