"""Every part read again and compared with the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from cc_async.export import files, formats, slips
from cc_async.export.layout import WORK, Layout
from cc_async.export.manifest import Manifest, Part


@frozen
class Damage:
    """A part that is not what was written."""

    path: Path
    reason: str


def verify(directory: Path | str) -> tuple[int, int, list[Damage]]:
    """Read every part of every interface of a folder: parts, rows and what is wrong with them.

    Nothing is changed. A damaged part of a time question is asked again by the next backfill once it is
    removed. Raises ExportError for a manifest or a slip that cannot be read.
    """
    parts = rows = 0
    damages: list[Damage] = []
    for manifest in _manifests(Path(directory)):
        layout = Layout.of(Path(directory), manifest.path.parent.name)
        form = formats.check_format(str((manifest.header or {}).get("format")))
        entries = [*manifest.entries.values(), *(entry for _, entry in slips.found(layout))]
        known = [part for entry in entries for part in entry.parts]
        for part in known:
            parts, rows = parts + 1, rows + part.rows
            path = layout.part(part.name)
            if (reason := _problem(path, part, form)) is not None:
                damages.append(Damage(path, reason))
        strange = sorted(set(layout.found()) - {part.name for part in known})
        damages += [Damage(layout.part(name), "the manifest does not know it") for name in strange]
    return parts, rows, damages


def _manifests(directory: Path) -> Iterator[Manifest]:
    for path in sorted(directory.glob(f"{WORK}/*/manifest.jsonl")):
        yield Manifest(path)


def _problem(path: Path, part: Part, form: formats.Format) -> str | None:
    """What is wrong with a part, or None."""
    if not path.is_file():
        return "missing"
    with files.guarded(path):
        data = path.read_bytes()
    if len(data) != part.size:
        return f"{len(data)} bytes, not {part.size}"
    if hashlib.sha256(data).hexdigest() != part.sha256:
        return "its contents have changed"
    found = formats.count_rows(form, data)
    return None if found == part.rows else f"{found} rows, not {part.rows}"
