"""The breaker of one host: after enough failures nothing is sent until one probe has succeeded."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Literal

from attrs import field, frozen

from cc_async.errors import (
    AddressBlocked,
    CallTimeout,
    CcError,
    CircuitOpen,
    ClosedError,
    ConfigError,
    ConnectError,
    NotTheApi,
    ProtocolError,
    RequestTimeout,
    ResponseTooLarge,
    ServerError,
)
from cc_async.session.checks import number, whole
from cc_async.session.clock import Clock

State = Literal["closed", "open", "half-open"]

_FAILED: Final = (ConnectError, RequestTimeout, ProtocolError, ServerError, NotTheApi)
# They say something about the caller or about one answer, not about the host.
_SAYS_NOTHING: Final = (CallTimeout, CircuitOpen, ClosedError, ConfigError)


@frozen(kw_only=True)
class Breaker:
    """When the breaker of a host opens, and for how long.

    The n-th opening in a row lasts ``min(longest, open_for * growth ** (n - 1))`` seconds, made up to a
    tenth longer at random so that many processes do not come back at the same moment.

    Raises:
        TypeError: a value is not a number.
        ValueError: a value is out of range.
    """

    failures: int = field(default=5, validator=whole(1, 1_000_000, "failures"))
    """Failures in a row that open it: no connection, time-outs, 5xx, something else than the interface."""
    open_for: float = field(default=1.0, validator=number(0.001, 86_400, "seconds"))
    """How long the first opening lasts."""
    growth: float = field(default=2.0, validator=number(1, 100, "times"))
    longest: float = field(default=30.0, validator=number(0.001, 86_400, "seconds"))
    """Longest opening; a 403 opens it that long at once."""


class Circuit:
    """The breaker of one host at work.

    Ask ``check()`` before waiting for anything and ``enter()`` right before sending, then tell exactly one
    of ``succeeded``, ``failed`` and ``dropped``, with the ticket ``enter`` gave.

    Args:
        breaker: the numbers.
        clock: where the time comes from.
        random: where the jitter comes from.
        host: ``host:port``, for errors.
        on_change: called with the new state.
    """

    def __init__(
        self,
        breaker: Breaker,
        clock: Clock,
        random: random.Random,
        host: str,
        on_change: Callable[[State], None],
    ) -> None:
        self._breaker = breaker
        self._clock = clock
        self._random = random
        self._host = host
        self._on_change = on_change
        self._state: State = "closed"
        self._probing = False
        self._failures = 0
        self._openings = 0
        self._until = 0.0
        self._why = ""
        # Answers to requests of an earlier state say nothing about the host of now.
        self._era = 0

    @property
    def state(self) -> State:
        """``closed``, ``open`` (half-open from the moment a probe may go) or ``half-open``."""
        if self._state == "open" and self._clock.monotonic() >= self._until:
            return "half-open"
        return self._state

    def check(self) -> None:
        """Raise CircuitOpen if a request would not be let through now."""
        if self._state != "closed" and (self._probing or self._clock.monotonic() < self._until):
            raise self._refusal()

    def enter(self) -> int:
        """Let one request through and return its ticket, or raise CircuitOpen."""
        if self._state != "closed":
            self.check()
            self._turn("half-open")
        return self._era

    def succeeded(self, ticket: int) -> None:
        """The host answered as it should."""
        if ticket != self._era:
            return
        self._failures = 0
        if self._state != "closed":
            self._openings = 0
            self._turn("closed")

    def failed(self, ticket: int, error: CcError) -> None:
        """The request failed; whether that speaks against the host is decided here."""
        if isinstance(error, _SAYS_NOTHING) or getattr(error, "stale", False):
            self.dropped(ticket)
        elif isinstance(error, AddressBlocked):
            self.trip(ticket, error, self._breaker.longest)
        elif not _speaks_against_host(error):
            self.succeeded(ticket)
        elif ticket == self._era:
            self._failures += 1
            if self._state != "closed" or self._failures >= self._breaker.failures:
                self.trip(ticket, error)

    def dropped(self, ticket: int) -> None:
        """The request was cancelled or never went out: the place of a probe is free again."""
        if ticket == self._era and self._probing:
            self._probing = False
            self._era += 1

    def trip(self, ticket: int, error: CcError, seconds: float = 0.0) -> None:
        """Open at once, for at least so many seconds: the retry budget is used up, or we are blocked."""
        if ticket != self._era:
            return
        breaker = self._breaker
        # The exponent is bounded because a power of floats overflows after some hundred openings.
        grown = breaker.open_for * breaker.growth ** min(self._openings, 60)
        pause = max(seconds, min(breaker.longest, grown))
        self._openings += 1
        self._failures = 0
        self._until = self._clock.monotonic() + pause * (1.0 + 0.1 * self._random.random())
        self._why = f"{type(error).__name__}: {error.message}"
        self._turn("open")

    def _turn(self, state: State) -> None:
        self._era += 1
        self._probing = state == "half-open"
        if state != self._state:
            self._state = state
            self._on_change(state)

    def _refusal(self) -> CircuitOpen:
        wait = max(0.0, self._until - self._clock.monotonic())
        return CircuitOpen(
            f"not sent: the breaker of this host is {self.state} since it failed ({self._why})",
            until=self._clock.wall() + wait,
            retry_after=wait,
            host=self._host,
            hint="the next request after that tests the host",
        )


def _speaks_against_host(error: CcError) -> bool:
    """Tell failures of the host from answers that only say no: the latter show that it is alive."""
    if isinstance(error, ServerError):
        return error.retryable
    return isinstance(error, _FAILED) and not isinstance(error, ResponseTooLarge)
