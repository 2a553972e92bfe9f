"""A batch is a sequence of records in the order of the question, with an account of what is missing."""

import copy
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs.exceptions import FrozenInstanceError

from cc_async.batch.merge import Outcome, assemble
from cc_async.batch.result import Batch
from cc_async.batch.split import split
from cc_async.contract.endpoints import agent_states, signed_in_agents, skill_call_stats, system_indicators
from cc_async.contract.records import AgentState, SignedInAgent, SkillCallStats, SystemIndicators
from cc_async.contract.spec import Endpoint, Group, Question, Window
from cc_async.errors import BatchError, CallTimeout, CircuitOpen, ServerError
from cc_async.session.request import Rejected

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = tuple(SkillCallStats(n, offered=10 * n, vdn=170) for n in (3, 1, 2))
ONE_BY_ONE = Question("signed_in_agents", 1, (Group(170, (7, 8, 9)),))


def assembled(
    question: Question, endpoint: Endpoint, outcomes: Sequence[Outcome], requests: int = 1
) -> Batch:
    """One batch of outcomes in any order."""
    return assemble(question, endpoint, outcomes, began=BEGIN, ended=BEGIN + DAY, request_count=requests)


def outcomes_of(question: Question, endpoint: Endpoint) -> list[Outcome]:
    """An answered outcome without rows for every chunk."""
    return [Outcome(chunk) for chunk in split(question, endpoint)]


def failed() -> ServerError:
    """An error as a session raises it."""
    return ServerError("the server failed", status=503, attempts=3)


def test_it_is_a_sequence_of_records() -> None:
    """Length, place, slice, membership, iteration, reversal: as a tuple of its records."""
    batch = Batch.of(ROWS)
    assert isinstance(batch, Sequence)
    assert (len(batch), batch[0], batch[-1], batch[1:]) == (3, ROWS[0], ROWS[2], ROWS[1:])
    assert (list(batch), list(reversed(batch))) == (list(ROWS), list(reversed(ROWS)))
    assert ROWS[1] in batch
    assert (batch.index(ROWS[2]), batch.count(ROWS[2])) == (2, 1)
    assert not Batch.of([])
    with pytest.raises(IndexError):
        batch[3]


def test_one_made_by_hand_is_complete() -> None:
    """For tests of callers: nothing failed, nothing is unanswered."""
    batch = Batch.of(iter(ROWS))
    assert (batch.complete, batch.unanswered, batch.failures, batch.absent) == (True, None, (), ())
    assert batch.by_key[2] == ROWS[2]
    assert repr(batch) == "<Batch of 3 SkillCallStats, 0 requests, complete>"


def test_rows_are_found_by_key() -> None:
    """One VDN: the key alone. Several: (vdn, key), since two VDNs may have the same skill id."""
    one = assembled(
        Question("q", 1, (Group(170, (1, 2)),)),
        skill_call_stats,
        [Outcome(next(split(Question("q", 1, (Group(170, (1, 2)),)), skill_call_stats)), [ROWS[1], ROWS[2]])],
    )
    assert dict(one.by_key) == {1: ROWS[1], 2: ROWS[2]}
    question = Question("q", 1, (Group(170, (1,)), Group(171, (1,))))
    here, there = SkillCallStats(1, vdn=170), SkillCallStats(1, vdn=171)
    outcomes = outcomes_of(question, skill_call_stats)
    outcomes[0].rows, outcomes[1].rows = [here], [there]
    several = assembled(question, skill_call_stats, outcomes)
    assert dict(several.by_key) == {(170, 1): here, (171, 1): there}
    with pytest.raises(TypeError):
        several.by_key[(170, 2)] = here  # type: ignore[index]


def test_rows_follow_the_keys_of_the_question_whatever_the_server_does() -> None:
    """Chunks may be answered in any order, and rows in any order within a chunk."""
    question = Question("q", 1, (Group(171, (5, 3, 4)), Group(170, (9, 1))))
    outcomes = outcomes_of(question, skill_call_stats)
    outcomes[0].rows = [SkillCallStats(n, vdn=171) for n in (3, 4, 5)]
    outcomes[1].rows = [SkillCallStats(n, vdn=170) for n in (1, 9)]
    batch = assembled(question, skill_call_stats, outcomes[::-1])
    assert [(row.vdn, row.skill_id) for row in batch] == [(171, 5), (171, 3), (171, 4), (170, 9), (170, 1)]


