"""Leading in turns: several processes started the same way, of which one works and the others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import frozen

from cc_async.cli.file_options import span
from cc_async.cli.redis_options import redis_url
from cc_async.cli.run import say
from cc_async.cli.usage import UsageError

if TYPE_CHECKING:
    from cc_async.integrations.redis_lease import Lease

_AGAIN = 1.0
"""Seconds after which a leader who found Redis away as it began tries again."""

Work = Callable[["Lease", int], Awaitable[None]]
"""What a leader does; given the lease and the fencing token."""


@frozen
class Turns:
    """Where it is said who leads, and within which seconds a stand-by takes over."""

    url: str
    length: float

    async def lead(self, name: str, work: Work, on_tell: Callable[[str], None] = say) -> None:
        """Do the work whenever we lead, until it is done."""
        from cc_async.integrations.redis_lease import Lease, LeaseLost
        from cc_async.integrations.redis_link import RedisAway

        lease = Lease(self.url, name, length=self.length, on_tell=on_tell)
        try:
            while True:
                try:
                    return await lease.lead(lambda token: work(lease, token))
                except LeaseLost as error:
                    on_tell(error.message)
                except RedisAway as error:
                    on_tell(error.message)
                    await asyncio.sleep(_AGAIN)
        finally:
            await lease.aclose()


def turns(stand_by: str | None, take_over: str) -> Turns | None:
    """Read --stand-by and --take-over; None: this process is the only one. Raises UsageError, ConfigError."""
    length = span(take_over, "--take-over").total_seconds()
    if not 1 <= length <= 3600:
        raise UsageError(f"--take-over: {take_over!r} is not from 1s to 1h", hint="write 15s or 1m")
    return None if stand_by is None else Turns(redis_url(stand_by, "--stand-by"), length)
