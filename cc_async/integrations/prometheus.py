"""Metrics for Prometheus: an observer of clients and a listener of watches, read at each scrape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from anyio import to_thread
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from cc_async import __version__
from cc_async.clients.health import Health
from cc_async.integrations import prometheus_definitions as of
from cc_async.integrations.prometheus_center import Center, Names
from cc_async.integrations.prometheus_definitions import DEFINITIONS, Definition
from cc_async.integrations.prometheus_requests import Requests, Sample, of_health
from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import Stitched
from cc_async.session.clock import Clock, LoopClock
from cc_async.session.events import Event

__all__ = ["Metrics"]


class Metrics(Collector):
    """Everything worth watching, for Prometheus: give it to clients as an observer, to watches as a listener.

    ::

        metrics = Metrics()
        async with CmsClient(..., observers=[metrics]) as cms:
            metrics.health = lambda: cms.health
            ...
            body, content_type = metrics.render(request.headers.get("Accept"))

    A value the server did not say is absent, never 0. Counters of calls come from the sums of a ``Stitcher``
    alone and go on after a restart as its state file does; those of requests begin with the process. Live
    figures older than 10 minutes are left out. What is measured: ``prometheus_definitions.DEFINITIONS``.

    Args:
        health: how the client is doing, asked at each scrape; may be set later.
        names: of queues by ``skill_id`` or ``(vdn, skill_id)``, for ``cc_async_queue_info``.
        sums: ``await sums.take(batch)``, and then tell ``on_stitched``: a counter that was exposed and not
            saved would go down after a crash. Without sums there are no figures of calls.
        clock: where the time comes from; the event loop by default.
    """

    def __init__(
        self,
        health: Callable[[], Health] | None = None,
        names: Names | None = None,
        sums: Stitcher | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.health = health
        self._seen: Health | None = None
        self._clock = clock
        self._requests = Requests()
        self._center = Center(names, sums, self._monotonic)
        self.registry = CollectorRegistry()
        """A registry of its own, for whoever serves several; register more collectors as you like."""
        self.registry.register(self)

    def _monotonic(self) -> float:
        if self._clock is None:
            self._clock = LoopClock()
        return self._clock.monotonic()

    def on_event(self, event: Event) -> None:
        """Count an event of a client."""
        self._requests.on_event(event)

    def on_beat(self, interface: str, beat: Beat[Any]) -> None:
        """Take a beat of an interface."""
        self._center.on_beat(interface, beat)
        self._look()

    def on_stitched(self, stitched: Stitched) -> None:
        """Take over what stitching brought."""
        self._center.on_stitched(stitched)

    def on_alert(self, alert: Alert) -> None:
        """Count an alert."""
        self._center.on_alert(alert)

    def describe(self) -> Iterable[Metric]:
        """Every metric there can be, without values."""
        return [_family(made) for made in DEFINITIONS.values()]

    def collect(self) -> Iterator[Metric]:
        """Every metric that has a value now; from any thread."""
        families: dict[Definition, Any] = {}
        for made, labels, value in self._samples():
            if value is None:
                continue
            if made not in families:
                families[made] = _family(made)
            if made.kind == "info":
                families[made].add_metric(labels[:-1], {made.labels[-1]: labels[-1]})
            else:
                families[made].add_metric(labels, value)
        for name, buckets, seconds in self._requests.histograms():
            family = families.setdefault(of.REQUEST_SECONDS, _family(of.REQUEST_SECONDS))
            family.add_metric((name,), buckets, seconds)
        yield from (families[made] for made in DEFINITIONS.values() if made in families)

    def _samples(self) -> Iterator[Sample]:
        yield of.BUILD_INFO, (__version__,), 1
        yield from self._center.samples()
        yield from self._requests.samples()
        health = self._look()
        if health is not None:
            yield from of_health(health, self._requests.interfaces())

    def _look(self) -> Health | None:
        """How the client is doing; in a thread, where it may not be asked, how it did when last looked at."""
        if self.health is not None and _on_a_loop():
            self._seen = self.health()
        return self._seen

    def render(self, accept: str | None = None) -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics where ``accept`` asks for it, else plain text.

        Made where it is called: 0.2 ms a queue, which blocks the loop. Large contact centers ``await
        scrape(accept)`` instead.
        """
        encode, content_type = choose_encoder(accept or "")
        return encode(self.registry), content_type

    async def scrape(self, accept: str | None = None) -> tuple[bytes, str]:
        """As ``render``, made in a thread."""
        self._look()
        return await to_thread.run_sync(self.render, accept)


def _on_a_loop() -> bool:
    """True on the thread of a running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _family(made: Definition) -> Metric:
    """An empty family of a metric."""
    match made.kind:
        case "counter":
            return CounterMetricFamily(made.name, made.help, labels=made.labels, unit=made.unit)
        case "gauge":
            return GaugeMetricFamily(made.name, made.help, labels=made.labels, unit=made.unit)
        case "histogram":
            return HistogramMetricFamily(made.name, made.help, labels=made.labels, unit=made.unit)
        case "info":
            return InfoMetricFamily(made.name.removesuffix("_info"), made.help, labels=made.labels[:-1])
