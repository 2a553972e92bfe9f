"""The board as pure values: what beats make of it, and how it is told in JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cc_async import Batch, ServerError, SkillCallStats, SkillState
from cc_async.board import plain
from cc_async.board.known import Asked, Known
from cc_async.board.lines import Standards
from cc_async.board.model import Board
from cc_async.monitor import Beat, Rule, Stitcher

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
STATES, CALLS = (
    Asked("skill_states", "skill_states", 15.0),
    Asked("skill_call_stats", "skill_call_stats", 180.0),
)
RULE = Rule(
    id="service level", measure="service_level", threshold=0.8, minimum=10, thresholds={"8": 0.5, "9": None}
)


def state(skill_id: int, waiting: int, at: datetime = NOON) -> SkillState:
    """What a queue has waiting."""
    return SkillState(
        skill_id=skill_id, vdn=170, calls_waiting=waiting, longest_wait_seconds=9, sampled_at=at
    )


def counted(skill_id: int, offered: int, fast: int, at: datetime) -> SkillCallStats:
    """The calls of a queue so far in the bucket of a moment."""
    start = datetime.fromtimestamp(at.timestamp() // 300 * 300, UTC)
    return SkillCallStats(
        skill_id=skill_id,
        vdn=170,
        interval_start=start,
        offered=offered,
        connected=fast,
        lost=offered - fast,
        connected_in_20s=fast,
        sampled_at=at,
    )


def beat(rows: list[Any] | None, at: datetime = NOON, error: Exception | None = None) -> Beat[Any]:
    """A beat with these rows, whole unless there is an error."""
    batch = None if rows is None else Batch.of(rows)
    return Beat(number=1, at=at, batch=batch, error=error, age_seconds=None if error else 0.0)


def known(rule: Rule | None = RULE, stitcher: Stitcher | None = None) -> Known:
    """Nothing known yet of two sources."""
    return Known([STATES, CALLS], Standards(rule), stitcher or Stitcher())


def board_of(given: Known, monotonic: float = 0.0) -> Board:
    """The board at a monotonic moment."""
    return given.board(1, monotonic, 0.0, names={"queue/170/7": "Billing"})


def test_what_did_not_come_stays_and_grows_old() -> None:
    """After half an answer its queues are new, the others stay what they were, each with its own age."""
    given = known()
    given.take("skill_states", beat([state(7, 1), state(8, 2)]), 0.0)
    later = NOON + timedelta(seconds=20)
    given.take("skill_states", beat([state(7, 5, later)], later, ServerError("half of it")), 20.0)
    first, second = board_of(given, 20.0).queues
    assert (first.waiting.value, first.waiting.age_seconds, first.stale) == (5, 0.0, False)
    assert (second.waiting.value, second.waiting.age_seconds, second.stale) == (2, 20.0, True)
    [source, _] = board_of(given, 20.0).sources
    assert (source.age_seconds, source.error, source.stale) == (20.0, "half of it", True)


def test_a_queue_that_is_not_there_any_more_goes() -> None:
    """After a whole answer only its queues are left."""
    given = known()
    given.take("skill_states", beat([state(7, 1), state(8, 2)]), 0.0)
    given.take("skill_states", beat([state(8, 2)]), 5.0)
    assert [queue.skill_id for queue in board_of(given).queues] == [8]


def test_queues_have_their_names_or_their_numbers() -> None:
    """A name that is not known is the number of the queue."""
    given = known()
    given.take("skill_states", beat([state(7, 1), state(8, 2)]), 0.0)
    assert [queue.name for queue in board_of(given).queues] == ["Billing", "queue 8"]


def test_a_queue_is_judged_by_its_own_threshold_and_by_enough_calls() -> None:
    """60 % of 20 calls are too little at 80 %, enough at 50 %; 9 calls, or no threshold, are no judgement."""
    stitcher = Stitcher()
    given = known(stitcher=stitcher)
    offered = {6: 9, 7: 20, 8: 20, 9: 20}
    for minute in (4, 6):
        at = NOON + timedelta(minutes=minute)
        rows = [counted(key, calls, calls * 6 // 10, at) for key, calls in offered.items()]
        given.take("skill_call_stats", beat(rows, at), minute * 60.0)
        given.count(stitcher.feed(rows))
    given.take("skill_states", beat([state(key, 0, at) for key in offered], at), 360.0)
    queues = {queue.skill_id: queue for queue in board_of(given, 360.0).queues}
    assert {key: queue.status for key, queue in queues.items()} == {
        6: "unknown",
        7: "watch",
        8: "good",
        9: "unknown",
    }
    assert [queues[key].target for key in (7, 8, 9)] == [0.8, 0.5, None]


def test_old_calls_are_no_judgement() -> None:
    """Where calls have not been answered for long, a queue that was good is not called good any more."""
    stitcher = Stitcher()
    given = known(stitcher=stitcher)
    for minute in (4, 6):
        at = NOON + timedelta(minutes=minute)
        rows = [counted(7, 20, 20, at)]
        given.take("skill_call_stats", beat(rows, at), minute * 60.0)
        given.count(stitcher.feed(rows))
    for minute, status in ((6, "good"), (12, "unknown")):
        at = NOON + timedelta(minutes=minute)
        given.take("skill_states", beat([state(7, 0, at)], at), minute * 60.0)
        assert [queue.status for queue in board_of(given, minute * 60.0).queues] == [status]


def test_over_all_queues_counts_are_added_and_then_divided() -> None:
    """One of 2 and 98 of 98 are 99 of 100, not three quarters."""
    stitcher = Stitcher()
    given = known(stitcher=stitcher)
    for minute in (4, 6):
        at = NOON + timedelta(minutes=minute)
        rows = [counted(7, 2, 1, at), counted(8, 98, 98, at)]
        given.take("skill_call_stats", beat(rows, at), minute * 60.0)
        given.count(stitcher.feed(rows))
    overall = board_of(given, 360.0).overall
    assert overall is not None
    assert (overall.offered, overall.connected, overall.lost) == (100, 99, 1)
    assert board_of(given, 360.0).target == 0.8
    assert overall.service_level.value == 0.99


def test_without_a_rule_nothing_is_judged() -> None:
    """Where the rule about the service level was switched off, queues have neither target nor status."""
    given = known(None)
    given.take("skill_states", beat([state(7, 1)]), 0.0)
    [queue] = board_of(given).queues
    assert (queue.target, queue.status) == (None, "unknown")


def test_json_says_what_the_board_says_and_leaves_out_what_is_not() -> None:
    """Figures keep value and count, and the rest only where there is some; it is JSON as it stands."""
    given = known()
    given.take("skill_states", beat([state(7, 3)]), 0.0)
    told = json.loads(json.dumps(plain.board(board_of(given))))
    assert told["version"] == 1
    assert told["at"] == "2026-03-04T12:00:00+00:00"
    [queue] = told["queues"]
    assert queue["waiting"] == {
        "value": 3,
        "count": 1,
        "age_seconds": 0.0,
        "unit": "number",
    }
    assert (queue["key"], queue["last"], queue["trend"]) == ("queue/170/7", None, [])
    assert told["agents"]["signed_in"]["why_not"] == "no answer yet"
    assert "people" not in told["agents"]
    assert told["reasons"] == ["skill_call_stats: no answer yet"]
