"""Rows of the contact center as samples: what the server did not say is None, and exposed by nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, get_args

from cc_async.batch.result import Batch
from cc_async.contract.records import SkillState, SystemIndicators, TaskStats
from cc_async.integrations import prometheus_definitions as of
from cc_async.integrations.prometheus_definitions import Definition
from cc_async.integrations.prometheus_requests import Sample
from cc_async.monitor import figures
from cc_async.monitor.figures_agents import State, distinct, state_of
from cc_async.monitor.sums import ClosedBucket, SkillKey, SkillSums

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


def labels(key: SkillKey) -> tuple[str, str]:
    """The labels of a queue."""
    vdn, skill_id = key
    return "" if vdn is None else str(vdn), str(skill_id)


def sums_samples(key: SkillKey, sums: SkillSums) -> Iterator[Sample]:
    """The counters of a queue."""
    named = labels(key)
    for made, name in _SUMS.items():
        yield made, named, getattr(sums, name)


def window_samples(window: str, key: SkillKey, row: ClosedBucket | SkillSums) -> Iterator[Sample]:
    """The figures of a queue in a closed window."""
    named = (*labels(key), window)
    yield of.SERVICE_LEVEL, named, figures.service_level(row).value
    yield of.LOST_RATE, named, figures.lost_rate(row).value
    yield of.WINDOW_OFFERED, named, row.offered
    yield of.WINDOW_COVERAGE, named, row.coverage


def state_samples(state: SkillState) -> Iterator[Sample]:
    """What is reported of a queue now."""
    named = labels((state.vdn, state.skill_id))
    for made, name in _STATES.items():
        yield made, named, getattr(state, name)
    for word, name in _HEADS.items():
        yield of.QUEUE_AGENTS, (*named, word), getattr(state, name)


def agents_samples(every: Iterable[Batch[Any]], signed_in: Iterable[Batch[Any]]) -> Iterator[Sample]:
    """How many distinct people are in each state, 0 included; from ``agent_states`` where that is asked.

    Only from whole batches: who is missing would be missing in the counts.
    """
    counts: Counter[tuple[int | None, State]] = Counter()
    known: set[int | None] = set()
    for batches in (every, signed_in):
        rows = chain(*(batch for batch in batches if batch.complete))
        people = [one for one in distinct(rows).values() if one.vdn not in known]
        counts.update((one.vdn, state_of(one)) for one in people)
        known |= {one.vdn for one in people}
    for vdn in known:
        for state in get_args(State):
            word = state.replace(" ", "_").replace("-", "_")
            yield of.AGENTS, ("" if vdn is None else str(vdn), word), counts[vdn, state]


def indicators_samples(rows: Iterable[SystemIndicators]) -> Iterator[Sample]:
    """The newest closed window of every VDN."""
    newest: dict[int, SystemIndicators] = {}
    for row in rows:
        held = newest.get(row.vdn)
        if held is None or row.interval_start > held.interval_start:
            newest[row.vdn] = row
    for vdn, row in newest.items():
        for made, name in _INDICATORS.items():
            yield made, (str(vdn),), getattr(row, name)


def task_samples(task: TaskStats) -> Iterator[Sample]:
    """What an outbound task has done today, and has still to do."""
    for outcome in ("succeeded", "failed"):
        yield of.TASK_ATTEMPTS, (task.task_id, outcome), getattr(task, outcome)
    for state in ("waiting", "executing", "completed"):
        yield of.TASK_NUMBERS, (task.task_id, state), getattr(task, state)
