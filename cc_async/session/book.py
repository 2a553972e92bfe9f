"""What processes that share a quota say to the place where it is kept, and what they hear from there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol

from attrs import define, field

from cc_async.contract.spec import Quota
from cc_async.session.clock import Clock
from cc_async.session.locks import Credential, Lock
from cc_async.session.pacer import PaceKey
from cc_async.session.probation import Key

LEASE: Final = 5.0
"""Seconds after which what a dead process held is free again: its turn at once, its slots ``per`` later."""
PROVEN: Final = 600.0
"""Seconds for which a credential that succeeded counts as proven for processes that start."""

Handle = Any
"""What a book calls a slot that it granted; only that book knows what it means."""


class Held(Protocol):
    """A slot in the hands of this process."""

    handle: Handle
    book: Book
    """The one that granted it."""


@define(eq=False)
class Op:
    """One thing said; times are monotonic seconds of whoever says it."""

    heard: asyncio.Future[None] | None = field(default=None, init=False)
    """Somebody waits for the answer."""


@define(eq=False)
class Take(Op):
    """Ask for slots; with ``count=0`` only look. Without a quota only pauses and locks hold."""

    key: PaceKey
    quota: Quota | None
    count: int

    name: str = field(default="", init=False)
    """Given by a book that may lose an answer: asking again under one name grants the same slots."""
    granted: int = field(default=0, init=False)
    handles: list[Handle] = field(factory=list, init=False)
    """One for each slot that was granted and is counted."""
    counted: int = field(default=0, init=False)
    wait: float | None = field(default=None, init=False)
    """Seconds until the next slot can be free; None: not known."""
    rivals: int = field(default=0, init=False)
    """Other processes that wait for slots of this key."""
    paused: float = field(default=0.0, init=False)
    """Seconds that this key is still paused."""
    locks: dict[str | None, Lock] = field(factory=dict, init=False)
    """What stops the credential here, by scope: the interface, or None for all."""
    doubts: int = field(default=0, init=False)
    """How often the credential was doubted as a whole."""
    doubted: bool = field(default=False, init=False)
    """True while the credential has to prove itself at this interface."""


@define(eq=False)
class Land(Op):
    """A slot's request has arrived: it counts until ``expires`` (monotonic seconds)."""

    key: PaceKey
    quota: Quota
    slot: Held
    expires: float


@define(eq=False)
class Count(Op):
    """So many requests were sent without asking: they count until ``expires`` (monotonic seconds)."""

    key: PaceKey
    quota: Quota
    count: int
    expires: float
    name: str


@define(eq=False)
class Drop(Op):
    """Nothing was sent for a slot: it is free again."""

    key: PaceKey
    quota: Quota
    slot: Held


@define(eq=False)
class Renew(Op):
    """A slot is still held and not sent: its lease begins anew, maybe under another handle."""

    key: PaceKey
    quota: Quota
    slot: Held


@define(eq=False)
class Pause(Op):
    """Nobody gets a slot of this key until then."""

    key: PaceKey
    until: float


@define(eq=False)
class SetLock(Op):
    """Nobody uses this credential, at one interface or (None) anywhere."""

    credential: Credential
    interface: str | None
    until: float
    reason: str


@define(eq=False)
class Unlock(Op):
    """The credential may be used again, at one interface or (None) everywhere."""

    credential: Credential
    interface: str | None


@define(eq=False)
class Prove(Op):
    """A request succeeded with what this probation key names."""

    key: Key


@define(eq=False)
class Doubt(Op):
    """What this probation key names has to prove itself again."""

    key: Key


@define(eq=False)
class Claim(Op):
    """Ask for the turn to prove something; asked again while it is held, it is kept."""

    key: Key

    state: Literal["proven", "ours", "theirs"] = field(default="theirs", init=False)
    lock: Lock | None = field(default=None, init=False)


@define(eq=False)
class Leave(Op):
    """The turn is over, proven or not."""

    key: Key


@define(eq=False)
class Hello(Op):
    """Nothing but a sign of life."""


class Book(Protocol):
    """Where processes count together."""

    async def exchange(self, ops: Sequence[Op], clock: Clock) -> None:
        """Do what is said, in order, and write the answers into it; ``clock`` is that of who says it.

        Raises:
            BookAway: nothing is known of what was done; it may be said again.
            ConfigError: this can't be a book of ours.
        """
        ...

    async def aclose(self) -> None:
        """Give back what is open."""
        ...


class BookAway(Exception):
    """The book can't be reached, or not in time; its text says why and holds no secret."""


class BookRefuses(BookAway):
    """The book is there and does not let us in: that is a matter of settings, not of time."""
