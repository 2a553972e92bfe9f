"""The judge: what rings, what its sentence says, when it is cleared, and silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cc_async import (
    AgentState,
    Batch,
    ConnectError,
    CtiStatus,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
)
from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.hours import Hours
from cc_async.monitor.judge import Judge
from cc_async.monitor.replay import not_judged, replay
from cc_async.monitor.rules import DEFAULTS, Rule, within
from cc_async.monitor.sums import ClosedBucket

TEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def minute(number: float) -> datetime:
    """So many minutes after 10:00 UTC."""
    return TEN + timedelta(minutes=number)


def bucket(number: int, fast: int, offered: int, skill_id: int = 7, **more: Any) -> ClosedBucket:
    """A closed bucket of a queue of VDN 170, so many after 10:00, all of it connected."""
    counts = {"connected": offered, "lost": 0, "connected_in_20s": fast, "offered": offered, "coverage": 1.0}
    return ClosedBucket(
        skill_id=skill_id, vdn=170, interval_start=minute(5 * number), last_sample_at=minute(5 * number + 5),
        **(counts | more),
    )  # fmt: skip


def take(judge: Judge, number: int, *rows: Any) -> list[str]:
    """The sentences of what begins and ends with these rows, taken at the end of a window."""
    return [str(alert) for alert in judge.take(rows, at=minute(5 * number + 5))]


def only(*measures: str) -> list[Rule]:
    """The usual rules of some measures."""
    return [rule for rule in DEFAULTS if rule.measure in measures]


def test_the_sentence_of_a_supervisor() -> None:
    """Name, figure, counts, threshold, since when, how many wait and how long."""
    judge = Judge(only("service_level"), names={7: "Billing"}, zone=BERLIN)
    waiting = SkillState(
        skill_id=7,
        vdn=170,
        calls_waiting=3,
        longest_wait_seconds=130,
        sampled_at=minute(9),
        offered=9,
        idle_agents=2,
    )
    assert take(judge, 0, bucket(0, 19, 20)) == []
    assert take(judge, 1, waiting, bucket(1, 10, 20)) == []
    assert take(judge, 2, bucket(2, 14, 23)) == [
        "Billing: 61 % in 20 s (14 of 23), under 80 % since 11:05, 3 waiting, longest 2:10"
    ]
    assert take(judge, 3, bucket(3, 20, 20)) == []
    assert take(judge, 4, bucket(4, 21, 25)) == [
        "Billing: 84 % in 20 s (21 of 25), fine again; was under 80 % since 11:05"
    ]
    assert judge.raised == ()


def test_an_alert_does_not_stand_all_night() -> None:
    """An hour with too few calls to judge ends it: nobody knows any more whether it still holds."""
    judge = Judge(only("service_level"), names={7: "Billing"})
    take(judge, 0, bucket(0, 5, 30))
    assert len(take(judge, 1, bucket(1, 5, 30))) == 1
    told = [line for number in range(2, 20) for line in take(judge, number, bucket(number, 0, 2))]
    assert told == ["Billing: too little for a judgement now; was under 80 % since 10:00 UTC"]
    assert judge.raised == ()


def test_an_alert_has_its_fields() -> None:
    """Ids are the same when raised and cleared; evidence are counts; the age of the data is known."""
    judge = Judge([Rule(id="sl", measure="service_level", threshold=0.8)])
    [raised] = judge.take([bucket(0, 1, 4)], at=minute(5.5))
    assert judge.raised == (raised,)
    assert (raised.id, raised.rule, raised.key) == ("sl/queue/170/7/20260304T100000Z", "sl", "queue/170/7")
    assert (raised.value, raised.threshold, raised.state, raised.data_age) == (0.25, 0.8, "raised", 30)
    assert (raised.since, raised.at, raised.name) == (TEN, minute(5.5), "queue 7")
    assert raised.evidence == {"connected_in_20s": 1, "offered": 4}
    [cleared] = judge.take([bucket(1, 4, 4)], at=minute(10.5))
    assert (cleared.id, cleared.state, cleared.ended, cleared.since) == (raised.id, "cleared", "fine", TEN)
    assert Alert.from_dict(raised.to_dict()) == raised
    assert raised.to_dict()["text"] == str(raised)


def test_queues_ring_one_by_one() -> None:
    """Each queue has its own windows, volume and names."""
    judge = Judge(only("service_level"), names=lambda key: {"queue/170/8": "Night\nshift"}.get(key))
    take(judge, 0, bucket(0, 5, 40, 7), bucket(0, 5, 40, 8), bucket(0, 1, 10, 9))
    told = take(judge, 1, bucket(1, 39, 40, 7), bucket(1, 5, 40, 8), bucket(1, 1, 10, 9))
    assert told == ["Night shift: 12 % in 20 s (5 of 40), under 80 % since 10:00 UTC"]


def test_samples_are_stitched_into_windows_first() -> None:
    """Polls inside a bucket are not windows; the first bucket after a start is suspect."""
    judge = Judge([Rule(id="sl", measure="service_level", threshold=0.8)])

    def beat(number: int, at: float, fast: int, offered: int) -> list[str]:
        start = minute(at // 5 * 5)
        row = SkillCallStats(
            skill_id=7, vdn=170, cc_id=1, interval_start=start, offered=offered, connected=offered, lost=0,
            connected_in_20s=fast, sampled_at=minute(at),
        )  # fmt: skip
        asked = Batch.of([row])
        told = Beat(
            number=number,
            at=minute(at),
            batch=asked,
            last_good=asked,
            age_seconds=0.1,
            suspect=at < 5,
            bucket=start,
        )
        return [str(alert) for alert in judge.take(told)]

    assert beat(1, 3, 0, 10) == beat(2, 4.98, 0, 20) == []
    assert beat(3, 7, 0, 8) == []
    assert beat(4, 9.98, 1, 20) == ["queue 7: 5 % in 20 s (1 of 20), under 80 % since 10:05 UTC"]
    assert beat(5, 12, 0, 5) == []


def test_lost_calls_and_wrap_up() -> None:
    """Lost calls over 5 %, wrap-up over 120 s a call."""
    judge = Judge(only("lost_rate", "wrap_up"))
    row = {"connected": 20, "lost": 5, "wrapped_up": 10, "wrap_up_seconds": 1500}
    take(judge, 0, bucket(0, 20, 25, **row))
    assert take(judge, 1, bucket(1, 20, 25, **row)) == [
        "queue 7: 20 % lost (5 of 25), over 5 % since 10:00 UTC",
        "queue 7: 2:30 wrap-up a call (10 calls), over 2:00 since 10:00 UTC",
    ]


def test_no_idle_agent_while_calls_are_offered() -> None:
    """Only with calls; told by the state of a queue and by the indicators of a VDN."""
    judge = Judge(only("no_idle_agent"))

    def state(at: float, idle: int, offered: int) -> list[str]:
        row = SkillState(
            skill_id=7, vdn=170, idle_agents=idle, offered=offered, calls_waiting=2, sampled_at=minute(at)
        )
        return [str(alert) for alert in judge.take([row])]

    assert state(0, 0, 0) == state(1, 0, 12) == []
    assert state(2, 0, 12) == ["queue 7: 12 calls offered, without an idle agent since 10:01 UTC, 2 waiting"]
    assert state(3, 1, 12) == []
    assert state(4, 2, 12) == [
        "queue 7: 2 agents idle, fine again; was without an idle agent since 10:01 UTC"
    ]


def vdn(number: int, online: int, idle: int = 5, inbound: int = 50, who: int = 170) -> SystemIndicators:
    """The indicators of a window."""
    return SystemIndicators(
        vdn=who, interval_start=minute(5 * number), online_agents=online, idle_agents=idle,
        inbound_calls=inbound,
        connected_calls=inbound,
    )  # fmt: skip


def test_agents_gone_between_windows() -> None:
    """A third of them at once rings until most are back; a slow evening does not."""
    judge = Judge(only("online_drop"))
    told = [
        take(judge, number, vdn(number, online))
        for number, online in enumerate([100, 90, 82, 50, 55, 70, 80])
    ]
    assert told[:3] == [[], [], []]
    assert told[3] == ["VDN 170: 50 agents online, 39 % fewer than 82, over 30 % fewer since 10:15 UTC"]
    assert told[4] == []
    assert told[5] == [
        "VDN 170: 70 agents online, 15 % fewer than 82, fine again; was over 30 % fewer since 10:15 UTC"
    ]
    assert told[6] == []


def test_a_change_of_shift_is_no_incident_for_ever() -> None:
    """Agents who do not come back within an hour are the new usual number."""
    judge = Judge(only("online_drop"))
    told = [take(judge, number, vdn(number, 100 if number == 0 else 50)) for number in range(16)]
    assert [len(one) for one in told] == [0, 1, *[0] * 11, 1, 0, 0]
    assert "fine again" in told[13][0]


def agent(agent_id: int, cti: int, seconds: int, at: float) -> AgentState:
    """An agent of VDN 170."""
    return AgentState(
        agent_id=agent_id, vdn=170, cti_status=CtiStatus(cti), state_seconds=seconds, sampled_at=minute(at),
        state_since=minute(at) - timedelta(seconds=seconds),
    )  # fmt: skip


def test_an_agent_too_long_in_one_state() -> None:
    """Wrap-up and not ready for more than half an hour; until it changes, or the agent has signed out."""
    judge = Judge(only("state_time"))
    first = judge.take([agent(1, 6, 1750, 0), agent(2, 1, 9000, 0), agent(3, 7, 1900, 0)])
    assert [str(one) for one in first] == [
        "agent 3: in not ready for 31:40 (over 30:00), without a change since 09:28 UTC"
    ]
    [ringing] = judge.take([agent(1, 6, 1810, 1), agent(3, 7, 1960, 1)])
    assert ringing.key == "agent/170/1"
    fine = judge.take([agent(1, 1, 5, 2)])
    assert {str(one) for one in fine} == {
        "agent 1: idle, fine again; was without a change since 09:30 UTC",
        "agent 3: signed out, fine again; was without a change since 09:28 UTC",
    }


def task(at: float, succeeded: int, failed: int, waiting: int = 900) -> TaskStats:
    """A task of VDN 170."""
    return TaskStats(
        task_id="42", vdn=170, succeeded=succeeded, failed=failed, waiting=waiting, sampled_at=minute(at)
    )


def test_outbound_tasks() -> None:
    """Few connects of many attempts; and a task that stands still for three polls, until it moves."""
    judge = Judge(only("outbound_connect", "task_still"))

    def told(row: TaskStats) -> list[str]:
        return [str(alert) for alert in judge.take([row])]

    assert told(task(0, 5, 40)) == []
    assert told(task(1, 12, 74)) == [
        "task 42: 14 % connected (12 of 86 attempts), under 20 % since 10:01 UTC"
    ]
    assert told(task(2, 12, 74)) == told(task(3, 12, 74)) == []
    assert told(task(4, 12, 74)) == [
        "task 42: 900 numbers waiting, no attempt ended, standing still since 10:01 UTC"
    ]
    assert told(task(5, 12, 75, waiting=899)) == [
        "task 42: it moves, 899 numbers waiting, fine again; was standing still since 10:01 UTC"
    ]


def silent(judge: Judge, at: float) -> list[str]:
    """A beat that brings nothing."""
    error = ConnectError("gone")
    return [str(one) for one in judge.take(Beat[Any](number=9, at=minute(at), error=error), source="calls")]


def test_silence_of_a_source_is_an_alert_of_its_own() -> None:
    """Data older than two windows; told once and not for each of its queues; over when data comes."""
    judge = Judge(only("no_data", "service_level"))
    judge.take([bucket(0, 20, 20, skill) for skill in range(1, 50)], at=minute(5), source="calls")
    assert silent(judge, 14.9) == silent(judge, 15) == []
    assert silent(judge, 16) == ["calls: nothing for 11:00, without data since 10:05 UTC"]
    assert silent(judge, 17) == []
    [over] = judge.take([bucket(3, 20, 20, skill) for skill in range(1, 50)], at=minute(20), source="calls")
    assert str(over) == "calls: data comes, fine again; was without data since 10:05 UTC"


def test_a_source_that_never_answers_is_silent_from_the_start() -> None:
    """Nobody may take the silence of a wrong address for a quiet day."""
    judge = Judge(only("no_data"))
    assert silent(judge, 0) == silent(judge, 10) == []
    assert silent(judge, 11) == ["calls: nothing for 11:00, without data since 10:00 UTC"]


def test_one_queue_of_many_falls_silent_and_is_forgotten() -> None:
    """A queue that is missing from the answers rings by itself; after a day it is not there any more."""
    judge = Judge(only("no_data"))
    assert take(judge, 0, bucket(0, 20, 20, 7), bucket(0, 20, 20, 8)) == []
    told = [line for number in range(1, 300) for line in take(judge, number, bucket(number, 20, 20, 8))]
    assert told == [
        "queue 7: nothing for 15:00, without data since 10:05 UTC",
        "queue 7: not there any more; was without data since 2026-03-04 10:05 UTC",
    ]


def test_opening_hours() -> None:
    """Nothing rings when closed; what rings is cleared at closing time; silence counts from the opening."""
    hours = Hours.parse("mon-fri 11:00-12:00", "Europe/Berlin")
    rules = within(hours, only("no_data", "service_level"))
    judge = Judge(rules, names={7: "Billing"})
    for number in (-3, -2, -1):
        assert take(judge, number, bucket(number, 1, 30)) == []
    take(judge, 0, bucket(0, 1, 30))
    assert take(judge, 1, bucket(1, 1, 30)) == ["Billing: 3 % in 20 s (1 of 30), under 80 % since 11:00"]
    assert take(judge, 11, bucket(11, 1, 30)) == ["Billing: closed for now; was under 80 % since 11:00"]
    assert take(judge, 100) == []
    # 14 hours without data in the night; the next day rings ten minutes after the opening.
    day = 24 * 12
    assert take(judge, day - 1) == take(judge, day + 1) == []
    assert take(judge, day + 2) == ["source 1: nothing for 15:00, without data since 11:00"]


def test_rows_without_a_time_are_refused() -> None:
    """Nothing can be judged that has no date."""
    with pytest.raises(ValueError, match="at="):
        Judge().take([SkillState(skill_id=7)])
    assert Judge().take([SkillState(skill_id=7)], at=TEN) == ()


def test_the_past_is_judged_window_by_window() -> None:
    """Missing agents and missing rows ring when they would have; what was not asked is no silence."""
    rows = [vdn(number, 100 if number < 6 else 40, who=1) for number in range(12)]
    rows += [vdn(number, 100, who=2) for number in range(12) if not 3 <= number < 8]
    alerts = replay(rows, begin=TEN, end=minute(60))
    assert [(one.at, one.rule, one.name, one.state) for one in alerts] == [
        (minute(30), "no data", "VDN 2", "raised"),
        (minute(35), "agents gone", "VDN 1", "raised"),
        (minute(45), "no data", "VDN 2", "cleared"),
    ]
    holey = [row for row in rows if row.vdn == 2]
    assert replay(holey, begin=TEN, end=minute(60), unknown=[(minute(15), minute(40))]) == ()
    late = [row for row in holey if row.interval_start != minute(40)]
    late += [vdn(number, 100, who=1) for number in range(12)]
    assert replay(late, begin=TEN, end=minute(60), unknown=[(minute(15), minute(40))]) == ()


def test_rules_that_indicators_cannot_judge_are_named() -> None:
    """Of the usual rules three can be tried on the past."""
    assert len(DEFAULTS) - len(not_judged(DEFAULTS)) == 3
    assert "service level" in [rule.id for rule in not_judged(DEFAULTS)]


def test_data_of_a_wrong_clock_does_not_hide_silence() -> None:
    """Dated a day ahead, data is no newer than now: the silence after it rings as after any other."""
    judge = Judge(only("no_data"))
    ahead = bucket(288, 20, 20)
    assert judge.take([ahead], at=minute(5), source="calls") == ()
    assert silent(judge, 16) == ["calls: nothing for 11:00, without data since 10:05 UTC"]
