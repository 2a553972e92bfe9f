"""One end of the engine: pieces become a batch, and a batch an answer or an error."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from cc_async.batch.chunk import Chunk, Kept, Seen, keep
from cc_async.batch.collect import Collector, verdict
from cc_async.batch.engine import Piece
from cc_async.batch.result import Batch
from cc_async.batch.split import split
from cc_async.contract.endpoints import skill_states
from cc_async.contract.records import SkillState
from cc_async.contract.spec import Group, Question
from cc_async.errors import (
    BatchError,
    CallTimeout,
    CcError,
    ClosedError,
    ConnectError,
    DecodeError,
    ServerError,
    SignatureRejected,
    TlsError,
)
from cc_async.session.request import Page, Rejected

QUESTION = Question("skill_states", 1, (Group(170, tuple(range(1, 601))),))


class Gathering:
    """A collector of the three chunks of 600 queues, and what it is told."""

    def __init__(self) -> None:
        self.told: list[Piece[Any]] = []
        self.collector: Collector[SkillState] = Collector(QUESTION, skill_states, self.told.append)
        self.chunks: list[Chunk[SkillState]] = list(split(QUESTION, skill_states))

    def answer(self, at: int, *, rejected: tuple[Rejected, ...] = (), leave_out: int = 0) -> None:
        """A chunk is answered, in reverse order of its keys."""
        chunk = self.chunks[at]
        rows = [SkillState(int(key), vdn=170) for key in reversed(chunk.keys)][leave_out:]
        page = Page(rows, len(rows), None, rejected)
        kept: Kept[SkillState] = keep(rows, chunk, Seen())
        self.collector.take(Piece(chunk, at, 0, True, kept=kept, page=page))

    def fail(self, at: int, error: CcError) -> None:
        """A chunk fails."""
        self.collector.take(Piece(self.chunks[at], at, 0, True, error=error))

    def batch(self, *unfinished: int, cause: CcError | None = None) -> Batch[SkillState]:
        """The batch, in which some chunks were never asked."""
        left = [self.chunks[at] for at in unfinished]
        return self.collector.batch(left, cause, began=0.0, ended=2.0, requests=3)

    def verdict(
        self, batch: Batch[SkillState], cause: CcError | None = None, *, partial: bool = False
    ) -> Any:
        """What the batch comes to."""
        return verdict(batch, cause, arrived=self.collector.arrived, partial=partial)


@pytest.fixture
def three() -> Gathering:
    """600 queues are three chunks."""
    gathering = Gathering()
    assert len(gathering.chunks) == 3
    return gathering


def test_answers_in_any_order_make_the_order_of_the_question(three: Gathering) -> None:
    """Chunks and keys come back where the question has them; every piece is handed to the listener."""
    for at in (2, 0, 1):
        three.answer(at)
    batch = three.batch()
    assert [row.skill_id for row in batch] == list(range(1, 601))
    assert three.verdict(batch) is batch
    assert len(three.told) == 3
    assert (batch.request_count, batch.complete, batch.absent, batch.unanswered) == (3, True, (), None)
    assert batch.began is not None
    assert batch.ended is not None
    assert (batch.ended - batch.began).total_seconds() == 2.0


def test_keys_without_a_row_are_absent(three: Gathering) -> None:
    """Answered, but not with a row: absent, which is no failure."""
    for at in range(3):
        three.answer(at, leave_out=2 if at == 1 else 0)
    batch = three.batch()
    assert batch.absent == tuple(three.chunks[1].keys[-2:])
    assert batch.complete


def test_a_failed_part_is_a_group_with_the_rest(three: Gathering) -> None:
    """BatchError: one error per failed part, what arrived in the batch, what failed as a question."""
    three.answer(0)
    error = ServerError("no", status=500, attempts=3, part=three.chunks[1].part)
    three.fail(1, error)
    three.answer(2)
    batch = three.batch()
    with pytest.raises(BatchError) as caught:
        three.verdict(batch)
    assert caught.value.exceptions == (error,)
    assert caught.value.batch is batch
    assert batch.unanswered is not None
    assert batch.unanswered.groups == (Group(170, three.chunks[1].keys),)
    assert batch.failures[0].attempts == 3
    assert three.verdict(batch, partial=True) is batch


@pytest.mark.parametrize(
    "cause", [SignatureRejected("x"), TlsError("x"), ClosedError("x"), CallTimeout("x")], ids=repr
)
def test_what_concerns_everything_is_raised_bare(three: Gathering, cause: CcError) -> None:
    """With what arrived in ``.batch``; parts that were never asked fail with the same cause, each its own."""
    three.answer(0)
    batch = three.batch(1, 2, cause=cause)
    with pytest.raises(type(cause)) as caught:
        three.verdict(batch, cause)
    assert caught.value is cause
    assert cause.batch is batch
    assert [failure.part for failure in batch.failures] == [three.chunks[1].part, three.chunks[2].part]
    assert [failure.error.part for failure in batch.failures] == [three.chunks[1].part, three.chunks[2].part]
    assert all(type(failure.error) is type(cause) for failure in batch.failures)
    assert all(failure.error.batch is None for failure in batch.failures)
    assert three.verdict(batch, cause, partial=True) is batch
    assert pickle.loads(pickle.dumps(cause)).batch == batch


def test_the_cause_does_not_hide_an_error_of_its_own(three: Gathering) -> None:
    """A chunk that had failed before the end keeps why."""
    three.answer(0)
    three.fail(1, ServerError("first", status=500))
    batch = three.batch(1, 2, cause=CallTimeout("late"))
    assert [type(failure.error) for failure in batch.failures] == [ServerError, CallTimeout]


def test_unreadable_rows_are_an_error_that_says_how_many(three: Gathering) -> None:
    """BatchError with a DecodeError; keys of that part are not called absent."""
    for at in range(3):
        three.answer(
            at, rejected=(Rejected("callWaitNums: bad", "p", 3),) if at == 0 else (), leave_out=at == 0
        )
    batch = three.batch()
    with pytest.raises(BatchError) as caught:
        three.verdict(batch)
    (error,) = caught.value.exceptions
    assert isinstance(error, DecodeError)
    assert "callWaitNums" in str(error)
    assert batch.absent == ()
    assert len(batch.rejected) == 1
    assert three.verdict(batch, partial=True) is batch


def test_partial_and_nothing_arrived_is_an_error(three: Gathering) -> None:
    """Never an empty green batch."""
    for at in range(3):
        three.fail(at, ServerError("no", status=500))
    batch = three.batch()
    with pytest.raises(BatchError):
        three.verdict(batch, partial=True)


def test_nothing_reachable_is_raised_bare(three: Gathering) -> None:
    """Every part failed to connect: one ConnectError, not a group of them; if one arrived, a group."""
    first = ConnectError("refused")
    three.fail(0, first)
    three.fail(1, ConnectError("refused"))
    three.fail(2, ConnectError("refused"))
    batch = three.batch()
    with pytest.raises(ConnectError) as caught:
        three.verdict(batch)
    assert caught.value is first
    assert caught.value.batch is batch
    other = Gathering()
    other.answer(0)
    other.fail(1, ConnectError("refused"))
    other.answer(2)
    with pytest.raises(BatchError):
        other.verdict(other.batch())


def test_an_answer_without_rows_has_arrived(three: Gathering) -> None:
    """Queues that do not exist are an answer: ``partial`` returns it beside a failure."""
    empty: Page[SkillState] = Page((), 0)
    three.collector.take(Piece(three.chunks[0], 0, 0, True, kept=Kept(()), page=empty))
    three.fail(1, ServerError("no", status=500))
    three.fail(2, ServerError("no", status=500))
    batch = three.batch()
    assert three.verdict(batch, partial=True) is batch
    assert batch.absent == three.chunks[0].keys


def test_rows_of_pages_before_a_failure_are_kept() -> None:
    """A paged chunk whose third page failed has the rows of the first two, and is a failure."""
    from cc_async.contract.endpoints import agent_states
    from cc_async.contract.records import AgentState

    question = Question("agent_states", 1, (Group(170),))
    (chunk,) = split(question, agent_states)
    collector: Collector[AgentState] = Collector(question, agent_states, lambda piece: None)
    for number in (1, 0):
        rows = [AgentState(101 + number * 10 + place) for place in range(10)]
        collector.take(Piece(chunk, 0, number, False, kept=Kept(rows), page=Page(rows, 10, 30)))
    collector.take(Piece(chunk, 0, 2, True, error=ServerError("no", status=500)))
    batch = collector.batch([], None, began=0.0, ended=1.0, requests=3)
    assert [row.agent_id for row in batch] == list(range(101, 121))
    assert len(batch.failures) == 1
