"""Busiest last: the order in which queues are asked, so that the fewest calls come after their sample."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from attrs import evolve

from cc_async.batch.result import Batch
from cc_async.contract.spec import Group, Question
from cc_async.errors import CcError
from cc_async.query import Query

R = TypeVar("R")

Key = tuple[int | None, Any]
"""(vdn, key)."""


def offered(rows: Iterable[object]) -> dict[Key, int]:
    """The offered calls of rows that have a queue and count them."""
    found: dict[Key, int] = {}
    for row in rows:
        skill_id, count = getattr(row, "skill_id", None), getattr(row, "offered", None)
        if skill_id is not None and count is not None:
            found[getattr(row, "vdn", None), skill_id] = count
    return found


def busiest_last(question: Question, calls: Mapping[Key, float]) -> Question:
    """The same question with the keys of each group in the order of their calls, the busiest at the end."""
    if not calls:
        return question
    return evolve(question, groups=tuple(_sorted(group, calls) for group in question.groups))


def _sorted(group: Group, calls: Mapping[Key, float]) -> Group:
    if group.keys is None:
        return group
    vdn = group.vdn
    keys: Any = tuple(sorted(group.keys, key=lambda key: calls.get((vdn, key), 0.0)))
    return evolve(group, keys=keys)


def in_order_of(question: Question, batch: Batch[R]) -> Batch[R]:
    """A batch of the same keys in another order, put in the order of the question."""
    place: dict[Key, int] = {}
    for group in question.groups:
        for key in group.keys or ():
            place[group.vdn, key] = len(place)
    if not place or batch.key_field is None:
        return batch
    name, last = batch.key_field, len(place)

    def rank(row: object) -> int:
        return place.get((getattr(row, "vdn", None), getattr(row, name)), last)

    def rank_of_absent(key: Any) -> int:
        vdn = question.groups[0].vdn
        return place.get(key if batch.several_vdns else (vdn, key), last)

    records = tuple(sorted(batch.records, key=rank))
    absent = tuple(sorted(batch.absent, key=rank_of_absent))
    return evolve(batch, question=question, records=records, absent=absent)


FADE = 0.9
"""What the calls of a beat weigh at the next one: the order follows the day."""
LOOK_AGAIN = 12
"""Beats after which "every queue" is looked up anew: aligned ones, an hour."""


class Asker(Generic[R]):
    """Asks the same query again and again, the busiest queues last where the asking takes a while."""

    def __init__(self, source: Query[R] | Callable[[], Awaitable[Batch[R]]]) -> None:
        self._source = source
        self.now: Callable[[], datetime] | None = None
        """The server's time as the client knows it; None: nobody knows a client."""
        if isinstance(source, Query):
            self.now = source.origin.now
        self._calls: dict[Key, float] = {}
        self._whole: Question | None = None
        self._asked = 0

    @property
    def planned(self) -> float:
        """Seconds the quota alone makes the asking take; 0 where nobody knows."""
        return self._source.plan().seconds if isinstance(self._source, Query) else 0.0

    async def ask(self) -> Batch[R]:
        """Ask once; raises what the query raises."""
        source = self._source
        if not isinstance(source, Query):
            asked = source()
            if isinstance(asked, Query):
                self.now = asked.origin.now
            batch = await asked
            if not isinstance(batch, Batch):
                raise TypeError(f"a watched function returns a Batch, not {type(batch).__name__}")
            return self._noted(batch)
        question = source.question
        open_ended = any(group.keys is None for group in question.groups)
        whole = self._whole if open_ended and self._asked % LOOK_AGAIN else question
        self._asked += 1
        # Where everything goes out at once, there is no last.
        if whole is None or not self._calls or source.plan().seconds == 0:
            return self._noted(await source)
        query = source.origin.again(busiest_last(whole, self._calls))
        try:
            return self._noted(in_order_of(whole, await query))
        except CcError as error:
            if isinstance(error.batch, Batch):
                error.batch = in_order_of(whole, error.batch)
            raise

    def _noted(self, batch: Batch[R]) -> Batch[R]:
        self._whole = batch.question
        calls = offered(batch)
        self._calls = {key: self._calls.get(key, 0.0) * FADE + count for key, count in calls.items()}
        return batch
