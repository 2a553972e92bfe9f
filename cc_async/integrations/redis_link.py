"""The way to Redis or Valkey: its address without a secret in any text, and calls that end in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError

from cc_async.errors import CcError, ConfigError

__all__ = [
    "RedisAway",
    "RedisRefused",
    "away",
    "cancels",
    "cancels_kept",
    "checked",
    "connect",
    "in_time",
    "masked",
    "plain",
    "refusal",
]

T = TypeVar("T")
_SCHEMES = {"valkey": "redis", "valkeys": "rediss"}
_HINT = "write redis://host:6379/0, or rediss:// for TLS"


class RedisAway(CcError):
    """Redis did not answer, or not in time; the text names it without its password."""

    retryable = True


class RedisRefused(CcError):
    """Redis is there and does not let us in: its password, or what our user may do, is wrong."""


def checked(url: str) -> str:
    """An address that redis-py takes (``redis``, ``rediss``, ``unix``, ``valkey``); raises ConfigError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError("the address of Redis cannot be read", hint=_HINT) from None
    if not (parts.path if parts.scheme == "unix" else parts.hostname) or port == 0:
        raise ConfigError("the address of Redis names no host", hint=_HINT)
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    if scheme not in ("redis", "rediss", "unix"):
        raise ConfigError(f"the address of Redis begins with {scheme!r}", hint=_HINT)
    return urlunsplit(parts._replace(scheme=scheme))


def masked(url: str) -> str:
    """The address as texts show it: no user, no password, no options."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, ("***@" if "@" in parts.netloc else "") + host, parts.path, "", ""))


def connect(url: str, *, deadline: float) -> Redis:
    """Open on first use; a command that takes longer than ``deadline`` seconds fails."""
    return Redis.from_url(checked(url), socket_timeout=deadline, socket_connect_timeout=deadline)


async def in_time(call: Awaitable[T], seconds: float, what: str) -> T:
    """Wait for one call; raises RedisAway, and ConfigError where the server wants another password."""
    with cancels_kept():
        try:
            async with asyncio.timeout(seconds):
                return await call
        except (AuthenticationError, AuthorizationError):
            raise ConfigError(f"{what} refuses our password", hint="set CC_ASYNC_REDIS_URL") from None
        except TimeoutError:
            raise RedisAway(f"{what} did not answer in {seconds:.3g} s") from None
        except (RedisError, OSError) as error:
            raise away(error, what) from None


@contextlib.contextmanager
def cancels_kept() -> Iterator[None]:
    """Within, no cancel of the current task is lost, whether the call ends well or not.

    redis-py waits with ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that comes just as the
    call ends: whoever loops over calls would never end.
    """
    before = cancels()
    try:
        yield
    finally:
        if cancels() > before:
            raise asyncio.CancelledError


def cancels() -> int:
    """How often the current task was cancelled; whoever loops over calls of others has to look."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def away(error: BaseException, where: str) -> RedisAway:
    """The error to raise when a call has failed."""
    return RedisAway(f"{where}: {plain(error)}")


def refusal(error: BaseException, where: str) -> RedisRefused | None:
    """The error to raise when this is a refusal; None: it is something else, and may pass."""
    if not isinstance(error, (AuthenticationError, AuthorizationError, NoPermissionError)):
        return None
    return RedisRefused(f"{where} does not let us in: {plain(error)}", hint="set CC_ASYNC_REDIS_URL")


def plain(error: BaseException) -> str:
    """What happened, in one line; redis-py never puts the password into it."""
    return " ".join(str(error).split())[:200] or type(error).__name__
