"""The manifest: one line per partition that is done. A line is the moment at which it is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from cc_async.batch.remainder import windows_of
from cc_async.contract.spec import Question, Window
from cc_async.errors import ExportError
from cc_async.export import files
from cc_async.export.cells import instant, instant_text
from cc_async.export.partitions import minus

_STALE = 1_000
"""Lines that no longer count before a manifest is written anew."""
_OTHER_CHOICE = "say the same as then, or write into another folder"
_OTHER_HOST = "write into another folder; if it is the same contact center at a new address, say moved"


@frozen
class Part:
    """One file, as it was when it was written."""

    name: str
    """Relative to ``DIR/<interface>``."""
    rows: int
    size: int
    sha256: str


@frozen
class Entry:
    """A partition that is done."""

    number: int
    question: Question
    parts: tuple[Part, ...]
    replaces: tuple[int, ...] = ()
    """Entries whose rows these are, too: they no longer count."""
    rejected: int = 0
    """Rows that could not be read."""
    again: tuple[Window, ...] = ()
    """Time in which rows could not be read: it is not done, and what was read of it will give way."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """The time it covers; none for polls."""
        return windows_of(self.question)

    @property
    def done(self) -> tuple[Window, ...]:
        """The time that need not be asked again."""
        return tuple(left for window in self.windows for left in self._done(window))

    def _done(self, window: Window) -> list[Window]:
        # One VDN to be asked again leaves all VDNs of that time not done.
        everyone = window.vdns is None
        return minus(window, [evolve(each, vdns=None) if everyone else each for each in self.again])

    def line(self) -> dict[str, Any]:
        """The entry as JSON has it."""
        return {
            "n": self.number,
            "question": json.loads(self.question.to_json()),
            "parts": [[part.name, part.rows, part.size, part.sha256] for part in self.parts],
            "replaces": list(self.replaces),
            "rejected": self.rejected,
            "again": json.loads(Question(self.question.interface, windows=self.again).to_json())
            if self.again
            else None,
        }

    def encoded(self) -> bytes:
        """The entry as a line of text."""
        return _line(self.line())

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Entry:
        """Read what ``line`` made."""
        return cls(
            line["n"],
            Question.from_json(json.dumps(line["question"])),
            tuple(Part(*part) for part in line["parts"]),
            tuple(line["replaces"]),
            line["rejected"],
            windows_of(Question.from_json(json.dumps(again))) if (again := line.get("again")) else (),
        )


class Manifest:
    """The entries that count, the next number, and the watermark of ``sync``."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one; a torn last line is as if it had never been written.

        Raises:
            ExportError: any other line cannot be read.
        """
        self.path = path
        self.header: Mapping[str, Any] | None = None
        self.entries: dict[int, Entry] = {}
        self.watermark: datetime | None = None
        self.begun: datetime | None = None
        """Where the earliest ``sync`` begins."""
        self.superseded: set[str] = set()
        """Parts that were replaced, as far as the file still tells."""
        self.next = 1
        self._lines = 0
        self.torn = False
        """True when the last line is not whole."""
        with files.guarded(path):
            data = path.read_bytes() if path.exists() else b""
        *lines, rest = data.split(b"\n")
        self.torn = bool(rest)
        self._whole = len(data) - len(rest)
        for number, line in enumerate(lines, 1):
            self._read(line, number)

    def _read(self, text: bytes, number: int) -> None:
        try:
            line = json.loads(text)
            if number == 1:
                self.header = {**line}
            elif "watermark" in line:
                self.watermark = instant(line["watermark"])
            elif "begun" in line:
                self.begun = instant(line["begun"])
            elif "gone" in line:
                self._forget(line["gone"])
            else:
                entry = Entry.read(line)
                old = (self.entries[number] for number in entry.replaces if number in self.entries)
                self.superseded.update(part.name for each in old for part in each.parts)
                self._take(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise ExportError(
                f"line {number} of {self.path} cannot be read: {error}",
                hint="restore the manifest from a backup, or move it away: what it knew is then asked again",
            ) from None
        self._lines += 1

    def _take(self, entry: Entry) -> None:
        self._forget(entry.replaces)
        self.entries[entry.number] = entry
        self.next = max(self.next, entry.number + 1)

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.entries.pop(number, None)

    def begin(self, header: Mapping[str, Any], *, moved: bool = False) -> None:
        """Make the file fit to write to: cut a torn line, write the header, or check that it agrees.

        ``moved`` lets the host be another one, which is entered.
        """
        if self.torn:
            with files.guarded(self.path), open(self.path, "ab") as file:
                file.truncate(self._whole)
            self.torn = False
        if self.header is None:
            self.header = header
            self._rewrite()
            return
        moved = moved and self.header.get("host") != header["host"]
        if moved:
            self.header = {**self.header, "host": header["host"]}
        self.agree(header)
        if moved or self._lines > _STALE + 2 * len(self.entries):
            self._rewrite()

    def agree(self, header: Mapping[str, Any]) -> None:
        """Raise ExportError when the folder was begun with other choices."""
        begun = self.header or {}
        for name, value in header.items():
            if begun.get(name) != value:
                raise ExportError(
                    f"{self.path.parent} was begun with {name}={begun.get(name)}, not {value}",
                    hint=_OTHER_HOST if name == "host" else _OTHER_CHOICE,
                )

    def add(self, *entries: Entry) -> None:
        """The entries are done from now on, and what they replace no longer counts."""
        self._append(*(entry.line() for entry in entries))
        for entry in entries:
            self._take(entry)

    def retire(self, numbers: Iterable[int]) -> None:
        """These entries no longer count: their parts are gone or damaged."""
        gone = list(numbers)
        self._append({"gone": gone})
        self._forget(gone)

    def reach(self, moment: datetime) -> None:
        """Everything before ``moment`` has been synced."""
        self._append({"watermark": instant_text(moment)})
        self.watermark = moment

    def since(self, moment: datetime) -> datetime:
        """Where a sync begins that was told this moment: there, or at an earlier one's begin."""
        if self.begun is None or moment < self.begun:
            self._append({"begun": instant_text(moment)})
            self.begun = moment
        return self.begun

    def _append(self, *lines: Mapping[str, Any]) -> None:
        files.append(self.path, b"".join(map(_line, lines)))
        self._lines += len(lines)

    def _rewrite(self) -> None:
        """Write only what counts, in one step."""
        lines = [self.header or {}, *(entry.line() for entry in self.entries.values())]
        if self.begun is not None:
            lines.append({"begun": instant_text(self.begun)})
        if self.watermark is not None:
            lines.append({"watermark": instant_text(self.watermark)})
        files.replace_whole(self.path, b"".join(map(_line, lines)))
        self._lines = len(lines)


def _line(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"
