"""What many writers have finished: a file per partition, whole or not there, first come first served."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from cc_async.contract.spec import Question, Window
from cc_async.errors import ExportError
from cc_async.export import files
from cc_async.export.layout import Layout
from cc_async.export.manifest import Entry


def key_of(question: Question, window: Window) -> str:
    """What a partition is called: the same wherever and however often it is asked."""
    asked = Question(question.interface, question.cc_id, windows=(window,))
    return hashlib.sha256(asked.to_json().encode()).hexdigest()[:16]


def found(layout: Layout, day: date | None = None) -> list[tuple[Path, Entry]]:
    """The slips of a folder, or of one date; raises ExportError for one that cannot be read."""
    return [(path, read(path)) for path in _paths(layout, day)]


def read(path: Path) -> Entry:
    """One slip; raises ExportError."""
    with files.guarded(path):
        text = path.read_bytes()
    try:
        return Entry.read(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(
            f"{path} cannot be read: {error}",
            hint="move it away: its partition is then asked again",
        ) from None


def _paths(layout: Layout, day: date | None) -> Iterator[Path]:
    folder = layout.slip(day or date.min, "").parent
    yield from sorted(folder.glob("*.json") if day else folder.parent.glob("*/*.json"))
