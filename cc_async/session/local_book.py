"""A book of one process: what it keeps to while the common one is away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from attrs import evolve

from cc_async.contract.spec import Quota
from cc_async.session.book import Count, Drop, Land, Op, Renew, Take
from cc_async.session.clock import Clock
from cc_async.session.ledger import carry_out
from cc_async.session.locks import Credential
from cc_async.session.pacer import PaceKey
from cc_async.session.probation import Key
from cc_async.session.quota import FLIGHT
from cc_async.session.standing import Standing
from cc_async.session.tally import Tally

_HELPINGS = 64
"""Keys that are looked at, after an exchange, whether they can be forgotten."""


def share(quota: Quota, members: int) -> Quota:
    """The part of a quota that one of so many processes may use without asking the others.

    Where there are more processes than slots each has one slot in a longer time: as many as before on
    average, in the fullest window one for each process.
    """
    if members <= quota.limit:
        return evolve(quota, limit=quota.limit // members)
    return evolve(quota, limit=1, per=quota.per * ceil(members / quota.limit))


class LocalBook:
    """Counts what this process may send on its own.

    Args:
        members: how many processes have a share.
        since: monotonic seconds up to which others may have sent under the common count: a key gives
            nothing before what was sent then has left the window.
    """

    def __init__(self, members: int, since: float) -> None:
        self._members = members
        self._since = since
        self._tallies: dict[PaceKey, Tally] = {}
        self._standings: dict[Key, Standing] = {}
        self._quotas: dict[PaceKey, Quota] = {}

    async def exchange(self, ops: Sequence[Op], clock: Clock) -> None:
        """Do what is said, with this process's share in place of every quota."""
        now = clock.monotonic()
        for op in ops:
            if not isinstance(op, (Take, Land, Drop, Renew, Count)) or op.quota is None:
                carry_out([op], self, now, 1)
                continue
            whole, part = op.quota, share(op.quota, self._members)
            self._quotas[op.key] = whole
            self.tally(op.key).unknown_until = self._since
            if isinstance(op, Land):
                op.expires += part.per - whole.per
            op.quota = part
            carry_out([op], self, now, 1)
            op.quota = whole
        self._forget(now)

    async def aclose(self) -> None:
        """Nothing is open."""

    def counts(self, now: float) -> Iterator[Count]:
        """What is counted here, for the common book to count from now on, for a whole window again."""
        for key, quota in self._quotas.items():
            tally = self._tallies.get(key)
            if tally is not None:
                tally.refresh(now, None)
                if tally.counted:
                    yield Count(key, quota, tally.counted, now + FLIGHT + quota.per, "")

    def _forget(self, now: float) -> None:
        for key in list(self._tallies)[:_HELPINGS]:
            tally = self._tallies.pop(key)
            if tally.idle(now):
                self._quotas.pop(key, None)
            else:
                self._tallies[key] = tally

    def tally(self, key: PaceKey) -> Tally:
        """The tally of a key."""
        return self._tallies.setdefault(key, Tally())

    def standing(self, key: Key) -> Standing:
        """The standing of a credential."""
        return self._standings.setdefault(key, Standing())

    def standings(self, credential: Credential) -> Iterable[Standing]:
        """Every standing of a credential."""
        return [standing for key, standing in self._standings.items() if key[1:3] == credential]
