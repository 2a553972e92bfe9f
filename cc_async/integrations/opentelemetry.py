"""Traces for OpenTelemetry: a span per call, below it one per attempt; and the durations as a histogram."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import Token
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode

from cc_async import __version__
from cc_async.session import events

__all__ = ["Tracing"]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bounds the semantic conventions ask of ``http.client.request.duration``."""

_NUMBER = re.compile(r"(?<=/)\d+(?=/|$)", re.ASCII)
_PATHS = 256
"""Paths whose attributes are kept; callers of raw interfaces may make up any number of them."""
_CANCELLED = "CancelledError"

Attributes = Mapping[str, str | int]


class Tracing:
    """An observer that makes spans: ``CmsClient(..., observers=[Tracing()])``, the same for several clients.

    A call is a child of whatever span is current where it is asked, and is itself current while it runs. Its
    requests are spans of kind client with the attributes of the HTTP conventions, each attempt one of its
    own. Numbers in paths stand as ``{agent_id}`` or ``{id}``; keys, GUIDs, names, and what is asked for are
    in no span. Where aiohttp is instrumented as well, each request is told twice.

    Args:
        tracer_provider: the global one by default.
        meter_provider: of the histogram ``http.client.request.duration``; the global one by default.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("cc_async", __version__, tracer_provider)
        meter = metrics.get_meter("cc_async", __version__, meter_provider)
        self._seconds = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._alone = _Client(self._tracer, self._seconds, "")

    def for_client(self, base_url: str) -> events.Observer:
        """The observer of one client: each numbers its own calls."""
        return _Client(self._tracer, self._seconds, base_url)

    def on_event(self, event: events.Event) -> None:
        """Take an event of a client that nobody named; its spans do not say where the server is."""
        self._alone.on_event(event)


@frozen(eq=False)
class _Call:
    """A call under way."""

    span: Span
    context: Context
    token: Token[Context]


@frozen(eq=False)
class _Attempt:
    """An attempt under way."""

    span: Span
    context: Context
    attributes: Attributes


class _Client:
    """Spans of one client; an attempt ends before its call, and both end whatever ends them."""

    def __init__(self, tracer: trace.Tracer, seconds: metrics.Histogram, base_url: str) -> None:
        self._tracer, self._seconds = tracer, seconds
        self._calls: dict[int, _Call] = {}
        self._attempts: dict[int, _Attempt] = {}
        self._url = base_url
        self._described = lru_cache(_PATHS)(self._describe)
        self._take: Mapping[type[events.Event], Callable[[Any], None]] = {
            events.BatchStarted: self._started,
            events.RequestSent: self._sent,
            events.RequestAnswered: self._answered,
            events.RequestRetried: self._retried,
            events.QuotaPaused: self._paused,
            events.BatchDone: self._done,
        }

    def on_event(self, event: events.Event) -> None:
        """Begin, end or annotate a span."""
        take = self._take.get(type(event))
        if take is not None:
            take(event)

    def _describe(self, method: str, path: str) -> tuple[str, Attributes]:
        """The name and the attributes of an attempt, without what differs from one to the next."""
        found = urlsplit(self._url)
        template = found.path + _NUMBER.sub("{id}", path)
        attributes: dict[str, str | int] = {"http.request.method": method, "url.template": template}
        if found.hostname is not None:
            attributes |= {
                "server.address": found.hostname,
                "server.port": found.port or (80 if found.scheme == "http" else 443),
                "url.full": f"{found.scheme}://{found.netloc}{template}",
            }
        return f"{method} {template}", attributes

    def _started(self, event: events.BatchStarted) -> None:
        span = self._tracer.start_span(event.endpoint, attributes={"cc_async.interface": event.endpoint})
        inside = trace.set_span_in_context(span)
        # Told in the task that asks: what is asked within it, such as the queues of a VDN, is its child.
        self._calls[event.call] = _Call(span, inside, context.attach(inside))

    def _sent(self, event: events.RequestSent) -> None:
        name, attributes = self._described(event.method, event.path)
        again = {"http.request.resend_count": event.attempt - 1} if event.attempt > 1 else {}
        # A worker of a stream may have been begun by its reader: the call is known by its number.
        call = self._calls.get(event.call)
        parent = context.get_current() if call is None else call.context
        span = self._tracer.start_span(name, parent, SpanKind.CLIENT, {**attributes, **again})
        self._attempts[event.request] = _Attempt(span, parent, attributes)

    def _answered(self, event: events.RequestAnswered) -> None:
        attempt = self._attempts.pop(event.request, None)
        if attempt is None:
            return
        found: dict[str, str | int] = {}
        if event.status is not None:
            found["http.response.status_code"] = event.status
        if event.error is not None:
            found["error.type"] = event.error
        attempt.span.set_attributes(found)
        _close(attempt.span, event.error)
        told = {name: value for name, value in attempt.attributes.items() if name != "url.full"}
        self._seconds.record(event.seconds, {**told, **found}, attempt.context)

    def _retried(self, event: events.RequestRetried) -> None:
        self._note(event, "retry", {"cc_async.delay": event.delay, "error.type": event.error})

    def _paused(self, event: events.QuotaPaused) -> None:
        self._note(event, "throttled", {"cc_async.pause": event.seconds})

    def _note(self, event: events.Event, name: str, attributes: Mapping[str, str | float]) -> None:
        call = self._calls.get(event.call)
        if call is not None:
            call.span.add_event(name, attributes)

    def _done(self, event: events.BatchDone) -> None:
        call = self._calls.pop(event.call, None)
        if call is None:
            return
        context.detach(call.token)
        call.span.set_attributes(
            {
                "cc_async.requests": event.requests,
                "cc_async.rows": event.rows,
                "cc_async.failures": event.failures,
            }
        )
        error = event.error or ("BatchError" if event.failures else None)
        if error is not None:
            call.span.set_attribute("error.type", error)
        _close(call.span, error)


def _close(span: Span, error: str | None) -> None:
    """End a span; what was cancelled is over, and no error of anybody."""
    if error is not None and error != _CANCELLED:
        span.set_status(StatusCode.ERROR, error)
    span.end()
