"""The contact center half of the metrics: what beats and sums say, kept until it is scraped or too old."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from attrs import frozen

from cc_async.batch.result import Batch
from cc_async.contract.records import SkillState
from cc_async.integrations import prometheus_definitions as of
from cc_async.integrations.prometheus_definitions import Definition
from cc_async.integrations.prometheus_requests import Sample, brought
from cc_async.integrations.prometheus_rows import (
    agents_samples,
    indicators_samples,
    labels,
    state_samples,
    sums_samples,
    task_samples,
    window_samples,
)
from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import ClosedBucket, SkillKey, SkillSums, Stitched

FRESH = 600.0
"""Seconds, two buckets: older live figures are no figures of now."""

Names = Mapping[Any, str]
"""Names of queues by ``skill_id`` or ``(vdn, skill_id)``; they may be filled later."""

_LONGEST_NAME = 200

_Vdns = tuple[int | None, ...]
_Source = tuple[str, _Vdns]
"""An interface and whose data it is asked for: where VDNs are watched one by one, none replaces another."""


@frozen
class _Live:
    """The newest data of a source."""

    batch: Batch[Any]
    asked: float
    """Monotonic seconds at which it was asked."""


class Center:
    """A listener of a watched contact center; it keeps what it is told, until that is read or too old.

    The sums are taken over when a stitching is told, which is after they were saved: what is exposed is never
    ahead of the state file, so after a crash the counters go on from what was exposed, or a little above.
    """

    def __init__(self, names: Names | None, sums: Stitcher | None, monotonic: Callable[[], float]) -> None:
        self._names: Names = {} if names is None else names
        self._stitcher, self._monotonic = sums, monotonic
        self._live: dict[_Source, _Live] = {}
        self._up: dict[_Source, bool] = {}
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
        batch, source = beat.batch, (interface, _vdns(beat))
        self._up[source] = batch is not None
        if source[1]:
            self._up.pop((interface, ()), None)  # a beat that brought nothing, before it was known whose
        self._counts[of.BEATS][interface, brought(whole=beat.ok, some=batch is not None)] += 1
        self._counts[of.BEATS_MISSED][(interface,)] += beat.skipped + beat.dropped
        if batch is not None:
            age = beat.age_seconds if beat.ok else _took(batch)
            self._live[source] = _Live(batch, self._monotonic() - (age or 0.0))

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
        live = self._live.copy()
        yield from self._of_data(live, now)
        yield from self._of_sums(now)
        fresh: defaultdict[str, list[Batch[Any]]] = defaultdict(list)
        for (interface, _), held in live.items():
            if now - held.asked <= FRESH:
                fresh[interface].append(held.batch)
        states: list[SkillState] = [*chain(*fresh["skill_states"])]
        for state in states:
            yield from state_samples(state)
        yield from self._of_names({(state.vdn, state.skill_id) for state in states} | set(self._sums))
        yield from agents_samples(fresh["agent_states"], fresh["signed_in_agents"])
        yield from indicators_samples(chain(*fresh["system_indicators"]))
        for task in chain(*fresh["task_stats"]):
            yield from task_samples(task)

    def _of_data(self, live: Mapping[_Source, _Live], now: float) -> Iterator[Sample]:
        """Of every interface the worst of its sources."""
        up: dict[str, bool] = {}
        for (interface, _), each in self._up.copy().items():
            up[interface] = up.get(interface, True) and each
        for interface, each in up.items():
            yield of.UP, (interface,), each
        for interface in dict.fromkeys(interface for interface, _ in live):
            held = [one for (name, _), one in live.items() if name == interface]
            yield of.SAMPLE_AGE, (interface,), max(now - min(one.asked for one in held), 0.0)
            shares = [share for one in held if (share := _share(one.batch)) is not None]
            yield of.SAMPLE_COVERAGE, (interface,), min(shares, default=None)

    def _of_sums(self, now: float) -> Iterator[Sample]:
        for key, sums in self._sums.items():
            yield from sums_samples(key, sums)
        if now - self._stitched_at > FRESH:
            return
        for key, bucket in self._closed.items():
            yield from window_samples("5m", key, bucket)
        for key, sums in self._half_hour.items():
            yield from window_samples("30m", key, sums)

    def _of_names(self, keys: set[SkillKey]) -> Iterator[Sample]:
        """A name for every queue, so that joining it never loses one: its number where it has no other."""
        for key in sorted(keys, key=labels):
            found = self._names.get(key) or self._names.get(key[1]) or ""
            shown = "".join(char if char.isprintable() else " " for char in found[:_LONGEST_NAME])
            yield of.QUEUE_INFO, (*labels(key), " ".join(shown.split()) or str(key[1])), 1


def _vdns(beat: Beat[Any]) -> _Vdns:
    """The VDNs that were asked; none where nothing tells."""
    batch = beat.last_good if beat.batch is None else beat.batch
    question = None if batch is None else batch.question
    return () if question is None else tuple(group.vdn for group in question.groups)


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
