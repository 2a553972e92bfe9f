"""A lease in Redis: one process leads, another takes over when it dies; a leader stops in time by itself."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from anyio import CancelScope

from cc_async.errors import CcError
from cc_async.integrations.redis_link import RedisAway, connect, in_time, masked
from cc_async.session.clock import Clock, LoopClock

__all__ = ["Lease", "LeaseLost"]

T = TypeVar("T")
OnTell = Callable[[str], None]

# Asked again after an answer that was lost, it is ours all the same. The fencing token grows with every
# leader, after a loss of all data too: it is no lower than the time.
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    local time = redis.call('TIME')
    local token = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1,
                           time[1] * 1000 + math.floor(time[2] / 1000))
    redis.call('SET', KEYS[2], string.format('%.0f', token))
    return {1, token}
end
return {0, redis.call('PTTL', KEYS[1])}
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_GIVE_BACK = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_WRITE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""


class LeaseLost(CcError):
    """We lead no longer: the lease could not be renewed in time, or somebody else has it."""

    retryable = True


class Lease:
    """The right to lead under a name: one process has it, others wait for it.

    It holds ``length`` seconds and is renewed three times in them. The leader counts from the moment a
    renewal was sent, by its own clock, and gives up after nine tenths: before Redis lets anybody else lead.
    So there is at most one leader, and after a death none for at most ``length``. A leader that was
    stopped and does not know it yet cannot write: see ``write``.

    Args:
        url: of Redis or Valkey; no text shows its password.
        name: what is led, such as ``record:contact.example:443``.
        length: seconds; also how long a stand-by waits at most after a kill.
        on_tell: told in words what happens: waiting, leading, Redis away.
    """

    def __init__(
        self, url: str, name: str, *, length: float = 15.0, clock: Clock | None = None,
        on_tell: OnTell | None = None,
    ) -> None:  # fmt: skip
        if not 0.1 <= length < float("inf"):
            raise ValueError(f"length must be 0.1 seconds or more, not {length}")
        self.name, self.length = name, length
        self._where, self._deadline = masked(url), min(2.0, length / 5)
        self._redis = connect(url, deadline=self._deadline)
        self._clock, self._tell = clock, on_tell or (lambda text: None)
        self._holder = uuid.uuid4().hex
        self._scripts = {
            text: self._redis.register_script(text) for text in (_TAKE, _RENEW, _GIVE_BACK, _WRITE)
        }
        self._lost, self._leading = "", False

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def lead(self, work: Callable[[int], Awaitable[T]]) -> T:
        """Wait until we lead, then do the work; it is cancelled when the lease is lost.

        ``work`` is given the fencing token: a number that is higher for every later leader.

        Raises:
            LeaseLost: it was lost before the work was done. Lead again, or end.
            ConfigError: Redis refuses our password.
            RuntimeError: this lease leads a work already.
        """
        if self._leading:
            raise RuntimeError("a Lease leads one work at a time: make another one, with a name of its own")
        self._leading = True
        try:
            return await self._lead(work, self._clock or LoopClock())
        finally:
            self._leading = False

    async def _lead(self, work: Callable[[int], Awaitable[T]], clock: Clock) -> T:
        token, until = await self._take(clock)
        scope = CancelScope()
        self._lost = ""
        keeper = asyncio.create_task(self._keep(clock, until, scope), name=f"cc_async.lease.{self.name}")
        try:
            with scope:
                return await work(token)
        finally:
            keeper.cancel()
            with CancelScope(shield=True):
                await asyncio.gather(keeper, return_exceptions=True)
                await self._give_back()
        raise LeaseLost(f"{self.name} is no longer ours to lead: {self._lost}")

    async def read(self, name: str) -> bytes | None:
        """A text that a leader under this lease has written; raises RedisAway."""
        found = await in_time(self._redis.get(self._key(name)), self._deadline, self._where)
        return found.encode() if isinstance(found, str) else found

    async def write(self, name: str, text: bytes, token: int) -> None:
        """Keep a text for the next leader, unless there is one: then raises LeaseLost. Also RedisAway."""
        if not await self._run(_WRITE, [self._key("token"), self._key(name)], [token, text]):
            raise LeaseLost(f"{self.name} has another leader: what we know is not written over what it knows")

    async def _take(self, clock: Clock) -> tuple[int, float]:
        """Ask until it is ours: the token, and until when by our clock."""
        told = ""
        pause = min(1.0, self.length / 10)
        while True:
            asked, wait = clock.monotonic(), pause
            try:
                taken, number = await self._run(
                    _TAKE, [self._key("holder"), self._key("token")], [self._holder, self._milliseconds]
                )
                if taken:
                    self._tell(f"leads {self.name}")
                    return int(number), asked + self.length
                wait = min(pause, max(0.001, int(number) / 1000))
                news = f"stands by: another process leads {self.name}"
            except RedisAway as error:
                news = f"stands by, and cannot lead: {error.message}"
            if news != told:
                self._tell(news)
                told = news
            await clock.sleep(wait)

    async def _keep(self, clock: Clock, until: float, scope: CancelScope) -> None:
        """Renew until cancelled; end the work before anybody else can lead."""
        reserve, pause, problem = self.length / 10, self.length / 3, "our process stood still"
        while True:
            await clock.sleep(max(0.0, min(pause, until - reserve - clock.monotonic())))
            asked = clock.monotonic()
            if asked >= until - reserve:
                self._lost = f"not renewed within {self.length:g} s ({problem})"
                break
            try:
                seconds = min(self._deadline, until - reserve - asked)
                ours = await self._run(
                    _RENEW, [self._key("holder")], [self._holder, self._milliseconds], seconds
                )
            except CcError as error:
                if not problem.startswith(self._where):
                    self._tell(f"leads on, but cannot renew: {error.message}")
                problem, pause = error.message, self.length / 15
                continue
            if not ours:
                self._lost = "another process has taken it, or Redis has lost it"
                break
            until, pause, problem = asked + self.length, self.length / 3, "our process stood still"
        scope.cancel()

    async def _give_back(self) -> None:
        """Let the next one lead at once; where that fails, it leads when the lease has run out."""
        try:
            await self._run(_GIVE_BACK, [self._key("holder")], [self._holder])
        except CcError as error:
            self._tell(f"could not give {self.name} back: {error.message}")

    @property
    def _milliseconds(self) -> int:
        return round(self.length * 1000)

    def _key(self, name: str) -> str:
        # In braces: the keys of one lease lie on one node of a cluster.
        return f"cc_async:{{{self.name}}}:{name}"

    async def _run(
        self, script: str, keys: list[str], arguments: list[Any], seconds: float | None = None
    ) -> Any:
        return await in_time(self._scripts[script](keys, arguments), seconds or self._deadline, self._where)
