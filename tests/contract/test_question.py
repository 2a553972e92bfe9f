"""A Question as text: it comes back as it was, stays small, and nothing wrong gets in."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.contract.question import from_json, to_json
from cc_async.contract.spec import Group, Question, Window

BEGIN = datetime(2026, 5, 4, tzinfo=UTC)

ids = st.lists(st.integers(1, 10_000)).map(tuple) | st.integers(1, 500).map(lambda n: tuple(range(1, n + 1)))
vdns = st.none() | st.integers(1, 5000)
instants = st.integers(946_684_800_000_000, 4_102_444_800_000_000).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
skill_questions = st.builds(
    Question,
    st.sampled_from(["skill_call_stats", "skill_states", "signed_in_agents", "agent_call_stats"]),
    cc_id=st.none() | st.integers(1, 65535),
    groups=st.lists(st.builds(Group, vdns, st.none() | ids), max_size=4).map(tuple),
)
task_questions = st.builds(
    Question,
    st.just("task_stats"),
    groups=st.lists(st.builds(Group, vdns, st.lists(st.text(min_size=1)).map(tuple)), max_size=3).map(tuple),
)


@st.composite
def time_questions(draw: st.DrawFn) -> Question:
    """One stretch of time, or several windows."""

    def stretch() -> tuple[datetime, datetime, tuple[int, ...] | None]:
        begin, end = sorted([draw(instants), draw(instants)])
        return begin, end, draw(st.none() | ids)

    if draw(st.booleans()):
        windows = tuple(Window(*stretch()) for _ in range(draw(st.integers(1, 3))))
        return Question("system_indicators", 1, windows=windows)
    begin, end, some = stretch()
    return Question("system_indicators", 1, begin=begin, end=end, vdns=some)


@given(skill_questions | task_questions | time_questions())
def test_a_question_comes_back_as_it_was(question: Question) -> None:
    """Written and read again it is equal, order of the ids included, by function and by method."""
    assert from_json(to_json(question)) == question
    assert Question.from_json(question.to_json()) == question


def test_ids_are_written_in_runs() -> None:
    """Two thousand queues fit in a line; the order of the question is kept."""
    keys = (*range(1, 2001), 2105, 3, 4, 9, 8)
    text = to_json(Question("skill_states", 1, (Group(170, keys),)))
    assert json.loads(text)["groups"] == [{"vdn": 170, "keys": "1-2000,2105,3-4,9,8"}]


def test_instants_are_utc() -> None:
    """An instant of another zone is the same instant; one without a zone is refused."""
    berlin = timezone(timedelta(hours=2))
    local = datetime(2026, 5, 4, 2, tzinfo=berlin)
    text = to_json(Question("system_indicators", begin=local, end=BEGIN + timedelta(days=1)))
    assert json.loads(text)["begin"] == "2026-05-04T00:00:00Z"
    assert from_json(text).begin == BEGIN
    with pytest.raises(TypeError, match="time zone"):
        to_json(Question("system_indicators", begin=BEGIN.replace(tzinfo=None), end=BEGIN))


def test_another_version_says_what_to_do() -> None:
    """A question of a newer release is not guessed at."""
    with pytest.raises(ValueError, match="update cc_async"):
        from_json('{"v":2,"interface":"skills"}')


GOOD: dict[str, Any] = {
    "v": 1,
    "interface": "skill_states",
    "cc_id": 1,
    "groups": [{"vdn": 1, "keys": "1-3"}],
}
WRONG: list[dict[str, Any]] = [
    {"v": True},
    {"v": "1"},
    {"v": None},
    {"interface": "drop_tables"},
    {"interface": None},
    {"interface": []},
    {"cc_id": "1"},
    {"cc_id": True},
    {"cc_id": -1},
    {"cc_id": 2**63},
    {"groups": {}},
    {"groups": [1]},
    {"groups": [{"vdn": "1"}]},
    {"groups": [{"keys": [1, 2]}]},
    {"groups": [{"keys": "3-1"}]},
    {"groups": [{"keys": "1-99999999999"}]},
    {"groups": [{"keys": "1,,2"}]},
    {"groups": [{"keys": "１"}]},
    {"groups": [{"keys": "-1"}]},
    {"groups": [{"keys": "1-2-3"}]},
    {"groups": [{"vdn": 1, "secret": "x"}]},
    {"vdns": [1]},
    {"begin": "2026-05-04T00:00:00"},
    {"begin": 5},
    {"begin": "yesterday"},
    {"surprise": 1},
    {"begin": "2026-05-05T00:00:00Z", "end": "2026-05-04T00:00:00Z"},
    {"windows": [{"vdns": "1"}]},
    {"windows": ["x"]},
    {"interface": "task_stats"},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_what_is_wrong_is_refused(change: dict[str, Any]) -> None:
    """Every value is checked on the way in, with a ValueError."""
    assert from_json(json.dumps(GOOD)).groups == (Group(1, (1, 2, 3)),)
    with pytest.raises(ValueError):
        from_json(json.dumps({**GOOD, **change}))


@pytest.mark.parametrize(
    "body",
    [
        {"interface": "skill_states", "groups": [{"vdn": vdn, "keys": "1-500000"} for vdn in (1, 2, 3)]},
        {"interface": "skill_states", "groups": [{"vdn": 1, "keys": "1-500000,1-500000,1"}]},
        {"interface": "task_stats", "groups": [{"vdn": 1, "keys": ["1"] * 1_000_001}]},
        {"interface": "system_indicators", "vdns": "1-600000", "windows": [
            {"begin": "2026-05-04T00:00:00Z", "end": "2026-05-05T00:00:00Z", "vdns": "1-600000"}]},
    ],
    ids=["groups", "runs", "texts", "windows"],
)  # fmt: skip
def test_a_question_holds_a_million_ids_at_the_most(body: dict[str, Any]) -> None:
    """Counted over all of it: a few characters cannot fill the memory."""
    with pytest.raises(ValueError, match="at most 1000000 ids"):
        from_json(json.dumps({"v": 1, **body}))


def test_a_million_ids_are_read() -> None:
    """The bound itself is allowed, spread over groups as well."""
    groups = [{"vdn": vdn, "keys": "1-500000"} for vdn in (1, 2)]
    question = from_json(json.dumps({"v": 1, "interface": "skill_states", "groups": groups}))
    assert [len(group.keys or ()) for group in question.groups] == [500_000, 500_000]


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_junk_is_a_value_error(text: str) -> None:
    """Text that is no question never gets through, nor does it crash."""
    with pytest.raises(ValueError):
        from_json(text)


def test_what_is_no_text_is_a_type_error() -> None:
    """Bytes are not guessed at."""
    with pytest.raises(TypeError):
        from_json(b"{}")  # type: ignore[arg-type]
