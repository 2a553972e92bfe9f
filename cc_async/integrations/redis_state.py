"""A state that outlives its process: in Redis, written by the leader only, found by whoever takes over."""

from __future__ import annotations

from cc_async.integrations.redis_lease import Lease


class RedisState:
    """A ``StateStore`` under a lease: a leader that was replaced cannot write over its successor's state.

    Made inside ``Lease.lead`` by ``await RedisState.open(lease, token, "sums")`` and given to
    ``Stitcher(state=...)`` and ``alerts(..., state=...)``, each with a name of its own.
    """

    def __init__(self, lease: Lease, token: int, name: str, text: bytes | None) -> None:
        self._lease, self._token, self._name, self._text = lease, token, name, text

    @classmethod
    async def open(cls, lease: Lease, token: int, name: str) -> RedisState:
        """Fetch what the leader before has written; raises RedisAway when that cannot be known."""
        return cls(lease, token, name, await lease.read(f"state:{name}"))

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"the state {self._name} of {self._lease.name} in Redis"

    def read(self) -> bytes | None:
        """The text as it was when the store was opened."""
        return self._text

    async def write(self, text: bytes) -> None:
        """Write it; raises LeaseLost when we lead no longer, RedisAway when it is not known to be kept.

        Each text is the whole state: after RedisAway the next one makes up for it.
        """
        await self._lease.write(f"state:{self._name}", text, self._token)
