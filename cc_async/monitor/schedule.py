"""When to ask: the server's clock as far as it is known, and the moments of the beats; pure, no waiting."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from attrs import define, field

from cc_async.monitor.sums import BUCKET_SECONDS

DATE_STEP = 1.0
"""A Date header has whole seconds: the server's clock is up to so much ahead of it."""
DRIFT = 1e-4
"""Seconds two clocks may drift apart in a second."""
SLACK = 0.25
"""Seconds a beat is begun earlier than it should take; the drift between two beats is far less."""
MOST_LEAD = BUCKET_SECONDS / 2


@define
class ServerClock:
    """Bounds of the server's epoch seconds minus our monotonic seconds, made closer by every answer.

    The monotonic clock is the base, so that a correction of our wall clock between two beats moves nothing.
    """

    low: float
    high: float
    at: float
    """When the bounds were last known to hold (monotonic)."""
    known: bool = True
    """False before the first answer: then our own wall clock is believed."""

    @classmethod
    def unknown(cls, monotonic: float, wall: float) -> ServerClock:
        """Before any answer."""
        return cls(wall - monotonic, wall - monotonic, monotonic, known=False)

    def learn(self, dates: Iterable[float], asked: float, answered: float) -> None:
        """Take the Dates of answers (epoch seconds) that came between two monotonic moments."""
        known = list(dates)
        if not known:
            return
        # An answer's Date is at most a step behind the server's time somewhere between the two moments.
        low, high = max(known) - answered, min(known) + DATE_STEP - asked
        wider = DRIFT * (answered - self.at)
        closer_low, closer_high = max(low, self.low - wider), min(high, self.high + wider)
        # Bounds that exclude each other: a clock was set. What was learned last holds.
        agree = self.known and closer_low <= closer_high
        self.low, self.high = (closer_low, closer_high) if agree else (low, high)
        self.at, self.known = answered, True

    def latest(self, monotonic: float) -> float:
        """The server's time at a monotonic moment, not earlier than it can be."""
        return monotonic + self.high

    def moment(self, server: float) -> float:
        """The monotonic moment at which the server's time may first be this."""
        return server - self.high

    def likely(self, monotonic: float) -> float:
        """The server's time at a monotonic moment, in the middle of its bounds."""
        return monotonic + (self.low + self.high) / 2


@define
class Lead:
    """How long before its end a bucket has to be asked, from what the asking took lately."""

    given: float | None = None
    """Seconds the user wants, or None."""
    taken: deque[float] = field(factory=lambda: deque(maxlen=8))

    def note(self, seconds: float) -> None:
        """A beat that was answered took so long."""
        self.taken.append(seconds)

    def seconds(self, planned: float) -> float:
        """The lead, where the quota alone makes the asking take ``planned`` seconds."""
        if self.given is not None:
            return self.given
        longest = sorted(self.taken)
        # One slow beat is chance, two are a habit: the second longest counts as soon as there are some.
        usual = longest[-2] if len(longest) > 2 else longest[-1] if longest else 0.0
        return min(max(planned, usual) + SLACK, MOST_LEAD)


@define
class Periodic:
    """A beat every so many seconds on a grid that nothing moves; all times monotonic."""

    every: float
    origin: float
    """Where the grid begins: the first beat on it is one ``every`` later."""
    done: int = 0

    def next(self, now: float) -> tuple[float, int]:
        """When the next beat is due, and how many were due before it that are too late now."""
        first = self.done + 1
        # A beat whose moment passed while another was asked is not made up for.
        self.done = max(first, math.floor((now - self.origin) / self.every) + 1)
        return self.origin + self.done * self.every, self.done - first


@define
class Aligned:
    """A beat right before the end of each bucket of the server's clock."""

    end: float | None = None
    """The end (epoch seconds) of the bucket the last beat was meant for."""

    def next(self, now: float, clock: ServerClock, lead: float) -> tuple[float, int]:
        """When the next beat is due (monotonic), and how many buckets ended without one.

        The end of a bucket that is near counts while there is any time left: late is better than never.
        """
        coming = (math.floor(clock.latest(now) / BUCKET_SECONDS) + 1) * BUCKET_SECONDS
        first = coming if self.end is None else self.end + BUCKET_SECONDS
        # A clock that was set back is followed; otherwise every end has one beat and no second one.
        if first - coming > BUCKET_SECONDS:
            first = coming
        self.end = max(first, coming)
        return clock.moment(self.end) - lead, round((self.end - first) / BUCKET_SECONDS)
