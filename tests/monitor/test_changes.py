"""What changed between two beats; what was not answered has not changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cc_async import (
    AgentState,
    Batch,
    ConnectError,
    CtiStatus,
    Failure,
    Question,
    Rejected,
    SignedInAgent,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
)
from cc_async.contract.spec import Group
from cc_async.monitor.beat import Beat
from cc_async.monitor.changes import AgentChange, QueueChange, TaskChange, changes

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=60)


def agent(agent_id: int, cti: int, skill_id: int = 1, **more: Any) -> SignedInAgent:
    """An agent in a queue of VDN 170."""
    usual = {"cc_id": 1, "vdn": 170, "cti_status": CtiStatus(cti), "sampled_at": LATER}
    return SignedInAgent(skill_id=skill_id, agent_id=agent_id, **(usual | more))


def calls(skill_id: int, offered: int, minutes: int = 0) -> SkillCallStats:
    """A queue of VDN 170 in the bucket so many minutes after 10:00."""
    start = AT + timedelta(minutes=minutes)
    return SkillCallStats(skill_id=skill_id, vdn=170, interval_start=start, offered=offered, connected=0)


def failed(rows: list[Any], *keys: int) -> Batch[Any]:
    """A batch in which these queues of VDN 170 were not answered."""
    part = Question("signed_in_agents", 1, (Group(170, keys or None),))
    return Batch(tuple(rows), failures=(Failure(part, keys, 170, None, ConnectError("gone"), 3),))


def test_agents_come_go_and_change_state() -> None:
    """Signed in (since the sign-in), signed out, another state (since it began); the same is no change."""
    signed_in_at, since = AT + timedelta(seconds=20), AT + timedelta(seconds=50)
    before = [agent(1, 1), agent(2, 1), agent(4, 5)]
    after = [agent(2, 5, state_since=since), agent(3, 1, login_time=signed_in_at), agent(4, 5)]
    assert changes(before, after) == (
        AgentChange(kind="signed out", agent=(1, 170, 1), before="idle", after=None, at=None),
        AgentChange(kind="state", agent=(1, 170, 2), before="idle", after="talking", at=since),
        AgentChange(kind="signed in", agent=(1, 170, 3), before=None, after="idle", at=signed_in_at),
    )


def test_an_agent_of_several_queues_changes_once() -> None:
    """Three rows of one agent are one change; leaving one of its queues is none."""
    before = [agent(1, 1, skill) for skill in (1, 2, 3)]
    assert len(changes(before, [agent(1, 5, skill) for skill in (1, 2, 3)])) == 1
    assert changes(before, [agent(1, 1, 2)]) == ()


def test_an_agent_whose_queue_failed_has_not_signed_out() -> None:
    """Only when every queue of the agent was answered, without it, has it gone; likewise for coming."""
    before = [agent(1, 1, 7), agent(1, 1, 8), agent(2, 1, 8)]
    assert changes(before, failed([], 7)) == (
        AgentChange(kind="signed out", agent=(1, 170, 2), before="idle", after=None, at=None),
    )
    assert changes(failed([], 7), [agent(1, 1, 7)]) == ()
    unreadable = Batch((), rejected=(Rejected("skill 8", "a row", "no number"),))
    assert changes(before, unreadable) == ()


def test_agent_states_know_who_is_not_signed_in() -> None:
    """In the list of every agent, signed out is a state; a page that failed says nothing of anyone."""
    before = [AgentState(agent_id=1, cti_status=CtiStatus.IDLE, vdn=170)]
    after = [AgentState(agent_id=1, cti_status=CtiStatus.NOT_SIGNED_IN, vdn=170, sampled_at=LATER)]
    [change] = changes(before, after)
    assert isinstance(change, AgentChange)
    assert (change.kind, change.at) == ("signed out", LATER)
    assert changes(before, failed([])) == ()


def test_queues_come_and_go() -> None:
    """A queue that was answered before and is not any more is gone; one that failed is not."""
    before, after = [calls(1, 5), calls(2, 5)], [calls(2, 6), calls(3, 0)]
    assert changes(before, after) == (
        QueueChange(kind="gone", queue=(170, 1)),
        QueueChange(kind="appeared", queue=(170, 3)),
    )
    assert changes(before, failed([calls(2, 6)], 1)) == ()


def test_counters_that_fall_or_jump_inside_a_bucket() -> None:
    """A counter that falls inside its bucket, and one that leaps; a new bucket begins at 0 and is neither."""
    before = [calls(1, 40), calls(2, 40), calls(3, 40), calls(4, 40)]
    after = [calls(1, 30), calls(2, 90), calls(3, 2, minutes=5), calls(4, 60)]
    assert changes(before, after) == (
        QueueChange(kind="fell", queue=(170, 1), field="offered", before=40, after=30),
        QueueChange(kind="jumped", queue=(170, 2), field="offered", before=40, after=90),
    )
    assert len(changes(before, after, jump=20)) == 3


def test_waiting_calls_that_pile_up() -> None:
    """Of the states of queues, waiting calls that leap are told; fewer of them is no fall."""
    before = [SkillState(skill_id=1, calls_waiting=2), SkillState(skill_id=2, calls_waiting=70)]
    after = [SkillState(skill_id=1, calls_waiting=60), SkillState(skill_id=2, calls_waiting=0)]
    [change] = changes(before, after)
    assert isinstance(change, QueueChange)
    assert (change.kind, change.field, change.before, change.after) == ("jumped", "calls_waiting", 2, 60)


def task(task_id: str, succeeded: int, waiting: int, executing: int = 0) -> TaskStats:
    """A task of VDN 170."""
    return TaskStats(
        task_id=task_id, vdn=170, succeeded=succeeded, failed=0, waiting=waiting, executing=executing
    )


def test_tasks_finish_and_stand_still() -> None:
    """Finished once, when nothing is left; standing still while work is left and no attempt has ended."""
    before = [task("a", 9, 1), task("b", 5, 9), task("c", 5, 9), task("d", 10, 0)]
    after = [task("a", 10, 0), task("b", 5, 8, executing=1), task("c", 6, 8), task("d", 10, 0)]
    told = changes(before, after)
    assert [(one.kind, one.task) for one in told if isinstance(one, TaskChange)] == [
        ("finished", (170, "a")),
        ("standing still", (170, "b")),
    ]
    [gone] = changes([task("a", 1, 1)], Batch.of([], record=TaskStats))
    assert gone.kind == "gone"


def test_beats_are_taken_as_they_come() -> None:
    """Two beats, or one and nothing: a first beat, and one that brought nothing, change nothing."""
    full = Beat(number=2, at=LATER, batch=Batch.of([calls(1, 5)]))
    empty = Beat[Any](number=3, at=LATER, error=ConnectError("gone"))
    assert changes(None, full) == changes(full, empty) == changes([], []) == ()
    assert len(changes(Batch.of([calls(2, 5)]), full)) == 2


def test_an_interface_without_changes_is_refused() -> None:
    """Closed windows do not change."""
    row = SystemIndicators(vdn=170, interval_start=AT)
    with pytest.raises(TypeError, match="SystemIndicators"):
        changes([row], [row])
