"""Whether a failed attempt is repeated, when, and who pays for it."""

from __future__ import annotations

import random
from collections.abc import Mapping

from attrs import field, frozen

from cc_async.errors import ApiError, CallTimeout, CcError, CircuitOpen, Throttled
from cc_async.session.checks import number, whole


@frozen(kw_only=True)
class Retry:
    """How failed attempts are repeated; the numbers are those of the AWS retry specification 2.1.

    Before attempt n+1 a random time between 0 and ``min(cap, base * 2 ** (n - 1))`` seconds passes, or
    what the server asks for with ``Retry-After`` if that is longer, up to ``max_retry_after``.

    Raises:
        TypeError: a value is not a number.
        ValueError: a value is out of range.
    """

    attempts: int = field(default=3, validator=whole(1, 100, "attempts"))
    """How many times one request is sent at the most; 1: never repeated."""
    budget: int = field(default=500, validator=whole(0, 1_000_000, "tokens"))
    """Tokens per host; a retry that finds too few is not made, and the breaker opens."""
    cost: int = field(default=14, validator=whole(0, 1_000_000, "tokens"))
    """Tokens a retry costs; they come back when it succeeds."""
    throttle_cost: int = field(default=5, validator=whole(0, 1_000_000, "tokens"))
    """Tokens a retry costs after the server asked for fewer requests."""
    base: float = field(default=0.05, validator=number(0, 3600, "seconds"))
    throttle_base: float = field(default=1.0, validator=number(0, 3600, "seconds"))
    cap: float = field(default=20.0, validator=number(0, 3600, "seconds"))
    max_retry_after: float = field(default=300.0, validator=number(0, 86_400, "seconds"))
    """Longest ``Retry-After`` that is believed."""


class RetryBudget:
    """The tokens of one host: they run out when many fail, so an outage is not answered with a storm."""

    __slots__ = ("_full", "left")

    def __init__(self, full: int) -> None:
        self._full = full
        self.left = full

    def take(self, cost: int) -> bool:
        """Pay for a retry; False, and nothing paid, when too few tokens are left."""
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def give(self, tokens: int) -> None:
        """Put tokens back, never over the full amount."""
        self.left = min(self._full, self.left + tokens)

    def refill(self) -> None:
        """Make it full again: the breaker closed, the host is well."""
        self.left = self._full


class RetryState:
    """The retries of one send."""

    __slots__ = (
        "_budget",
        "_codes",
        "_paid",
        "_random",
        "_retry",
        "_stale_used",
        "exhausted",
        "failures",
        "pause",
        "repeatable",
    )

    def __init__(
        self,
        retry: Retry,
        budget: RetryBudget,
        random: random.Random,
        *,
        repeatable: bool = True,
        codes: Mapping[str, int] | None = None,
    ) -> None:
        """Begin a send.

        Args:
            retry: the numbers.
            budget: the tokens of the host.
            random: where the jitter comes from.
            repeatable: False when asking twice does harm.
            codes: vendor codes that may be asked again, and how many times (``envelope.retry``).
        """
        self._retry = retry
        self._budget = budget
        self._random = random
        self._codes = dict(codes) if codes else {}
        self._paid = 0
        self._stale_used = False
        self.repeatable = repeatable
        """False when asking again could do harm."""
        self.failures = 0
        """Attempts that failed so far, the free one on a stale connection left out."""
        self.pause = 0.0
        """Seconds everybody of the quota should pause after the last error; 0 unless it was a throttle."""
        self.exhausted = False
        """True when the last answer was no because the budget of the host is used up."""

    def decide(self, error: CcError, time_left: float | None = None) -> float | None:
        """Return the seconds to wait before the next attempt, or None to stop.

        Args:
            error: why the last attempt failed.
            time_left: seconds until the deadline of the call; None: there is none.
        """
        self.exhausted = False
        self.pause = 0.0
        if getattr(error, "stale", False) and not self._stale_used and self.repeatable:
            self._stale_used = True
            return 0.0 if time_left is None or time_left > 0 else None
        self.failures += 1
        delay = self._backoff(error)
        if isinstance(error, Throttled):
            self.pause = delay
        if not self._may_repeat(error) or self.failures >= self._retry.attempts:
            return None
        if time_left is not None and delay >= time_left:
            return None
        cost = self._retry.throttle_cost if isinstance(error, Throttled) else self._retry.cost
        if not self._budget.take(cost):
            self.exhausted = True
            return None
        self._paid = cost
        return delay

    def succeeded(self) -> None:
        """The send ended well: its last retry is paid back, or one token is earned."""
        self._budget.give(self._paid if self.failures else 1)

    def _may_repeat(self, error: CcError) -> bool:
        if not self.repeatable:
            return False
        if isinstance(error, ApiError):
            left = self._codes.get(error.code or "", 0)
            self._codes[error.code or ""] = left - 1
            return left > 0
        if getattr(error, "once", False) and self.failures > 1:
            return False
        # Both are decided already: an open breaker is there to fail fast, and the call has no time left.
        return error.retryable and not isinstance(error, (CircuitOpen, CallTimeout))

    def _backoff(self, error: CcError) -> float:
        retry = self._retry
        base = retry.throttle_base if isinstance(error, Throttled) else retry.base
        delay = self._random.random() * min(retry.cap, base * 2.0 ** (self.failures - 1))
        asked = error.retry_after
        if asked is None or isinstance(error, CircuitOpen):  # an open breaker's wait is our own
            return delay
        # The caller, too, sees the wait that is believed: a server's may be endless.
        error.retry_after = asked = min(asked, retry.max_retry_after)
        return max(delay, asked)
