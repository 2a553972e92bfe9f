"""The contact center half of the metrics: what beats and sums say, kept until it is scraped or too old."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from attrs import frozen

from cc_async.batch.result import Batch
from cc_async.contract.records import SkillState, SystemIndicators, TaskStats
from cc_async.integrations import prometheus_definitions as of
from cc_async.integrations.prometheus_definitions import Definition
from cc_async.integrations.prometheus_requests import Sample, brought
from cc_async.monitor import figures
from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.figures_agents import State, distinct, state_of
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import ClosedBucket, SkillKey, SkillSums, Stitched

FRESH = 600.0
"""Seconds, two buckets: older live figures are no figures of now."""

Names = Mapping[int, str] | Mapping[tuple[int, int], str] | Mapping[int | tuple[int, int], str]
"""Names of queues by ``skill_id`` or ``(vdn, skill_id)``."""

_LONGEST_NAME = 200
_SUMS: Mapping[Definition, str] = {
    of.OFFERED: "offered",
    of.CONNECTED: "connected",
    of.CONNECTED_IN_20S: "connected_in_20s",
    of.ENDED: "ended",
    of.WRAPPED_UP: "wrapped_up",
    of.WRAP_UP_SECONDS: "wrap_up_seconds",
    of.IVR_SECONDS: "ivr_seconds",
    of.SUMS_COVERAGE: "coverage",
}
_STATES: Mapping[Definition, str] = {
    of.CALLS_WAITING: "calls_waiting",
    of.LONGEST_WAIT: "longest_wait_seconds",
    of.AVERAGE_WAIT: "average_wait_seconds",
    of.AVERAGE_TALK: "average_talk_seconds",
    of.SIGNED_IN: "signed_in_agents",
    of.AVAILABLE: "available_agents",
}
_HEADS = {
    "talking": "talking_agents",
    "idle": "idle_agents",
    "not_ready": "not_ready_agents",
    "rest": "resting_agents",
    "wrap_up": "wrap_up_agents",
    "study": "study_agents",
}
_INDICATORS: Mapping[Definition, str] = {
    of.VDN_ONLINE: "online_agents",
    of.VDN_INBOUND: "inbound_calls",
    of.VDN_CONNECTED: "connected_calls",
    of.VDN_OUTBOUND: "outbound_calls",
}


@frozen
class _Live:
    """The newest data of an interface."""

    batch: Batch[Any]
    asked: float
    """Monotonic seconds at which it was asked."""


class Center:
    """A listener of a watched contact center; it keeps what it is told, until that is read or too old.

    The sums are taken over when a stitching is told, so that what is exposed is never ahead of the state
    file: after a crash the counters go on from what was exposed, or a little above.
    """

    def __init__(self, names: Names | None, sums: Stitcher | None, monotonic: Callable[[], float]) -> None:
        self._names: Mapping[Any, str] = names or {}
        self._stitcher, self._monotonic = sums, monotonic
        self._live: dict[str, _Live] = {}
        self._up: dict[str, bool] = {}
        self._counts: dict[Definition, defaultdict[tuple[str, ...], int]] = {
            made: defaultdict(int)
            for made in (of.BEATS, of.BEATS_MISSED, of.BUCKETS_MISSED, of.ROWS_REFUSED, of.ALERTS)
        }
        self._sums: Mapping[SkillKey, SkillSums] = {} if sums is None else sums.sums
        self._closed: Mapping[SkillKey, ClosedBucket] = {}
        self._half_hour: Mapping[SkillKey, SkillSums] = {}
        self._stitched_at = float("-inf")

    def on_beat(self, interface: str, beat: Beat[Any]) -> None:
        """Keep what a beat brought, all or part of it."""
        batch = beat.batch
        self._up[interface] = batch is not None
        self._counts[of.BEATS][interface, brought(whole=beat.ok, some=batch is not None)] += 1
        self._counts[of.BEATS_MISSED][(interface,)] += beat.skipped + beat.dropped
        if batch is not None:
            age = beat.age_seconds if beat.ok else _took(batch)
            self._live[interface] = _Live(batch, self._monotonic() - (age or 0.0))

    def on_stitched(self, stitched: Stitched) -> None:
        """Take over the sums; the windows too when one has closed, or after a restart."""
        self._counts[of.BUCKETS_MISSED][()] += sum(gap.buckets for gap in stitched.gaps)
        self._counts[of.ROWS_REFUSED][()] += stitched.refused
        if self._stitcher is None:
            return
        self._sums = self._stitcher.sums
        if stitched.closed or not self._closed:
            self._closed, self._half_hour = self._stitcher.closed, self._stitcher.rolling(30)
            self._stitched_at = self._monotonic()

    def on_alert(self, alert: Alert) -> None:
        """Count it by its rule: whom it is about is no label."""
        self._counts[of.ALERTS][alert.rule, alert.state] += 1

    # Reading, from any thread: what is read is replaced, never changed.

    def samples(self) -> Iterator[Sample]:
        """Everything known now."""
        # Before the first data there is nothing that could be old, and the clock may not be known yet.
        now = self._monotonic() if self._live or self._closed else 0.0
        for made, counter in self._counts.items():
            for key, count in counter.copy().items():
                yield made, key, count
        for interface, up in self._up.copy().items():
            yield of.UP, (interface,), up
        live = self._live.copy()
        for interface, held in live.items():
            yield of.SAMPLE_AGE, (interface,), max(now - held.asked, 0.0)
            yield of.SAMPLE_COVERAGE, (interface,), _share(held.batch)
        fresh = {name: held.batch for name, held in live.items() if now - held.asked <= FRESH}
        yield from self._of_sums(now)
        states: Batch[SkillState] | tuple[()] = fresh.get("skill_states", ())
        for state in states:
            yield from _of_state(state)
        yield from self._of_names({(state.vdn, state.skill_id) for state in states} | set(self._sums))
        # Every agent of the VDN where they are asked for, else those who are signed in.
        yield from _of_agents(fresh.get("agent_states") or fresh.get("signed_in_agents") or ())
        yield from _of_indicators(fresh.get("system_indicators", ()))
        for task in fresh.get("task_stats", ()):
            yield from _of_task(task)

    def _of_sums(self, now: float) -> Iterator[Sample]:
        for key, sums in self._sums.items():
            labels = _labels(key)
            for made, name in _SUMS.items():
                yield made, labels, getattr(sums, name)
        if now - self._stitched_at > FRESH:
            return
        windows: tuple[tuple[str, Mapping[SkillKey, Any]], ...] = (
            ("5m", self._closed),
            ("30m", self._half_hour),
        )
        for window, rows in windows:
            for key, row in rows.items():
                named = (*_labels(key), window)
                yield of.SERVICE_LEVEL, named, figures.service_level(row).value
                yield of.LOST_RATE, named, figures.lost_rate(row).value
                yield of.WINDOW_OFFERED, named, row.offered
                yield of.WINDOW_COVERAGE, named, row.coverage

    def _of_names(self, keys: set[SkillKey]) -> Iterator[Sample]:
        """A name for every queue, so that joining it never loses one: its number where it has no other."""
        for key in sorted(keys, key=_labels):
            found = self._names.get(key) or self._names.get(key[1]) or ""
            shown = "".join(char if char.isprintable() else " " for char in found[:_LONGEST_NAME])
            yield of.QUEUE_INFO, (*_labels(key), " ".join(shown.split()) or str(key[1])), 1


def _labels(key: SkillKey) -> tuple[str, str]:
    vdn, skill_id = key
    return "" if vdn is None else str(vdn), str(skill_id)


def _took(batch: Batch[Any]) -> float:
    """Seconds from asking to the last answer."""
    if batch.began is None or batch.ended is None:
        return 0.0
    return (batch.ended - batch.began).total_seconds()


def _share(batch: Batch[Any]) -> float | None:
    """The share of what was asked that came; None where what is missing cannot be counted."""
    missing = len(batch.rejected)
    for failure in batch.failures:
        if not failure.keys:
            return None
        missing += len(failure.keys)
    return len(batch) / (len(batch) + missing) if missing else 1.0


def _of_state(state: SkillState) -> Iterator[Sample]:
    labels = _labels((state.vdn, state.skill_id))
    for made, name in _STATES.items():
        yield made, labels, getattr(state, name)
    for word, name in _HEADS.items():
        yield of.QUEUE_AGENTS, (*labels, word), getattr(state, name)


def _of_agents(agents: Any) -> Iterator[Sample]:
    """How many are in each state, 0 included: the VDN was asked whole, so nobody is in it."""
    if isinstance(agents, Batch) and not agents.complete:
        return  # who is missing would be missing in the counts
    people = distinct(agents).values()
    counts = Counter((one.vdn, state_of(one)) for one in people)
    for vdn in {one.vdn for one in people}:
        for state in get_args(State):
            word = state.replace(" ", "_").replace("-", "_")
            yield of.AGENTS, ("" if vdn is None else str(vdn), word), counts[vdn, state]


def _of_indicators(rows: Any) -> Iterator[Sample]:
    newest: dict[int, SystemIndicators] = {}
    for row in rows:
        held = newest.get(row.vdn)
        if held is None or row.interval_start > held.interval_start:
            newest[row.vdn] = row
    for vdn, row in newest.items():
        for made, name in _INDICATORS.items():
            yield made, (str(vdn),), getattr(row, name)


def _of_task(task: TaskStats) -> Iterator[Sample]:
    for outcome in ("succeeded", "failed"):
        yield of.TASK_ATTEMPTS, (task.task_id, outcome), getattr(task, outcome)
    for state in ("waiting", "executing", "completed"):
        yield of.TASK_NUMBERS, (task.task_id, state), getattr(task, state)
