"""Asking workers for what a folder lacks: find out, put it into the queue, wait, keep the account."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from anyio import to_thread
from attrs import frozen
from redis.exceptions import RedisError
from taskiq.kicker import AsyncKicker

from cc_async import Query, Question, Window
from cc_async.batch.remainder import windows_of
from cc_async.export import Target, files
from cc_async.export.lacking import done, lacking, untouched
from cc_async.export.layout import Layout
from cc_async.export.manifest import Entry
from cc_async.integrations.redis_link import away, cancels, refusal
from cc_async.integrations.taskiq_broker import PartitionBroker
from cc_async.integrations.taskiq_message import FOLDER, TASK, asked
from cc_async.session.clock import Clock

_LOOK = 0.5
"""Seconds between two looks at the queue."""
OnLook = Callable[[int, int], None]
"""Told how many partitions are left, and how many workers are at work."""


@frozen
class Order:
    """What was found out, and put into the queue."""

    until: datetime
    """Asked is what was over by then."""
    queued: int
    """Partitions in the queue, those of an earlier run included."""
    skipped: int
    """Partitions that were done before."""
    held: int
    """Partitions with rows that could not be read: a backfill without workers puts old and new together."""
    before: frozenset[tuple[str, ...]]
    """The entries that were there: the names of the parts of each."""


@frozen
class Outcome:
    """What the workers made of it."""

    rows: int = 0
    parts: int = 0
    done: int = 0
    rejected: int = 0
    missing: int = 0
    """Partitions that are neither done nor known to have failed: the queue was lost."""
    failed: Mapping[str, str] = {}
    """The reason by part."""


class Backfill:
    """A time question for a folder, done by workers.

    Args:
        query: what is asked, of a client that need not be able to.
        target: the folder, on a disk that all workers see.
        broker: the queue of the same contact center.
        clock: where waiting takes its time from.
    """

    def __init__(self, query: Query[Any], target: Target, broker: PartitionBroker, clock: Clock) -> None:
        self._query, self._target, self._broker, self._clock = query, target, broker, clock
        self._folder = str(target.directory.resolve())

    async def order(self) -> Order:
        """Put what is neither done nor queued into the queue; asks the contact center nothing.

        Raises:
            ExportError: the folder cannot be written, or was begun with other choices.
            RedisAway: the queue cannot be reached.
        """
        layout = Layout.of(self._target.directory, self._query.question.interface)
        await to_thread.run_sync(files.make_folder, layout.work)
        lock = await to_thread.run_sync(files.Lock, layout.queueing)
        try:
            return await self._order()
        except (RedisError, OSError, TimeoutError) as error:
            raise refusal(error, self._broker.where) or away(error, self._broker.where) from None
        finally:
            lock.release()

    async def _order(self) -> Order:
        await self._broker.open_folder(self._folder)
        # The queue first: what leaves it after that is in the folder when we look there.
        messages = await self._broker.messages(self._folder)
        queued = [window for data in messages for window in self._asked(data)]
        found = await lacking(self._query, self._target, queued)
        await self._broker.forget_failures(self._folder)
        for question in found.questions:
            await self._ask(question)
        names = frozenset(map(_name, found.entries))
        return Order(found.until, len(messages) + len(found.questions), found.skipped, found.held, names)

    async def follow(self, on_look: OnLook) -> None:
        """Wait until the queue holds nothing for this folder; goes on when Redis was away."""
        while True:
            try:
                left = await self._broker.waiting(self._folder)
                on_look(left, await self._broker.workers(self._folder) if left else 0)
                if not left:
                    return
            except (RedisError, OSError, TimeoutError):
                on_look(-1, 0)
            if cancels():  # however early: one that came before this call may have been lost in it, too
                raise CancelledError
            await self._clock.sleep(_LOOK)

    async def outcome(self, order: Order) -> Outcome:
        """The account of what came since the order; the queue forgets the folder."""
        entries = await to_thread.run_sync(done, self._query, self._target)
        new = [entry for entry in entries if _name(entry) not in order.before]
        lost = sum(1 for _ in untouched(self._query, self._target, order.until, entries))
        try:
            failed = await self._broker.failed(self._folder)
            await self._broker.close_folder(self._folder)
        except (RedisError, OSError, TimeoutError) as error:
            raise away(error, self._broker.where) from None
        parts = [part for entry in new for part in entry.parts]
        return Outcome(
            sum(part.rows for part in parts), len(parts), len(new), sum(entry.rejected for entry in new),
            max(0, lost - len(failed)), failed,
        )  # fmt: skip

    def _asked(self, data: bytes) -> tuple[Window, ...]:
        question = asked(self._broker.formatter, data)
        try:
            return () if question is None else windows_of(Question.from_json(question))
        except ValueError:
            return ()  # of another release: the worker that is given it says so

    async def _ask(self, question: Question) -> None:
        kicker = AsyncKicker[Any, None](task_name=TASK, broker=self._broker, labels={FOLDER: self._folder})
        await kicker.kiq(question=question.to_json(), folder=self._folder)


def _name(entry: Entry) -> tuple[str, ...]:
    """What stays the same when a slip becomes an entry."""
    return (entry.question.to_json(), *(part.name for part in entry.parts))
