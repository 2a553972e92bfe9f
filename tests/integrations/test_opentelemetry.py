"""Traces over a contact center on real sockets, read from the SDK's own exporter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from waiting import until

from cc_async import CcError, CmsClient, GatewayClient, Retry
from cc_async.integrations.opentelemetry import Tracing
from cc_async.session import events
from cc_async.simulator import Simulator

MakeCms = Callable[..., CmsClient]
SKILL_STATES = "/rest/cmsapp/v1/openapi/skill/stateinfo"


class Seen(SpanProcessor):
    """Every span that was begun, so that one that never ends is found."""

    def __init__(self) -> None:
        self.begun: list[Span] = []

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        self.begun.append(span)


class Told:
    """A provider that keeps what was told, and the observer that tells it."""

    def __init__(self) -> None:
        self.provider, self._exporter, self.seen = TracerProvider(), InMemorySpanExporter(), Seen()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.provider.add_span_processor(self.seen)
        self.tracer = self.provider.get_tracer("test")
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.tracing = Tracing(self.provider, self.meters)

    def spans(self, kind: SpanKind | None = None) -> list[ReadableSpan]:
        """The spans that ended, in the order they began."""
        found = sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        return [span for span in found if kind in (None, span.kind)]

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans() if span.name == name]

    def durations(self) -> list[HistogramDataPoint]:
        """The points of the one histogram there is."""
        data = self.reader.get_metrics_data()
        assert data is not None
        [metric] = data.resource_metrics[0].scope_metrics[0].metrics
        assert (metric.name, metric.unit) == ("http.client.request.duration", "s")
        assert isinstance(metric.data, Histogram)
        return list(metric.data.data_points)


@pytest.fixture
def told() -> Iterator[Told]:
    """Nothing is left open at the end, and the current span is nobody's."""
    made = Told()
    yield made
    assert [span.name for span in made.seen.begun if span.end_time is None] == []
    assert trace.get_current_span() is trace.INVALID_SPAN
    made.provider.shutdown()
    made.meters.shutdown()


def inside(child: ReadableSpan, parent: ReadableSpan) -> bool:
    """True when a span is a direct child of another."""
    return child.parent is not None and child.parent.span_id == parent.context.span_id


async def test_a_call_is_a_child_of_the_callers_span_and_its_requests_are_its_children(
    sim: Simulator, make_cms: MakeCms, told: Told
) -> None:
    """The caller's span, the call, one client span per request with the standard attributes."""
    cms = make_cms(sim, observers=[told.tracing])
    with told.tracer.start_as_current_span("report"):
        await cms.signed_in_agents([1, 2, 3])
        assert trace.get_current_span().name == "report"  # type: ignore[attr-defined] # an SDK span
    [report], [call] = told.named("report"), told.named("signed_in_agents")
    requests = told.spans(SpanKind.CLIENT)
    path = "/rest/cmsapp/v1/openapi/skill/agentbyconfigedskill"
    assert inside(call, report)
    assert [(span.name, inside(span, call)) for span in requests] == [(f"POST {path}", True)] * 3
    port = int(sim.cms_url.rpartition(":")[2])
    assert dict(requests[0].attributes or {}) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.full": sim.cms_url + path,
        "url.template": path,
    }
    assert call.attributes is not None
    assert (call.attributes["cc_async.requests"], call.attributes["cc_async.failures"]) == (3, 0)
    assert call.status.status_code is StatusCode.UNSET


