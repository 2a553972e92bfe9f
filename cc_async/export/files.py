"""Files that are whole or not there: write, sync, rename; a lock; errors that say what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cc_async.errors import ExportError

try:
    import fcntl
except ImportError:  # not on Windows: there two writers are not noticed
    fcntl = None  # type: ignore[assignment]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into an ExportError that says what to do."""
    try:
        yield
    except OSError as error:
        raise _told(error, path) from error


def _told(error: OSError, path: Path) -> ExportError:
    if error.errno in _FULL:
        return ExportError(
            f"no space for {path}",
            hint="what was finished is safe; make room and start again, it goes on from there",
            code=errno.errorcode[error.errno or 0],
        )
    if error.errno in _DENIED:
        return ExportError(f"no permission for {path}", hint="choose a folder this user may write")
    return ExportError(f"{path}: {error.strerror or type(error).__name__}")


def write_whole(path: Path, data: bytes) -> None:
    """Write a new file and see it onto the disk; after an error it is not there."""
    with guarded(path):
        try:
            with open(path, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise


def replace_whole(path: Path, data: bytes) -> None:
    """Put a file in the place of another in one step."""
    temporary = path.with_name(path.name + ".tmp")
    write_whole(temporary, data)
    with guarded(path):
        os.replace(temporary, path)
        sync_folder(path.parent)


def append(path: Path, line: bytes) -> None:
    """Put a line at the end of a file and see it onto the disk; after an error the file is as it was."""
    with guarded(path), open(path, "ab", buffering=0) as file:
        size = file.tell()
        try:
            left = memoryview(line)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise


def move(source: Path, target: Path) -> None:
    """Rename a file into a folder that may not be there yet, and see that onto the disk."""
    with guarded(target):
        make_folder(target.parent)
        os.replace(source, target)
        sync_folder(target.parent)


def claim(path: Path, data: bytes, temporary: Path) -> bool:
    """Make a whole file unless there is one of that name; False when somebody was first.

    A hard link is made or is there already, on network file systems too; there is nothing in between.
    """
    write_whole(temporary, data)
    try:
        with guarded(path):
            make_folder(path.parent)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            sync_folder(path.parent)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and see its name in the one above onto the disk."""
    with guarded(folder):
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)


def remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    with guarded(path):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """See the names of a folder onto the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Lock:
    """One writer, or many that share, by a locked file; the system gives it back however a process ends."""

    def __init__(self, path: Path, *, shared: bool = False, wait: bool = False) -> None:
        """Take the lock; raises ExportError when another has it and may not share it, unless told to wait."""
        with guarded(path):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if fcntl is None:
            return
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(self._handle, kind if wait else kind | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise ExportError(
                f"another writer is at work in {path.parent}",
                hint="wait until it ends, or write into another folder",
                retryable=True,
            ) from None

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._handle)
