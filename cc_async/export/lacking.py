"""What a folder lacks of a time question, as questions of one partition each: for any engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from attrs import evolve, frozen

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Question, Window, Windows
from cc_async.errors import ExportError
from cc_async.export.layout import Site, Target
from cc_async.export.manifest import Entry
from cc_async.export.partitions import Coverage, floored, missing, overlaps, partitions
from cc_async.export.schema import Schema
from cc_async.export.shared import Shared
from cc_async.export.store import Store

if TYPE_CHECKING:
    from cc_async.query import Query


@frozen
class Lacking:
    """What is to be asked, and what is not."""

    questions: tuple[Question, ...]
    """A partition each; ``fill`` asks one and enters it, once however often it is told."""
    skipped: int
    """Partitions that are done."""
    held: int
    """Partitions with rows that could not be read: only a lone writer can put old and new rows together."""
    until: datetime
    """Asked is what was over by then."""
    entries: tuple[Entry, ...]
    """What is done."""


async def lacking(query: Query[Any], target: Target, queued: Iterable[Window] = ()) -> Lacking:
    """What a folder lacks of a time question and is not queued; begins the folder, asks nothing.

    Raises:
        ExportError: the folder cannot be written, or was begun with other choices.
        ValueError: the question is not about a time.
    """
    rule = _rule(query)
    until = floored(query.origin.now(), rule.period)
    return await to_thread.run_sync(_lacking, query, target, tuple(queued), until)


def _lacking(query: Query[Any], target: Target, queued: Iterable[Window], until: datetime) -> Lacking:
    rule, entries = _rule(query), done(query, target)
    over = [window for entry in entries for window in entry.done]
    again = [window for entry in entries for window in entry.again]
    skipped, held, wanted = 0, 0, list[Window]()
    known, known_or_queued = Coverage(target, over), Coverage(target, [*over, *queued])
    for partition in partitions(query.question, rule, target, until):
        skipped += not known.left(partition)
        [left] = missing([partition], known_or_queued)
        for window in left:
            if any(overlaps(window, each) for each in again):
                held += 1
            else:
                wanted.append(window)
    questions = tuple(_question(query.question, window) for window in wanted)
    return Lacking(questions, skipped, held, until, tuple(entries))


def untouched(
    query: Query[Any], target: Target, until: datetime, entries: Iterable[Entry]
) -> Iterator[Window]:
    """The partitions of which nothing is done.

    What the server's clock had not reached is cut off at the end of a partition, and is no reason to worry.
    """
    touched = Coverage(target, [window for entry in entries for window in (*entry.done, *entry.again)])
    for window in partitions(query.question, _rule(query), target, until):
        if touched.left(window) == [window]:
            yield window


def done(query: Query[Any], target: Target) -> list[Entry]:
    """All that is done. With nobody else at work, damaged partitions are done no longer; blocks."""
    interface, schema = query.question.interface, Schema.of(query.origin.record)
    site = Site(query.origin.host, query.question.cc_id)
    try:
        with Store(target, interface, site, schema) as store:
            store.retire(store.damaged())
    except ExportError as error:
        if not error.retryable:
            raise
    with Shared(target.directory, interface, site, schema).share() as shared:
        shared.manifest.agree(target.header(interface, site, False))
        return shared.entries


def _rule(query: Query[Any]) -> Windows:
    rule = ENDPOINTS[query.question.interface].split
    if not isinstance(rule, Windows):
        raise ValueError(f"{query.question.interface} is not asked for a time")
    return rule


def _question(question: Question, window: Window) -> Question:
    return evolve(question, begin=window.begin, end=window.end, vdns=window.vdns, windows=())
