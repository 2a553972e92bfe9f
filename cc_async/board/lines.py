"""The lines of a board from what is known: queues, agents, tasks, VDNs; pure, values in and values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from attrs import frozen

from cc_async.board.model import (
    ROLLING_MINUTES,
    STATES,
    AgentLine,
    Agents,
    Calls,
    QueueLine,
    Status,
    TaskLine,
    VdnLine,
)
from cc_async.contract.records import SkillCallStats, SkillState, SystemIndicators, TaskStats
from cc_async.monitor import figures
from cc_async.monitor.figure import none
from cc_async.monitor.figures_agents import (
    Agent,
    agents_by_state,
    as_reported,
    distinct,
    occupancy,
    outbound_connect_rate,
    signed_in,
    state_of,
)
from cc_async.monitor.rules import Rule
from cc_async.monitor.subject import Subject
from cc_async.monitor.sums import BUCKET_SECONDS, ClosedBucket, SkillKey, SkillSums

_BUCKET = timedelta(seconds=BUCKET_SECONDS)
_ROLLING = timedelta(minutes=ROLLING_MINUTES)
_NOTHING = none("no answer yet", unit="number")
_NO_WAIT = none("no answer yet", unit="seconds")


@frozen
class Standards:
    """What is asked of a queue: the first rule about the service level; none where it was switched off."""

    rule: Rule | None

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Standards:
        """Those of some rules."""
        return cls(next((rule for rule in rules if rule.measure == "service_level"), None))

    @property
    def usual(self) -> float | None:
        """The service level asked of queues that have none of their own."""
        return None if self.rule is None else self.rule.threshold

    def target(self, key: SkillKey) -> float | None:
        """The service level asked of a queue, 0..1; None: it is not judged."""
        return None if self.rule is None else self.rule.threshold_of(Subject("queue", key[1], key[0]))

    def judged(self, calls: Calls | None, target: float | None) -> Status:
        """How the calls of a queue compare with it; unknown where they are too few to say."""
        if calls is None or target is None or self.rule is None:
            return "unknown"
        level = calls.service_level
        under = level.under(target)
        if under is None or level.count < self.rule.minimum:
            return "unknown"
        return "watch" if under else "good"


@frozen
class ClosedCalls:
    """The calls of one queue in 5-minute buckets that are over."""

    last: Calls | None = None
    rolling: Calls | None = None
    trend: tuple[float | None, ...] = ()


def closed_calls(
    last: ClosedBucket | None, rolling: SkillSums, trend: tuple[float | None, ...]
) -> ClosedCalls:
    """What the closed buckets of a queue come to."""
    return ClosedCalls(
        last=None if last is None else _five_minutes(last, last.interval_start),
        rolling=calls_of((rolling,), rolling.since) if rolling.buckets else None,
        trend=trend,
    )


def current_calls(row: SkillCallStats) -> Calls | None:
    """The 5 minutes that run, so far."""
    return None if row.interval_start is None else _five_minutes(row, row.interval_start)


def level_of(bucket: ClosedBucket) -> float | None:
    """The service level of one bucket, for a trend; None where nothing was offered."""
    return figures.service_level(bucket).value


def calls_of(rows: Iterable[SkillSums], begin: datetime) -> Calls:
    """The rolling calls of some queues together: counts are added, then divided."""
    sums = tuple(rows)
    return Calls(
        begin=begin,
        end=begin + _ROLLING,
        offered=_sum(row.offered for row in sums),
        connected=_sum(row.connected for row in sums),
        lost=_sum(row.lost for row in sums),
        service_level=figures.service_level(sums),
    )


def _five_minutes(row: SkillCallStats | ClosedBucket, begin: datetime) -> Calls:
    return Calls(
        begin=begin,
        end=begin + _BUCKET,
        offered=row.offered,
        connected=row.connected,
        lost=row.lost,
        service_level=figures.service_level(row),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def queue_line(
    key: SkillKey,
    name: str,
    state: SkillState | None,
    closed: ClosedCalls,
    current: Calls | None,
    standards: Standards,
    *,
    now: datetime,
    stale_after: float,
    judged: bool,
    alerted: bool,
) -> QueueLine:
    """One queue as it stands; what is too old is stale, and not ``judged`` any more."""
    waiting = _NOTHING if state is None else as_reported(state, "calls_waiting", now=now)
    longest = _NO_WAIT if state is None else as_reported(state, "longest_wait_seconds", now=now)
    stale = _too_old(state, now, stale_after)
    target = standards.target(key)
    calls = closed.rolling if judged and not stale else None
    return QueueLine(
        vdn=key[0],
        skill_id=key[1],
        name=name,
        status="alert" if alerted else standards.judged(calls, target),
        stale=stale,
        waiting=waiting,
        longest_wait=longest,
        current=current,
        last=closed.last,
        rolling=closed.rolling,
        trend=closed.trend,
        target=target,
    )


def _too_old(row: SkillState | TaskStats | None, now: datetime, stale_after: float) -> bool:
    return row is None or row.sampled_at is None or (now - row.sampled_at).total_seconds() > stale_after


def agents_of(rows: Iterable[Agent], now: datetime, *, people: bool) -> Agents:
    """Agents by state, each counted once; who they are only where people are to be shown."""
    given = tuple(rows)
    counts = agents_by_state(given)
    shown = distinct(given).values() if people else ()
    return Agents(
        by_state=tuple((state, counts[state]) for state in STATES if counts.get(state)),
        signed_in=signed_in(given, now=now),
        occupancy=occupancy(given, now=now),
        people=tuple(
            AgentLine(
                vdn=one.vdn, agent_id=one.agent_id, state=state_of(one), state_seconds=one.state_seconds
            )
            for one in sorted(shown, key=lambda one: (one.vdn or 0, one.agent_id))
            if state_of(one) != "not signed in"
        ),
    )


def task_key(task: TaskStats) -> str:
    """``task/170/1122104910``, as alerts have it."""
    return Subject("task", task.task_id, task.vdn).key


def task_line(task: TaskStats, now: datetime, stale_after: float, *, alerted: bool) -> TaskLine:
    """One outbound task as it stands."""
    stale = _too_old(task, now, stale_after)
    return TaskLine(
        task_id=task.task_id,
        vdn=task.vdn,
        total=task.total,
        succeeded=task.succeeded,
        failed=task.failed,
        waiting=task.waiting,
        executing=task.executing,
        connect_rate=outbound_connect_rate(task, now=now),
        status="alert" if alerted else "unknown" if stale else "good",
        stale=stale,
    )


def vdn_line(row: SystemIndicators, names: Mapping[str, str]) -> VdnLine:
    """One VDN in one closed window."""
    return VdnLine(
        vdn=row.vdn,
        name=names.get(Subject("vdn", row.vdn).key, f"VDN {row.vdn}"),
        begin=row.interval_start,
        online_agents=row.online_agents,
        inbound=row.inbound_calls,
        connected=row.connected_calls,
        connection_rate=figures.system_connection_rate(row),
    )
