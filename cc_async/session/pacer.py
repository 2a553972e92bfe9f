"""When a request may go out: quotas, throttle pauses and lock-outs, kept by key."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from cc_async.contract.spec import Quota
from cc_async.session.clock import Clock, LoopClock
from cc_async.session.locks import Credential, Lock, refusal
from cc_async.session.probation import Probation
from cc_async.session.quota import Window
from cc_async.session.slot import FREE, Slot, SlotGroup

__all__ = ["Credential", "Lock", "MemoryPacer", "PaceKey", "Pacer", "Slot"]

PaceKey = tuple[str, ...]
"""Host, identity of the credential, interface, and for a quota per agent the agent id."""


class Pacer(Protocol):
    """Holds the quotas, pauses and locks of its clients; two clients may share one."""

    @property
    def probation(self) -> Probation:
        """Which credentials have proven themselves: what locks them and what trusts them goes together."""
        ...

    async def acquire(self, wants: Sequence[tuple[PaceKey, Quota | None]]) -> Slot:
        """Return one slot that stands for all wants, taken in their order (agent first, then system).

        Waits for quota and pauses, in line. With None as the quota only pauses count. Raises
        SignatureRejected when the credential of a key is, or while waiting becomes, locked.
        """
        ...

    def paused_for(self, keys: Sequence[PaceKey]) -> float:
        """Seconds until none of these keys is paused any more; 0 when none is."""
        ...

    async def pause(self, key: PaceKey, seconds: float) -> None:
        """Let everybody of this key wait that long; never shortens a longer pause."""
        ...

    async def lock(self, credential: Credential, interface: str | None, seconds: float, reason: str) -> None:
        """Stop the use of a credential (host, identity), waiting calls included; None: for all interfaces."""
        ...

    async def unlock(self, credential: Credential, interface: str | None = None) -> None:
        """Allow a credential again, at one interface or (None) everywhere."""
        ...

    def locked(self, credential: Credential, interface: str) -> Lock | None:
        """Return the lock that stops this credential at this interface, or None."""
        ...

    def used(self, key: PaceKey) -> tuple[int, int]:
        """Return the slots counted now and the limit; (0, 0) for a key without a quota."""
        ...


class MemoryPacer:
    """The pacer of one process and one event loop.

    Keys that nobody uses any more are forgotten, so memory follows the keys in use. If a key is asked for
    with another quota than before, the new one holds for everybody from then on.

    Args:
        clock: where the time comes from; without one the first client's is taken.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self.probation = Probation()
        """Which credentials have proven themselves."""
        self._windows: dict[PaceKey, Window] = {}
        self._rounds: deque[PaceKey] = deque()
        self._locks: dict[tuple[Credential, str | None], Lock] = {}

    def bind(self, clock: Clock) -> None:
        """Take the time from this clock, if there is none yet."""
        if self._clock is None:
            self._clock = clock

    async def acquire(self, wants: Sequence[tuple[PaceKey, Quota | None]]) -> Slot:
        """Return one slot that stands for all wants, taken in their order; see ``Pacer``."""
        if self._locks:
            self._refuse_locked(wants)
        if len(wants) == 1:
            window = self._window(*wants[0])
            return FREE if window is None else window.take() or await window.acquire()
        slots: list[Slot] = []
        try:
            for key, quota in wants:
                window = self._window(key, quota)
                if window is not None:
                    slots.append(window.take() or await window.acquire())
        except BaseException:
            SlotGroup(slots).release()
            raise
        return SlotGroup(slots)

    def paused_for(self, keys: Sequence[PaceKey]) -> float:
        """Seconds until none of these keys is paused any more; 0 when none is."""
        until = 0.0
        for key in keys:
            window = self._windows.get(key)
            if window is not None and window.paused_until > until:
                until = window.paused_until
        return max(0.0, until - self._now().monotonic()) if until else 0.0

    async def pause(self, key: PaceKey, seconds: float) -> None:
        """Let everybody of this key wait that long; never shortens a longer pause."""
        window = self._windows.get(key) or self._add(key, None)
        window.pause(self._now().monotonic() + seconds)

    async def lock(self, credential: Credential, interface: str | None, seconds: float, reason: str) -> None:
        """Stop the use of a credential, waiting calls included; never shortens a longer lock."""
        clock = self._now()
        now = clock.monotonic()
        old = self._locks.get((credential, interface))
        lock = Lock(now, now + seconds, reason, interface)
        if old is not None and old.until > now:
            lock = Lock(old.since, max(old.until, lock.until), reason, interface)
        self._locks[credential, interface] = lock
        for key, window in self._windows.items():
            if key[:2] == credential and interface in (None, *key[2:3]):
                window.refuse(lambda: refusal(lock, clock))

    async def unlock(self, credential: Credential, interface: str | None = None) -> None:
        """Allow a credential again, at one interface or (None) everywhere."""
        for held in list(self._locks):
            if held[0] == credential and interface in (None, held[1]):
                del self._locks[held]

    def locked(self, credential: Credential, interface: str) -> Lock | None:
        """Return the lock that stops this credential at this interface, or None."""
        if not self._locks:
            return None
        for scope in (None, interface):
            lock = self._locks.get((credential, scope))
            if lock is not None:
                if lock.until > self._now().monotonic():
                    return lock
                del self._locks[credential, scope]
        return None

    def used(self, key: PaceKey) -> tuple[int, int]:
        """Return the slots counted now and the limit; (0, 0) for a key without a quota or not in use."""
        window = self._windows.get(key)
        if window is None or window.quota is None:
            return 0, 0
        return window.counted, window.quota.limit

    def _now(self) -> Clock:
        if self._clock is None:
            self._clock = LoopClock()
        return self._clock

    def _refuse_locked(self, wants: Sequence[tuple[PaceKey, Quota | None]]) -> None:
        for key, _ in wants:
            lock = self.locked((key[0], key[1]), key[2])
            if lock is not None:
                raise refusal(lock, self._now())

    def _window(self, key: PaceKey, quota: Quota | None) -> Window | None:
        window = self._windows.get(key)
        if window is None:
            return None if quota is None else self._add(key, quota)
        if window.quota is not quota and window.quota != quota:
            window.quota = quota
        return window

    def _add(self, key: PaceKey, quota: Quota | None) -> Window:
        # Each new key looks at two old ones, so that idle keys go at least as fast as new ones come.
        for _ in range(min(2, len(self._rounds))):
            old = self._rounds.popleft()
            if self._windows[old].idle:
                del self._windows[old]
            else:
                self._rounds.append(old)
        window = self._windows[key] = Window(quota, self._now())
        self._rounds.append(key)
        return window
