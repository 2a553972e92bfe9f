"""A book in a file: the processes of one host count together, without any service."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from cc_async.errors import ConfigError
from cc_async.session import file_layout as layout
from cc_async.session import standing, tally
from cc_async.session.book import Op
from cc_async.session.clock import Clock, counts_as_the_system
from cc_async.session.file_layout import STANDINGS, TALLIES, Header, digest_of
from cc_async.session.ledger import carry_out
from cc_async.session.locks import Credential, credential_key
from cc_async.session.pacer import PaceKey
from cc_async.session.probation import Key
from cc_async.session.shared_pacer import SharedPacer
from cc_async.session.standing import Standing
from cc_async.session.tally import Tally

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger("cc_async")
_WAIT: Final = 0.001
"""Seconds between two tries for the file's lock; who holds it needs some ten microseconds."""
_PATIENCE: Final = 1.0
"""Seconds without the lock after which that is told: its holder was stopped, not killed."""


class FileBook:
    """Counts in one small file under a lock of the kernel, which a dead process loses by itself.

    The file is read and written by position, not mapped: a mapped file that somebody cuts short, or a full
    disk below it, kills the process with SIGBUS. Nothing waits for the lock inside the kernel: whoever does
    not get it tries again in a moment, so the loop is never held up by another process. Times are the
    machine's monotonic clock (``CLOCK_MONOTONIC`` on Linux, the loop's own), the same in every process.

    Args:
        path: the file; made with mode 0600 on first use. On a local disk: only this host's processes count.
        rng: where the jitter comes from.

    Raises:
        ConfigError: the folder is missing or can't be written, or this system has no file locks of the kind.
    """

    def __init__(self, path: Path, rng: Random) -> None:
        self._file: int | None = None
        if sys.platform == "win32":
            text = "shared= needs the file locks of Linux or macOS, which this system does not have"
            raise ConfigError(text, hint="share the quota over Redis: pacer=RedisPacer(...)")
        layout.check_folder(path)
        self.path = path
        self._rng = rng
        self._pid = self._token = 0
        self._told = False
        self._boot = layout.boot_id()

    async def exchange(self, ops: Sequence[Op], clock: Clock) -> None:
        """Do what is said under the file's lock; raises ConfigError for a file that is not ours."""
        waited = 0.0
        while True:
            file = self._opened(clock)
            if self._locked(file):
                break
            pause = _WAIT * (0.5 + self._rng.random())
            await clock.sleep(pause)
            waited += pause
            if waited > _PATIENCE and not self._told:
                self._told = True
                _log.warning("%s: its lock is held by a process that does not go on", self.path)
        try:
            now = clock.monotonic()
            page = _Page(self, file, self._header(file, clock, now), now)
            carry_out(ops, page, now, self._token)
            page.write()
        except OSError as error:
            text = f"{self.path} can't be read or written: {error.strerror}"
            raise ConfigError(text, hint="look at the disk it is on") from None
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    async def aclose(self) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __del__(self) -> None:
        self.close()

    def _opened(self, clock: Clock) -> int:
        """The file at this path: when somebody took it away, the new one that the others will use, too."""
        if self._pid != os.getpid():  # made before a fork: each child is a process of its own
            self._pid, self._token = os.getpid(), int.from_bytes(os.urandom(8), "little") | 1
            self.close()
        if self._file is not None:
            try:
                if os.path.samestat(os.fstat(self._file), os.stat(self.path)):
                    return self._file
            except OSError:
                pass  # whatever is wrong with it is said when it is opened
            _log.warning("%s was removed or replaced while in use; counting goes on in a new file", self.path)
            self.close()
            self._file = layout.open_file(self.path, self._fresh(clock, hold=True))
        if self._file is None:
            self._file = layout.open_file(self.path, self._fresh(clock, hold=False))
        return self._file

    def _fresh(self, clock: Clock, *, hold: bool) -> Header:
        return Header(self._boot, counts_as_the_system(clock), clock.monotonic() if hold else 0.0)

    @staticmethod
    def _locked(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise ConfigError(f"no file lock to be had: {error.strerror}", hint="use a local disk") from None
        return True

    def _header(self, file: int, clock: Clock, now: float) -> Header:
        """The header; a file that is damaged or of an earlier start of the machine is made anew."""
        header = Header.unpack(os.pread(file, 64, 0), self.path)
        fresh = self._fresh(clock, hold=True)
        if header is not None and header.system_clock != fresh.system_clock:
            text = f"{self.path} counts in another clock than this client's"
            raise ConfigError(text, hint="tests under virtual time need a file of their own")
        if header is not None and header.boot == fresh.boot and os.fstat(file).st_size == layout.WHOLE:
            return header
        if header is None or header.boot == fresh.boot:
            _log.warning("%s is damaged and was made anew; a window is waited out first", self.path)
        else:
            fresh = self._fresh(clock, hold=False)  # nobody sends across a restart of the machine
        os.truncate(file, 0)
        os.truncate(file, layout.WHOLE)
        os.pwrite(file, fresh.pack(), 0)
        return fresh


class _Page:
    """What one exchange reads and changes: each record is read once, and written once at the end."""

    def __init__(self, book: FileBook, file: int, header: Header, now: float) -> None:
        self._path = book.path
        self._file = file
        self._header = header
        self._now = now
        self._tallies: dict[bytes, tuple[int, Tally]] = {}
        self._standings: dict[bytes, tuple[int, bytes, Standing, bytes]] = {}

    def tally(self, key: PaceKey) -> Tally | None:
        digest = digest_of(key)
        known = self._tallies.get(digest)
        if known is None:
            known = self._find_tally(digest)
            if known is None:
                return None
            self._tallies[digest] = known
        return known[1]

    def _find_tally(self, digest: bytes) -> tuple[int, Tally] | None:
        places = TALLIES.read(self._file, digest)
        for offset, record in places:
            if layout.name_of(record) == digest:
                body = layout.unseal(record, tally.SIZE)[1]
                return offset, Tally(unknown_until=self._damaged()) if body is None else Tally.unpack(body)
        return self._room(places)

    def _room(self, places: Iterable[tuple[int, bytes]]) -> tuple[int, Tally] | None:
        """A place for a new key: one that nobody uses any more."""
        taken = {offset for offset, _ in self._tallies.values()}
        room, unknown = None, self._header.unknown_until
        for offset, record in places:
            name, body = layout.unseal(record, tally.SIZE)
            if body is None and any(name):
                unknown = self._damaged()  # it may have been of this key
            free = body is None or Tally.unpack(body).idle(self._now)
            if free and room is None and offset not in taken:
                room = offset
            if not any(name):
                break  # places are filled in order
        return None if room is None else (room, Tally(unknown_until=unknown))

    def _damaged(self) -> float:
        _log.warning("%s: a damaged count is not used; a window is waited out", self._path)
        return self._now

    def standing(self, key: Key) -> Standing:
        digest = digest_of(key)
        known = self._standings.get(digest)
        if known is None:
            known = self._standings[digest] = self._find_standing(key, digest)
        return known[2]

    def _find_standing(self, key: Key, digest: bytes) -> tuple[int, bytes, Standing, bytes]:
        owner = digest_of(key[:3])
        places = STANDINGS.read(self._file, digest)
        for offset, record in places:
            if layout.name_of(record) == digest:
                body = layout.unseal(record, 16 + standing.SIZE)[1]
                if body is not None:
                    return offset, owner, Standing.unpack(body[16:]), body
        taken = {offset for offset, *_ in self._standings.values()}
        free = ((_last_use(record), offset) for offset, record in places if offset not in taken)
        return min(free)[1], owner, Standing(), b""

    def standings(self, credential: Credential) -> Iterable[Standing]:
        owner = digest_of(credential_key(credential))
        for offset in range(STANDINGS.begin, STANDINGS.end, STANDINGS.size):
            record = os.pread(self._file, STANDINGS.size, offset)
            name, body = layout.unseal(record, 16 + standing.SIZE)
            if body is not None and body[:16] == owner and name not in self._standings:
                self._standings[name] = offset, owner, Standing.unpack(body[16:]), body
        return [found for _, whose, found, _ in self._standings.values() if whose == owner]

    def write(self) -> None:
        for digest, (offset, found) in self._tallies.items():
            found.refresh(self._now, None)
            os.pwrite(self._file, layout.seal(digest, found.pack(self._now)), offset)
        for digest, (offset, owner, stands, before) in self._standings.items():
            body = owner + stands.pack()
            if body != before and (before or stands != Standing()):
                os.pwrite(self._file, layout.seal(digest, body), offset)


def _last_use(record: bytes) -> float:
    """When a standing was used last; 0 where nothing was written: that place goes first."""
    body = layout.unseal(record, 16 + standing.SIZE)[1] if any(layout.name_of(record)) else None
    return 0.0 if body is None else Standing.unpack(body[16:]).used_at


def file_pacer(path: str | os.PathLike[str]) -> SharedPacer:
    """The pacer of a client whose quota is shared by a file; closed with the client. Raises ConfigError."""
    rng = Random()  # noqa: S311 - jitter is no secret
    return SharedPacer(FileBook(Path(path).expanduser(), rng), rng=rng, own=True)
