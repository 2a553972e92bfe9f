"""An alert: what is wrong or right again, in fields for programs and in a sentence for supervisors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from attrs import asdict, field, frozen

from cc_async.monitor.figure import duration
from cc_async.monitor.rules import UNDER
from cc_async.monitor.subject import Measure

AlertState = Literal["raised", "cleared"]
Ended = Literal["", "fine", "closed", "gone", "quiet"]
_WHY = {
    "closed": "closed for now",
    "gone": "not there any more",
    "quiet": "too little for a judgement now",
}


@frozen(kw_only=True)
class Alert:
    """One alert, raised or cleared; ``str(alert)`` is a sentence a supervisor understands.

    Ratios are 0..1, durations seconds. ``since`` and ``at`` are aware, in the zone of the opening hours or
    the one given to ``alerts``, else UTC.
    """

    id: str
    """The same when it is raised and when it is cleared, and after a restart."""
    rule: str
    measure: Measure
    key: str
    """Whom it is about: ``queue/170/7``, ``agent/170/1001``, ``vdn/170``, ``task/170/ID``, ``source/1``."""
    name: str
    value: float | None
    """None: there is no figure any more."""
    threshold: float
    since: datetime
    """Begin of the first window that was past the threshold."""
    at: datetime
    """When it was raised or cleared, by the server's clock."""
    evidence: Mapping[str, Any] = field(factory=dict, hash=False)
    """The counts behind the value, ready for JSON."""
    data_age: float | None = None
    """Seconds, of the data it was judged by."""
    state: AlertState = "raised"
    ended: Ended = ""
    """Why it was cleared: all is fine, closing time, its subject is not there any more, or there is too
    little to judge by for an hour."""

    def __str__(self) -> str:
        told = _SAY[self.measure](self)
        if self.state == "raised":
            return f"{self.name}: {told.now}, {told.bad} since {_since(self)}{_live(self)}"
        now = _WHY.get(self.ended) or f"{told.now}, fine again"
        return f"{self.name}: {now}; was {told.bad} since {_since(self)}"

    def to_dict(self) -> dict[str, Any]:
        """Every field and the sentence, ready for JSON; instants as ISO 8601 with their offset."""
        found = asdict(self, recurse=False)
        found |= {"since": self.since.isoformat(), "at": self.at.isoformat(), "evidence": dict(self.evidence)}
        return {**found, "text": str(self)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Alert:
        """Read what ``to_dict`` made; raises KeyError, TypeError or ValueError for anything else."""
        given = {name: value for name, value in found.items() if name != "text"}
        if given["measure"] not in _SAY:
            raise ValueError("no such measure")
        moments = {name: datetime.fromisoformat(given[name]) for name in ("since", "at")}
        return cls(**{**given, **moments})


@frozen
class _Told:
    now: str
    """What it is."""
    bad: str
    """What is wrong with that."""


def _side(alert: Alert) -> str:
    return "under" if alert.measure in UNDER else "over"


def _share(what: str, part: str, whole: str) -> Callable[[Alert], _Told]:
    def say(alert: Alert) -> _Told:
        shown, limit = _percents(alert.value, alert.threshold)
        counts = f" ({_count(alert, part)} of {_count(alert, whole)})"
        return _Told(f"{shown} {what}{counts}", f"{_side(alert)} {limit}")

    return say


def _wrap_up(alert: Alert) -> _Told:
    calls = _count(alert, "wrapped_up")
    now = f"{duration(alert.value or 0)} wrap-up a call ({calls} calls)"
    return _Told(now, f"over {duration(alert.threshold)}")


def _no_idle(alert: Alert) -> _Told:
    calls = _count(alert, "offered")
    now = f"{calls} calls offered" if alert.value else f"{_count(alert, 'idle_agents')} agents idle"
    return _Told(now, "without an idle agent")


def _drop(alert: Alert) -> _Told:
    shown, limit = _percents(alert.value, alert.threshold)
    online, before = _count(alert, "online_agents"), _count(alert, "before")
    return _Told(f"{online} agents online, {shown} fewer than {before}", f"over {limit} fewer")


def _state(alert: Alert) -> _Told:
    state = alert.evidence.get("state", "?")
    spent = alert.evidence.get("state_seconds")
    if not alert.value or spent is None:
        return _Told(f"{state}", "without a change")
    return _Told(f"in {state} for {duration(spent)} (over {duration(alert.threshold)})", "without a change")


def _connects(alert: Alert) -> _Told:
    shown, limit = _percents(alert.value, alert.threshold)
    done, failed = alert.evidence.get("succeeded") or 0, alert.evidence.get("failed") or 0
    return _Told(f"{shown} connected ({done:,} of {done + failed:,} attempts)", f"under {limit}")


def _still(alert: Alert) -> _Told:
    left = f"{_count(alert, 'waiting')} numbers waiting"
    return _Told(f"{left}, no attempt ended" if alert.value else f"it moves, {left}", "standing still")


def _no_data(alert: Alert) -> _Told:
    now = "data comes" if alert.state == "cleared" else f"nothing for {duration(alert.value or 0)}"
    return _Told(now, "without data")


_SAY: Mapping[Measure, Callable[[Alert], _Told]] = {
    "service_level": _share("in 20 s", "connected_in_20s", "offered"),
    "lost_rate": _share("lost", "lost", "offered"),
    "wrap_up": _wrap_up,
    "no_idle_agent": _no_idle,
    "online_drop": _drop,
    "state_time": _state,
    "outbound_connect": _connects,
    "task_still": _still,
    "no_data": _no_data,
}


def _percents(value: float | None, threshold: float) -> tuple[str, str]:
    """Both as percent; with decimals where they would look the same though they are not."""
    if value is None:
        return "-", f"{threshold * 100:g} %"
    for digits in (0, 1, 2):
        shown, limit = f"{value * 100:.{digits}f}", f"{threshold * 100:.{digits}f}"
        if shown != limit or value == threshold:
            break
    return f"{shown} %", f"{threshold * 100:g} %"


def _count(alert: Alert, name: str) -> str:
    found = alert.evidence.get(name)
    return "?" if found is None else f"{found:,}"


def _live(alert: Alert) -> str:
    waiting, longest = (alert.evidence.get(name) for name in ("calls_waiting", "longest_wait_seconds"))
    told = "" if waiting is None else f", {waiting:,} waiting"
    return told if not waiting or longest is None else f"{told}, longest {duration(longest)}"


def _since(alert: Alert) -> str:
    """The time of day, and the date where it was another one."""
    moment = alert.since
    shown = f"{moment:%H:%M}" if moment.date() == alert.at.date() else f"{moment:%Y-%m-%d %H:%M}"
    return f"{shown} UTC" if moment.tzinfo is UTC or moment.utcoffset() == timedelta(0) else shown
