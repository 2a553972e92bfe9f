"""What is known of a contact center between two boards: rows come in, a board comes out; no waiting."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from attrs import define, frozen

from cc_async.board import lines, wording
from cc_async.board.counting import Counting
from cc_async.board.lines import ClosedCalls, Standards
from cc_async.board.model import NO_AGENTS, Board, QueueLine, Source
from cc_async.contract.records import SkillCallStats, SkillState, SystemIndicators, TaskStats
from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.figures_agents import Agent, AgentKey, agent_key
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.subject import Subject
from cc_async.monitor.sums import SkillKey, Stitched

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@frozen
class Asked:
    """One source as it is meant to be: what it is called, and when it is too old."""

    name: str
    interface: str
    stale_after: float
    vdn: int | None = None


@define
class _Heard:
    """What came of one source so far."""

    asked: Asked
    good_at: float | None = None
    """When its last whole answer was asked for, monotonic."""
    error: str | None = None


class Known:
    """Takes beats and makes boards of them; the time is told by those who know it.

    Args:
        sources: what is watched.
        standards: what is asked of the queues.
        stitcher: the sums of their calls; fed by others, who then call ``count``.
        people: True keeps who the agents are.
    """

    def __init__(
        self,
        sources: Sequence[Asked],
        standards: Standards,
        stitcher: Stitcher,
        *,
        people: bool = False,
    ) -> None:
        self._heard = {one.name: _Heard(one) for one in sources}
        self._standards, self._people = standards, people
        self._server: tuple[datetime, float] | None = None
        self._states: dict[SkillKey, SkillState] = {}
        self._counts: dict[SkillKey, SkillCallStats] = {}
        self._agents: dict[str, dict[AgentKey, Agent]] = {}
        self._tasks: dict[tuple[int | None, str], TaskStats] = {}
        self._indicators: dict[int, SystemIndicators] = {}
        self._calls = Counting(stitcher)

    def take(self, name: str, beat: Beat[Any], monotonic: float) -> None:
        """Take a beat of a source at a monotonic moment; rows that did not come stay what they were."""
        heard = self._heard[name]
        heard.error = None if beat.error is None else wording.error(beat.error)
        if beat.age_seconds is not None:
            heard.good_at = max(heard.good_at or 0.0, monotonic - beat.age_seconds)
        if self._server is None or beat.ok:
            self._server = beat.at, monotonic
        if beat.batch is not None:
            self._keep(heard.asked, beat.batch, beat.ok)

    def _keep(self, asked: Asked, rows: Sequence[Any], whole: bool) -> None:
        name, interface = asked.name, asked.interface
        if interface == "skill_states":
            self._states = _merged(self._states, {(row.vdn, row.skill_id): row for row in rows}, whole)
        elif interface == "skill_call_stats":
            self._counts = _merged(self._counts, {(row.vdn, row.skill_id): row for row in rows}, whole)
        elif interface == "agent_states":
            before = self._agents.get(name, {})
            self._agents[name] = _merged(before, {agent_key(row): row for row in rows}, whole)
        elif interface == "task_stats":
            self._tasks = _merged(self._tasks, {(row.vdn, row.task_id): row for row in rows}, whole)
        elif interface == "system_indicators":
            for row in rows:
                held = self._indicators.get(row.vdn)
                if held is None or row.interval_start >= held.interval_start:
                    self._indicators[row.vdn] = row

    def count(self, stitched: Stitched) -> None:
        """Take over what the newest samples of calls brought to the sums."""
        self._calls.take(self._counts, stitched)

    def now(self, monotonic: float, wall: float) -> datetime:
        """The server's time at a monotonic moment; ours (``wall``, epoch seconds) before its first answer."""
        if self._server is None:
            return datetime.fromtimestamp(wall, UTC)
        at, when = self._server
        return at + timedelta(seconds=monotonic - when)

    def sources(self, monotonic: float) -> tuple[Source, ...]:
        """How old each source is."""
        return tuple(
            Source(
                name=one.asked.name,
                interface=one.asked.interface,
                vdn=one.asked.vdn,
                age_seconds=None if one.good_at is None else max(monotonic - one.good_at, 0.0),
                stale_after=one.asked.stale_after,
                error=one.error,
            )
            for one in self._heard.values()
        )

    def board(
        self,
        number: int,
        monotonic: float,
        wall: float,
        *,
        names: Mapping[str, str],
        alerts: Sequence[Alert] = (),
        troubles: Iterable[str] = (),
    ) -> Board:
        """Everything as it stands at a moment."""
        now = self.now(monotonic, wall)
        alerted = {alert.key for alert in alerts}
        agents = [row for rows in self._agents.values() for row in rows.values()]
        tasks = self._stale_after("task_stats")
        return Board(
            number=number,
            at=now,
            queues=self._queues(now, names, alerted, judged=not self._calls_are_old(monotonic)),
            target=self._standards.usual,
            overall=self._calls.overall,
            agents=lines.agents_of(agents, now, people=self._people) if self._agents else NO_AGENTS,
            tasks=tuple(
                lines.task_line(task, now, tasks, alerted=lines.task_key(task) in alerted)
                for task in sorted(self._tasks.values(), key=lambda one: (one.vdn or 0, one.task_id))
            ),
            vdns=tuple(lines.vdn_line(row, names) for _, row in sorted(self._indicators.items())),
            alerts=tuple(alerts),
            sources=self.sources(monotonic),
            troubles=tuple(troubles),
        )

    def _calls_are_old(self, monotonic: float) -> bool:
        return any(one.stale for one in self.sources(monotonic) if one.interface == "skill_call_stats")

    def _queues(
        self, now: datetime, names: Mapping[str, str], alerted: set[str], *, judged: bool
    ) -> tuple[QueueLine, ...]:
        stale_after, nothing = self._stale_after("skill_states"), ClosedCalls()
        closed, current = self._calls.closed, self._calls.current
        # After a restart the sums know the queues before anybody has answered.
        keys = self._states.keys() | (self._counts.keys() or closed.keys())
        found = []
        for key in sorted(keys, key=lambda key: (key[0] or 0, key[1])):
            told = Subject("queue", key[1], key[0]).key
            found.append(
                lines.queue_line(
                    key,
                    names.get(told, f"queue {key[1]}"),
                    self._states.get(key),
                    closed.get(key, nothing),
                    current.get(key),
                    self._standards,
                    now=now,
                    stale_after=stale_after,
                    judged=judged,
                    alerted=told in alerted,
                )
            )
        return tuple(found)

    def _stale_after(self, interface: str) -> float:
        limits = (one.asked.stale_after for one in self._heard.values() if one.asked.interface == interface)
        return min(limits, default=0.0)


def _merged(held: dict[K, V], came: dict[K, V], whole: bool) -> dict[K, V]:
    """All there is where everything came; else what came in the place of what was known before."""
    return came if whole else {**held, **came}
