"""Line 14: watching requests, and writing down what was seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from benchmarks import lab
from benchmarks.report import Line, line, not_installed
from cc_async import Batch, SkillCallStats, SkillState
from cc_async.monitor import Beat, Stitcher
from cc_async.session import events

GOAL = 3.0
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
STAMP = (NOON.timestamp(), 1, "skill_states")
BEGUN = events.BatchStarted(*STAMP)
SENT = events.RequestSent(*STAMP, 1, "", 1, "POST", "/rest/cmsapp/v1/openapi/skill/stateinfo")
ANSWERED = events.RequestAnswered(*STAMP, 1, "", 1, 200, 0.02, 222, None)
DONE = events.BatchDone(*STAMP, 0.02, 1, 222, 0)


class Nobody:
    """An observer that does nothing."""

    def on_event(self, event: events.Event) -> None: ...


def built() -> None:
    """Build the two events of a request and hand them to nobody: what any observer costs."""
    watchers.tell(events.RequestSent(*STAMP, 1, "", 1, "POST", "/rest/cmsapp/v1/openapi/skill/stateinfo"))
    watchers.tell(events.RequestAnswered(*STAMP, 1, "", 1, 200, 0.02, 222, None))


watchers = events.Watchers([Nobody()])


def request(observer: events.Observer) -> Callable[[], None]:
    """The two events of a request, within a call that stays open."""
    take = observer.on_event
    take(BEGUN)

    def both() -> None:
        take(SENT)
        take(ANSWERED)

    return both


def whole(observer: events.Observer) -> Callable[[], None]:
    """The four events of a call of one request."""
    take = observer.on_event

    def all_of_them() -> None:
        for event in (BEGUN, SENT, ANSWERED, DONE):
            take(event)

    return all_of_them


def observers() -> dict[str, Callable[[], events.Observer]]:
    """Those that are installed, by the title of their lines."""
    found: dict[str, Callable[[], events.Observer]] = {}
    if lab.optional("prometheus_client") is not None:
        from cc_async.integrations.prometheus import Metrics

        found["Metrics"] = Metrics
    if lab.optional("opentelemetry") is not None:
        from cc_async.integrations.opentelemetry import Tracing

        base = "https://cms.example.com:28443"
        found["Tracing, no SDK"] = lambda: Tracing().for_client(base)
        if (sdk := lab.optional("opentelemetry.sdk.trace")) is not None:
            found["Tracing, SDK that drops its spans"] = lambda: Tracing(sdk.TracerProvider()).for_client(
                base
            )
    return found


def scraped(queues: int) -> dict[str, float]:
    """Milliseconds of CPU for a contact center of so many queues: a beat, and a scrape."""
    from cc_async.integrations.prometheus import Metrics

    async def run() -> dict[str, float]:
        sums = Stitcher()
        metrics = Metrics(sums=sums)
        states = Batch.of([SkillState(one, 9, 3, 2, 2, 1, 1, 2, 0, 4, 60, 20.0, 200.0, vdn=170)
                           for one in range(1, queues + 1)])  # fmt: skip
        metrics.on_beat(
            "skill_states", Beat(number=1, at=NOON, batch=states, last_good=states, age_seconds=1.0)
        )
        taken: dict[str, float] = {}
        for minute in range(40):
            stitched = sums.feed(calls(queues, NOON + timedelta(minutes=minute, seconds=55)))
            taken["told"] = spent(partial(metrics.on_stitched, stitched))
        taken["render"] = spent(metrics.render)
        return taken

    return asyncio.run(run())


def calls(queues: int, at: datetime) -> list[SkillCallStats]:
    """A sample of every queue."""
    start = datetime.fromtimestamp(at.timestamp() // 300 * 300, UTC)
    return [
        SkillCallStats(one, start, start, 5, 4, 1, 4, 60, 3, 3, 90, at, cc_id=1, vdn=170)
        for one in range(1, queues + 1)
    ]


def spent(do: Callable[[], Any]) -> float:
    """Milliseconds of CPU."""
    return lab.alternate_calls({"it": do}, 1, 0.0)["it"][0] / 1e3


def run(smoke: bool) -> list[Line]:
    """Feed events to each observer; feed beats to the metrics and expose them."""
    found = observers()
    ways: dict[str, Callable[[], object]] = {"built": built}
    for name, make in found.items():
        ways[name], ways[name + ": call"] = request(make()), whole(make())
    rounds, seconds = (1, 0.005) if smoke else (15, 0.2)
    with lab.pinned():
        taken = lab.alternate_calls(ways, rounds, seconds)
        lines = [line("the two events of a request, told to nobody", lab.Spread.of(taken["built"]), "us CPU")]
        for name in found:
            figure = lab.Spread.of(taken[name])
            goal, met = (f"at most {GOAL:g}", figure.median <= GOAL) if name == "Metrics" else ("", None)
            lines.append(line(f"{name}: a request", figure, "us CPU", goal, met))
            lines.append(
                line(f"{name}: a call of one request", lab.Spread.of(taken[name + ": call"]), "us CPU")
            )
        if "Metrics" not in found:
            return [*lines, not_installed("Metrics")]
        for queues in (20,) if smoke else (222, 2000):
            cost = scraped(queues)
            lines.append(line(f"{queues} queues: sums taken over as a bucket closes", cost["told"], "ms CPU"))
            lines.append(line(f"{queues} queues: a scrape, in a thread", cost["render"], "ms CPU"))
    return lines
