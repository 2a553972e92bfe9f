"""The lock-out policy: what a 401 stops, what the stopped are told, and how it ends."""

from __future__ import annotations

import pytest

from cc_async.session.locks import (
    Lock,
    Lockout,
    credential_key,
    forgive,
    interface_key,
    reason,
    refusal,
)
from cc_async.session.pacer import MemoryPacer
from cc_async.session.probation import Probation

CREDENTIAL = ("cms.test:1", "ak-1")


class HandClock:
    """2026-01-01 12:00:00 UTC stands at 500 monotonic seconds."""

    def __init__(self) -> None:
        self.now = 500.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1767268800.0 - 500.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_a_credential_that_never_succeeded_is_locked_as_a_whole() -> None:
    """A wrong key: no interface is tried with it."""
    pacer, probation = MemoryPacer(HandClock()), Probation()
    scope = await Lockout().reject(pacer, probation, CREDENTIAL, "skills", "no")
    assert scope is None
    assert pacer.locked(CREDENTIAL, "skills") is not None
    assert pacer.locked(CREDENTIAL, "agents") is not None
    assert pacer.locked(("cms.test:1", "ak-2"), "skills") is None


async def test_one_that_did_succeed_is_locked_for_the_interface_only() -> None:
    """A tenant key at a global interface: the healthy pollers of that key go on."""
    pacer, probation = MemoryPacer(HandClock()), Probation()
    probation.prove(credential_key(CREDENTIAL))
    scope = await Lockout().reject(pacer, probation, CREDENTIAL, "system_indicators", "no")
    assert scope == "system_indicators"
    assert pacer.locked(CREDENTIAL, "system_indicators") is not None
    assert pacer.locked(CREDENTIAL, "skills") is None


async def test_after_the_lock_what_was_locked_is_on_probation_again() -> None:
    """The pause is over after its seconds; then one request travels alone, not the quota's worth."""
    clock = HandClock()
    pacer, probation = MemoryPacer(clock), Probation()
    whole, at_skills = credential_key(CREDENTIAL), interface_key(CREDENTIAL, "skills")
    probation.prove(whole)
    await Lockout(seconds=60).reject(pacer, probation, CREDENTIAL, "skills", "no")
    clock.now += 59.9
    assert pacer.locked(CREDENTIAL, "skills") is not None
    clock.now += 0.2
    assert pacer.locked(CREDENTIAL, "skills") is None
    async with probation.turn([whole], trusted=[at_skills]) as alone:
        assert alone
    async with probation.turn([whole], trusted=[interface_key(CREDENTIAL, "agents")]) as alone:
        assert not alone


async def test_a_replaced_secret_unlocks_and_has_to_prove_itself() -> None:
    """Both the credential and its interfaces are free at once, the first request alone."""
    pacer = MemoryPacer(HandClock())
    probation = pacer.probation
    probation.prove(credential_key(CREDENTIAL))
    await Lockout().reject(pacer, probation, CREDENTIAL, "skills", "no")
    await forgive(pacer, CREDENTIAL)
    assert pacer.locked(CREDENTIAL, "skills") is None
    assert not probation.is_proven(credential_key(CREDENTIAL))


def test_the_refusal_says_since_when_until_when_and_why() -> None:
    """In UTC of our clock, whenever it is asked; never with the identity of the key."""
    clock = HandClock()
    lock = Lock(since=500.0, until=800.0, reason=reason(412.4))
    clock.now = 640.0
    error = refusal(lock, clock)
    text = str(error)
    assert "from 12:00:00 UTC until 12:05:00 UTC" in text
    assert "412 s ahead of the server's" in text
    assert "replace_auth" in text
    assert "ak-1" not in text
    assert error.code == "401"
    assert not error.retryable


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (None, "the server rejected the signature (401)"),
        (0.4, "our clock agrees with the server's"),
        (-90.0, "our clock is 90 s behind the server's"),
        (90.0, "our clock is 90 s ahead of the server's"),
    ],
)
def test_the_reason_says_how_far_the_clock_is_off(ahead: float | None, words: str) -> None:
    """The first thing to look at after a 401."""
    assert reason(ahead).endswith(words)


def test_the_refusal_tells_an_interface_from_the_whole_host() -> None:
    """So that a reader knows what still works."""
    clock = HandClock()
    assert "for this interface" in str(refusal(Lock(500.0, 800.0, "no", "skills"), clock))
    assert "for this host" in str(refusal(Lock(500.0, 800.0, "no"), clock))


@pytest.mark.parametrize(
    ("seconds", "error"), [(0, ValueError), (float("inf"), ValueError), ("5", TypeError)]
)
def test_nonsense_is_refused(seconds: float, error: type[Exception]) -> None:
    """The message names the setting."""
    with pytest.raises(error, match="Lockout seconds"):
        Lockout(seconds=seconds)
