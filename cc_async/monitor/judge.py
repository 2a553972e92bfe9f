"""The judge: samples in, alerts that begin or end out; no waiting, no clock, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from attrs import evolve

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
from cc_async.monitor.alert import Alert, Ended
from cc_async.monitor.basis import sampled_at
from cc_async.monitor.beat import Beat
from cc_async.monitor.memory import Memory, Place
from cc_async.monitor.rules import DEFAULTS, Rule, checked
from cc_async.monitor.standing import Standing, Turn, step
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.subject import Measure, Names, Reading, Subject
from cc_async.monitor.sums import BUCKET_SECONDS, ClosedBucket

Sample = Beat[Any] | Batch[Any] | Iterable[Any]

_FORGET = timedelta(days=1)
"""A queue that has been silent for so long is not there any more."""
_FRESH = timedelta(seconds=2 * BUCKET_SECONDS)


class Judge:
    """Judges samples by rules; made for ``alerts``, and by itself for samples from elsewhere.

    Args:
        rules: the usual ones by default.
        names: see ``Names``.
        zone: in which alerts tell their times; that of a rule's opening hours comes first.
    """

    def __init__(
        self, rules: Iterable[Rule] = DEFAULTS, *, names: Names | None = None, zone: tzinfo = UTC
    ) -> None:
        self.rules = checked(rules)
        self.memory = Memory()
        self._names, self._zone = names, zone
        self._stitchers: dict[str, Stitcher] = {}
        self._first: dict[str, datetime] = {}
        self._states: dict[str, SkillState] = {}
        self._tasks: dict[str, TaskStats] = {}
        drops = [rule for rule in self.rules if rule.measure == "online_drop"]
        self._small = min((_clearing(rule) for rule in drops), default=0.0)

    @property
    def raised(self) -> tuple[Alert, ...]:
        """The alerts that stand, oldest first."""
        return tuple(sorted(self.memory.raised.values(), key=lambda alert: alert.since))

    def take(
        self, sample: Sample, *, at: datetime | None = None, source: str = "1", name: str | None = None
    ) -> tuple[Alert, ...]:
        """Take a sample of one source and return the alerts that begin or end with it.

        Args:
            sample: a beat, a batch, or rows: ``SkillCallStats``, ``ClosedBucket``, ``SkillState``,
                ``SystemIndicators``, agents, ``TaskStats``; others only say that data comes.
            at: when it was taken (aware); beats and batches know it.
            source: which of several sources; each is watched for silence by itself.
            name: what people call the source.

        Raises:
            ValueError: rows without a time.
        """
        beat = sample if isinstance(sample, Beat) else None
        rows: Sequence[Any]
        if beat is not None:
            rows = () if beat.batch is None else beat.batch
        else:
            rows = sample if isinstance(sample, Sequence) else tuple(sample)  # type: ignore[arg-type]
        now = at or (beat.at if beat is not None else _moment(rows))
        subject = Subject("source", source)
        self._note(subject, rows, now, beat)
        found: list[Alert] = []
        for reading, only in self._readings(subject.key, rows, now, beat):
            found += self._judge(reading, now, only)
        found += self._silences(now, name or _interface(rows, beat))
        found += self._closing(now)
        return tuple(found)

    # What is known of the data

    def _note(self, source: Subject, rows: Sequence[Any], now: datetime, beat: Beat[Any] | None) -> None:
        """Remember when data was last true, of the source and of each of its queues and VDNs."""
        memory = self.memory
        memory.subjects[source.key] = source
        memory.seen.setdefault(source.key, now)
        for row in rows:
            when = _true_at(row) or now
            memory.seen[source.key] = max(memory.seen[source.key], when)
            subject = _subject(row)
            if subject is not None:
                memory.subjects[subject.key] = subject
                memory.source_of[subject.key] = source.key
                memory.seen[subject.key] = max(memory.seen.get(subject.key, when), when)
        if beat is not None and not rows and beat.ok:
            memory.seen[source.key] = now  # an answer without rows is an answer

    # From rows to readings

    def _readings(
        self, source: str, rows: Sequence[Any], now: datetime, beat: Beat[Any] | None
    ) -> Iterator[tuple[Reading, Rule | None]]:
        """The readings of the rows; each is for every rule of its measure, or for one."""
        counted = [row for row in rows if isinstance(row, SkillCallStats)]
        closed = [row for row in rows if isinstance(row, ClosedBucket)]
        if counted:
            closed += self._closed(source, counted, beat)
        for bucket in closed:
            state = self._states.get(Subject("queue", bucket.skill_id, bucket.vdn).key)
            for reading in readings.of_bucket(bucket, now, state if _fresh(state, now) else None):
                yield reading, None
        agents = [row for row in rows if isinstance(row, (SignedInAgent, AgentState))]
        if agents:
            yield from self._of_agents(agents, now, not isinstance(rows, Batch) or rows.complete)
        for row in rows:
            for reading in self._of_row(row, now):
                yield reading, None

    def _of_row(self, row: Any, now: datetime) -> Iterator[Reading]:
        if isinstance(row, SkillState):
            self._states[Subject("queue", row.skill_id, row.vdn).key] = row
            yield from readings.of_state(row, now)
        elif isinstance(row, SystemIndicators):
            yield from readings.of_indicators(row, self.memory.levels, self._small)
        elif isinstance(row, TaskStats):
            key = Subject("task", row.task_id, row.vdn).key
            yield from readings.of_task(row, self._tasks.get(key), now)
            self._tasks[key] = row

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

    def _of_agents(
        self, agents: list[Any], now: datetime, complete: bool
    ) -> Iterator[tuple[Reading, Rule | None]]:
        for rule in self._of_measure("state_time"):
            keys: set[str] = set()
            for reading in readings.of_agents(agents, rule.states, now):
                keys.add(reading.subject.key)
                self.memory.subjects[reading.subject.key] = reading.subject
                yield reading, rule
            vdns = {agent.vdn for agent in agents}
            for rule_id, key in list(self.memory.raised):
                subject = self.memory.subjects[key]
                if complete and rule_id == rule.id and key not in keys and subject.vdn in vdns:
                    yield readings.gone("state_time", subject, now, {"state": "signed out"}), rule

    def _of_measure(self, measure: Measure) -> Iterator[Rule]:
        return (rule for rule in self.rules if rule.measure == measure)

    # From readings to alerts

    def _judge(self, reading: Reading, now: datetime, only: Rule | None = None) -> Iterator[Alert]:
        for rule in (only,) if only is not None else self._of_measure(reading.measure):
            if not rule.applies(reading.begin if reading.measure not in ("no_data", "state_time") else now):
                continue
            place = rule.id, reading.subject.key
            standing = self.memory.standings.get(place, Standing())
            new, turn = step(rule, standing, reading)
            self._keep(place, new)
            if turn is not None:
                self.memory.subjects[reading.subject.key] = reading.subject
                yield self._alert(rule, reading, new if turn == "raised" else standing, turn, now)

    def _keep(self, place: Place, standing: Standing) -> None:
        self.memory.standings[place] = standing

    def _alert(self, rule: Rule, reading: Reading, standing: Standing, turn: Turn, now: datetime) -> Alert:
        place = rule.id, reading.subject.key
        zone = self._zone if rule.hours is None else rule.hours.zone
        before = self.memory.raised.pop(place, None)
        since = standing.since or reading.begin
        threshold = rule.threshold_of(reading.subject)
        alert = Alert(
            id=before.id if before else f"{rule.id}/{reading.subject.key}/{since.astimezone(UTC):%Y%m%dT%H%M%S}Z",
            rule=rule.id,
            measure=rule.measure,
            key=reading.subject.key,
            name=reading.subject.name(self._names),
            value=reading.figure.value,
            threshold=rule.threshold if threshold is None else threshold,
            since=since.astimezone(zone),
            at=now.astimezone(zone),
            evidence=dict(reading.evidence),
            data_age=reading.figure.age_seconds,
            state=turn,
            ended="" if turn == "raised" else "fine",
        )
        if turn == "raised":
            self.memory.raised[place] = alert
        return alert
