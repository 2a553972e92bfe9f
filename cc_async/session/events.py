"""What observers see: one Protocol, frozen events, built only when somebody watches."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from attrs import frozen

_log = logging.getLogger("cc_async")


@frozen
class Event:
    """Something that happened; ``call`` numbers the call it belongs to, ``at`` is epoch seconds."""

    at: float
    call: int
    endpoint: str


@frozen
class BatchStarted(Event):
    """A call of one or many requests began."""


@frozen
class RequestSent(Event):
    """An attempt went out; ``path`` is the interface's: an agent's id stands in it as ``{agent_id}``."""

    request: int
    part: str
    attempt: int
    method: str = ""
    path: str = ""


@frozen
class RequestAnswered(Event):
    """An attempt was answered or failed; ``error`` is the error's class name or None."""

    request: int
    part: str
    attempt: int
    status: int | None
    seconds: float
    rows: int
    error: str | None


@frozen
class RequestRetried(Event):
    """An attempt failed and will be repeated after ``delay`` seconds."""

    request: int
    part: str
    attempt: int
    delay: float
    error: str


@frozen
class QuotaPaused(Event):
    """The server asked for fewer requests: everybody of this quota waits for ``seconds``."""

    seconds: float


@frozen
class RowsDropped(Event):
    """Rows that were not kept: ``reason`` is ``duplicates``, ``foreign`` or ``outside``."""

    part: str
    reason: str
    count: int


@frozen
class RowRejected(Event):
    """A row could not be read."""

    part: str
    reason: str


@frozen
class BreakerChanged(Event):
    """The breaker of a host went to ``state``: ``closed``, ``open`` or ``half-open``."""

    host: str
    state: str


@frozen
class CredentialLocked(Event):
    """A 401 locked the credential, for one interface or (``scope`` is ``*``) for all."""

    scope: str
    until: float


@frozen
class PacerChanged(Event):
    """The count that processes share is out of reach (``alone``) or back (``shared``).

    ``members`` is the number of processes: alone, each uses its part of every quota.
    """

    state: str
    members: int


@frozen
class BatchDone(Event):
    """A call ended; ``error`` is the class name of what ended it as a whole, parts that failed apart."""

    seconds: float
    requests: int
    rows: int
    failures: int
    error: str | None = None


class Observer(Protocol):
    """Anything that wants to see events; an observer that raises harms nobody."""

    def on_event(self, event: Event) -> None:
        """Take one event; called on the loop, so be quick."""
        ...


@runtime_checkable
class PerClient(Protocol):
    """An observer that keeps something per call, and so has to know whose: each client numbers its own."""

    def for_client(self, base_url: str) -> Observer:
        """The observer of one client at ``https://host[:port][/prefix]``, asked for when it is made."""
        ...


class Watchers:
    """The observers of one client. Callers ask ``if watchers:`` before they build an event."""

    __slots__ = ("_observers", "_told")

    def __init__(self, observers: Iterable[Observer] = (), base_url: str = "") -> None:
        self._observers = tuple(
            one.for_client(base_url) if isinstance(one, PerClient) else one for one in observers
        )
        self._told: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._observers)

    def tell(self, event: Event) -> None:
        """Hand the event to everybody; what an observer raises is logged once and goes no further."""
        for observer in self._observers:
            try:
                observer.on_event(event)
            except Exception:
                if id(observer) not in self._told:
                    self._told.add(id(observer))
                    name = type(observer).__name__
                    _log.exception("observer %s raised; its errors are ignored from now on", name)
