"""The file in which the processes of one host count together: where its records lie, and whose file it is."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Final

from attrs import frozen

from cc_async.errors import ConfigError

_MAGIC: Final = b"cc_async quota\0\0"
VERSION: Final = 1
_HEADER: Final = struct.Struct("<16sI?3x16sdI")
_RECORD_HEAD: Final = struct.Struct("<I16s")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@frozen
class Table:
    """Records of one size, found by the digest of their key: each may lie in a few places only."""

    begin: int
    places: int
    size: int
    tries: int = 32

    @property
    def end(self) -> int:
        """The byte behind the last record."""
        return self.begin + self.places * self.size

    def read(self, file: int, digest: bytes) -> list[tuple[int, bytes]]:
        """The places where the record with this digest may lie, with what lies there."""
        first = int.from_bytes(digest[:8], "little") % (self.places - self.tries)
        begin = self.begin + first * self.size
        found = os.pread(file, self.tries * self.size, begin)
        return [(begin + at, found[at : at + self.size]) for at in range(0, len(found), self.size)]


# A record never crosses a page: what is written in one call is whole even when the writer is killed.
STANDINGS: Final = Table(4096, 1024, 256)
TALLIES: Final = Table(STANDINGS.end, 8192, 1024)
WHOLE: Final = TALLIES.end
"""Bytes of the file; what was never written takes no room on the disk."""


def digest_of(key: tuple[str, ...]) -> bytes:
    """What stands in the file for a key: neither address nor identity nor agent can be read from it."""
    return blake2b("\0".join(key).encode(), digest_size=16).digest()


def seal(digest: bytes, body: bytes) -> bytes:
    """Return a record: a check sum, the digest of its key, the body."""
    return _RECORD_HEAD.pack(zlib.crc32(digest + body), digest) + body


def name_of(record: bytes) -> bytes:
    """The digest in a record; zeros: nothing was ever written there."""
    return record[_RECORD_HEAD.size - 16 : _RECORD_HEAD.size]


def unseal(record: bytes, size: int) -> tuple[bytes, bytes | None]:
    """Return digest and body (of that size) of a record; no body: it is damaged, or nothing was written."""
    check, digest = _RECORD_HEAD.unpack_from(record)
    body = record[_RECORD_HEAD.size : _RECORD_HEAD.size + size]
    return digest, body if zlib.crc32(digest + body) == check else None


@frozen
class Header:
    """What the file begins with."""

    boot: bytes
    """Which start of the machine its times belong to; zeros where that can't be known."""
    system_clock: bool
    """True: its times are the machine's monotonic seconds; False: of a clock of one process, as in tests."""
    unknown_until: float = 0.0
    """It was made anew in the middle of use, at that time: what was sent before is not known."""

    def pack(self) -> bytes:
        """Return the header's bytes."""
        body = _HEADER.pack(_MAGIC, VERSION, self.system_clock, self.boot, self.unknown_until, 0)
        return body[:-4] + struct.pack("<I", zlib.crc32(body[:-4]))

    @classmethod
    def unpack(cls, data: bytes, path: Path) -> Header | None:
        """Read a header; None: it is damaged. Raises ConfigError for a file that is not ours to change."""
        if data and data[:16] != _MAGIC:
            text = f"{path} is no quota file of cc_async"
            raise ConfigError(text, hint="name a file that does not exist yet, or remove this one")
        if len(data) < _HEADER.size:
            return None
        _, version, system_clock, boot, unknown, check = _HEADER.unpack_from(data)
        if zlib.crc32(data[: _HEADER.size - 4]) != check:
            return None
        if version != VERSION:
            text = f"{path} was written by another release of cc_async (form {version}, not {VERSION})"
            raise ConfigError(text, hint="let all processes run one release, or name another file")
        return cls(boot, system_clock, unknown)


def boot_id() -> bytes:
    """Name this start of the machine: its monotonic clock began at 0 then."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text("ascii").strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(16)


def check_folder(path: Path) -> None:
    """Raise ConfigError when no file can be made there, or one is that is not ours; nothing is made yet."""
    folder = path.parent
    if not folder.is_dir():
        raise ConfigError(f"shared={str(path)!r}: the folder {folder} does not exist", hint="make it first")
    if path.is_dir():
        raise ConfigError(f"shared={str(path)!r} is a folder", hint="name a file in it")
    writable = os.access(path, os.R_OK | os.W_OK) if path.exists() else os.access(folder, os.W_OK | os.X_OK)
    if not writable:
        where = path if path.exists() else f"the folder {folder}"
        text = f"shared={str(path)!r}: {where} can't be written by this user"
        raise ConfigError(text, hint="all processes run as one user, who owns the folder")
    if path.is_file():
        with path.open("rb") as file:
            Header.unpack(file.read(_HEADER.size), path)


def open_file(path: Path, header: Header) -> int:
    """Open the file, made whole at once if it is not there; returns its descriptor. Raises ConfigError."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return _checked(os.open(path, flags), path)
        except FileNotFoundError:
            _make(path, header)
            return _checked(os.open(path, flags), path)
    except OSError as error:
        raise ConfigError(
            f"shared={str(path)!r}: {error.strerror}", hint="name a file on this disk"
        ) from None


def _make(path: Path, header: Header) -> None:
    """Write it under another name first: nobody ever sees half a file, and who comes second finds one."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, header.pack(), 0)
        os.truncate(file, WHOLE)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.close(file)
        os.unlink(draft)


def _checked(file: int, path: Path) -> int:
    """Refuse what is not ours, before anything is written into it."""
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ConfigError(f"shared={str(path)!r} is no plain file", hint="name one that is not there yet")
        Header.unpack(os.pread(file, _HEADER.size, 0), path)
    except BaseException:
        os.close(file)
        raise
    return file
