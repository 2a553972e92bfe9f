"""Whom a figure or an alert is about, and one reading of a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from attrs import field, frozen

from cc_async.monitor.figure import Figure

Kind = Literal["queue", "agent", "vdn", "task", "source"]

Measure = Literal[
    "service_level",
    "lost_rate",
    "wrap_up",
    "no_idle_agent",
    "online_drop",
    "state_time",
    "outbound_connect",
    "task_still",
    "no_data",
]
"""What an alert can be about; the defaults of each are in ``cc_async.monitor.rules``."""

Names = Mapping[Any, str] | Callable[[str], str | None]
"""Names of queues by ``skill_id`` or ``(vdn, skill_id)``; of anything by its ``key`` (``agent/170/1001``)."""


@frozen(slots=False)
class Subject:
    """A queue, an agent, a VDN, a task, or a source of data."""

    kind: Kind
    id: int | str
    vdn: int | None = None

    @cached_property
    def key(self) -> str:
        """The same as text that stays: ``queue/170/7``."""
        return "/".join(str(part) for part in (self.kind, self.vdn, self.id) if part is not None)

    def name(self, names: Names | None) -> str:
        """What people call it: its name on one line, or what it is."""
        found: str | None = None
        if callable(names):
            found = names(self.key)
        elif names is not None:
            found = names.get(self.key)
            if found is None and self.kind == "queue":
                found = names.get((self.vdn, self.id)) or names.get(self.id)
        if found:
            return " ".join("".join(char if char.isprintable() else " " for char in found).split())
        word = "VDN" if self.kind == "vdn" else self.kind
        named = self.kind == "source" and not str(self.id).isdigit()
        return str(self.id) if named else f"{word} {self.id}"


@frozen(kw_only=True)
class Reading:
    """One figure of one subject in one window, or at one moment."""

    measure: Measure
    subject: Subject
    figure: Figure
    begin: datetime
    """Begin of the window; what was sampled at a moment has that."""
    evidence: Mapping[str, Any] = field(factory=dict, hash=False)
    """The counts behind it, ready for JSON."""
