"""Pure: the answers of many chunks become one batch, and a retry takes its place in the first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, Generic, TypeVar

from attrs import define, evolve

from cc_async.batch.chunk import INSTANT, Chunk
from cc_async.batch.remainder import covers, group_reader, question_of, vdn_of
from cc_async.batch.result import Batch, Failure
from cc_async.contract.spec import Endpoint, Group, Question, Window
from cc_async.errors import CcError
from cc_async.session.request import Rejected

R = TypeVar("R")


@define(eq=False)
class Outcome(Generic[R]):
    """What one chunk came to; with an ``error`` the rows are those that arrived before it."""

    chunk: Chunk[R]
    rows: Sequence[R] = ()
    """Kept rows, pages in order."""
    rejected: Sequence[Rejected] = ()
    error: CcError | None = None
    dropped: int = 0
    exact: bool = False
    """True when the rows are known to be those of the chunk's keys, one each, in their order."""


def assemble(
    question: Question,
    endpoint: Endpoint[R],
    outcomes: Iterable[Outcome[R]],
    *,
    began: datetime,
    ended: datetime,
    request_count: int,
) -> Batch[R]:
    """One batch of the outcomes of every chunk of a question, whatever the order they come in.

    A chunk that was never asked belongs here too, with the error that kept it from being asked.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.chunk.index)
    several = len(question.groups) > 1
    return Batch(
        tuple(chain.from_iterable(_in_key_order(outcome) for outcome in ordered)),
        question,
        endpoint.record,
        tuple(
            failure_of(outcome.chunk, question, outcome.error)
            for outcome in ordered
            if outcome.error is not None
        ),
        tuple(chain.from_iterable(outcome.rejected for outcome in ordered)),
        tuple(chain.from_iterable(_absent(outcome, several) for outcome in ordered)),
        request_count,
        began,
        ended,
        sum(outcome.dropped for outcome in ordered),
        endpoint.key,
        tuple(Window(*o.chunk.window, o.chunk.vdns) for o in ordered if o.chunk.window is not None),
    )


def _in_key_order(outcome: Outcome[R]) -> Sequence[R]:
    """Rows in the order of the keys; the rows of one key, and rows without keys, as they came."""
    chunk, name = outcome.chunk, outcome.chunk.request.endpoint.key
    if outcome.exact or name is None or len(chunk.keys) < 2 or chunk.window is not None:
        return outcome.rows
    key_of = attrgetter(name)
    place = {key: at for at, key in enumerate(chunk.keys)}
    return sorted(outcome.rows, key=lambda row: place[key_of(row)])


def failure_of(chunk: Chunk[Any], question: Question, error: CcError) -> Failure:
    """The failure of a chunk, with the part of the question to ask again."""
    part = question_of(chunk, question)
    return Failure(part, chunk.keys, chunk.vdn, chunk.window, error, error.attempts, chunk.part)


def _absent(outcome: Outcome[Any], several: bool) -> list[Any]:
    chunk, name = outcome.chunk, outcome.chunk.request.endpoint.key
    if outcome.exact or outcome.error is not None or outcome.rejected or name is None or not chunk.keys:
        return []
    found = set(map(attrgetter(name), outcome.rows))
    missing = [key for key in chunk.keys if key not in found]
    return [(chunk.vdn, key) for key in missing] if several else missing


def merged(batch: Batch[R], retry: Batch[R]) -> Batch[R]:
    """The batch with what its retry brought, in the order of the first question.

    ``retry`` must have asked ``batch.unanswered``; ``ValueError`` otherwise. What the retry answered replaces
    what had arrived of that part; what failed again keeps the rows of both, the later one of two.
    """
    question = _resolved(batch, retry)
    was_open = covers(batch.unanswered, batch.key_field)
    still_open = covers(retry.unanswered, batch.key_field)
    name = _identity(question, batch.key_field)
    newer = {name(row) for row in retry.records}
    old = [row for row in batch.records if not was_open(row) or (still_open(row) and name(row) not in newer)]
    rank = _rank_of_row(question, batch)
    again = {failure.part for failure in batch.failures}
    return evolve(
        batch,
        records=tuple(sorted([*old, *retry.records], key=rank)),
        question=question,
        failures=retry.failures,
        rejected=(*(r for r in batch.rejected if _chunk_part(r) not in again), *retry.rejected),
        absent=_absent_of_both(question, batch, retry),
        request_count=batch.request_count + retry.request_count,
        ended=retry.ended,
        dropped=batch.dropped + retry.dropped,
    )


def _chunk_part(rejected: Rejected) -> str:
    """The part of the whole chunk: later pages are named after it."""
    return rejected.part.partition(", page ")[0]


def _resolved(batch: Batch[Any], retry: Batch[Any]) -> Question:
    """The first question, its groups of unknown keys replaced by those the retry looked up."""
    asked, left = retry.question, batch.unanswered
    if batch.question is None or asked is None or left is None:
        raise ValueError("there is nothing to merge: the batch left nothing unanswered")
    known = {group.vdn: group for group in asked.groups}
    opened = tuple(known.get(group.vdn, group) if group.keys is None else group for group in left.groups)
    if evolve(left, groups=opened) != asked:
        raise ValueError("the retry asked something else than batch.unanswered")
    groups = tuple(
        known.get(group.vdn, group) if group.keys is None else group for group in batch.question.groups
    )
    return evolve(batch.question, groups=groups)


def _identity(question: Question, key_field: str | None) -> Callable[[Any], Any]:
    if not question.groups:
        return attrgetter("cc_id", "vdn", INSTANT)
    asked = attrgetter(key_field or "key")
    return lambda row: (vdn_of(row), asked(row), row.key)


def _absent_of_both(question: Question, batch: Batch[Any], retry: Batch[Any]) -> tuple[Any, ...]:
    """Absent keys of both, in the order of the question; the retry's may lack their VDN."""
    several, lonely = batch.several_vdns, not retry.several_vdns
    vdn = retry.question.groups[0].vdn if lonely and retry.question and retry.question.groups else None
    later = [(vdn, key) if several and lonely else key for key in retry.absent]
    place = _places(question.groups)
    only = question.groups[0].vdn if question.groups else None
    return tuple(sorted([*batch.absent, *later], key=lambda key: place[key if several else (only, key)]))


