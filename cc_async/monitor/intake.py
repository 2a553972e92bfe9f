"""From samples of any interface to the readings the rules judge, with what has to be remembered for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from cc_async.batch.result import Batch
from cc_async.contract.records import (
    AgentState,
    SignedInAgent,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
)
from cc_async.monitor import readings
from cc_async.monitor.basis import sampled_at
from cc_async.monitor.beat import Beat
from cc_async.monitor.memory import Memory
from cc_async.monitor.rules import Rule
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.subject import Reading, Subject
from cc_async.monitor.sums import BUCKET_SECONDS, ClosedBucket

Told = Iterator[tuple[Reading, Rule | None]]
"""A reading, for every rule of its measure or for one."""

_FRESH = timedelta(seconds=2 * BUCKET_SECONDS)
"""A queue's state older than this is no evidence of anything."""


class Intake:
    """Sorts the rows of samples; one for one judge."""

    def __init__(self, rules: tuple[Rule, ...], memory: Memory) -> None:
        self._memory = memory
        self._of_state_time = [rule for rule in rules if rule.measure == "state_time"]
        drops = [rule for rule in rules if rule.measure == "online_drop"]
        # A loss that would clear every rule is the new usual number of agents.
        self._small = min(
            (rule.threshold if rule.clear_threshold is None else rule.clear_threshold for rule in drops),
            default=0.0,
        )
        self._stitchers: dict[str, Stitcher] = {}
        self._first: dict[str, datetime] = {}
        self._states: dict[str, SkillState] = {}
        self._tasks: dict[str, TaskStats] = {}
        self._there: dict[str, set[str]] = {}
        """Keys of the agents in the newest whole sample of each source."""

    def note(self, source: Subject, rows: Sequence[Any], now: datetime, answered: bool) -> None:
        """Remember when data was last true, of the source and of each of its queues and VDNs."""
        memory = self._memory
        memory.subjects[source.key] = source
        # A wrong clock of the server must not keep us from telling that data ceases.
        times = [min(when, now) for row in rows if (when := _true_at(row)) is not None]
        if rows or answered:
            # An answer without rows is an answer, and rows without a date are of now.
            newest = max(times, default=now)
            memory.seen[source.key] = max(newest, memory.seen.get(source.key, newest))
        memory.seen.setdefault(source.key, now)
        for row in rows:
            subject = _lasting(row)
            if subject is not None:
                when = min(_true_at(row) or now, now)
                memory.subjects[subject.key] = subject
                memory.source_of[subject.key] = source.key
                memory.seen[subject.key] = max(memory.seen.get(subject.key, when), when)

    def readings(self, source: str, rows: Sequence[Any], now: datetime, beat: Beat[Any] | None) -> Told:
        """What the rows of a source tell."""
        counted = [row for row in rows if isinstance(row, SkillCallStats)]
        closed = [row for row in rows if isinstance(row, ClosedBucket)]
        if counted:
            closed += self._closed(source, counted, beat)
        for bucket in closed:
            for reading in readings.of_bucket(bucket, now, self._state(bucket, now)):
                yield reading, None
        agents = [row for row in rows if isinstance(row, (SignedInAgent, AgentState))]
        if agents or _asks_agents(rows):
            yield from self._of_agents(source, agents, rows, now)
        # The order of indicators is the server's affair; a level is made of windows in order of time.
        windows = sorted(
            (row for row in rows if isinstance(row, SystemIndicators)), key=lambda row: row.interval_start
        )
        others = [row for row in rows if not isinstance(row, SystemIndicators)]
        for row in (*windows, *others):
            for reading in self._of_row(row, now):
                yield reading, None

    def _of_row(self, row: Any, now: datetime) -> Iterator[Reading]:
        if isinstance(row, SkillState):
            self._states[Subject("queue", row.skill_id, row.vdn).key] = row
            yield from readings.of_state(row, now)
        elif isinstance(row, SystemIndicators):
            yield from readings.of_indicators(row, self._memory.levels, self._small)
        elif isinstance(row, TaskStats):
            key = Subject("task", row.task_id, row.vdn).key
            yield from readings.of_task(row, self._tasks.get(key), now)
            self._tasks[key] = row

    def _state(self, bucket: ClosedBucket, now: datetime) -> SkillState | None:
        state = self._states.get(Subject("queue", bucket.skill_id, bucket.vdn).key)
        fresh = state is not None and state.sampled_at is not None and now - state.sampled_at <= _FRESH
        return state if fresh else None

    def _closed(
        self, source: str, rows: list[SkillCallStats], beat: Beat[Any] | None
    ) -> Iterable[ClosedBucket]:
        """The buckets that are over with these samples; the first after a start is suspect."""
        stitcher = self._stitchers.setdefault(source, Stitcher())
        closed = stitcher.feed(rows).closed
        if beat is not None and beat.suspect and beat.bucket is not None:
            self._first.setdefault(source, beat.bucket)
        first = self._first.get(source)
        return closed if first is None else [one for one in closed if one.interval_start > first]

    def _of_agents(self, source: str, agents: list[Any], rows: Sequence[Any], now: datetime) -> Told:
        for rule in self._of_state_time:
            for reading in readings.of_agents(agents, rule.states, now):
                yield reading, rule
        if isinstance(rows, Batch) and not rows.complete:
            return
        self._there[source] = {Subject("agent", one.agent_id, one.vdn).key for one in agents}
        vdns = {agent.vdn for agent in agents}
        if isinstance(rows, Batch) and rows.question is not None:
            vdns |= {group.vdn for group in rows.question.groups}
        yield from self._signed_out(vdns, now)

    def _signed_out(self, vdns: set[int | None], now: datetime) -> Told:
        """Who rings and is among the agents of no source any more has left the state."""
        there = set[str]().union(*self._there.values())
        for rule in self._of_state_time:
            for rule_id, key in list(self._memory.raised):
                subject = self._memory.subjects[key]
                if rule_id == rule.id and key not in there and subject.vdn in vdns:
                    yield readings.gone("state_time", subject, now, {"state": "signed out"}), rule


def _asks_agents(rows: Sequence[Any]) -> bool:
    """True for the answer to a question for agents, also when there are none."""
    return isinstance(rows, Batch) and rows.record in (SignedInAgent, AgentState)


def _true_at(row: Any) -> datetime | None:
    """When a row was true; a window is when it is over."""
    if isinstance(row, SystemIndicators):
        return row.interval_start + timedelta(seconds=BUCKET_SECONDS)
    return sampled_at(row) or (row.interval_end if isinstance(row, ClosedBucket) else None)


def _lasting(row: Any) -> Subject | None:
    """The queue or VDN that is expected to tell something in every window."""
    if isinstance(row, (SkillCallStats, ClosedBucket)):
        return Subject("queue", row.skill_id, row.vdn)
    return Subject("vdn", row.vdn) if isinstance(row, SystemIndicators) else None
