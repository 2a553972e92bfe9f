"""The figures of agents, of outbound tasks, and what the vendor reports for a queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from attrs import frozen

from cc_async.contract.codes import AgentStatus, CtiStatus
from cc_async.contract.records import AgentCallStats, AgentState, SignedInAgent, SkillState, TaskStats
from cc_async.monitor.basis import age, basis, rows_of
from cc_async.monitor.figure import Figure, exactly, none
from cc_async.monitor.figures import ratio

Agent = SignedInAgent | AgentState
AgentKey = tuple[int | None, int | None, int]
"""(cc_id, vdn, agent_id): what an agent is, however many queues it serves."""

State = Literal[
    "idle", "talking", "wrap-up", "not ready", "rest", "study", "adjusting", "not signed in", "unknown"
]
"""States in the words of the trade; "not ready" is the vendor's "busy"."""

_BY_STATUS: Mapping[int, State] = {
    AgentStatus.NOT_READY: "not ready",
    AgentStatus.IDLE: "idle",
    AgentStatus.WRAP_UP: "wrap-up",
    AgentStatus.TALKING: "talking",
    AgentStatus.REST: "rest",
}
_BY_CTI: Mapping[int, State] = {
    CtiStatus.NOT_SIGNED_IN: "not signed in",
    CtiStatus.IDLE: "idle",
    CtiStatus.PRE_OCCUPIED: "talking",
    CtiStatus.OCCUPIED: "talking",
    CtiStatus.ANSWERING: "talking",
    CtiStatus.TALKING: "talking",
    CtiStatus.WRAP_UP: "wrap-up",
    CtiStatus.NOT_READY: "not ready",
    CtiStatus.REST: "rest",
    CtiStatus.STUDY: "study",
    CtiStatus.ADJUSTING: "adjusting",
}


def state_of(agent: Agent) -> State:
    """The state of an agent in one vocabulary, from ``cti_status`` or else ``status``."""
    found = None if agent.cti_status is None else _BY_CTI.get(agent.cti_status)
    if found is None and isinstance(agent, SignedInAgent) and agent.status is not None:
        found = _BY_STATUS.get(agent.status)
    return found or "unknown"


def agent_key(agent: Agent) -> AgentKey:
    """Who it is, whichever queue the row is of."""
    return agent.cc_id, agent.vdn, agent.agent_id


def distinct(agents: Iterable[Agent]) -> dict[AgentKey, Agent]:
    """Every agent once, with the newest of its rows: an agent of several queues has one in each."""
    found: dict[AgentKey, Agent] = {}
    for agent in agents:
        key = agent_key(agent)
        held = found.get(key)
        if held is None or _moment(agent) > _moment(held):
            found[key] = agent
    return found


def signed_in(agents: Agent | Iterable[Agent], *, now: datetime | None = None) -> Figure:
    """How many agents are signed in: distinct people, never the sum over queues."""
    given: Sequence[Agent] = rows_of(agents)
    count = sum(state_of(one) != "not signed in" for one in distinct(given).values())
    worth = basis(agents, given, now)
    return exactly(
        count, count, unit="number", coverage=worth.coverage, age_seconds=worth.age_seconds, note=worth.note
    )


def agents_by_state(agents: Agent | Iterable[Agent]) -> dict[State, int]:
    """How many distinct agents are in which state."""
    return dict(Counter(state_of(one) for one in distinct(rows_of(agents)).values()))


def longest_in_state(agents: Agent | Iterable[Agent], state: State) -> Agent | None:
    """The agent who is in a state for the longest time; None: nobody is, or no one's time is known."""
    there = [one for one in distinct(rows_of(agents)).values() if state_of(one) == state]
    return max(
        (one for one in there if one.state_seconds is not None),
        key=lambda one: one.state_seconds or 0,
        default=None,
    )


def occupancy(
    agents: Agent | SkillState | Iterable[Agent | SkillState], *, now: datetime | None = None
) -> Figure:
    """(talking + wrap-up) / (talking + wrap-up + idle) now; an average of such instants is an estimate.

    From rows of agents, each counted once, or from the ``SkillState`` of one queue: over several queues,
    agents with several skills would count several times, which is refused.
    """
    given: Sequence[Agent | SkillState] = rows_of(agents)
    states = [one for one in given if isinstance(one, SkillState)]
    if len(states) > 1:
        return none("an agent with several skills would count several times; use signed_in_agents")
    if states:
        busy, idle = _both(states[0].talking_agents, states[0].wrap_up_agents), states[0].idle_agents
        if busy is None or idle is None:
            return none("the server did not say (agents)")
        counts = {True: busy, False: idle}
    else:
        people = agents_by_state(one for one in given if not isinstance(one, SkillState))
        counts = {True: people.get("talking", 0) + people.get("wrap-up", 0), False: people.get("idle", 0)}
    whole = sum(counts.values())
    if not whole:
        return none("nobody is idle, talking or in wrap-up")
    worth = basis(agents, given, now)
    value = counts[True] / whole
    return exactly(
        value, whole, "agents", coverage=worth.coverage, age_seconds=worth.age_seconds, note=worth.note
    )


