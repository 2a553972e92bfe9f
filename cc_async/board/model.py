"""What a wallboard shows, as values: queues, agents, tasks, alerts, and how old each of it is."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from attrs import frozen

from cc_async.monitor.alert import Alert
from cc_async.monitor.figure import Figure, none
from cc_async.monitor.figures_agents import State

Status = Literal["good", "watch", "alert", "unknown"]
"""How a queue does: within its rules, past one for now, an alert stands, or nothing to judge by."""

TREND_BUCKETS = 12
"""Closed buckets a trend shows: an hour."""
ROLLING_MINUTES = 30

STATES: tuple[State, ...] = (
    "talking", "wrap-up", "idle", "not ready", "rest", "study", "adjusting", "unknown",
)  # fmt: skip
"""The states of people who are signed in, in the order in which a board shows them."""


@frozen(kw_only=True)
class Source:
    """One interface that is asked again and again, and how old its last good answer is."""

    name: str
    """The interface, with its VDN where it is asked VDN by VDN: ``agent_states/170``."""
    interface: str
    vdn: int | None = None
    age_seconds: float | None = None
    """Of the last whole answer; None: there was none yet."""
    stale_after: float
    """Seconds from which on its figures are of the past."""
    error: str | None = None
    """Why the last asking brought not everything; None: it did, or has not ended yet."""

    @property
    def stale(self) -> bool:
        """True when what it tells must not be taken for now."""
        return self.age_seconds is None or self.age_seconds > self.stale_after


@frozen(kw_only=True)
class Calls:
    """The calls of one queue, or of all, in [begin, end); None where the server did not say."""

    begin: datetime
    end: datetime
    offered: int | None = None
    connected: int | None = None
    lost: int | None = None
    """Offered minus connected, as the vendor has it: it may be below 0 for a moment."""
    service_level: Figure
    """Connected within 20 s, of offered."""


@frozen(kw_only=True)
class QueueLine:
    """One skill queue."""

    vdn: int | None
    skill_id: int
    name: str
    status: Status = "unknown"
    stale: bool = True
    """True: calls waiting and longest wait are of the past."""
    waiting: Figure
    longest_wait: Figure
    """Seconds, as reported for 5 minutes."""
    current: Calls | None = None
    """The 5 minutes that run now, so far; they begin with hardly any call: not to be judged by."""
    last: Calls | None = None
    """The last 5 minutes that are over."""
    rolling: Calls | None = None
    """The last 30 minutes that are over."""
    trend: tuple[float | None, ...] = ()
    """Service level of the closed 5 minutes of the last hour, oldest first; None: no calls, or not seen."""
    target: float | None = None
    """The service level its rule asks for."""

    @property
    def key(self) -> str:
        """``queue/170/7``."""
        return "/".join(str(part) for part in ("queue", self.vdn, self.skill_id) if part is not None)


@frozen(kw_only=True)
class AgentLine:
    """One agent, for boards that show people."""

    vdn: int | None
    agent_id: int
    state: State
    state_seconds: int | None = None


@frozen(kw_only=True)
class Agents:
    """People, each counted once however many queues they serve."""

    by_state: tuple[tuple[State, int], ...] = ()
    """Only states somebody is in, in the order of ``STATES``."""
    signed_in: Figure
    occupancy: Figure
    people: tuple[AgentLine, ...] = ()
    """Who they are; empty unless the board was told to show agents."""


NO_AGENTS = Agents(signed_in=none("no answer yet", unit="number"), occupancy=none("no answer yet"))
"""Before the first answer."""


@frozen(kw_only=True)
class TaskLine:
    """One outbound task."""

    task_id: str
    vdn: int | None = None
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    waiting: int | None = None
    executing: int | None = None
    connect_rate: Figure
    status: Status = "unknown"
    stale: bool = True


@frozen(kw_only=True)
class VdnLine:
    """One VDN in its last closed 5 minutes, as system indicators have it: totals no sum of queues gives."""

    vdn: int
    name: str
    begin: datetime
    online_agents: int | None = None
    inbound: int | None = None
    connected: int | None = None
    connection_rate: Figure


@frozen(kw_only=True)
class Board:
    """Everything a wallboard shows at one moment."""

    number: int
    """1, 2, 3...: boards since the start."""
    at: datetime
    """By the server's clock as far as that is known (aware, UTC)."""
    queues: tuple[QueueLine, ...] = ()
    overall: Calls | None = None
    """The rolling 30 minutes of all queues together: a call that overflows counts in each of its queues."""
    target: float | None = None
    """The service level the rules ask for, 0..1; queues may have one of their own."""
    agents: Agents = NO_AGENTS
    tasks: tuple[TaskLine, ...] = ()
    vdns: tuple[VdnLine, ...] = ()
    alerts: tuple[Alert, ...] = ()
    """Those that stand, oldest first."""
    sources: tuple[Source, ...] = ()
    troubles: tuple[str, ...] = ()
    """What else is wrong with the board itself: a state that cannot be saved, names that do not come."""

    standing_by: str | None = None
    """Why this process shows nothing: another one leads. None: it shows what it knows."""

    @property
    def stale(self) -> bool:
        """True when some of it is of the past."""
        return any(source.stale for source in self.sources)

    @property
    def begun(self) -> bool:
        """True when every source has answered, well or badly, at least once."""
        return all(source.age_seconds is not None or source.error for source in self.sources)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not well, one sentence each; empty: it is."""
        waits = () if self.standing_by is None else (self.standing_by,)
        return (*waits, *(_reason(source) for source in self.sources if source.stale), *self.troubles)


def _reason(source: Source) -> str:
    if source.age_seconds is None:
        return f"{source.name}: {source.error or 'no answer yet'}"
    told = f"{source.name}: {source.age_seconds:.0f} s old"
    return f"{told}, {source.error}" if source.error else told
