"""A small state file: whole or as it was before, with its kind and version inside."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from cc_async.errors import ExportError


def load(path: Path, kind: str, version: int) -> dict[str, Any] | None:
    """The body that was saved last; None: there is no file yet.

    Raises:
        ExportError: the file cannot be read, is damaged, is another kind, or of a newer release. It is left
            as it is: going on from nothing would lose sums without a word.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _told(path, error) from error
    try:
        found = msgspec.json.decode(text)
        of_kind, of_version, body = found["kind"], found["version"], found["body"]
    except (msgspec.DecodeError, KeyError, TypeError):
        raise damaged(path) from None
    if of_kind != kind or not isinstance(body, dict):
        raise ExportError(f"{path} is not a state of {kind}", hint="give another state_file=")
    if of_version != version:
        raise ExportError(
            f"{path} is of version {of_version}, but this release reads version {version}",
            hint="use the release that wrote it, or move it away to begin anew",
        )
    return body


def encode(kind: str, version: int, body: dict[str, Any]) -> bytes:
    """The text of a state."""
    return msgspec.json.encode({"kind": kind, "version": version, "body": body})


def write(path: Path, text: bytes) -> None:
    """Put a state in the place of the one before, in one step; blocks until it is on the disk.

    Raises:
        ExportError: it cannot be written; the state before is still there.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=path.name + ".", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise _told(path, error) from error


def damaged(path: Path) -> ExportError:
    """The error of a state that cannot be understood."""
    return ExportError(f"{path} is damaged", hint="restore it, or move it away to begin anew")


def _told(path: Path, error: OSError) -> ExportError:
    return ExportError(
        f"{path}: {error.strerror or type(error).__name__}",
        hint="the state before is untouched; give state_file= a place this user may write, with room",
    )
