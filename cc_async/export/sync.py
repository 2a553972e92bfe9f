"""Keeping files up to date: what is new since the watermark, and the last hours once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from attrs import evolve, frozen

from cc_async.batch.remainder import covers
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Question, Window, Windows
from cc_async.export.layout import Target
from cc_async.export.manifest import Entry
from cc_async.export.partitions import Coverage, floored, minus, overlaps, partitions, united
from cc_async.export.progress import Exported, OnProgress
from cc_async.export.run import Answer, Drop, Run
from cc_async.export.schema import Schema, chosen
from cc_async.export.store import Staged, Store

if TYPE_CHECKING:
    from cc_async.query import Query

REREAD = timedelta(hours=2)
SETTLE = timedelta(minutes=10)


async def sync(
    query: Query[Any],
    target: Target,
    *,
    reread: timedelta = REREAD,
    settle: timedelta = SETTLE,
    on_progress: OnProgress | None = None,
) -> Exported:
    """Bring the files of a time question up to its end, and read what may have come late once more.

    Asked is what is missing since the watermark (the end of the last whole sync; before the first one, the
    begin of the question), and the last ``reread`` before the watermark again: rows read again take the
    place of those in the files, whose dates are written anew. The end is the question's, or ``settle``
    before now if that is earlier. Returns and raises as ``export``.
    """
    interface = query.question.interface
    rule = ENDPOINTS[interface].split
    if not isinstance(rule, Windows) or query.question.begin is None or query.question.end is None:
        raise ValueError(
            f"sync wants a question of one stretch of time, which {interface} has not been given"
        )
    schema, cc_id = Schema.of(query.origin.record), query.question.cc_id
    with await to_thread.run_sync(Store, target, interface, cc_id, schema) as store:
        until = min(query.question.end, floored(query.origin.now() - settle, rule.period))
        run = Run(query, store, on_progress)
        wanted = list(_wanted(query.question, rule, store, until, reread))
        run.progress.total = len(wanted)
        exported = await run.windows(wanted, Renew(query.question, store, rule.period, settle))
        # The first answers may have told that the server's clock is behind ours.
        until = min(until, floored(query.origin.now() - settle, rule.period))
        mark = store.manifest.watermark
        if not exported.failures and (mark is None or until > mark):
            await to_thread.run_sync(store.manifest.reach, until)
        return exported


def _wanted(
    question: Question, rule: Windows, store: Store, until: datetime, reread: timedelta
) -> Iterator[Window]:
    """What is not done yet, where the last stretch before the watermark counts as not done."""
    done = [window for entry in store.manifest.entries.values() for window in entry.windows]
    mark = store.manifest.watermark
    if mark is not None:
        again = Window(min(mark, until) - reread, min(mark, until))
        done = [left for window in done for left in minus(window, [again])]
        question = evolve(question, begin=again.begin)
    coverage = Coverage(store.target, done)
    for window in partitions(question, rule, store.target, until):
        yield from coverage.left(window)


@frozen
class Renew:
    """Puts a partition in the place of the same time and VDNs in the files."""

    question: Question
    store: Store
    period: int
    settle: timedelta

    def drop(self, window: Window) -> Drop | None:
        """Nothing: what was there before gives way."""
        return None

    def commit(self, staged: Staged, answer: Answer) -> None:
        """Write the date anew: the new rows, and those of the old parts that were not read again."""
        end = answer.reached(self.period, self.settle)
        if end <= answer.window.begin:
            return
        window = evolve(answer.window, end=end)
        day = self.store.target.date_of(window.begin)
        old = [entry for entry in self.store.manifest.entries.values() if self._touches(entry, window)]
        fresh = covers(Question(self.question.interface, windows=(window,)), None)
        for part in (part for entry in old for part in entry.parts):
            columns = self.store.load(part)
            rows = zip(columns["interval_start"], columns["vdn"], strict=True)
            stale = [fresh(_Place(start, vdn)) for start, vdn in rows]
            staged.add(chosen(columns, lambda place, stale=stale: not stale[place]), day)  # type: ignore[misc]
            if staged.full:
                staged.flush()
        kept = [left for entry in old for each in entry.windows for left in minus(each, [window])]
        question = united(self.question, [*kept, window])
        numbers = tuple(entry.number for entry in old)
        self.store.commit(staged, question, replaces=numbers, rejected=answer.rejected)

    def _touches(self, entry: Entry, window: Window) -> bool:
        return any(overlaps(each, window) for each in entry.windows)


@frozen
class _Place:
    """When and where a row of a file is, as ``covers`` looks at rows."""

    interval_start: Any
    vdn: int