def test_a_key_without_a_row_is_absent_and_no_error() -> None:
    """The server answered, and had nothing for it."""
    outcomes = outcomes_of(ONE_BY_ONE, signed_in_agents)
    outcomes[1].rows = [SignedInAgent(8, 102, vdn=170), SignedInAgent(8, 101, vdn=170)]
    batch = assembled(ONE_BY_ONE, signed_in_agents, outcomes, requests=3)
    assert (batch.absent, batch.complete, batch.unanswered) == ((7, 9), True, None)
    assert [row.agent_id for row in batch] == [102, 101]
    assert repr(batch) == "<Batch of 2 SignedInAgent, 3 requests, 2 absent, complete>"


def test_absent_keys_of_several_vdns_name_their_vdn() -> None:
    """The same skill id may be there in one VDN and absent in the other."""
    question = Question("q", 1, (Group(170, (7,)), Group(171, (7,))))
    outcomes = outcomes_of(question, skill_call_stats)
    outcomes[0].rows = [SkillCallStats(7, vdn=170)]
    assert assembled(question, skill_call_stats, outcomes).absent == ((171, 7),)


def test_a_failed_key_is_not_absent() -> None:
    """Nobody knows about it: it is unanswered, with its error, ready to be asked again."""
    outcomes = outcomes_of(ONE_BY_ONE, signed_in_agents)
    outcomes[0].error = failed()
    outcomes[2].rows = [SignedInAgent(9, 101, vdn=170)]
    batch = assembled(ONE_BY_ONE, signed_in_agents, outcomes)
    assert (batch.absent, batch.complete) == ((8,), False)
    (failure,) = batch.failures
    assert (failure.keys, failure.vdn, failure.window, failure.attempts) == ((7,), 170, None, 3)
    assert failure.question == Question("signed_in_agents", 1, (Group(170, (7,)),))
    assert failure.part == "vdn 170, skill 7"
    assert batch.unanswered == failure.question
    assert repr(batch) == "<Batch of 1 SignedInAgent, 1 request, 1 failure, 1 absent>"


def test_a_key_whose_row_could_not_be_read_is_not_absent() -> None:
    """The rejected row may be the one: nothing false is said about the key, and the batch is not complete."""
    outcomes = outcomes_of(ONE_BY_ONE, signed_in_agents)
    outcomes[0].rejected = [Rejected("workNo is missing", "vdn 170, skill 7", 0)]
    batch = assembled(ONE_BY_ONE, signed_in_agents, outcomes)
    assert (batch.absent, batch.complete, batch.unanswered) == ((8, 9), False, None)
    assert "1 rejected" in repr(batch)


def test_what_arrived_of_a_failed_part_is_kept() -> None:
    """A page that fails does not take the pages before it along."""
    question = Question("agent_states", 1, (Group(170, None), Group(171, None)))
    outcomes = outcomes_of(question, agent_states)
    outcomes[0].rows, outcomes[0].error = [AgentState(101, vdn=170)], failed()
    outcomes[1].rows, outcomes[1].dropped = [AgentState(101, vdn=171)], 4
    batch = assembled(question, agent_states, outcomes)
    assert [row.vdn for row in batch] == [170, 171]
    assert batch.unanswered == Question("agent_states", 1, (Group(170, None),))
    assert (batch.absent, batch.dropped, batch.record) == ((), 4, AgentState)


def times(outcomes: list[Outcome], *bad: int) -> list[Outcome]:
    """The outcomes, those at these places failed."""
    for at in bad:
        outcomes[at].error = failed()
    return outcomes


def test_what_failed_of_a_time_question_is_asked_again_as_one_question() -> None:
    """Windows that touch become one, those of one time too; what was answered is not asked again."""
    question = Question("q", 1, vdns=tuple(range(1, 151)), begin=BEGIN, end=BEGIN + 5 * DAY)
    low, high, both = tuple(range(1, 101)), tuple(range(101, 151)), tuple(range(1, 151))
    outcomes = outcomes_of(question, system_indicators)
    assert len(outcomes) == 10  # five days, two chunks of VDNs each
    batch = assembled(question, system_indicators, times(outcomes, 0, 2, 3, 4, 5, 9))
    assert batch.unanswered == Question(
        "q",
        1,
        windows=(
            Window(BEGIN, BEGIN + DAY, low),
            Window(BEGIN + DAY, BEGIN + 3 * DAY, both),
            Window(BEGIN + 4 * DAY, BEGIN + 5 * DAY, high),
        ),
    )
    failure = batch.failures[-1]
    assert failure.window == (BEGIN + 4 * DAY, BEGIN + 5 * DAY)
    assert failure.question == Question("q", 1, vdns=high, begin=BEGIN + 4 * DAY, end=BEGIN + 5 * DAY)


