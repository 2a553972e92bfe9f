"""Records become readings: which figures of which subjects a row tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import define, evolve, field

from cc_async.contract.records import SkillState, SystemIndicators, TaskStats
from cc_async.monitor import figures, figures_agents
from cc_async.monitor.changes import finished, stands_still
from cc_async.monitor.figure import Figure, exactly, none
from cc_async.monitor.figures_agents import Agent, State, distinct, state_of
from cc_async.monitor.subject import Measure, Reading, Subject
from cc_async.monitor.sums import ClosedBucket

LEVEL_MEMORY = 3600.0
"""Seconds after which a lower number of agents is the usual one."""


def of_bucket(bucket: ClosedBucket, now: datetime, state: SkillState | None = None) -> Iterator[Reading]:
    """What a closed bucket of a queue tells; the queue's state, if it is known, goes into the evidence."""
    subject = Subject("queue", bucket.skill_id, bucket.vdn)
    live = {} if state is None else _waiting(state)
    told: tuple[tuple[Measure, Figure, tuple[str, ...]], ...] = (
        ("service_level", figures.service_level(bucket, now=now), ("connected_in_20s", "offered")),
        ("lost_rate", figures.lost_rate(bucket, now=now), ("lost", "offered")),
        ("wrap_up", figures.average_wrap_up(bucket, now=now), ("wrapped_up", "wrap_up_seconds")),
    )
    for measure, figure, names in told:
        evidence = {name: getattr(bucket, name) for name in names} | live
        yield Reading(
            measure=measure, subject=subject, figure=figure, begin=bucket.interval_start, evidence=evidence
        )


def of_state(state: SkillState, now: datetime) -> Iterator[Reading]:
    """What the state of a queue tells."""
    if state.idle_agents is None or state.offered is None or state.sampled_at is None:
        return
    age = max((now - state.sampled_at).total_seconds(), 0.0)
    evidence = {"offered": state.offered, "idle_agents": state.idle_agents} | _waiting(state)
    yield Reading(
        measure="no_idle_agent",
        subject=Subject("queue", state.skill_id, state.vdn),
        figure=_without_idle(state.idle_agents, state.offered, age),
        begin=state.sampled_at,
        evidence=evidence,
    )


def _waiting(state: SkillState) -> dict[str, Any]:
    names = ("calls_waiting", "longest_wait_seconds")
    return {name: value for name in names if (value := getattr(state, name)) is not None}


def _without_idle(idle: int, offered: int, age: float | None = None) -> Figure:
    """Calls offered while nobody is idle; none are where somebody is."""
    return exactly(0 if idle else offered, offered, "offered", unit="number", age_seconds=age)


@define
class Levels:
    """How many agents of a VDN were online before they became fewer."""

    known: dict[str, list[float]] = field(factory=dict)
    """By key: the number online that was usual, the window it was last reached in, the newest window
    (begins in epoch seconds)."""

    def drop(self, key: str, online: int, begin: float, small: float) -> Figure | None:
        """The share of the agents that is gone since the last window that was as usual.

        A loss up to ``small`` is the new usual: only a sudden one counts. None: an earlier reading told of
        this window, or of a later one.
        """
        usual, reached, newest = self.known.get(key, (0.0, begin, begin - 1))
        if begin <= newest:
            return None
        # What lasts an hour is a change of shift, not an incident; so is an outage of an hour.
        if online >= usual or begin - reached > LEVEL_MEMORY:
            usual, reached = online, begin
        lost = 1 - online / usual if usual else 0.0
        self.known[key] = [online, begin, begin] if lost <= small else [usual, reached, begin]
        return exactly(lost, int(usual), "agents") if usual else none("nobody was online")


def of_indicators(row: SystemIndicators, levels: Levels, small: float) -> Iterator[Reading]:
    """What a closed window of a VDN tells; a loss of agents up to ``small`` is taken as the new level."""
    subject = Subject("vdn", row.vdn)
    if row.idle_agents is not None and row.inbound_calls is not None:
        yield Reading(
            measure="no_idle_agent",
            subject=subject,
            figure=_without_idle(row.idle_agents, row.inbound_calls),
            begin=row.interval_start,
            evidence={"offered": row.inbound_calls, "idle_agents": row.idle_agents},
        )
    if row.online_agents is not None:
        begin = row.interval_start.timestamp()
        figure = levels.drop(subject.key, row.online_agents, begin, small)
        if figure is not None:
            yield Reading(
                measure="online_drop",
                subject=subject,
                figure=figure,
                begin=row.interval_start,
                evidence={"online_agents": row.online_agents, "before": figure.count},
            )


def of_agents(agents: Iterable[Agent], states: Sequence[State], now: datetime) -> Iterator[Reading]:
    """How long each agent is in one of some states; 0 s for those in another."""
    for agent in distinct(agents).values():
        if agent.sampled_at is None:
            continue
        state = state_of(agent)
        seconds = agent.state_seconds if state in states else 0
        if seconds is None:
            continue
        age = max((now - agent.sampled_at).total_seconds(), 0.0)
        begin = agent.state_since if state in states and agent.state_since else agent.sampled_at
        yield Reading(
            measure="state_time",
            subject=Subject("agent", agent.agent_id, agent.vdn),
            figure=exactly(seconds, 1, unit="seconds", age_seconds=age),
            begin=begin,
            evidence={"state": state, "state_seconds": agent.state_seconds},
        )


def of_task(task: TaskStats, before: TaskStats | None, now: datetime) -> Iterator[Reading]:
    """What an outbound task tells, with the sample before."""
    if task.sampled_at is None:
        return
    subject = Subject("task", task.task_id, task.vdn)
    yield Reading(
        measure="outbound_connect",
        subject=subject,
        figure=figures_agents.outbound_connect_rate(task, now=now),
        begin=task.sampled_at,
        evidence={"succeeded": task.succeeded, "failed": task.failed},
    )
    if before is not None and before.sampled_at != task.sampled_at:
        still = not finished(task) and stands_still(before, task)
        yield Reading(
            measure="task_still",
            subject=subject,
            figure=exactly(int(still), 1, unit="number", age_seconds=(now - task.sampled_at).total_seconds()),
            begin=before.sampled_at or task.sampled_at,
            evidence={"waiting": task.waiting, "executing": task.executing},
        )


def of_age(subject: Subject, last: datetime, now: datetime) -> Reading:
    """How old the newest data of a subject is."""
    seconds = max((now - last).total_seconds(), 0.0)
    figure = exactly(seconds, 1, unit="seconds", age_seconds=seconds)
    return Reading(measure="no_data", subject=subject, figure=figure, begin=last)


def counted_from(reading: Reading, begin: datetime, now: datetime) -> Reading:
    """A reading of age that counts from a later moment: nobody expects data of before the opening."""
    if begin <= reading.begin:
        return reading
    counted = of_age(reading.subject, begin, now)
    return evolve(counted, evidence={"last": reading.begin.isoformat()})


def gone(measure: Measure, subject: Subject, now: datetime, evidence: Mapping[str, Any]) -> Reading:
    """The reading of a subject that is not there any more: nothing is wrong with it."""
    figure = exactly(0, 1, unit="seconds", age_seconds=0.0)
    return Reading(measure=measure, subject=subject, figure=figure, begin=now, evidence=evidence)
