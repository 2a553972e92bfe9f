"""The requests half of the metrics: events are counted as they come, the client is looked at when scraped."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field

from cc_async.clients.health import Health
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.integrations import prometheus_definitions as of
from cc_async.integrations.prometheus_definitions import Definition
from cc_async.session import events

Sample = tuple[Definition, tuple[str, ...], float | None]
"""A metric, the values of its labels, and its value; None: there is none, so nothing is exposed."""

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram of request durations, seconds."""

MOST_RAW = 50
"""Interfaces asked by path that are told apart; callers who build paths cannot flood the metrics."""


@define
class Histogram:
    """Durations, counted in the buckets of ``BOUNDS`` and one above."""

    counts: list[int] = field(factory=lambda: [0] * (len(BOUNDS) + 1))
    sum: float = 0.0


def brought(*, whole: bool, some: bool) -> str:
    """How much of what was asked came, in the word of the label."""
    return "all" if whole else "part" if some else "none"


class Requests:
    """An observer that counts. One writer, the loop; whoever reads takes copies, from any thread."""

    def __init__(self) -> None:
        self._counts: dict[Definition, defaultdict[tuple[Any, ...], float]] = {
            made: defaultdict(float)
            for made in (
                of.REQUESTS, of.RETRIES, of.PAUSES, of.PAUSE_SECONDS, of.ROWS, of.ROWS_DROPPED,
                of.ROWS_REJECTED, of.CALLS, of.CALLS_OPEN, of.BREAKER_OPENINGS, of.CREDENTIAL_LOCKS,
            )
        }  # fmt: skip
        self._answers, self._rows = self._counts[of.REQUESTS], self._counts[of.ROWS]
        self._calls, self._open = self._counts[of.CALLS], self._counts[of.CALLS_OPEN]
        self._seconds: dict[str, Histogram] = {}
        self._names = {name: name for name in (*ENDPOINTS, "*")}
        self._take: Mapping[type[events.Event], Callable[[Any], None]] = {
            events.BatchStarted: self._started,
            events.RequestAnswered: self._answered,
            events.RequestRetried: self._retried,
            events.QuotaPaused: self._paused,
            events.RowsDropped: self._dropped,
            events.RowRejected: self._rejected,
            events.BreakerChanged: self._breaker,
            events.CredentialLocked: self._locked,
            events.BatchDone: self._done,
        }

    def on_event(self, event: events.Event) -> None:
        """Count one event; kinds this release does not know are left alone."""
        take = self._take.get(type(event))
        if take is not None:
            take(event)

    def _name(self, endpoint: str) -> str:
        """The label of an interface: one asked by its path is told apart while there is room."""
        found = self._names.get(endpoint)
        if found is None:
            if len(self._names) > len(ENDPOINTS) + MOST_RAW:
                return "other"
            found = self._names[endpoint] = endpoint
        return found

    def _started(self, event: events.BatchStarted) -> None:
        self._open[(self._name(event.endpoint),)] += 1

    def _answered(self, event: events.RequestAnswered) -> None:
        name = self._name(event.endpoint)
        self._answers[name, event.status, event.error] += 1
        if event.rows:
            self._rows[(name,)] += event.rows
        held = self._seconds.get(name)
        if held is None:
            held = self._first(name)
        held.counts[bisect_left(BOUNDS, event.seconds)] += 1
        held.sum += event.seconds

    def _first(self, name: str) -> Histogram:
        """Begin the counters of an interface at 0: what comes with its first event is no increase."""
        for made in (of.PAUSES, of.PAUSE_SECONDS, of.ROWS, of.ROWS_REJECTED):
            self._counts[made][(name,)] += 0
        self._seconds[name] = Histogram()
        return self._seconds[name]

    def _retried(self, event: events.RequestRetried) -> None:
        self._counts[of.RETRIES][self._name(event.endpoint), event.error] += 1

    def _paused(self, event: events.QuotaPaused) -> None:
        key = (self._name(event.endpoint),)
        self._counts[of.PAUSES][key] += 1
        self._counts[of.PAUSE_SECONDS][key] += event.seconds

    def _dropped(self, event: events.RowsDropped) -> None:
        self._counts[of.ROWS_DROPPED][self._name(event.endpoint), event.reason] += event.count

    def _rejected(self, event: events.RowRejected) -> None:
        self._counts[of.ROWS_REJECTED][(self._name(event.endpoint),)] += 1

    def _breaker(self, event: events.BreakerChanged) -> None:
        self._counts[of.BREAKER_OPENINGS][(event.host,)] += event.state == "open"

    def _locked(self, event: events.CredentialLocked) -> None:
        self._counts[of.CREDENTIAL_LOCKS][(self._name(event.scope),)] += 1

    def _done(self, event: events.BatchDone) -> None:
        name = self._name(event.endpoint)
        self._open[(name,)] -= 1
        whole = event.error is None and not event.failures
        self._calls[name, brought(whole=whole, some=event.rows > 0)] += 1

    def samples(self) -> Iterator[Sample]:
        """Everything counted so far; what never happened is not there yet."""
        for made, counter in self._counts.items():
            for key, value in counter.copy().items():
                yield made, tuple("" if part is None else str(part) for part in key), value

    def histograms(self) -> Iterator[tuple[str, list[tuple[str, float]], float]]:
        """Of every interface: its name, the cumulative buckets, the sum of seconds."""
        for name, held in self._seconds.copy().items():
            counts, total = held.counts.copy(), 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*BOUNDS, float("inf")), counts, strict=True):
                total += count
                buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
            yield name, buckets, held.sum

    def interfaces(self) -> set[str]:
        """Every interface that was asked."""
        return set(self._seconds.copy())


def of_health(health: Health, asked: set[str]) -> Iterator[Sample]:
    """The state of a client; an interface that was asked and is not locked is told so."""
    yield of.CLIENT_OK, (), health.ok
    yield of.BREAKER_OPEN, (), health.breaker != "closed"
    for name in sorted(asked | set(health.locked_until)):
        yield of.LOCKED, (name,), name in health.locked_until
    yield of.LAST_SUCCESS, (), health.last_success_age
    for name, (used, limit) in health.quota_used.items():
        yield of.QUOTA_USED, (name,), used
        yield of.QUOTA_LIMIT, (name,), limit
    yield of.IN_FLIGHT, (), health.in_flight
    yield of.RETRY_BUDGET, (), health.retry_budget
    yield of.CLOCK_OFFSET, (), health.clock_offset
