"""The board as a table: what fits, what is marked, what a terminal without UTF-8 shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from rich.console import Console

from cc_async.board import Board, Calls, QueueLine, Source
from cc_async.board.model import AgentLine, Agents
from cc_async.cli.board_table import Look, render
from cc_async.monitor.figure import exactly, none

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def calls(level: float, offered: int = 20) -> Calls:
    """Half an hour of a queue."""
    return Calls(
        begin=NOON - timedelta(minutes=30),
        end=NOON,
        offered=offered,
        connected=offered,
        lost=0,
        service_level=exactly(level, offered, "offered"),
    )


def queue(skill_id: int, **given: Any) -> QueueLine:
    """A queue where nobody waits."""
    usual: dict[str, Any] = {
        "vdn": 170,
        "name": f"Queue number {skill_id}",
        "status": "good",
        "stale": False,
        "waiting": exactly(0, 1, unit="number"),
        "longest_wait": exactly(0, 1, unit="seconds"),
        "rolling": calls(0.9),
        "target": 0.8,
    }
    return QueueLine(skill_id=skill_id, **(usual | given))


def shown(look: Look, *queues: QueueLine, **given: Any) -> list[str]:
    """The lines a terminal shows."""
    source = Source(name="skill_states", interface="skill_states", age_seconds=3.0, stale_after=15.0)
    board = Board(**({"number": 1, "at": NOON, "queues": queues, "sources": (source,)} | given))
    out = StringIO()
    Console(file=out, width=look.width, color_system=None).print(render(board, look))
    return out.getvalue().splitlines()


def test_nothing_is_wider_than_eighty_columns() -> None:
    """Whatever queues are called, the numbers stay and the name is cut."""
    lines = shown(Look(80), queue(1, name="n" * 60, waiting=exactly(1234, 1, unit="number")))
    assert max(map(len, lines)) <= 80
    [line] = [line for line in lines if "nnn" in line]
    assert "1,234" in line
    assert "90 %" in line


def test_queues_that_do_not_fit_are_counted_and_alerts_stay() -> None:
    """On a low screen the queue with an alert is kept, whichever it is, and the others are counted."""
    queues = [queue(number, status="alert" if number == 30 else "good") for number in range(1, 31)]
    lines = shown(Look(80, height=15), *queues)
    assert len(lines) <= 15
    assert any("Queue number 30" in line for line in lines)
    listed = sum("Queue number" in line for line in lines)
    assert f"and {30 - listed} more queues" in "\n".join(lines)


def test_what_runs_now_is_marked() -> None:
    """Before any 5 minutes are closed the figures are those of the running ones, with a sign."""
    line = shown(Look(80), queue(7, rolling=None, current=calls(0.5)))[-3]
    assert "~50 %" in line
    assert "~" not in shown(Look(80), queue(7, current=calls(0.5)))[-3]


def test_a_terminal_without_utf_8_gets_ascii() -> None:
    """Signs and trends have a form that every terminal has."""
    lines = shown(Look(80, utf=False), queue(7, trend=(0.4, 0.7, None, 1.0), status="watch"))
    text = "\n".join(lines)
    assert text.isascii()
    assert "14 7" in text
    assert any(line.startswith("!") for line in lines)


def test_old_and_missing_data_is_told_on_top() -> None:
    """The second line says what is missing and why; a figure that is none is a dash."""
    source = Source(
        name="skill_states", interface="skill_states", age_seconds=130.0, stale_after=15.0, error="no route"
    )
    lines = shown(Look(80), queue(7, waiting=none("no answer yet", unit="number")), sources=(source,))
    assert "data 2:10 old" in lines[0]
    assert "skill_states: 130 s old, no route" in lines[1]
    assert lines[-3].split()[1:5] == ["Queue", "number", "7", "-"]


def test_queues_of_several_vdns_say_whose_they_are() -> None:
    """Two queues of one name are told apart."""
    lines = shown(Look(80), queue(7, name="Billing"), queue(7, name="Billing", vdn=171))
    assert [line.split()[1:3] for line in lines if "Billing" in line] == [
        ["170", "Billing"],
        ["171", "Billing"],
    ]


def test_many_agents_leave_room_for_queues() -> None:
    """On a screen a few agents are listed and the others counted; a table without an end lists all."""
    people = tuple(AgentLine(vdn=170, agent_id=number, state="idle") for number in range(1, 51))
    agents = Agents(signed_in=exactly(50, 50), occupancy=exactly(0, 50), people=people)
    lines = shown(Look(80, height=24), *(queue(number) for number in range(1, 6)), agents=agents)
    assert len(lines) <= 24
    assert sum("Queue number" in line for line in lines) == 5
    assert "and 46 more agents" in lines
    whole = shown(Look(80), queue(1), agents=agents)
    assert sum(line.startswith("agent ") for line in whole) == 50
