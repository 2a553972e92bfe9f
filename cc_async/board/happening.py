"""What happened: an alert that began or ended, or something that changed between two beats."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from attrs import asdict, frozen

from cc_async.monitor.alert import Alert
from cc_async.monitor.changes import AgentChange, Change, QueueChange

_KEYS = ("agent", "queue", "task")
"""Fields that are keys, and so tuples: (cc_id, vdn, agent_id), (vdn, skill_id), (vdn, task_id)."""


@frozen(kw_only=True)
class Happening:
    """One thing that happened, with its place in the order of things."""

    number: int
    """1, 2, 3...: since the start."""
    at: datetime
    """When it was seen, by the server's clock."""
    what: Alert | Change

    @property
    def kind(self) -> Literal["alert", "agent", "queue", "task"]:
        """What it is about."""
        if isinstance(self.what, Alert):
            return "alert"
        if isinstance(self.what, AgentChange):
            return "agent"
        return "queue" if isinstance(self.what, QueueChange) else "task"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: ``number``, ``at``, ``kind``, and the alert or the change under ``what``."""
        what = self.what
        told = what.to_dict() if isinstance(what, Alert) else _plain(asdict(what, recurse=False))
        return {"number": self.number, "at": self.at.isoformat(), "kind": self.kind, "what": told}


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """A change with instants as text and keys as lists."""
    plain = dict(found)
    for name, value in found.items():
        if isinstance(value, datetime):
            plain[name] = value.isoformat()
        elif name in _KEYS:
            plain[name] = list(value)
    return plain