def other_agents(rows: Any = None) -> Figure:
    """Refused: online minus talking, idle, not ready and resting is not the agents in other states."""
    return none("online counts agents that take no inbound calls, the other counts do not", unit="number")


Reported = Literal["calls_waiting", "longest_wait_seconds", "average_wait_seconds", "average_talk_seconds"]


def as_reported(state: SkillState, name: Reported, *, now: datetime | None = None) -> Figure:
    """What the vendor reports for one queue: waiting now, the others over 5 minutes; never add or average."""
    value = getattr(state, name)
    unit: Literal["number", "seconds"] = "number" if name == "calls_waiting" else "seconds"
    if value is None:
        return none("the server did not say", unit=unit)
    note = "" if name == "calls_waiting" else "as reported for 5 minutes"
    return exactly(value, 1, unit=unit, age_seconds=age((state,), now), note=note)


def outbound_connect_rate(tasks: TaskStats | Iterable[TaskStats], *, now: datetime | None = None) -> Figure:
    """Succeeded, of succeeded and failed attempts."""
    return ratio(
        tasks, lambda task: task.succeeded, lambda task: _both(task.succeeded, task.failed), now,
        "attempts", "was attempted",
    )  # fmt: skip


def outbound_connect_rate_as_reported(task: TaskStats, *, now: datetime | None = None) -> Figure:
    """The rate the vendor reports for one task; its formula is not documented."""
    if task.success_rate is None:
        return none("the server did not say")
    return exactly(task.success_rate, 1, age_seconds=age((task,), now), note="as reported")


@frozen
class Talked:
    """What an agent did between two samples."""

    talk_seconds: int | None
    calls: int | None
    restarted: bool
    """True: the counters began anew in between; what came before that moment is not in."""


def talked_between(before: AgentCallStats | None, after: AgentCallStats) -> Talked:
    """The difference of an agent's counters, which run since sign-in; None as ``before``: all of them.

    Raises ValueError for samples of two agents, or in the wrong order.
    """
    if before is not None and before.agent_id != after.agent_id:
        raise ValueError("a difference is of one agent")
    if before is not None and before.sampled_at and after.sampled_at and after.sampled_at < before.sampled_at:
        raise ValueError("the later sample comes second")
    new = after.talk_seconds, _both(after.answered, after.outbound)
    if before is None:
        return Talked(*new, restarted=False)
    names = ("talk_seconds", "answered", "outbound")
    pairs = [(getattr(before, name), getattr(after, name)) for name in names]
    again = any(old is not None and young is not None and young < old for old, young in pairs)
    if again or before.signed_in_at != after.signed_in_at:
        return Talked(*new, restarted=True)
    old = before.talk_seconds, _both(before.answered, before.outbound)
    return Talked(_less(new[0], old[0]), _less(new[1], old[1]), restarted=False)


def average_talk(
    after: AgentCallStats, before: AgentCallStats | None = None, *, now: datetime | None = None
) -> Figure:
    """Seconds of talk a call of one agent since another sample (since sign-in without one): an estimate.

    A call that goes over a sample has its talk time counted on one side and itself on the other.
    """
    talked = talked_between(before, after)
    if talked.talk_seconds is None or talked.calls is None:
        return none("the server did not say (talk time, answered, outbound)", unit="seconds")
    if talked.calls == 0:
        return none("no call was answered or made", unit="seconds")
    note = "estimate; the counters restarted in between" if talked.restarted else "estimate"
    value, when = talked.talk_seconds / talked.calls, age((after,), now)
    return exactly(value, talked.calls, "calls", unit="seconds", age_seconds=when, note=note)


def _moment(agent: Agent) -> float:
    return 0.0 if agent.sampled_at is None else agent.sampled_at.timestamp()


def _both(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _less(new: int | None, old: int | None) -> int | None:
    return None if new is None or old is None else new - old
