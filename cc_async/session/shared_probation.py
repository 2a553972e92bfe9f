"""Who is not trusted yet travels alone, in all processes together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cc_async.session.book import LEASE, Claim, Doubt, Leave, Prove
from cc_async.session.locks import Credential, credential_key, interface_key
from cc_async.session.probation import Key, Probation

if TYPE_CHECKING:
    from cc_async.session.shared_pacer import SharedPacer

_REMIND: Final = 60.0
"""Seconds after which a success is told again, so that processes that start know of it."""
_ASK_AGAIN: Final = 0.05
"""Seconds between two looks at a turn that another process has."""


class SharedProbation(Probation):
    """Takes turns in this process first, then among the processes; request shapes each learns for itself."""

    __slots__ = ("_doubts", "_pacer", "_told", "_turns")

    def __init__(self, pacer: SharedPacer) -> None:
        super().__init__()
        self._pacer = pacer
        self._told: dict[Key, float] = {}
        self._doubts: dict[Key, int] = {}
        self._turns: dict[Key, float] = {}
        """Turns held among the processes, and when to say so again."""

    async def enter(self, key: Key) -> bool:
        """Wait until the key is proven anywhere (False) or it is our turn of all to prove it (True).

        Raises SignatureRejected while the credential is locked.
        """
        if not await super().enter(key):
            return False
        if key[0] != "credential":
            return True
        try:
            ours = await self._claim(key)
        except BaseException:
            super().leave(key)
            raise
        if not ours:
            super().prove(key)
            super().leave(key)
        return ours

    async def _claim(self, key: Key) -> bool:
        pause = _ASK_AGAIN
        while True:
            claim = Claim(key)
            try:
                await self._pacer.ask(claim)
            except BaseException:
                self._pacer.say(Leave(key))  # it may have been granted
                raise
            if claim.lock is not None:
                raise self._pacer.refusal(claim.lock)
            if claim.state == "ours":
                self._turns[key] = self._pacer.clock.monotonic() + LEASE / 3
                return True
            if claim.state == "proven":
                return False
            await self._pacer.clock.sleep(pause * (0.5 + self._pacer.rng.random()))
            pause = min(2 * pause, 0.25)

    def leave(self, key: Key) -> None:
        """Hand the turn to the next, of this process or another."""
        if self._turns.pop(key, None) is not None:
            self._pacer.say(Leave(key))
        super().leave(key)

    def renewals(self, now: float) -> list[Claim]:
        """The turns that are held long: said again, they stay ours."""
        due = [key for key, when in self._turns.items() if when <= now]
        for key in due:
            self._turns[key] = now + LEASE / 3
        return [Claim(key) for key in due]

    def prove(self, key: Key) -> None:
        """A request with this key succeeded: everybody who waits for it goes at once."""
        if key[0] == "credential":
            now = self._pacer.clock.monotonic()
            whole = len(key) == 3
            news = key not in self._proven if whole else key in self._doubted
            if news or (whole and now - self._told.get(key, 0.0) > _REMIND):
                self._told[key] = now
                self._pacer.say(Prove(key))
        super().prove(key)

    def doubt(self, key: Key) -> None:
        """From now on requests with this key travel alone, in every process, until one succeeds."""
        super().doubt(key)
        if key[0] == "credential":
            self._pacer.say(Doubt(key))

    def hear(self, credential: Credential, interface: str, doubts: int, doubted: bool) -> None:
        """Take over what other processes found out about a credential."""
        whole, here = credential_key(credential), interface_key(credential, interface)
        if self._doubts.get(whole, doubts) != doubts:
            self._proven.discard(whole)
        self._doubts[whole] = doubts
        if doubted and here not in self._doubted:
            super().doubt(here)
        elif not doubted:
            self._doubted.discard(here)
