"""The judge at the edges: outages, restarts, windows told twice, agents who all go home."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cc_async import AgentState, Batch, ConnectError, CtiStatus, Question, SignedInAgent, SystemIndicators
from cc_async.contract.spec import Group
from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.judge import Judge
from cc_async.monitor.memory import Memory
from cc_async.monitor.rules import DEFAULTS, Rule
from cc_async.monitor.sums import ClosedBucket

TEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
SERVICE = [Rule(id="sl", measure="service_level", threshold=0.8, raise_after=2)]


def minute(number: float) -> datetime:
    """So many minutes after 10:00 UTC."""
    return TEN + timedelta(minutes=number)


def only(*measures: str) -> list[Rule]:
    """The usual rules of some measures."""
    return [rule for rule in DEFAULTS if rule.measure in measures]


def bucket(number: int, fast: int) -> ClosedBucket:
    """Ten calls of queue 7 in a closed bucket, so many after 10:00, some of them connected in time."""
    return ClosedBucket(
        skill_id=7, vdn=170, interval_start=minute(5 * number), last_sample_at=minute(5 * number + 5),
        offered=10, connected=10, lost=0, connected_in_20s=fast, coverage=1.0,
    )  # fmt: skip


def vdn(number: int, online: int) -> SystemIndicators:
    """A window of VDN 170, so many after 10:00."""
    return SystemIndicators(vdn=170, cc_id=1, interval_start=minute(5 * number), online_agents=online)


def long_in_rest(agent_id: int, at: float, seconds: int = 4000) -> AgentState:
    """An agent of VDN 170 who is not ready for more than half an hour."""
    return AgentState(
        agent_id=agent_id, vdn=170, cti_status=CtiStatus.NOT_READY, state_seconds=seconds,
        sampled_at=minute(at), state_since=minute(at) - timedelta(seconds=seconds),
    )  # fmt: skip


def told(alerts: tuple[Alert, ...]) -> list[tuple[str, str, str]]:
    """Whom, what, and why it ended."""
    return [(alert.key, alert.state, alert.ended) for alert in alerts]


def nobody(at: float) -> Batch[Any]:
    """The answer of a VDN of which every agent has signed out."""
    asked = Question(interface="agent_states", cc_id=1, groups=(Group(170),))
    return Batch((), asked, AgentState, ended=minute(at))


def test_everybody_goes_home() -> None:
    """When the last agents sign out at once nobody is listed, and nobody rings through the night."""
    judge = Judge(only("state_time"))
    assert told(judge.take([long_in_rest(1, 0), long_in_rest(2, 0)])) == [
        ("agent/170/1", "raised", ""),
        ("agent/170/2", "raised", ""),
    ]
    assert told(judge.take(nobody(1))) == [
        ("agent/170/1", "cleared", "fine"),
        ("agent/170/2", "cleared", "fine"),
    ]
    assert judge.raised == ()


def test_an_agent_whom_another_source_still_sees_has_not_gone() -> None:
    """The agents of one queue, watched beside those of the VDN, say nothing of the others."""
    judge = Judge(only("state_time"))
    [raised] = judge.take([long_in_rest(1, 0), long_in_rest(2, 0)][:1], source="all")
    in_queue = SignedInAgent(
        skill_id=7, agent_id=5, vdn=170, cti_status=CtiStatus.TALKING, state_seconds=9, sampled_at=minute(1)
    )
    assert judge.take([in_queue], source="queue") == ()
    assert judge.raised == (raised,)
    assert told(judge.take([long_in_rest(2, 2, 10)], source="all")) == [("agent/170/1", "cleared", "fine")]


def test_two_bad_windows_with_an_outage_between_are_no_run() -> None:
    """Windows nobody saw are not bad ones: after two of them a run begins anew; one missing is forgiven."""
    judge = Judge(SERVICE)
    assert judge.take([bucket(0, 3)], at=minute(5)) == ()
    assert judge.take([bucket(30, 3)], at=minute(155)) == ()
    [raised] = judge.take([bucket(32, 3)], at=minute(165))
    assert raised.since == minute(150)


def test_an_alert_that_rings_goes_on_ringing_over_an_outage() -> None:
    """Nobody knows that it is fine again; a good window after the outage says so."""
    judge = Judge(SERVICE)
    judge.take([bucket(0, 3)], at=minute(5))
    [raised] = judge.take([bucket(1, 3)], at=minute(10))
    assert judge.take([bucket(40, 3)], at=minute(205)) == ()
    [cleared] = judge.take([bucket(41, 9)], at=minute(210))
    assert (cleared.id, cleared.ended) == (raised.id, "fine")


def test_windows_that_are_read_again_do_not_age() -> None:
    """Indicators asked every minute tell each window many times: it is still one window of the hour."""
    judge = Judge(only("online_drop"))
    judge.take([vdn(0, 100)], at=minute(5))
    [raised] = judge.take([vdn(1, 50), vdn(0, 100)], at=minute(10))
    assert raised.state == "raised"
    for again in range(20):
        assert judge.take([vdn(1, 50)], at=minute(10.1 + again / 10)) == ()
    assert judge.take([vdn(1, 50), vdn(2, 50)], at=minute(15)) == ()
    assert judge.raised == (raised,)


def test_agents_are_not_gone_since_before_an_outage() -> None:
    """Fewer agents than hours ago are another shift; only what was seen an hour before counts."""
    judge = Judge(only("online_drop"))
    judge.take([vdn(0, 100)], at=minute(5))
    assert judge.take([vdn(40, 50)], at=minute(205)) == ()
    [raised] = judge.take([vdn(43, 20)], at=minute(220))
    assert raised.evidence == {"online_agents": 20, "before": 50}


def restarted(judge: Judge, rules: list[Rule]) -> Judge:
    """A judge that goes on with what another wrote into its file."""
    return Judge(
        rules, memory=Memory.from_state(judge.memory.to_state(), frozenset(rule.id for rule in rules))
    )


def test_after_a_restart_a_source_is_not_silent_before_it_was_asked() -> None:
    """An hour of standstill of ours is no silence of theirs; what does not answer then, is."""
    rules = only("no_data")
    first = Judge(rules)
    for source in ("calls", "states"):
        first.take([bucket(0, 9)], at=minute(5), source=source)
    judge = restarted(first, rules)
    assert judge.take([bucket(12, 9)], at=minute(65), source="calls") == ()
    failed: Beat[Any] = Beat(number=1, at=minute(65.1), error=ConnectError("gone"))
    assert told(judge.take(failed, source="states")) == [("source/states", "raised", "")]


def test_a_source_that_is_watched_no_more_is_forgotten() -> None:
    """What another configuration watched does not ring, and what rang of it ends after a day."""
    rules = only("no_data")
    first = Judge(rules)
    first.take([bucket(0, 9)], at=minute(5), source="tasks")
    error: Beat[Any] = Beat(number=1, at=minute(30), error=ConnectError("gone"))
    assert told(first.take(error, source="tasks")) == [("source/tasks", "raised", "")]
    judge = restarted(first, rules)
    day = 24 * 60
    assert judge.take([bucket(8, 9)], at=minute(45), source="calls") == ()
    ended = judge.take([bucket(12 + 288, 9)], at=minute(day + 65), source="calls")
    assert told(ended) == [("source/tasks", "cleared", "gone")]
    assert "source/tasks" not in judge.memory.seen
    assert set(judge.memory.subjects) == {"source/calls", "queue/170/7"}
