"""What a 401 locks, for how long, and what a call that meets the lock is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from cc_async.errors import SignatureRejected
from cc_async.session.checks import number
from cc_async.session.clock import Clock

if TYPE_CHECKING:
    from cc_async.session.pacer import Pacer
    from cc_async.session.probation import Key, Probation

_REJECTED: Final = "the server rejected the signature (401)"

Credential = tuple[str, str]
"""Host and identity (never the secret itself)."""


@frozen
class Lock:
    """A credential that is not used until ``until``, for one interface or (None) for all."""

    since: float
    """Monotonic seconds."""
    until: float
    """Monotonic seconds."""
    reason: str
    interface: str | None = None


def refusal(lock: Lock, clock: Clock) -> SignatureRejected:
    """Build the error of a call that was not sent because of a lock."""
    scope = "this interface" if lock.interface else "this host"
    return SignatureRejected(
        f"not sent: {lock.reason}; the credential is not used for {scope} "
        f"from {_utc(lock.since, clock)} until {_utc(lock.until, clock)}",
        code="401",
        hint="correct the key with replace_auth(...), which unlocks it at once",
    )


def reason(clock_ahead: float | None) -> str:
    """Say why a credential is locked; ``clock_ahead``: our clock minus the server's, in seconds, if known."""
    if clock_ahead is None:
        return _REJECTED
    if abs(clock_ahead) < 1.0:
        return f"{_REJECTED}, and our clock agrees with the server's"
    way = "ahead of" if clock_ahead > 0 else "behind"
    return f"{_REJECTED}, and our clock is {abs(clock_ahead):.0f} s {way} the server's"


def credential_key(credential: Credential) -> Key:
    """Return the probation key of a credential: its first request travels alone."""
    return ("credential", *credential)


def interface_key(credential: Credential, interface: str) -> Key:
    """Return the probation key of a credential at one interface: trusted until a 401 casts doubt on it."""
    return ("credential", *credential, interface)


@frozen
class Lockout:
    """The policy for a 401: who is locked, and for how many seconds."""

    seconds: float = field(default=300.0, validator=number(0.001, 86_400, "seconds"))

    async def reject(
        self, pacer: Pacer, probation: Probation, credential: Credential, interface: str, why: str
    ) -> str | None:
        """Lock after a 401 and put what was locked on probation; return the interface, None: all of them.

        A credential that never succeeded is locked as a whole. One that did is locked for this interface
        only: a tenant key refused by a global interface must not stop the healthy pollers of that key.
        """
        whole = credential_key(credential)
        if not probation.is_proven(whole):
            await pacer.lock(credential, None, self.seconds, why)
            return None
        probation.doubt(interface_key(credential, interface))
        await pacer.lock(credential, interface, self.seconds, why)
        return interface


async def forgive(pacer: Pacer, credential: Credential) -> None:
    """Unlock a credential whose secret was replaced; it is new, so it has to prove itself again."""
    pacer.probation.doubt(credential_key(credential))
    await pacer.unlock(credential)


def _utc(moment: float, clock: Clock) -> str:
    wall = clock.wall() + (moment - clock.monotonic())
    return datetime.fromtimestamp(wall, UTC).strftime("%H:%M:%S UTC")