async def test_every_attempt_is_a_span_of_its_own(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """503, 503, 200: three spans, the second and third say which repetition they are; the call is fine."""
    sim.fail("skill_states", status=503, times=2)
    await make_cms(sim, observers=[told.tracing], retry=Retry(base=0.001)).skill_states([1])
    [call], attempts = told.named("skill_states"), told.spans(SpanKind.CLIENT)
    found = [dict(span.attributes or {}) for span in attempts]
    assert [one["http.response.status_code"] for one in found] == [503, 503, 200]
    assert [one.get("http.request.resend_count") for one in found] == [None, 1, 2]
    assert [one.get("error.type") for one in found] == ["ServerError", "ServerError", None]
    assert [span.status.status_code for span in attempts] == [StatusCode.ERROR] * 2 + [StatusCode.UNSET]
    assert all(inside(span, call) for span in attempts)
    assert [event.name for event in call.events] == ["retry", "retry"]
    assert call.status.status_code is StatusCode.UNSET


async def test_a_failed_call_says_what_failed(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """What was raised is the error type of the call."""
    cms = make_cms(sim, observers=[told.tracing], retry=Retry(attempts=1))
    sim.fail("skill_states", status=503, times=1)
    sim.fail("skill_call_stats", status=403, times=1)
    raised = []
    for query in (cms.skill_states([1]), cms.skill_call_stats([1])):
        with pytest.raises(CcError) as error:
            await query
        raised.append(type(error.value).__name__)
    calls = told.spans(SpanKind.INTERNAL)
    assert [call.status.status_code for call in calls] == [StatusCode.ERROR] * 2
    assert [dict(call.attributes or {})["error.type"] for call in calls] == raised


async def test_a_server_that_is_not_there(told: Told, sim: Simulator, make_cms: MakeCms) -> None:
    """No status, the error instead; the request is over."""
    cms = make_cms(sim, observers=[told.tracing], retry=Retry(attempts=1))
    await sim.stop()
    with pytest.raises(CcError):
        await cms.skill_states([1])
    [request] = told.spans(SpanKind.CLIENT)
    attributes = dict(request.attributes or {})
    assert "http.response.status_code" not in attributes
    assert attributes["error.type"] == "ConnectError"
    assert request.status.status_code is StatusCode.ERROR


async def test_cancelling_ends_the_spans(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """A call that is cancelled while three requests wait leaves no span open, and is no error."""
    cms = make_cms(sim, observers=[told.tracing])
    await cms.skills()
    sim.fail("signed_in_agents", delay=30, times=None)
    asked = asyncio.ensure_future(cms.signed_in_agents([1, 2, 3]))
    await until(lambda: cms.health.in_flight)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    [call] = told.named("signed_in_agents")
    attributes = dict(call.attributes or {})
    assert (attributes["error.type"], call.status.status_code) == ("CancelledError", StatusCode.UNSET)
    cancelled = [span for span in told.spans(SpanKind.CLIENT) if inside(span, call)]
    assert cancelled
    assert {dict(span.attributes or {})["error.type"] for span in cancelled} == {"CancelledError"}


async def test_calls_at_the_same_time_do_not_mix(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """Two clients whose calls have the same numbers, two callers: each request is below its own caller."""
    clients = {name: make_cms(sim, observers=[told.tracing]) for name in ("first", "second")}

    async def report(name: str) -> None:
        with told.tracer.start_as_current_span(name):
            await clients[name].signed_in_agents(range(1, 11))

    await asyncio.gather(report("first"), report("second"))
    calls = told.named("signed_in_agents")
    for name in clients:
        [own], [caller] = [call for call in calls if inside(call, told.named(name)[0])], told.named(name)
        requests = [span for span in told.spans(SpanKind.CLIENT) if inside(span, own)]
        assert len(requests) == 10
        assert {span.context.trace_id for span in requests} == {caller.context.trace_id}


async def test_what_is_looked_up_for_a_call_is_below_it(
    sim: Simulator, make_cms: MakeCms, told: Told
) -> None:
    """Asking every queue of a VDN looks them up first: a call within the call."""
    await make_cms(sim, observers=[told.tracing]).skill_states()
    [call], [lookup] = told.named("skill_states"), told.named("skills")
    assert call.parent is None
    assert inside(lookup, call)


async def test_a_stream_read_slowly_and_left_early(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """Requests begun by the reader of a stream belong to its call, and end when it is left."""
    cms = make_cms(sim, observers=[told.tracing], concurrency=2)
    with told.tracer.start_as_current_span("reader"):
        async with cms.signed_in_agents(range(1, 31)).stream() as rows:
            seen: set[int] = set()
            async for row in rows:
                if row.skill_id not in seen:
                    await until(lambda: not cms.health.in_flight)  # the workers stop: we are too slow
                seen.add(row.skill_id)
                if len(seen) > 8:
                    break
    [reader], [call] = told.named("reader"), told.named("signed_in_agents")
    assert inside(call, reader)
    requests = told.spans(SpanKind.CLIENT)
    assert len(requests) > 8
    assert all(inside(span, call) for span in requests)


async def test_callers_joined_in_one_question(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """The question of many callers is one call, with its request below it."""
    query = make_cms(sim, observers=[told.tracing]).skill_states()
    await asyncio.gather(*(query.one(skill) for skill in range(1, 6)))
    [call], [request] = told.named("skill_states"), told.spans(SpanKind.CLIENT)
    assert inside(request, call)


async def test_no_secret_no_agent_and_nothing_that_was_asked(
    sim: Simulator, make_cms: MakeCms, make_gateway: Callable[..., GatewayClient], told: Told
) -> None:
    """Neither keys, signatures and GUIDs nor names, numbers and ids of agents are in any span."""
    agent = next(iter(sim.guids))
    with told.tracer.start_as_current_span("gateway"):
        await make_gateway(sim, observers=[told.tracing]).agent_call_stats([agent])
        cms = make_cms(sim, observers=[told.tracing])
        agents = await cms.signed_in_agents([1])
        with pytest.raises(CcError):
            await cms.call(f"agent/{agent}/state", {})
    template = "/agentgateway/resource/calldata/{agent_id}/statistics"
    [request] = told.named(f"GET {template}")
    assert dict(request.attributes or {})["url.full"] == sim.gateway_url + template
    assert told.named("POST /rest/cmsapp/v1/openapi/agent/{id}/state")
    text = " ".join(span.to_json() for span in told.spans())
    secrets = [sim.access_key, sim.secret_key, sim.guids[agent], "auth-v2", f"/{agent}/"]
    people = [name for one in agents for name in (one.name, one.phone_number) if name]
    assert people
    assert [one for one in secrets + people if one in text] == []


async def test_durations_are_a_histogram(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """One point for answers, one for failures; the counts and bounds are those of the convention."""
    sim.fail("skill_states", status=503, times=1)
    await make_cms(sim, observers=[told.tracing], retry=Retry(base=0.001)).skill_states([1])
    points = {dict(point.attributes or {})["http.response.status_code"]: point for point in told.durations()}
    assert {status: point.count for status, point in points.items()} == {200: 1, 503: 1}
    bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    assert list(points[200].explicit_bounds) == bounds
    assert dict(points[503].attributes or {})["error.type"] == "ServerError"
    assert "url.full" not in dict(points[200].attributes or {})


async def test_without_a_sdk_nothing_happens(sim: Simulator, make_cms: MakeCms) -> None:
    """The API alone makes spans that are nothing, and calls are answered as ever."""
    batch = await make_cms(sim, observers=[Tracing()]).skill_states([1, 2])
    assert len(batch) == 2
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_parts_that_failed_and_pauses(sim: Simulator, make_cms: MakeCms, told: Told) -> None:
    """A call that lost a part says so; a pause the server asked for is an event of the call that met it."""
    cms = make_cms(sim, observers=[told.tracing], retry=Retry(attempts=1))
    await cms.signed_in_agents([1])
    sim.fail("signed_in_agents", status=503, times=1)
    await cms.signed_in_agents([1, 2, 3], partial=True)
    sim.fail("skill_states", status=429, times=1)
    await make_cms(sim, observers=[told.tracing], retry=Retry(throttle_base=0.01)).skill_states([1])
    fine, lost = told.named("signed_in_agents")
    assert fine.status.status_code is StatusCode.UNSET
    attributes = dict(lost.attributes or {})
    assert (attributes["cc_async.failures"], attributes["error.type"]) == (1, "BatchError")
    assert lost.status.status_code is StatusCode.ERROR
    [throttled] = told.named("skill_states")
    assert [event.name for event in throttled.events] == ["throttled", "retry"]


def test_events_fed_by_hand_and_out_of_order(told: Told) -> None:
    """Whoever feeds events needs no client; answers and ends of what never began are nobody's."""
    stamp, take = (1.0, 7, "skill_states"), told.tracing.on_event
    take(events.RequestAnswered(*stamp, 1, "", 1, 200, 0.1, 5, None))
    take(events.BatchDone(*stamp, 0.1, 1, 5, 0))
    take(events.RequestRetried(*stamp, 1, "", 1, 0.5, "ServerError"))
    assert told.spans() == []
    take(events.RequestSent(*stamp, 1, "", 1, "POST", "/here"))
    take(events.RequestAnswered(*stamp, 1, "", 1, None, 0.1, 0, None))
    [request] = told.spans()
    assert request.parent is None
    assert dict(request.attributes or {}) == {"http.request.method": "POST", "url.template": "/here"}
