"""The figures of agents and tasks, and what the vendor reports for a queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cc_async import AgentCallStats, AgentState, AgentStatus, CtiStatus, SignedInAgent, SkillState, TaskStats
from cc_async.monitor import figures_agents as figures

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def agent(
    agent_id: int, cti: int | None = 1, skill_id: int = 1, vdn: int = 170, **more: Any
) -> SignedInAgent:
    """One row of an agent in a queue."""
    status = None if cti is None else CtiStatus(cti)
    usual = {"cc_id": 1, "vdn": vdn, "sampled_at": AT, "cti_status": status}
    return SignedInAgent(skill_id=skill_id, agent_id=agent_id, **(usual | more))


TEAM = [
    agent(101, 5, skill_id=1),
    agent(101, 5, skill_id=2),
    agent(101, 5, skill_id=3),
    agent(102, 6),
    agent(103, 1),
    agent(104, 1),
    agent(105, 8),
    agent(101, 7, vdn=171),
]


def test_an_agent_of_three_queues_is_one_agent() -> None:
    """Distinct (cc_id, vdn, agent_id); the same number in another VDN is another agent."""
    assert figures.signed_in(TEAM).value == 6
    assert str(figures.signed_in(TEAM)) == "6"
    assert len(figures.distinct(TEAM)) == 6


def test_agents_by_state_and_who_is_longest() -> None:
    """Each agent counts once, in the state of its newest row."""
    assert figures.agents_by_state(TEAM) == {
        "talking": 1, "wrap-up": 1, "idle": 2, "rest": 1, "not ready": 1,
    }  # fmt: skip
    newer = agent(101, 1, skill_id=9, sampled_at=AT + timedelta(seconds=5))
    assert figures.agents_by_state([*TEAM, newer])["idle"] == 3
    waiting = [agent(1, 1, state_seconds=30), agent(2, 1, state_seconds=90), agent(3, 1), agent(4, 5)]
    longest = figures.longest_in_state(waiting, "idle")
    assert longest is not None
    assert longest.agent_id == 2
    assert figures.longest_in_state(waiting, "rest") is None


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (agent(1, 3), "talking"),
        (agent(1, 0), "not signed in"),
        (agent(1, 99), "unknown"),
        (agent(1, None, status=AgentStatus.WRAP_UP), "wrap-up"),
        (agent(1, None), "unknown"),
        (AgentState(agent_id=1, cti_status=CtiStatus.STUDY), "study"),
    ],
)
def test_states_in_one_vocabulary(row: Any, state: str) -> None:
    """The CTI's number comes first, the monitoring server's where there is none; a new number is unknown."""
    assert figures.state_of(row) == state


def test_who_is_listed_but_not_signed_in_does_not_count() -> None:
    """``agent_states`` lists everyone; those not signed in are no agents at work."""
    rows = [AgentState(agent_id=1, cti_status=CtiStatus.NOT_SIGNED_IN), AgentState(agent_id=2)]
    assert figures.signed_in(rows).value == 1


def test_occupancy_of_an_instant() -> None:
    """(talking + wrap-up) of (talking + wrap-up + idle); rest and not ready are in neither."""
    told = figures.occupancy(TEAM, now=AT + timedelta(seconds=9))
    assert (told.value, told.count, told.age_seconds) == (0.5, 4, 9)
    state = SkillState(skill_id=1, talking_agents=6, wrap_up_agents=1, idle_agents=3, resting_agents=5)
    assert figures.occupancy(state).value == 0.7
    assert "several" in (figures.occupancy([state, state]).why_not or "")
    assert "did not say" in (figures.occupancy(SkillState(skill_id=1)).why_not or "")
    assert "nobody" in (figures.occupancy([agent(1, 8)]).why_not or "")


def test_other_agents_are_refused() -> None:
    """Online minus the four states is no number of anything."""
    assert "online counts" in str(figures.other_agents())


def test_what_the_vendor_reports_is_passed_on_as_reported() -> None:
    """Waiting calls and the averages of one queue, with their age; never of several."""
    state = SkillState(skill_id=1, calls_waiting=3, average_wait_seconds=41.5, sampled_at=AT)
    assert str(figures.as_reported(state, "calls_waiting", now=AT + timedelta(seconds=4))) == "3, 4 s old"
    told = str(figures.as_reported(state, "average_wait_seconds"))
    assert told == "41.5 s (as reported for 5 minutes)"
    assert figures.as_reported(state, "longest_wait_seconds").why_not == "the server did not say"


def test_outbound_connect_rate_both_ways() -> None:
    """Our own from the counts, over tasks by adding; the vendor's as reported, of one task only."""
    tasks = [
        TaskStats(task_id="1", succeeded=10, failed=30, success_rate=0.2),
        TaskStats(task_id="2", succeeded=50, failed=10),
    ]
    assert figures.outbound_connect_rate(tasks).value == 0.6
    assert figures.outbound_connect_rate(tasks).count == 100
    assert figures.outbound_connect_rate_as_reported(tasks[0]).value == 0.2
    assert figures.outbound_connect_rate_as_reported(tasks[1]).value is None
    untouched = TaskStats(task_id="3", succeeded=0, failed=0)
    assert figures.outbound_connect_rate(untouched).why_not == "nothing was attempted"


def stats(
    talk: int | None, answered: int | None = 0, outbound: int | None = 0, **more: Any
) -> AgentCallStats:
    """Counters of agent 101."""
    usual = {"agent_id": 101, "talk_seconds": talk, "answered": answered, "outbound": outbound}
    return AgentCallStats(**(usual | more))


def test_average_talk_is_of_differences_and_an_estimate() -> None:
    """Between two samples; since sign-in where there is one only."""
    told = figures.average_talk(stats(1900, 12, 3), stats(1000, 10, 2))
    assert (told.value, told.count) == (300, 3)
    assert "estimate" in str(told)
    assert figures.average_talk(stats(1000, 8, 2)).value == 100
    assert "no call" in (figures.average_talk(stats(1000, 10), stats(1000, 10)).why_not or "")
    assert "did not say" in (figures.average_talk(stats(None)).why_not or "")


def test_counters_that_began_anew_are_noticed() -> None:
    """A lower counter, or another sign-in, means that only what came after it is known."""
    told = figures.talked_between(stats(5000, 40, 3), stats(120, 2, 0))
    assert (told.talk_seconds, told.calls, told.restarted) == (120, 2, True)
    again = stats(6000, 50, 3, signed_in_at=AT)
    assert figures.talked_between(stats(5000, 40, 3), again).restarted
    assert "restarted" in str(figures.average_talk(stats(120, 2), stats(5000, 40)))


def test_two_agents_and_the_wrong_order_are_refused() -> None:
    """A difference is of one agent, the older sample first."""
    with pytest.raises(ValueError, match="one agent"):
        figures.talked_between(stats(1), AgentCallStats(agent_id=102))
    with pytest.raises(ValueError, match="later"):
        figures.talked_between(stats(1, sampled_at=AT), stats(2, sampled_at=AT - timedelta(seconds=1)))
