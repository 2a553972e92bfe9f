"""The joined question of many callers: who hears what, and when; and what is remembered of it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from cc_async.batch import coalesce
from cc_async.batch.chunk import Chunk, Kept
from cc_async.batch.coalesce import Coalescer, Joined, Run
from cc_async.batch.engine import Piece
from cc_async.batch.split import split
from cc_async.contract.endpoints import agent_states, skill_call_stats
from cc_async.contract.records import AgentState, SkillCallStats
from cc_async.contract.spec import Group, Question
from cc_async.errors import CcError, ClosedError, DecodeError, PaginationLoop, ServerError, UnknownKey
from cc_async.session.clock import LoopClock
from cc_async.session.request import Page, Rejected


def skills(*ids: int) -> Chunk[SkillCallStats]:
    """A chunk that asks these skills."""
    return next(split(Question("skill_call_stats", 1, (Group(170, ids),)), skill_call_stats))


def everybody() -> Chunk[AgentState]:
    """The chunk that asks every agent."""
    return next(split(Question("agent_states", 1, (Group(170),)), agent_states))


def piece(
    chunk: Chunk[Any],
    rows: list[Any],
    *,
    number: int = 0,
    last: bool = True,
    rejected: int = 0,
    error: CcError | None = None,
) -> Piece[Any]:
    """An answer with these rows, so many unreadable ones, and an error that came on top."""
    bad = tuple(Rejected("no id") for _ in range(rejected))
    page = Page(rows, len(rows) + rejected, rejected=bad)
    return Piece(chunk, 0, number, last, kept=Kept(rows), page=page, error=error)


def joined(endpoint: Any = skill_call_stats) -> Joined[Any]:
    """A joined question that remembers nothing."""
    return Joined(endpoint, wants_all=endpoint is agent_states, on_row=lambda key, row: None)


async def test_each_part_is_answered_as_it_comes() -> None:
    """Nobody waits for the part of another."""
    both = joined()
    one, two = both.join(1), both.join(2)
    both.take(piece(skills(2), [SkillCallStats(2, offered=5)]))
    assert two.result() == SkillCallStats(2, offered=5)
    assert not one.done()
    both.take(piece(skills(1), []))
    assert isinstance(one.result(), UnknownKey)


async def test_a_row_that_cannot_be_read_may_be_that_of_the_missing_key() -> None:
    """Then it is not said that the server does not know the key; the other parts are not blurred by it."""
    question = joined()
    known, missing, elsewhere = question.join(1), question.join(2), question.join(3)
    question.take(piece(skills(1, 2), [SkillCallStats(1)], rejected=1))
    question.take(piece(skills(3), []))
    assert isinstance(known.result(), SkillCallStats)
    assert isinstance(missing.result(), DecodeError)
    assert isinstance(elsewhere.result(), UnknownKey)


async def test_who_comes_late_to_a_paged_question_gets_what_passed_already() -> None:
    """The row of an earlier page is handed out at once; one of a later page when it comes."""
    question = joined(agent_states)
    first = question.join(101)
    question.take(piece(everybody(), [AgentState(101), AgentState(102)], last=False))
    assert first.done()
    early, late, never = question.join(102), question.join(103), question.join(999)
    assert early.result() == AgentState(102)
    question.take(piece(everybody(), [AgentState(103)], number=1))
    assert late.result() == AgentState(103)
    assert isinstance(never.result(), UnknownKey)
    assert not question.awaits(104)


async def test_pages_that_cannot_be_trusted_still_answer_those_they_held() -> None:
    """Only who was not on them hears of it."""
    question = joined(agent_states)
    there, gone = question.join(101), question.join(102)
    question.take(piece(everybody(), [AgentState(101)], error=PaginationLoop("rows moved")))
    assert there.result() == AgentState(101)
    assert isinstance(gone.result(), PaginationLoop)


async def test_an_error_is_copied_for_each_caller() -> None:
    """Their tracebacks do not pile up in one object; what it says is the same."""
    question = joined()
    futures = [question.join(1), question.join(1), question.join(2)]
    error = ServerError("busy", status=503, attempts=3, part="skills 1..2")
    question.take(Piece(skills(1, 2), 0, 0, True, error=error))
    copies = [future.result() for future in futures]
    assert len({id(each) for each in copies}) == 3
    assert {(type(each), str(each), each.status, each.attempts) for each in copies} == {
        (ServerError, str(error), 503, 3)
    }


def answering(rows: dict[int, SkillCallStats]) -> tuple[Run[SkillCallStats], list[tuple[int, ...]]]:
    """A run that answers from these rows, and the keys it was asked."""
    asked: list[tuple[int, ...]] = []

    async def run(keys: tuple[int, ...], question: Joined[SkillCallStats]) -> None:
        asked.append(keys)
        await asyncio.sleep(0)
        question.take(piece(skills(*keys), [rows[key] for key in keys if key in rows]))

    return run, asked


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records that were answered last are kept, the others are forgotten."""
    monkeypatch.setattr(coalesce, "KEPT_RECORDS", 100)
    coalescer = Coalescer(LoopClock(), "here")
    run, asked = answering({n: SkillCallStats(n) for n in range(1, 301)})
    one = (coalescer.one("place", n, skill_call_stats, run, wants_all=False) for n in range(1, 301))
    await asyncio.gather(*one)
    assert len(asked) == 1
    kept = [n for n in range(1, 301) if coalescer.remembered("place", n, 60) is not None]
    assert kept == list(range(201, 301))
    assert coalescer.remembered("other place", 300, 60) is None


async def test_an_error_that_is_none_of_ours_reaches_the_callers() -> None:
    """A signer of the user that raises is not swallowed, and nobody hangs."""

    async def run(keys: tuple[int, ...], question: Joined[SkillCallStats]) -> None:
        raise ZeroDivisionError("the user's own")

    coalescer = Coalescer(LoopClock(), "here")
    one = (coalescer.one("place", n, skill_call_stats, run, wants_all=False) for n in (1, 2))
    found = await asyncio.wait_for(asyncio.gather(*one, return_exceptions=True), 2)
    assert [type(error) for error in found] == [ZeroDivisionError, ZeroDivisionError]


async def test_closed_nothing_is_asked_and_nothing_runs_on() -> None:
    """Who has joined and who comes later is told; the run is cancelled and waited for."""
    ended = asyncio.Event()

    async def run(keys: tuple[int, ...], question: Joined[SkillCallStats]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    coalescer = Coalescer(LoopClock(), "here")

    def one(place: str) -> Any:
        return coalescer.one(place, 1, skill_call_stats, run, wants_all=False)

    flying = asyncio.create_task(one("place"))
    for _ in range(4):
        await asyncio.sleep(0)
    gathered = asyncio.create_task(one("other place"))
    await asyncio.sleep(0)
    await coalescer.aclose()
    assert ended.is_set()
    found = await asyncio.gather(flying, gathered, one("place"), return_exceptions=True)
    assert [type(error) for error in found] == [ClosedError, ClosedError, ClosedError]


async def test_thousands_who_leave_at_once_are_no_work() -> None:
    """20 000 callers of a key each give up: looking through all keys for each of them would take 3 s."""
    question = joined()
    callers = {key: question.join(key) for key in range(1, 20_001)}
    began = time.process_time()
    over = [question.leave(key, future) for key, future in callers.items()]
    assert time.process_time() - began < 1
    assert over.index(True) == len(callers) - 1
