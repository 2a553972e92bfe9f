"""A board as JSON has it: what an API, a wallboard in the browser and ``--json`` show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import fields

from cc_async.board.model import Agents, Board, Calls, QueueLine, Source, TaskLine, VdnLine
from cc_async.monitor.figure import Figure

VERSION = 1
_FIGURE = tuple(item.name for item in fields(Figure))
_ALWAYS = ("value", "count", "unit")
"""Of a figure; what else is None or empty is left out, which halves a board of many queues."""


def board(one: Board) -> dict[str, Any]:
    """The whole board; instants as ISO 8601 with offset, ratios 0..1, durations in seconds."""
    return {
        "version": VERSION,
        "number": one.number,
        "at": _instant(one.at),
        "stale": one.stale,
        "reasons": list(one.reasons),
        "standing_by": one.standing_by is not None,
        "overall": None if one.overall is None else calls(one.overall),
        "target": one.target,
        "queues": [queue(each) for each in one.queues],
        "agents": agents(one.agents),
        "tasks": [task(each) for each in one.tasks],
        "vdns": [vdn(each) for each in one.vdns],
        "alerts": [each.to_dict() for each in one.alerts],
        "sources": [source(each) for each in one.sources],
    }


def figure(one: Figure) -> dict[str, Any]:
    """A figure with what it is worth, without what does not apply: no bounds where the value is exact."""
    found = {name: getattr(one, name) for name in _FIGURE}
    if one.exact:
        found["low"] = found["high"] = None
    return {name: value for name, value in found.items() if value not in (None, "") or name in _ALWAYS}


def calls(one: Calls) -> dict[str, Any]:
    """Calls of a window."""
    return {
        "begin": _instant(one.begin),
        "end": _instant(one.end),
        "offered": one.offered,
        "connected": one.connected,
        "lost": one.lost,
        "service_level": figure(one.service_level),
    }


def queue(one: QueueLine) -> dict[str, Any]:
    """A queue."""
    windows = {"current": one.current, "last": one.last, "rolling": one.rolling}
    return {
        "key": one.key,
        "vdn": one.vdn,
        "skill_id": one.skill_id,
        "name": one.name,
        "status": one.status,
        "stale": one.stale,
        "waiting": figure(one.waiting),
        "longest_wait": figure(one.longest_wait),
        **{name: None if found is None else calls(found) for name, found in windows.items()},
        "trend": [None if level is None else round(level, 4) for level in one.trend],
        "target": one.target,
    }


def agents(one: Agents) -> dict[str, Any]:
    """Agents by state; ``people`` only where there are some to show."""
    told: dict[str, Any] = {
        "by_state": dict(one.by_state),
        "signed_in": figure(one.signed_in),
        "occupancy": figure(one.occupancy),
    }
    if one.people:
        told["people"] = [
            {
                "vdn": each.vdn,
                "agent_id": each.agent_id,
                "state": each.state,
                "state_seconds": each.state_seconds,
            }
            for each in one.people
        ]
    return told


def task(one: TaskLine) -> dict[str, Any]:
    """An outbound task."""
    names = ("task_id", "vdn", "total", "succeeded", "failed", "waiting", "executing", "status", "stale")
    return {**{name: getattr(one, name) for name in names}, "connect_rate": figure(one.connect_rate)}


def vdn(one: VdnLine) -> dict[str, Any]:
    """A VDN in its last closed 5 minutes."""
    names = ("vdn", "name", "online_agents", "inbound", "connected")
    told = {name: getattr(one, name) for name in names}
    return {**told, "begin": _instant(one.begin), "connection_rate": figure(one.connection_rate)}


def source(one: Source) -> dict[str, Any]:
    """A source and its age."""
    names = ("name", "interface", "vdn", "age_seconds", "stale_after", "error", "stale")
    return {name: getattr(one, name) for name in names}


def _instant(moment: datetime) -> str:
    return moment.isoformat()
