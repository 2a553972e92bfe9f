"""One quota for many processes on many hosts, over Redis or Valkey; extra ``redis``."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from cc_async.errors import ConfigError
from cc_async.session import book as said
from cc_async.session.book import BookAway, BookRefuses, Op
from cc_async.session.clock import Clock
from cc_async.session.events import PacerChanged
from cc_async.session.local_book import LocalBook
from cc_async.session.quota import FLIGHT
from cc_async.session.shared_line import BEAT
from cc_async.session.shared_pacer import SharedPacer

try:
    from cc_async.integrations.redis_book import RedisBook
except ImportError as error:
    raise ConfigError("the package redis is not installed", hint="pip install 'cc_async[redis]'") from error

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logging.getLogger("cc_async")
_GRACE: Final = 1.0
"""Seconds for which a server that fails is tried again before its quota is done without."""
_TRY_AGAIN: Final = 0.05
_SLOTS: Final = (said.Land, said.Drop, said.Renew)
_MISSED: Final = 1000
"""What is kept, at most, to be told when the server is back."""


class RedisPacer(SharedPacer):
    """Quotas, pauses, lock-outs and the first try of a key, shared by all processes with one Redis or Valkey.

    Every slot is granted by one atomic script on the server's clock. One process that gets 401 or 429 stops
    all; what ``paused_for`` and ``locked`` say is at most a second old, and the script decides.

    When the server fails for a second, each process goes on alone with its share of every quota, ``limit //
    processes``, once what was sent before has left the window; it says so (a warning, and the event
    ``PacerChanged``), and returns by itself. So the quota is exceeded at most by the shares of the processes
    that are cut off while others still reach the server, never by more than one limit; where there are more
    processes than slots, a window may see one request of each. A wrong key then costs one request a process.
    A server that lost its data grants nothing until a window (of at most 10 s) is over. Its clock must not
    jump, and it must not evict keys (``maxmemory-policy noeviction``).

    Args:
        server: ``redis://[user:password@]host:6379/0``, ``rediss://``, ``unix://``, ``valkey://``, or a
            ``redis.asyncio.Redis``, which stays yours to close.
        prefix: what the names of all keys begin with; processes with the same prefix share.
        processes: how many share, at least; more that were heard of count as well.
        clock: where the time comes from; None: that of the first client.
        timeout: seconds for one exchange with the server.
        rng: where the jitter comes from.

    Raises:
        ConfigError: not the URL of such a server; nothing is connected before the first use. Calls raise it
            while a server that was never reached refuses the password, or the user lacks rights.
        TypeError, ValueError: an argument out of range.
    """

    def __init__(
        self,
        server: str | Redis,
        *,
        prefix: str = "cc_async",
        processes: int = 8,
        clock: Clock | None = None,
        timeout: float = 0.25,
        rng: Random | None = None,
        own: bool = False,
    ) -> None:
        if isinstance(processes, bool) or not isinstance(processes, int):
            raise TypeError(f"processes must be an int, not {type(processes).__name__}")
        if processes < 1:
            raise ValueError(f"processes must be 1 or more, not {processes}")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise TypeError(f"timeout must be seconds, not {type(timeout).__name__}")
        if not 0.001 <= timeout <= 60:
            raise ValueError(f"timeout must be 0.001 to 60 seconds, not {timeout}")
        if not isinstance(prefix, str) or not prefix or "{" in prefix or "}" in prefix:
            raise ValueError("prefix must be text without braces, such as 'cc_async'")
        self._common = RedisBook(server, prefix=prefix, timeout=timeout)
        super().__init__(self._common, clock=clock, rng=rng or Random(), own=own)  # noqa: S311 - jitter
        self._processes = processes
        self._reached: float | None = None
        self._alone: LocalBook | None = None
        self._missed: deque[Op] = deque(maxlen=_MISSED)
        self._is_back = False
        self._outages = 0
        self._probing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def alone(self) -> bool:
        """True while the server is out of reach and this process uses its share."""
        return self._alone is not None

    async def aclose(self) -> None:
        """Tell the server what is left to tell, and close the connections that were opened here."""
        probing, self._probing = self._probing, None
        if probing is not None and probing.get_loop() is asyncio.get_running_loop():
            probing.cancel()
            await asyncio.wait([probing])
        await super().aclose()
        if self._book is not self._common:
            await self._common.aclose()

    def __repr__(self) -> str:
        return f"RedisPacer({self._common.name!r})"

    def _beat(self, now: float) -> list[Op]:
        return super()._beat(now) or [said.Hello()]

    async def tell(self, ops: list[Op]) -> None:
        """Exchange with the server, or with this process's own book while it is away."""
        if self._alone is not None and self._is_back:
            await self._come_back(self._alone)
        if self._alone is None:
            await self._told_all(ops)
        if self._alone is not None:
            await self._tell_alone(self._alone, ops)

    async def _told_all(self, ops: list[Op]) -> None:
        """Tell the server; after trying for a while it is away, and that is announced."""
        failing: float | None = None
        # What was granted by the book of an outage was counted as a whole when the server came back.
        ops = [op for op in ops if not isinstance(op, _SLOTS) or op.slot.book is self._common]
        while True:
            try:
                await self._common.exchange(ops, self.clock)
            except BookAway as why:
                if isinstance(why, BookRefuses) and self._reached is None:
                    raise ConfigError(
                        f"{self._common.name} refuses us: {why}", hint=self._common.rights
                    ) from None
                now = self.clock.monotonic()
                failing = now if failing is None else failing
                if now - failing >= _GRACE:
                    await self._go_alone(str(why), now)
                    return
                await self.clock.sleep(_TRY_AGAIN * (0.5 + self.rng.random()))
            else:
                self._reached = self.clock.monotonic()
                return

    async def _go_alone(self, why: str, now: float) -> None:
        members = max(self._processes, self._common.members)
        since = now if self._reached is None else self._reached
        self._book = self._alone = alone = LocalBook(members, since)
        # What the server granted this process counts against its share as well.
        slots = [slot for slot in self._slots.open() if slot.book is self._common]
        await alone.exchange(
            [said.Count(slot.key, slot.quota, 1, now + FLIGHT + slot.quota.per, "") for slot in slots],
            self.clock,
        )
        text = "%s is away (%s): until it is back this process uses its share, 1 of %d, of every quota"
        _log.warning(text, self._common.name, why, members)
        self._announce("alone", members)

    async def _tell_alone(self, alone: LocalBook, ops: list[Op]) -> None:
        """Do here what can be done here, and keep what the server will want to know."""
        ours: list[Op] = []
        for op in ops:
            theirs = isinstance(op, _SLOTS) and op.slot.book is self._common
            if theirs or not isinstance(op, (said.Take, said.Claim, said.Hello, *_SLOTS)):
                self._missed.append(op)
            if not theirs:
                ours.append(op)
        await alone.exchange(ours, self.clock)
        loop = asyncio.get_running_loop()
        probing = self._probing
        if not self._is_back and (probing is None or probing.done() or probing.get_loop() is not loop):
            self._probing = loop.create_task(self._probe(), name="cc_async redis probe")

    async def _probe(self) -> None:
        """Look until the server answers again."""
        told = False
        while True:
            await self.clock.sleep(BEAT * (0.5 + self.rng.random()))
            try:
                await self._common.exchange([], self.clock)
            except BookAway as why:
                if isinstance(why, BookRefuses) and not told:
                    told = True
                    _log.warning(
                        "%s is there, but refuses us (%s): %s", self._common.name, why, self._common.rights
                    )
                continue
            self._is_back = True
            self._talk.wake()
            return

    async def _come_back(self, alone: LocalBook) -> None:
        """Tell the server what happened without it, and count there again; if it fails, go on alone."""
        self._is_back = False
        now = self.clock.monotonic()
        counts = list(alone.counts(now))
        for count in counts:
            self._outages += 1
            count.name = f"away-{self._outages}"
        try:
            await self._common.exchange([*self._missed, *counts], self.clock)
        except BookAway:
            return
        self._missed.clear()
        self._book, self._alone, self._reached = self._common, None, now
        _log.warning("%s is back: the quotas are shared again", self._common.name)
        self._announce("shared", self._common.members)

    def _announce(self, state: str, members: int) -> None:
        if self.watchers:
            self.watchers.tell(PacerChanged(self.clock.wall(), 0, "*", state, members))
