"""What is unanswered and what was answered make the question; a retry takes its place in the first answer."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.merge import Outcome, assemble, merged
from cc_async.batch.remainder import remainder, windows_of
from cc_async.batch.result import Batch
from cc_async.batch.split import Chunk, split
from cc_async.contract.endpoints import (
    agent_call_stats,
    agent_states,
    signed_in_agents,
    skill_call_stats,
    system_indicators,
    vdns,
)
from cc_async.contract.records import (
    AgentCallStats,
    AgentState,
    SignedInAgent,
    SkillCallStats,
    SystemIndicators,
    Vdn,
)
from cc_async.contract.spec import Endpoint, Group, IdArray, Question, Window, Windows
from cc_async.errors import ServerError
from cc_async.session.request import Rejected

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SKILLS = evolve(skill_call_stats, split=IdArray("skillIds", max_items=3))
HOURLY = evolve(system_indicators, split=Windows(max_vdns=2, max_days=1, period=3600, rows=8))


def server(chunk: Chunk, at: int = 0) -> list:
    """A pretend server, written apart from the split: every row of the chunk, in its own order."""
    endpoint = chunk.request.endpoint.name
    if endpoint == "skill_call_stats":  # backwards, and odd skills do not exist
        return [SkillCallStats(k, offered=at, vdn=chunk.vdn) for k in reversed(chunk.keys) if k % 2 == 0]
    if endpoint == "signed_in_agents":
        return [SignedInAgent(chunk.keys[0], a, state_seconds=at, vdn=chunk.vdn) for a in (102, 101)]
    if endpoint == "agent_states":
        return [AgentState(a, state_seconds=at, vdn=chunk.vdn) for a in (105, 101, 103)]
    begin, end = chunk.window or (BEGIN, BEGIN)
    hours = [begin + n * HOUR for n in range(-(-(end - begin) // HOUR))]
    return [SystemIndicators(v, hour, talking_agents=at) for hour in hours for v in chunk.vdns or (1, 2)]


def answer(
    question: Question, endpoint: Endpoint, failing: set[int], *, at: int = 0, pages: int = 0
) -> Batch:
    """The batch when these chunks fail, each after ``pages`` rows that did arrive."""
    outcomes, began = [], BEGIN + at * HOUR
    for chunk in split(question, endpoint):
        rows = server(chunk, at)
        if chunk.index in failing:
            error = ServerError("bad", status=503, attempts=3)
            outcomes.append(Outcome(chunk, rows[:pages], error=error))
        else:
            outcomes.append(Outcome(chunk, rows))
    return assemble(
        question, endpoint, outcomes, began=began, ended=began + HOUR, request_count=len(outcomes)
    )


def atoms(question: Question | None) -> list:
    """Everything a question asks, piece by piece: (vdn, key), or (vdn, hour)."""
    if question is None:
        return []
    if question.groups:
        return [(group.vdn, key) for group in question.groups for key in group.keys or (None,)]
    return [
        (vdn, window.begin + n * HOUR)
        for window in windows_of(question)
        for n in range((window.end - window.begin) // HOUR)
        for vdn in window.vdns or (None,)
    ]


keys = st.lists(st.integers(1, 40), min_size=1, max_size=12, unique=True).map(tuple)
by_vdn = st.dictionaries(st.integers(1, 5), keys, min_size=1, max_size=3)
skill_questions = by_vdn.map(
    lambda asked: (Question("q", 1, tuple(Group(vdn, ids) for vdn, ids in asked.items())), SKILLS)
)
agent_questions = by_vdn.map(
    lambda asked: (Question("q", 1, tuple(Group(vdn, ids) for vdn, ids in asked.items())), signed_in_agents)
)
state_questions = st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(
    lambda asked: (Question("q", 1, tuple(Group(vdn) for vdn in asked)), agent_states)
)
time_questions = st.tuples(
    st.none() | st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True).map(tuple),
    st.integers(1, 30),
).map(lambda asked: (Question("q", vdns=asked[0], begin=BEGIN, end=BEGIN + asked[1] * HOUR), HOURLY))
questions = st.one_of(skill_questions, agent_questions, state_questions, time_questions)
some = st.sets(st.integers(0, 20))


@given(questions, some)
def test_unanswered_and_answered_make_the_question(asked, failing: set[int]) -> None:
    """No piece is lost, none is asked twice, and the order of what is left is that of the question."""
    question, endpoint = asked
    batch = answer(question, endpoint, failing)
    failed, left = [], atoms(batch.unanswered)
    for chunk in split(question, endpoint):
        if chunk.index in failing:
            part = Question("q", groups=(Group(chunk.vdn, chunk.keys or None),))
            if chunk.window:
                part = Question("q", begin=chunk.window[0], end=chunk.window[1], vdns=chunk.vdns)
            failed += atoms(part)
    assert sorted(left, key=str) == sorted(failed, key=str)
    assert len(set(left)) == len(left)
    if question.groups:
        assert left == [atom for atom in atoms(question) if atom in set(failed)]
    assert (batch.unanswered is None) == batch.complete


@given(questions, some, st.integers(0, 2))
def test_a_retry_that_succeeds_gives_the_batch_that_never_failed(
    asked, failing: set[int], pages: int
) -> None:
    """Same rows, same order, same absent keys, whatever failed and however much of it had arrived."""
    question, endpoint = asked
    batch = answer(question, endpoint, failing, pages=pages)
    if batch.unanswered is None:
        return
    whole = merged(batch, answer(batch.unanswered, endpoint, set()))
    assert whole == answer(question, endpoint, set())
    assert dict(whole.by_key) == dict(answer(question, endpoint, set()).by_key)


@given(questions, some, some, some)
def test_retries_may_fail_again(asked, first: set[int], second: set[int], third: set[int]) -> None:
    """After every round: what is unanswered is what the retry left, rows stay in order, the end is whole."""
    question, endpoint = asked
    full = answer(question, endpoint, set())
    batch = answer(question, endpoint, first, pages=1)
    for failing in (second, third, set()):
        if batch.unanswered is None:
            break
        retry = answer(batch.unanswered, endpoint, failing, pages=2)
        batch = merged(batch, retry)
        assert batch.unanswered == retry.unanswered
        assert set(batch) <= set(full)
        assert len(set(batch)) == len(batch)
        if question.groups:
            place = {group.vdn: at for at, group in enumerate(question.groups)}
            assert [place[row.vdn] for row in batch] == sorted(place[row.vdn] for row in batch)
    assert batch == full


def test_what_the_retry_answered_replaces_what_had_arrived() -> None:
    """Rows of a failed part are not mixed with those asked later; rows of other parts stay as they were."""
    question = Question("q", 1, (Group(170), Group(171)))
    batch = merged(
        answer(question, agent_states, {0}, at=1, pages=2),
        answer(Question("q", 1, (Group(170),)), agent_states, set(), at=2),
    )
    assert [(row.vdn, row.agent_id, row.state_seconds) for row in batch] == [
        (170, 105, 2),
        (170, 101, 2),
        (170, 103, 2),
        (171, 105, 1),
        (171, 101, 1),
        (171, 103, 1),
    ]


def test_what_failed_twice_keeps_the_rows_of_both_the_later_of_two() -> None:
    """Nothing that arrived is lost: two rows first, one of them again."""
    question = Question("q", 1, (Group(170),))
    batch = merged(
        answer(question, agent_states, {0}, at=1, pages=2),
        answer(question, agent_states, {0}, at=2, pages=1),
    )
    assert [(row.agent_id, row.state_seconds) for row in batch] == [(101, 1), (105, 2)]
    assert batch.unanswered == question


def test_the_account_is_that_of_both() -> None:
    """Requests and dropped rows add up; the time runs from the first begin to the last end."""
    question = Question("q", 1, (Group(170, (2, 3, 4, 5)),))
    first = evolve(answer(question, SKILLS, {0}, at=0), dropped=3)
    retry = evolve(answer(Question("q", 1, (Group(170, (2, 3, 4)),)), SKILLS, set(), at=5), dropped=1)
    batch = merged(first, retry)
    assert (batch.request_count, batch.dropped) == (3, 4)
    assert (batch.began, batch.ended) == (BEGIN, BEGIN + 6 * HOUR)
    assert (batch.absent, batch.complete) == ((3, 5), True)


def test_rejected_rows_of_a_part_that_is_asked_again_are_forgotten() -> None:
    """Its retry tells anew; those of other parts stay."""
    question = Question("q", 1, (Group(170), Group(171)))
    first = evolve(
        answer(question, agent_states, {0}),
        rejected=(Rejected("bad", "vdn 170, page 2", 1), Rejected("bad", "vdn 171", 0)),
    )
    retry = answer(Question("q", 1, (Group(170),)), agent_states, set())
    assert merged(first, retry).rejected == (Rejected("bad", "vdn 171", 0),)


def test_keys_that_were_looked_up_by_the_retry_are_part_of_the_question_then() -> None:
    """All queues of a VDN: the list of them failed first, so its keys are known only now."""
    question = Question("q", 1, (Group(170, (4, 2)), Group(171, None)))
    known = answer(Question("q", 1, question.groups[:1]), SKILLS, set())
    open_group = Question("q", 1, (Group(171, None),))
    failure = answer(Question("q", 1, (Group(171, (1,)),)), SKILLS, {0}).failures[0]
    first = evolve(known, question=question, failures=(evolve(failure, question=open_group, keys=()),))
    assert first.unanswered == open_group
    retry = answer(Question("q", 1, (Group(171, (8, 7, 6)),)), SKILLS, set())
    batch = merged(first, retry)
    assert [(row.vdn, row.skill_id) for row in batch] == [(170, 4), (170, 2), (171, 8), (171, 6)]
    assert batch.question == Question("q", 1, (Group(170, (4, 2)), Group(171, (8, 7, 6))))
    assert (batch.complete, batch.absent) == (True, ((171, 7),))


def test_a_question_without_a_vdn_is_merged_too() -> None:
    """Agents belong to no VDN, and the list of VDNs is asked without one though its rows name one."""
    agents = Question("q", None, (Group(None, (101, 102, 103)),))
    chunks = list(split(agents, agent_call_stats))
    error = ServerError("bad", status=503)
    outcomes = [Outcome(c, [AgentCallStats(c.keys[0])]) for c in chunks]
    outcomes[1] = Outcome(chunks[1], error=error)
    first = assemble(agents, agent_call_stats, outcomes, began=BEGIN, ended=BEGIN, request_count=3)
    again = Question("q", None, (Group(None, (102,)),))
    (chunk,) = split(again, agent_call_stats)
    retry = assemble(
        again,
        agent_call_stats,
        [Outcome(chunk, [AgentCallStats(102)])],
        began=BEGIN,
        ended=BEGIN,
        request_count=1,
    )
    assert [row.agent_id for row in merged(first, retry)] == [101, 102, 103]

    listing = Question("vdns", 1, (Group(),))
    (chunk,) = split(listing, vdns)
    ends = {"began": BEGIN, "ended": BEGIN, "request_count": 1}
    nothing = assemble(listing, vdns, [Outcome(chunk, [Vdn(9)], error=error)], **ends)
    listed = assemble(listing, vdns, [Outcome(chunk, [Vdn(170), Vdn(2)])], **ends)
    assert [row.vdn for row in merged(nothing, listed)] == [170, 2]


def test_only_the_retry_of_this_batch_can_be_merged() -> None:
    """Another question's answer, or a retry of a complete batch, is refused."""
    question = Question("q", 1, (Group(170, (2, 4)),))
    failed, whole = answer(question, SKILLS, {0}), answer(question, SKILLS, set())
    other = answer(Question("q", 1, (Group(170, (2,)),)), SKILLS, set())
    with pytest.raises(ValueError, match=r"something else than batch\.unanswered"):
        merged(failed, other)
    with pytest.raises(ValueError, match="nothing unanswered"):
        merged(whole, whole)
    with pytest.raises(ValueError, match="nothing unanswered"):
        merged(Batch.of(list(whole)), whole)


def test_a_part_of_what_is_left_can_be_left_again() -> None:
    """Stretches of time that remain of stretches of time."""
    stretches = Question(
        "q", windows=(Window(BEGIN, BEGIN + HOUR, (1,)), Window(BEGIN + HOUR, BEGIN + 2 * HOUR, (2,)))
    )
    parts = [Question("q", begin=w.begin, end=w.end, vdns=w.vdns) for w in stretches.windows]
    assert remainder(stretches, parts) == stretches
    assert remainder(stretches, parts[1:]) == parts[1]
    assert remainder(stretches, []) is None
