"""What a book said last of pauses and locks, for whoever can't wait for its answer."""

from __future__ import annotations

from collections.abc import Sequence

from cc_async.session.book import Take
from cc_async.session.locks import Credential, Lock
from cc_async.session.pacer import PaceKey


class Mirror:
    """Pauses and locks as last heard, or as this process has set them since. Times are monotonic seconds."""

    __slots__ = ("_locks", "_pauses")

    def __init__(self) -> None:
        self._pauses: dict[PaceKey, float] = {}
        self._locks: dict[tuple[Credential, str | None], Lock] = {}

    def hear(self, take: Take, now: float) -> None:
        """Keep what the answer to a question for slots says."""
        if take.paused > 0:
            self._pauses[take.key] = now + take.paused
        else:
            self._pauses.pop(take.key, None)
        credential = (take.key[0], take.key[1])
        for scope in (None, take.key[2]):
            lock = take.locks.get(scope)
            if lock is None:
                self._locks.pop((credential, scope), None)
            else:
                self._locks[credential, scope] = lock

    def pause(self, key: PaceKey, until: float) -> None:
        """Set a pause; a longer one stays."""
        self._pauses[key] = max(self._pauses.get(key, 0.0), until)

    def paused_until(self, keys: Sequence[PaceKey]) -> float:
        """When none of these keys is paused any more; 0 when nothing is known of any."""
        return max((self._pauses.get(key, 0.0) for key in keys), default=0.0) if self._pauses else 0.0

    def forget_pause(self, key: PaceKey) -> None:
        """Nobody uses this key any more."""
        self._pauses.pop(key, None)

    def lock(self, credential: Credential, lock: Lock, now: float) -> Lock:
        """Set a lock and return the one that holds: a longer one stays."""
        old = self._locks.get((credential, lock.interface))
        if old is not None and old.until > now:
            lock = Lock(old.since, max(old.until, lock.until), lock.reason, lock.interface)
        self._locks[credential, lock.interface] = lock
        return lock

    def unlock(self, credential: Credential, interface: str | None) -> None:
        """Take a lock away, or (None) all locks of a credential."""
        for held in list(self._locks):
            if held[0] == credential and interface in (None, held[1]):
                del self._locks[held]

    def locked(self, credential: Credential, interface: str, now: float) -> Lock | None:
        """The lock that stops this credential at this interface, or None."""
        for scope in (None, interface) if self._locks else ():
            lock = self._locks.get((credential, scope))
            if lock is not None and lock.until > now:
                return lock
        return None
