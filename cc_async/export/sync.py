"""Keeping files up to date: what is new since the watermark, and the last hours once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from attrs import evolve, frozen

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Question, Window, Windows
from cc_async.export.layout import Site, Target
from cc_async.export.manifest import Entry
from cc_async.export.partitions import Coverage, floored, minus, overlaps, partitions
from cc_async.export.progress import Exported, OnProgress
from cc_async.export.run import Run
from cc_async.export.schema import Schema
from cc_async.export.store import Store
from cc_async.export.ways import Timed

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

    Asked is what the files lack, for every VDN of the question, since the begin of the question or of the
    earliest one synced into this folder; and the last ``reread`` before the watermark (the end of the last
    whole sync) again: rows read again take the place of those in the files, whose dates are written anew.
    The end is the question's, or ``settle`` before now if that is earlier. Returns and raises as ``export``.
    """
    interface = query.question.interface
    rule = ENDPOINTS[interface].split
    if not isinstance(rule, Windows) or query.question.begin is None or query.question.end is None:
        raise ValueError(
            f"sync wants a question of one stretch of time, which {interface} has not been given"
        )
    origin = query.origin
    site = Site(origin.host, query.question.cc_id)
    with await to_thread.run_sync(Store, target, interface, site, Schema.of(origin.record)) as store:
        until = min(query.question.end, floored(query.origin.now() - settle, rule.period))
        run = Run(query, store, on_progress)
        # A question that begins later each time must not leave behind what an earlier one did not get.
        begin = await to_thread.run_sync(store.manifest.since, query.question.begin)
        question = evolve(query.question, begin=begin)
        wanted = list(_wanted(question, rule, store, until, reread))
        run.progress.total = len(wanted)
        exported = await run.windows(wanted, Renew(question, store, rule.period, settle=settle))
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
    done = [window for entry in store.manifest.entries.values() for window in entry.done]
    mark = store.manifest.watermark
    if mark is not None:
        again = Window(min(mark, until) - reread, min(mark, until))
        done = [left for window in done for left in minus(window, [again])]
    coverage = Coverage(store.target, done)
    for window in partitions(question, rule, store.target, until):
        yield from coverage.left(window)


@frozen
class Renew(Timed):
    """Puts a partition in the place of the same time and VDNs in the files."""

    def replaces(self, entry: Entry, window: Window) -> bool:
        """Whatever was there of the same time and VDNs gives way."""
        return any(overlaps(each, window) for each in entry.windows)
