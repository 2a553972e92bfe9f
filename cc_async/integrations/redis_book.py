"""A book in Redis or Valkey: processes on any number of hosts count together."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    NoScriptError,
    RedisError,
    ResponseError,
)

from cc_async.errors import ConfigError
from cc_async.integrations.redis_link import cancels_kept, plain
from cc_async.integrations.redis_script import SCRIPT
from cc_async.session import book as said
from cc_async.session.book import BookAway, BookRefuses, Op
from cc_async.session.clock import Clock
from cc_async.session.file_layout import digest_of
from cc_async.session.locks import Lock, credential_key

_SCHEMES: Final = ("redis", "rediss", "unix")
_MICRO: Final = 1e6


class RedisBook:
    """Speaks to one server, in one script call for each exchange, each with its deadline.

    Args:
        server: URL (``redis://``, ``rediss://``, ``unix://``, ``valkey://``), or a client that stays its
            owner's.
        prefix: what all keys begin with; names of keys are hashed, nothing secret is stored.
        timeout: seconds for one exchange.

    Raises:
        ConfigError: not the URL of a Redis server; the URL itself is not repeated, it may hold a password.
    """

    def __init__(self, server: str | Redis, *, prefix: str, timeout: float) -> None:
        self._url = None if isinstance(server, Redis) else _url(server)
        self._client = server if isinstance(server, Redis) else self._connect(_url(server))
        self._loop: asyncio.AbstractEventLoop | None = None
        # The braces keep all keys on one node of a cluster.
        self._prefix = f"{{{prefix}}}:"
        self._timeout = timeout
        self._pid, self._token = 0, ""
        self._sha = ""
        # No name is used twice, by whatever loop asks: a second slot of one name would not be counted.
        self._names = count(1)
        self.members = 0
        """Processes that the server heard of lately, as of the last exchange; 0: it was never reached."""

    @property
    def name(self) -> str:
        """Where the server is, without user or password."""
        found = self._client.connection_pool.connection_kwargs
        return str(found.get("path") or f"{found.get('host', 'localhost')}:{found.get('port', 6379)}")

    @property
    def rights(self) -> str:
        """What to look at when the server refuses us."""
        needed = f"+@scripting +@read +@write +time ~{self._prefix}*"
        return f"look at the password, and at the user's rights: {needed}"

    async def exchange(self, ops: Sequence[Op], clock: Clock) -> None:
        """Do what is said, in order.

        Raises:
            BookRefuses: the server wants another password, or lets this user not do what is needed.
            BookAway: no answer before the deadline, or the server can't do it now.
        """
        await self._call(ops, clock.monotonic(), "")

    async def aclose(self) -> None:
        """Say good-bye, and close the connections of a client that was made here."""
        with contextlib.suppress(BookAway):  # it is forgotten after a while
            await self._call([], 0.0, "bye")
        if self._url is not None:
            await self._client.aclose()

    @staticmethod
    def _connect(url: str) -> Redis:
        try:
            # One try: whoever waits for an answer has a better idea of what to do meanwhile.
            return Redis.from_url(
                url, socket_timeout=5, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0)
            )
        except ValueError:
            raise _no_url() from None

    async def _call(self, ops: Sequence[Op], now: float, word: str) -> None:
        if self._pid != os.getpid():  # made before a fork: each child is a process of its own
            self._pid, self._token = os.getpid(), os.urandom(8).hex()
        loop = asyncio.get_running_loop()
        if self._loop is not loop and self._loop is not None and self._url is not None:
            self._client = self._connect(self._url)  # connections belong to the loop that opened them
        self._loop = loop
        script = _Script(self._prefix, self._token, now, self._names)
        said_so = [script.put(op) for op in ops]
        arguments = (self._token, word, msgspec.json.encode([each for each in said_so if each is not None]))
        answer = await self._run([*script.keys, *arguments], len(script.keys))
        self.members, answers = answer
        heard = iter(answers)
        for op, each in zip(ops, said_so, strict=True):
            if each is not None:
                _hear(op, next(heard), now, self._token)

    async def _run(self, arguments: list[Any], keys: int) -> Any:
        with cancels_kept():
            try:
                async with asyncio.timeout(self._timeout):
                    return msgspec.json.decode(await self._evaluated(arguments, keys))
            except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
                raise BookRefuses(plain(error)) from None
            except ResponseError as error:
                refused = "ACL" in str(error)  # of a command inside the script
                raise (BookRefuses if refused else BookAway)(plain(error)) from None
            except TimeoutError:
                raise BookAway(f"no answer in {self._timeout:g} s") from None
            except (RedisError, OSError, msgspec.DecodeError) as error:
                raise BookAway(plain(error)) from None

    async def _evaluated(self, arguments: list[Any], keys: int) -> Any:
        try:
            if not self._sha:
                self._sha = str(await self._client.script_load(SCRIPT))
            return await self._client.evalsha(self._sha, keys, *arguments)
        except NoScriptError:  # the server was restarted
            return await self._client.eval(SCRIPT, keys, *arguments)


class _Script:
    """The operations of one exchange as the script wants them, and the keys they name."""

    def __init__(self, prefix: str, token: str, now: float, names: Iterator[int]) -> None:
        self._prefix = prefix
        self._token = token
        self._now = now
        self._names = names
        self.keys = [f"{prefix}members", f"{prefix}born"]
        self._places: dict[str, int] = {}

    def put(self, op: Op) -> list[Any] | None:
        """One operation; None for what says nothing but that we are here."""
        if isinstance(op, said.Take):
            return self._take(op)
        if isinstance(op, (said.Land, said.Drop, said.Renew, said.Count)):
            return self._count(op)
        if isinstance(op, said.Pause):
            return ["pause", self._place("p", op.key), self._from_now(op.until)]
        if isinstance(op, said.SetLock):
            place = self._credential(op.credential)
            return ["lock", place, op.interface or "", self._from_now(op.until), op.reason]
        if isinstance(op, said.Unlock):
            return ["unlock", self._credential(op.credential), op.interface or False]
        for kind in (said.Prove, said.Doubt, said.Claim, said.Leave):
            if isinstance(op, kind):
                scope = op.key[3] if len(op.key) > 3 else ""
                return [kind.__name__.lower(), self._credential(op.key[1:3]), scope]
        return None

    def _take(self, op: said.Take) -> list[Any]:
        limit = False if op.quota is None else op.quota.limit
        per = 0 if op.quota is None else round(op.quota.per * _MICRO)
        again = bool(op.name)  # its first answer may have been lost
        op.name = op.name or str(next(self._names))
        places = [self._place(kind, op.key) for kind in ("w", "p")]
        places += [self._credential(op.key[:2]), self._place("a", op.key)]
        return ["take", *places, op.key[2], limit, per, op.count, op.name, again]

    def _count(self, op: said.Land | said.Drop | said.Renew | said.Count) -> list[Any]:
        window, per = self._place("w", op.key), round(op.quota.per * _MICRO)
        if isinstance(op, said.Land):
            return ["land", window, op.slot.handle, self._from_now(op.expires), per]
        if isinstance(op, said.Drop):
            return ["drop", window, op.slot.handle]
        if isinstance(op, said.Renew):
            return ["renew", window, op.slot.handle, per]
        name = f"{self._token}:{op.name}"
        return ["count", window, name, op.count, self._from_now(op.expires), per]

    def _from_now(self, moment: float) -> int:
        """Microseconds: a time of ours means nothing to the server, a stretch of time does.

        What is said arrives later than it was said, so nothing ends too early.
        """
        return round((moment - self._now) * _MICRO)

    def _credential(self, credential: Sequence[str]) -> int:
        host, identity = credential
        return self._place("c", credential_key((host, identity)))

    def _place(self, kind: str, key: Sequence[str]) -> int:
        name = f"{self._prefix}{kind}:{digest_of(tuple(key)).hex()}"
        place = self._places.get(name)
        if place is None:
            self.keys.append(name)
            place = self._places[name] = len(self.keys)
        return place


def _hear(op: Op, answer: Any, now: float, token: str) -> None:
    """Write the answer into what was said."""
    if isinstance(op, said.Claim):
        op.state = answer["state"]
        op.lock = _lock(answer["lock"], now) if "lock" in answer else None
    elif isinstance(op, said.Take):
        op.granted, op.counted, op.rivals = answer["granted"], answer["counted"], answer["rivals"]
        op.handles = [f"{token}:{op.name}:{number}" for number in answer["slots"] or ()]
        op.wait = answer["wait"] / _MICRO if "wait" in answer else None
        op.paused = answer["paused"] / _MICRO
        locks = [_lock(one, now) for one in answer["locks"] or ()]
        op.locks = {lock.interface: lock for lock in locks}
        op.doubts, op.doubted = answer["doubts"], answer["doubted"]


def _lock(answer: Sequence[Any], now: float) -> Lock:
    scope, since, until, reason = answer
    return Lock(now + float(since) / _MICRO, now + float(until) / _MICRO, reason, scope or None)


def _url(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"RedisPacer takes a URL or a redis.asyncio.Redis, not {type(text).__name__}")
    scheme, mark, rest = text.replace("valkey", "redis", 1).partition("://")
    if not mark or not rest or scheme not in _SCHEMES or not text.isprintable():
        raise _no_url()
    return f"{scheme}://{rest}"


def _no_url() -> ConfigError:
    return ConfigError("not the URL of a Redis or Valkey server", hint="redis://[user:password@]host:6379/0")