def test_when_everything_failed_the_question_itself_is_unanswered() -> None:
    """Nothing is added to it and nothing lost."""
    for question, endpoint in (
        (Question("q", 1, vdns=tuple(range(1, 251)), begin=BEGIN, end=BEGIN + 9 * DAY), system_indicators),
        (Question("q", None, begin=BEGIN, end=BEGIN + 9 * DAY), system_indicators),
        (Question("q", 1, (Group(170, tuple(range(1, 999))), Group(171, (5, 2)))), skill_call_stats),
    ):
        outcomes = outcomes_of(question, endpoint)
        batch = assembled(question, endpoint, times(outcomes, *range(len(outcomes))))
        assert batch.unanswered == question
        assert len(batch.failures) == len(outcomes)


def test_the_intervals_of_a_snapshot_are_told() -> None:
    """Two of them: the interval ended between two chunks, and the rows must not be mixed."""
    later = BEGIN + timedelta(minutes=5)
    rows = [SkillCallStats(1, later), SkillCallStats(2, BEGIN), SkillCallStats(3), SkillCallStats(4, later)]
    assert Batch.of(rows).interval_starts == (BEGIN, later)
    assert Batch.of([AgentState(101)]).interval_starts == ()


def test_batches_are_equal_when_they_ask_the_same_and_say_the_same() -> None:
    """Times and numbers of requests do not matter; rows, and what is missing, do."""

    def batch(requests: int, *bad: int) -> Batch:
        return assembled(
            ONE_BY_ONE, signed_in_agents, times(outcomes_of(ONE_BY_ONE, signed_in_agents), *bad), requests
        )

    assert batch(3) == batch(5)
    assert batch(3, 1) == batch(3, 1)
    assert hash(batch(3, 1)) == hash(batch(5, 1))
    assert batch(3, 1) != batch(3)
    assert batch(3, 1) != batch(3, 2)
    assert Batch.of(ROWS) != list(ROWS)
    with pytest.raises(FrozenInstanceError):
        batch(3).records = ()  # type: ignore[misc]


def test_it_survives_a_pickle_with_its_failures() -> None:
    """Even after the index was made, and when its error points back at it."""
    outcomes = times(outcomes_of(ONE_BY_ONE, signed_in_agents), 1)
    outcomes[0].rows = [SignedInAgent(7, 101, vdn=170)]
    batch = assembled(ONE_BY_ONE, signed_in_agents, outcomes)
    assert (7, 101) in batch.by_key
    batch.failures[0].error.batch = batch
    again = pickle.loads(pickle.dumps(batch))
    assert again == batch
    assert again.failures[0].error.batch is again
    assert again.by_key[(7, 101)] == batch[0]
    assert copy.copy(batch) == batch


@pytest.mark.parametrize(
    "error",
    [
        CallTimeout("too late", attempts=2),
        CircuitOpen("open", until=5.0),
        BatchError("parts failed", [ServerError("bad", status=500)]),
    ],
)
def test_an_error_survives_a_pickle_with_its_batch(error) -> None:
    """What arrived travels with the error to another process, though the batch lists the error."""
    outcomes = outcomes_of(ONE_BY_ONE, signed_in_agents)
    outcomes[0].error = error if not isinstance(error, BatchError) else error.exceptions[0]
    error.batch = assembled(ONE_BY_ONE, signed_in_agents, outcomes)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.batch) == (type(error), str(error), error.batch)


def test_rows_become_dicts() -> None:
    """Every field by name, in order."""
    first = Batch.of(ROWS).to_dicts()[0]
    assert (first["skill_id"], first["offered"], first["lost"]) == (3, 30, None)


def test_time_rows_stay_in_the_order_they_came() -> None:
    """Windows in order, within a window as received: the server's order is not ours to guess."""
    question = Question("q", 1, vdns=(1, 2), begin=BEGIN, end=BEGIN + 60 * DAY)
    outcomes = outcomes_of(question, system_indicators)
    assert len(outcomes) == 2
    late, early = SystemIndicators(2, BEGIN + DAY), SystemIndicators(1, BEGIN)
    last = SystemIndicators(1, BEGIN + 40 * DAY)
    outcomes[0].rows, outcomes[1].rows = [late, early], [last]
    assert list(assembled(question, system_indicators, outcomes[::-1])) == [late, early, last]
