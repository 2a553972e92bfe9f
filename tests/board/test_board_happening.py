"""What happened, as events have it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cc_async.board import Happening
from cc_async.board.privacy import Privacy
from cc_async.monitor import Alert
from cc_async.monitor.changes import AgentChange, QueueChange, TaskChange

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
AGENT = AgentChange(kind="state", agent=(1, 170, 1001), before="idle", after="talking", at=NOON)
QUEUE = QueueChange(kind="jumped", queue=(170, 7), field="calls_waiting", before=1, after=60, at=NOON)
TASK = TaskChange(kind="finished", task=(170, "1122104910"), waiting=0)


@pytest.mark.parametrize(
    ("what", "kind", "key"),
    [(AGENT, "agent", [1, 170, 1001]), (QUEUE, "queue", [170, 7]), (TASK, "task", [170, "1122104910"])],
)
def test_a_change_is_plain_json(what: Any, kind: str, key: list[Any]) -> None:
    """Kind and key of each change, instants as text, None as it is."""
    told = json.loads(json.dumps(Happening(number=3, at=NOON, what=what).to_dict()))
    assert (told["number"], told["at"], told["kind"]) == (3, "2026-03-04T12:00:00+00:00", kind)
    assert told["what"][kind] == key
    assert told["what"]["at"] == (None if what is TASK else "2026-03-04T12:00:00+00:00")


def alert(key: str, name: str) -> Alert:
    """An alert that stands."""
    return Alert(
        id=f"long/{key}/20260304T120000Z",
        rule="long",
        measure="state_time",
        key=key,
        name=name,
        value=700.0,
        threshold=600.0,
        since=NOON,
        at=NOON,
        evidence={"state": "rest", "state_seconds": 700},
    )


def test_privacy_takes_the_face_and_leaves_the_alert() -> None:
    """An alert of an agent keeps what is wrong and an id of its own, the same when it is cleared."""
    raised = alert("agent/170/1001", "agent 1001")
    hidden = Privacy()
    told, again, other = (
        hidden.alert(raised),
        hidden.alert(alert("agent/170/1001", "agent 1001")),
        hidden.alert(alert("agent/170/1002", "agent 1002")),
    )
    assert "1001" not in json.dumps(told.to_dict())
    assert str(told).startswith("an agent: in rest for 11:40")
    assert told.id == again.id != other.id
    assert Privacy().alert(raised).id != told.id
    assert Privacy(show_agents=True).alert(raised) is raised


def test_privacy_leaves_queues_alone() -> None:
    """Only agents are people."""
    raised = alert("queue/170/7", "Billing")
    assert Privacy().alert(raised) is raised
    assert Privacy().change(QUEUE) is QUEUE
    assert Privacy().change(AGENT) is None
    assert Privacy(show_agents=True).change(AGENT) is AGENT
