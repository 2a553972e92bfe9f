"""The judge: samples in, alerts that begin or end out; no waiting, no clock, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from attrs import evolve

from cc_async.batch.result import Batch
from cc_async.monitor import readings
from cc_async.monitor.alert import Alert, Ended
from cc_async.monitor.basis import sampled_at
from cc_async.monitor.beat import Beat
from cc_async.monitor.hours import Hours
from cc_async.monitor.intake import Intake
from cc_async.monitor.memory import Memory, Place
from cc_async.monitor.rules import DEFAULTS, Rule, checked
from cc_async.monitor.standing import ONGOING, Standing, Turn, step
from cc_async.monitor.subject import Names, Reading, Subject

Sample = Beat[Any] | Batch[Any] | Iterable[Any]

_ENDED: Mapping[Turn, Ended] = {"raised": "", "cleared": "fine", "quiet": "quiet"}
_FORGET = timedelta(days=1)
"""A queue that has been silent for so long is not there any more."""


class Judge:
    """Judges samples by rules; made for ``alerts``, and by itself for samples from elsewhere.

    Args:
        rules: the usual ones by default.
        names: names of queues by ``skill_id`` or ``(vdn, skill_id)``, of anything by key.
        zone: in which alerts tell their times; that of a rule's opening hours comes first.
        memory: what an earlier judge remembered.

    Raises:
        ValueError: two rules have one id.
    """

    def __init__(
        self,
        rules: Iterable[Rule] = DEFAULTS,
        *,
        names: Names | None = None,
        zone: tzinfo = UTC,
        memory: Memory | None = None,
    ) -> None:
        self._rules = checked(rules)
        self._by_id = {rule.id: rule for rule in self._rules}
        self.memory = memory or Memory()
        self._names, self._zone = names, zone
        self._intake = Intake(self._rules, self.memory)
        self._called: dict[str, str] = {}
        self._heard: set[str] = set()
        """Sources that were asked since this judge was made, with or without an answer."""
        self._open: dict[tuple[Hours, datetime], bool] = {}
        """Which hours are open at which moments of the sample that is being judged."""

    @property
    def raised(self) -> tuple[Alert, ...]:
        """The alerts that stand, oldest first."""
        return tuple(sorted(self.memory.raised.values(), key=lambda alert: alert.since))

    def take(self, sample: Sample, *, at: datetime | None = None, source: str = "1") -> tuple[Alert, ...]:
        """Take a sample of one source and return the alerts that begin or end with it.

        Args:
            sample: a beat, a batch, or rows: ``SkillCallStats``, ``ClosedBucket``, ``SkillState``,
                ``SystemIndicators``, agents, ``TaskStats``; of others it is only noted that data comes.
            at: when it was taken (aware); beats and batches know it.
            source: which of several sources; each is watched for silence by itself.

        Raises:
            ValueError: rows without a time, and no ``at``.
        """
        beat = sample if isinstance(sample, Beat) else None
        batch = sample.batch if isinstance(sample, Beat) else sample
        rows: Sequence[Any] = () if batch is None else batch if isinstance(batch, Sequence) else tuple(batch)
        self._open.clear()
        now = at or (beat.at if beat is not None else _moment(rows))
        subject = Subject("source", source)
        self._call(subject.key, rows if beat is None else beat.last_good)
        answered = isinstance(batch, Batch) if beat is None else beat.ok
        self._heard.add(subject.key)
        self._intake.note(subject, rows, now, answered)
        found: list[Alert] = []
        for reading, rule in self._intake.readings(subject.key, rows, now, beat):
            found += self._judge(reading, now, rule)
        found += self._silences(now)
        found += self._closing(now)
        return tuple(found)

    def _call(self, key: str, batch: object) -> None:
        """Learn what people call a source: the interface it asks."""
        if isinstance(batch, Batch) and batch.question is not None:
            self._called[key] = batch.question.interface

    def _judge(self, reading: Reading, now: datetime, only: Rule | None = None) -> Iterator[Alert]:
        for rule in (only,) if only is not None else self._rules:
            if rule.measure != reading.measure or not self._applies(rule, now):
                continue
            if reading.measure not in ONGOING and not self._applies(rule, reading.begin):
                continue
            place = rule.id, reading.subject.key
            before = self.memory.standings.get(place, Standing())
            after, turn = step(rule, before, reading)
            self._keep(place, after, forget=reading.measure in ONGOING)
            if turn is not None:
                yield self._alert(rule, reading, after if turn == "raised" else before, turn, now)

    def _applies(self, rule: Rule, at: datetime) -> bool:
        """As the rule says; thousands of queues ask it of the same two moments."""
        if rule.hours is None:
            return True
        known = self._open.get((rule.hours, at))
        if known is None:
            known = self._open[rule.hours, at] = rule.applies(at)
        return known

    def _keep(self, place: Place, standing: Standing, *, forget: bool) -> None:
        if forget and not standing.raised and not standing.bad:
            # Nothing to remember: neither a count nor a window that must not be taken twice.
            self.memory.standings.pop(place, None)
        else:
            self.memory.standings[place] = standing

    def _alert(self, rule: Rule, reading: Reading, standing: Standing, turn: Turn, now: datetime) -> Alert:
        subject = reading.subject
        place = rule.id, subject.key
        zone = self._zone if rule.hours is None else rule.hours.zone
        since = standing.since or reading.begin
        threshold = rule.threshold_of(subject)
        stood = self.memory.raised.pop(place, None)
        alert = Alert(
            id=stood.id if stood else f"{rule.id}/{subject.key}/{since.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            rule=rule.id,
            measure=rule.measure,
            key=subject.key,
            name=self._name(subject),
            value=reading.figure.value,
            threshold=rule.threshold if threshold is None else threshold,
            since=since.astimezone(zone),
            at=now.astimezone(zone),
            evidence=dict(reading.evidence),
            data_age=reading.figure.age_seconds,
            state="raised" if turn == "raised" else "cleared",
            ended=_ENDED[turn],
        )
        if turn == "raised":
            self.memory.subjects[subject.key] = subject
            self.memory.raised[place] = alert
        return alert

    def _name(self, subject: Subject) -> str:
        called = self._called.get(subject.key)
        named = subject.name(self._names)
        return called if called and named == subject.name(None) else named

    # What is told by time alone

    def _silences(self, now: datetime) -> Iterator[Alert]:
        """Data that is too old; the silence of a source is told once, not for each of its queues."""
        rules = [rule for rule in self._rules if rule.measure == "no_data"]
        if not rules:
            return
        memory = self.memory
        for key in [key for key, last in memory.seen.items() if now - last > _FORGET]:
            # A source that is watched and silent rings on; one that is watched no more, or a queue, is gone.
            if key in memory.source_of or key not in self._heard:
                yield from self._forget(key, now)
        for rule in rules:
            opened = now if rule.hours is None else rule.hours.open_since(now)
            if opened is None:
                continue
            begin = datetime.min.replace(tzinfo=UTC) if rule.hours is None else opened
            silent: set[str] = set()
            # Sources first: whether one is silent decides about its queues.
            for key, last in sorted(memory.seen.items(), key=lambda one: one[0] in memory.source_of):
                source = memory.source_of.get(key, key)
                # After a restart a source that was not asked yet is not silent: we were.
                if source in silent or source not in self._heard:
                    continue
                reading = readings.counted_from(readings.of_age(memory.subjects[key], last, now), begin, now)
                if key not in memory.source_of and rule.breached(reading):
                    silent.add(key)
                yield from self._judge(reading, now, rule)

    def _forget(self, key: str, now: datetime) -> Iterator[Alert]:
        """A queue that is not there any more, or a source that nobody watches."""
        for place in [place for place in self.memory.standings if place[1] == key]:
            if place in self.memory.raised:
                yield self._end(place, "gone", now)
            del self.memory.standings[place]
        del self.memory.seen[key], self.memory.subjects[key]
        self.memory.source_of.pop(key, None)

    def _closing(self, now: datetime) -> Iterator[Alert]:
        """At closing time what stands is cleared, and begins anew when it opens."""
        for place in list(self.memory.raised):
            if not self._by_id[place[0]].applies(now):
                yield self._end(place, "closed", now)

    def _end(self, place: Place, why: Ended, now: datetime) -> Alert:
        alert = self.memory.raised.pop(place)
        self.memory.standings[place] = Standing(last=self.memory.standings[place].last)
        return evolve(alert, state="cleared", ended=why, at=now.astimezone(alert.since.tzinfo))


def _moment(rows: Sequence[Any]) -> datetime:
    """When rows without a beat were taken."""
    if isinstance(rows, Batch) and rows.ended is not None:
        return rows.ended
    found = max((at for row in rows if (at := sampled_at(row)) is not None), default=None)
    if found is None:
        raise ValueError("when were these rows taken? give at=")
    return found
