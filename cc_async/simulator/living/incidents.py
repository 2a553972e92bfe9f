"""Incidents: what shall happen to a VDN, from when until when."""

from __future__ import annotations

from math import inf
from typing import Literal

import attrs

from .floor import Floor

Kind = Literal[
    "queue loses its agents",
    "arrivals multiply",
    "agent hangs in wrap-up",
    "task stands still",
    "agents sign out",
]
_NEEDED = {
    "queue loses its agents": "skill_id",
    "arrivals multiply": "times",
    "agent hangs in wrap-up": "agent_id",
    "task stands still": "task_id",
    "agents sign out": "vdn",
}


@attrs.frozen(kw_only=True)
class Incident:
    """One incident, from `at` until `until` (epoch seconds; for good when that is infinite)."""

    kind: Kind
    vdn: int
    at: float
    until: float = inf
    skill_id: int | None = None
    agent_id: int | None = None
    task_id: str | None = None
    times: float | None = None
    """By how much arrivals multiply: 3.0 is three times as many, 0.0 none."""

    def __attrs_post_init__(self) -> None:
        needed = _NEEDED.get(self.kind)
        if needed is None:
            raise ValueError(f"no incident is called {self.kind!r}; there are: {', '.join(_NEEDED)}")
        if getattr(self, needed) is None:
            raise ValueError(f"{self.kind!r} needs {needed}")
        if not self.at < self.until:
            raise ValueError("an incident ends after it begins")
        if self.times is not None and not 0 <= self.times < inf:
            raise ValueError("times is a factor from 0 on")


def lay_down(floor: Floor, incident: Incident, number: int) -> None:
    """Put an incident on the agenda of a floor; `number` tells its callers from those of others.

    One that began before the floor did begins with it. Raises ValueError for any other that is in the past.
    """
    now, begin = floor.agenda.now, floor.place.begin
    if incident.at < now and now > begin:
        raise ValueError(f"VDN {incident.vdn} is already past the beginning of this incident")
    if incident.until <= begin:
        return
    trouble = _Trouble(floor, incident, number)
    floor.agenda.at(max(incident.at, begin), trouble.begin)
    if incident.until < inf:
        floor.agenda.at(incident.until, trouble.end)


class _Trouble:
    """An incident at work."""

    def __init__(self, floor: Floor, incident: Incident, number: int) -> None:
        self._floor, self._incident, self._number = floor, incident, number
        self._queue = None if incident.skill_id is None else incident.skill_id - 1
        self._times = 1.0 if incident.times is None else incident.times

    def begin(self, now: float, _: None) -> None:
        """Let it begin."""
        floor, incident, queue = self._floor, self._incident, self._queue
        match incident.kind:
            case "queue loses its agents":
                floor.lose_agents(queue or 0)
            case "arrivals multiply" if self._times > 1:
                floor.callers(self._number, now, incident.until, self._times - 1, queue)
            case "arrivals multiply":
                floor.thin(queue, self._times)
            case "agent hangs in wrap-up":
                index = (incident.agent_id or 0) - floor.place.first_id
                floor.shifts.hang(now, index, incident.until)
            case "task stands still":
                floor.dialer.campaigns[incident.task_id or ""].halted += 1
            case "agents sign out":
                floor.shifts.lock(now)

    def end(self, now: float, _: None) -> None:
        """Let it end; additional callers and a hanging agent end by themselves."""
        floor, incident, queue = self._floor, self._incident, self._queue
        match incident.kind:
            case "queue loses its agents":
                floor.regain_agents(now, queue or 0)
            case "arrivals multiply" if self._times <= 1:
                floor.thicken(queue, self._times)
            case "task stands still":
                floor.dialer.campaigns[incident.task_id or ""].halted -= 1
            case "agents sign out":
                floor.shifts.unlock(now)
            case _:
                pass
