"""A small state: whole or as it was before, with its kind and version inside; where it is kept is a seam."""

from __future__ import annotations

import os
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import msgspec
from anyio import to_thread

from cc_async.errors import ExportError

StateFile = str | PathLike[str]


class StateStore(Protocol):
    """Where a state is kept between two runs, or between a leader and its stand-by."""

    @property
    def name(self) -> str:
        """What errors call it; no secret in it."""
        ...

    def read(self) -> bytes | None:
        """The text that was there when the store was opened; None: there is none yet. Never waits long."""
        ...

    async def write(self, text: bytes) -> None:
        """Put a text in the place of the one before, in one step; raises a CcError when it is not kept."""
        ...


class FileStore:
    """A state in a file; its folder must exist, and one process writes it."""

    def __init__(self, path: StateFile) -> None:
        self._path = Path(path)

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def read(self) -> bytes | None:
        """The text of the file; None: there is no file. Raises ExportError."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _told(self._path, error) from error

    async def write(self, text: bytes) -> None:
        """As ``write_now``, in a thread.

        anyio waits for the thread even when cancelled: an older state never lands on a newer one.
        """
        await to_thread.run_sync(write, self._path, text)

    def write_now(self, text: bytes) -> None:
        """Write the file; blocks until it is on the disk. Raises ExportError."""
        write(self._path, text)


def store_of(state_file: StateFile | None, state: StateStore | None) -> StateStore | None:
    """The store that was given, one of the two ways or none; raises ValueError for both."""
    if state_file is None:
        return state
    if state is not None:
        raise ValueError("state_file= and state= exclude each other: a state is kept in one place")
    return FileStore(state_file)


def load(place: StateStore | Path, kind: str, version: int) -> dict[str, Any] | None:
    """The body that was saved last, in a store or a file; None: there is none yet.

    Raises:
        ExportError: it cannot be read, is damaged, is another kind, or of a newer release. It is left
            as it is: going on from nothing would lose sums without a word.
    """
    store = FileStore(place) if isinstance(place, Path) else place
    text = store.read()
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text)
        of_kind, of_version, body = found["kind"], found["version"], found["body"]
    except (msgspec.DecodeError, KeyError, TypeError):
        raise damaged(store) from None
    if of_kind != kind or not isinstance(body, dict):
        raise ExportError(f"{store.name} is not a state of {kind}", hint="give another state_file=")
    if of_version != version:
        raise ExportError(
            f"{store.name} is of version {of_version}, but this release reads version {version}",
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


def damaged(place: StateStore | Path) -> ExportError:
    """The error of a state that cannot be understood."""
    name = place if isinstance(place, Path) else place.name
    return ExportError(f"{name} is damaged", hint="restore it, or move it away to begin anew")


def _told(path: Path, error: OSError) -> ExportError:
    return ExportError(
        f"{path}: {error.strerror or type(error).__name__}",
        hint="the state before is untouched; give state_file= a place this user may write, with room",
    )
