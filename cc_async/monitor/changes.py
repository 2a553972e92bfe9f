"""What changed between two beats: agents, queues, tasks; what was not answered has not changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from attrs import frozen

from cc_async.batch.result import Batch
from cc_async.contract.records import AgentState, SignedInAgent, SkillCallStats, SkillState, TaskStats
from cc_async.monitor.beat import Beat
from cc_async.monitor.figures_agents import Agent, AgentKey, State, agent_key, distinct, state_of
from cc_async.monitor.sums import COUNTERS, SkillKey

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

JUMP = 50
"""Calls by which ``calls_waiting`` or a count within one bucket moves between two samples to be told."""


@frozen(kw_only=True)
class AgentChange:
    """An agent signed in or out, or went into another state."""

    kind: Literal["signed in", "signed out", "state"]
    agent: AgentKey
    before: State | None
    after: State | None
    at: datetime | None
    """Since when, as far as the server says; else when it was seen."""


@frozen(kw_only=True)
class QueueChange:
    """A queue appeared or went, or one of its counts fell or jumped."""

    kind: Literal["appeared", "gone", "fell", "jumped"]
    queue: SkillKey
    field: str | None = None
    before: int | None = None
    after: int | None = None
    at: datetime | None = None


@frozen(kw_only=True)
class TaskChange:
    """An outbound task is finished, or stands still: work is left, and no count has moved."""

    kind: Literal["appeared", "gone", "finished", "standing still"]
    task: tuple[int | None, str]
    """(vdn, task_id)."""
    waiting: int | None = None
    at: datetime | None = None


Change = AgentChange | QueueChange | TaskChange
Rows = Beat[Any] | Batch[Any] | Iterable[Any] | None


def changes(before: Rows, after: Rows, *, jump: int = JUMP) -> tuple[Change, ...]:
    """What changed from one beat (batch, rows) to the next of the same question.

    Nothing is told of what was not answered: an agent whose queue failed has not signed out. The first
    beat (``before`` None, or a beat that brought nothing) changes nothing.

    Args:
        before: the beat before; of beats that failed, the last one that did not.
        after: the newer one.
        jump: calls by which a count moves at once to be told.

    Raises:
        TypeError: rows of an interface that has no changes.
    """
    old, new = _batch(before), _batch(after)
    if old is None or new is None:
        return ()
    kinds = {type(row) for row in (*old, *new)}
    if not kinds:
        return ()
    if kinds <= {SignedInAgent} or kinds <= {AgentState}:
        return tuple(_agents(old, new))
    if kinds <= {SkillCallStats} or kinds <= {SkillState}:
        return tuple(_queues(old, new, jump))
    if kinds <= {TaskStats}:
        return tuple(_tasks(old, new))
    raise TypeError(f"no changes are known of {', '.join(sorted(kind.__name__ for kind in kinds))}")


def _batch(given: Rows) -> Sequence[Any] | None:
    found = given.batch if isinstance(given, Beat) else given
    return found if found is None or isinstance(found, Sequence) else tuple(found)


def _answered(rows: Sequence[Any]) -> Callable[[int | None, Any], bool]:
    """Whether a batch says something of (vdn, key): its absence then means that it is not there."""
    if not isinstance(rows, Batch):
        return lambda vdn, key: True
    if rows.rejected or any(not failure.keys for failure in rows.failures):
        return lambda vdn, key: False
    failed = {(failure.vdn, key) for failure in rows.failures for key in failure.keys}
    return lambda vdn, key: (vdn, key) not in failed


def _pairs(old: dict[K, T], new: dict[K, T]) -> Iterator[tuple[K, T | None, T | None]]:
    for key in (*old, *(key for key in new if key not in old)):
        yield key, old.get(key), new.get(key)


def _agents(old: Sequence[Agent], new: Sequence[Agent]) -> Iterator[AgentChange]:
    said, said_before = _answered(new), _answered(old)
    queues: dict[AgentKey, set[Any]] = {}
    for row in (*old, *new):
        queues.setdefault(agent_key(row), set()).add(getattr(row, "skill_id", None))
    for key, was, now in _pairs(distinct(old), distinct(new)):
        before, after = _state(was), _state(now)
        if before == after:
            continue
        if (now is None and not all(said(key[1], skill) for skill in queues[key])) or (
            was is None and not all(said_before(key[1], skill) for skill in queues[key])
        ):
            continue
        kind: Literal["signed in", "signed out", "state"] = (
            "signed in" if before is None else "signed out" if after is None else "state"
        )
        yield AgentChange(kind=kind, agent=key, before=before, after=after, at=_since(now, kind))


def _state(agent: Agent | None) -> State | None:
    """The state of an agent; None: not signed in."""
    state = None if agent is None else state_of(agent)
    return None if state == "not signed in" else state


def _since(agent: Agent | None, kind: str) -> datetime | None:
    if agent is None:
        return None
    signed_in = getattr(agent, "login_time", None) if kind == "signed in" else None
    return signed_in or agent.state_since or agent.sampled_at


def _queues(old: Sequence[Any], new: Sequence[Any], jump: int) -> Iterator[QueueChange]:
    said, said_before = _answered(new), _answered(old)
    for key, was, now in _pairs(_by_queue(old), _by_queue(new)):
        at = None if now is None else now.sampled_at
        if was is None or now is None:
            if (said if now is None else said_before)(*key):
                yield QueueChange(kind="gone" if now is None else "appeared", queue=key, at=at)
        elif isinstance(now, SkillState):
            yield from _moved(key, was, now, ("calls_waiting",), jump, at, falls=False)
        elif was.interval_start == now.interval_start:
            # Counters restart with every bucket; inside one they only grow, on a server that is well.
            yield from _moved(key, was, now, COUNTERS[:2], jump, at, falls=True)


def _moved(
    key: SkillKey,
    was: object,
    now: object,
    names: Iterable[str],
    jump: int,
    at: datetime | None,
    *,
    falls: bool,
) -> Iterator[QueueChange]:
    for name in names:
        before, after = getattr(was, name), getattr(now, name)
        if before is None or after is None:
            continue
        fell = falls and after < before
        if fell or after - before >= jump:
            yield QueueChange(
                kind="fell" if fell else "jumped", queue=key, field=name, before=before, after=after, at=at
            )


def _by_queue(rows: Iterable[Any]) -> dict[SkillKey, Any]:
    return {(row.vdn, row.skill_id): row for row in rows}


def _tasks(old: Sequence[TaskStats], new: Sequence[TaskStats]) -> Iterator[TaskChange]:
    said, said_before = _answered(new), _answered(old)
    of_old, of_new = ({(row.vdn, row.task_id): row for row in rows} for rows in (old, new))
    for key, was, now in _pairs(of_old, of_new):
        if was is None or now is None:
            if (said if now is None else said_before)(*key):
                yield TaskChange(kind="gone" if now is None else "appeared", task=key)
        elif finished(now):
            if not finished(was):
                yield TaskChange(kind="finished", task=key, waiting=now.waiting, at=now.sampled_at)
        elif stands_still(was, now):
            yield TaskChange(kind="standing still", task=key, waiting=now.waiting, at=now.sampled_at)


def finished(task: TaskStats) -> bool:
    """True when nothing is left to dial and nothing is under way."""
    return task.waiting == 0 and not task.executing


def stands_still(was: TaskStats, now: TaskStats) -> bool:
    """True when work is left and no attempt has ended between the two samples."""
    if not now.waiting:
        return False
    names = ("succeeded", "failed", "completed")
    counts = [(getattr(was, name), getattr(now, name)) for name in names]
    known = [(before, after) for before, after in counts if before is not None and after is not None]
    return bool(known) and all(before == after for before, after in known)
