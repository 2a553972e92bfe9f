"""An agent's states over time, dated by how long the server says each has lasted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen

from cc_async.monitor.figures_agents import Agent, AgentKey, State, agent_key, state_of

TOLERANCE = 2.0
"""Seconds by which two samples may disagree about the begin of a state: whole seconds and a Date header."""


@frozen
class Segment:
    """One state of an agent, [begin, end]; both aware, UTC.

    ``state`` None is a gap: the agent was seen before and after it, and nobody knows what was in between.
    The last segment ends when it was last seen, not when it was over.
    """

    state: State | None
    begin: datetime
    end: datetime
    samples: int = 0

    @property
    def seconds(self) -> float:
        """How long it was, as far as it was seen."""
        return (self.end - self.begin).total_seconds()


def timelines(
    samples: Iterable[Agent], *, tolerance: float = TOLERANCE
) -> dict[AgentKey, tuple[Segment, ...]]:
    """The timeline of every agent among the samples, by (cc_id, vdn, agent_id)."""
    of_agent: dict[AgentKey, list[Agent]] = {}
    for sample in samples:
        of_agent.setdefault(agent_key(sample), []).append(sample)
    return {key: timeline(found, tolerance=tolerance) for key, found in of_agent.items()}


def timeline(samples: Iterable[Agent], *, tolerance: float = TOLERANCE) -> tuple[Segment, ...]:
    """The states of one agent, oldest first, without holes: what is not known is a segment of its own.

    ``state_seconds`` dates the begin of a state before it was first seen. Where samples contradict each
    other, what was seen holds against what was reckoned back. Samples may come in any order, twice, and from
    several queues of the agent; one without ``sampled_at`` tells nothing.

    Args:
        samples: rows of ``signed_in_agents`` or ``agent_states``.
        tolerance: seconds by which two samples of one state may disagree.

    Raises:
        ValueError: rows of more than one agent.
    """
    rows = list(samples)
    if len({agent_key(row) for row in rows}) > 1:
        raise ValueError("a timeline is of one agent; timelines() takes several")
    slack = timedelta(seconds=tolerance)
    found: list[Segment] = []
    # Of two samples of one moment, the one that has been longer in its state comes first.
    for seen in sorted(_claims(rows), key=lambda one: (one.end, one.begin)):
        _add(found, seen, slack)
    return tuple(found)


def _claims(rows: Sequence[Agent]) -> Iterable[Segment]:
    """What each sample says: this state, from then until the moment of the sample."""
    for row in rows:
        if row.sampled_at is None:
            continue
        since = row.sampled_at if row.state_seconds is None else row.state_since or row.sampled_at
        yield Segment(state_of(row), min(since, row.sampled_at), row.sampled_at, samples=1)


def _add(found: list[Segment], seen: Segment, slack: timedelta) -> None:
    """Put a claim behind what is known; claims come in the order of their ends."""
    if not found:
        found.append(seen)
        return
    last = found[-1]
    if seen.state == last.state and seen.begin <= last.end + slack:
        found[-1] = evolve(last, end=max(last.end, seen.end), samples=last.samples + 1)
        return
    if seen.begin > last.end + slack:
        # Between the last look and the begin of this state anything may have been.
        found.append(Segment(None, last.end, seen.begin))
        found.append(seen)
        return
    begin = max(seen.begin, last.end)
    if seen.begin > last.end:
        found[-1] = evolve(last, end=begin)
    found.append(evolve(seen, begin=begin))