def _places(groups: tuple[Group, ...]) -> dict[Any, int]:
    """Where every key stands in the question."""
    pairs = ((group.vdn, key) for group in groups for key in group.keys or ())
    return {pair: at for at, pair in enumerate(pairs)}


def _rank_of_row(question: Question, batch: Batch[Any]) -> Callable[[Any], Any]:
    """Where a row belongs; rows of the same rank stay in the order they came."""
    if not question.groups:
        return _rank_in_time(batch.layout)
    groups = {group.vdn: at for at, group in enumerate(question.groups)}
    keys, group_of = _places(question.groups), group_reader(question)
    if batch.key_field is None or not keys:
        return lambda row: groups[group_of(row)]
    key = attrgetter(batch.key_field)
    return lambda row: keys[(group_of(row), key(row))]


def _rank_in_time(layout: tuple[Window, ...]) -> Callable[[Any], int]:
    """The place of a row's window among the windows the first question was cut into."""
    by_vdn: dict[int | None, list[tuple[datetime, int]]] = {}
    for at, window in enumerate(layout):
        for vdn in window.vdns or (None,):
            by_vdn.setdefault(vdn, []).append((window.begin, at))
    for starts in by_vdn.values():
        starts.sort()
    instant = attrgetter(INSTANT)

    def rank(row: Any) -> int:
        vdn = vdn_of(row)
        starts = by_vdn[vdn if vdn in by_vdn else None]
        return starts[bisect_right(starts, (instant(row), len(layout))) - 1][1]

    return rank
