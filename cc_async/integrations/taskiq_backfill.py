"""Asking workers for what a folder lacks: find out, put it into the queue, wait, keep the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from anyio import to_thread
from attrs import evolve, frozen
from redis.exceptions import RedisError
from taskiq.kicker import AsyncKicker

from cc_async import Query, Question, Window
from cc_async.batch.remainder import windows_of
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Windows
from cc_async.errors import ExportError
from cc_async.export import Target, files
from cc_async.export.layout import Layout, Site
from cc_async.export.manifest import Entry
from cc_async.export.partitions import Coverage, floored, missing, overlaps, partitions
from cc_async.export.schema import Schema
from cc_async.export.shared import Shared
from cc_async.export.store import Store
from cc_async.integrations.redis_link import RedisAway, plain
from cc_async.integrations.taskiq_broker import FOLDER, PartitionBroker
from cc_async.integrations.taskiq_worker import TASK
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
        rule = ENDPOINTS[query.question.interface].split
        if not isinstance(rule, Windows):
            raise ValueError(f"{query.question.interface} is not asked for a time")
        self._query, self._target, self._broker, self._rule, self._clock = query, target, broker, rule, clock
        self._interface = query.question.interface
        self._site = Site(query.origin.host, query.question.cc_id)
        self._folder = str(target.directory.resolve())

    async def order(self) -> Order:
        """Put what is neither done nor queued into the queue; asks the contact center nothing.

        Raises:
            ExportError: the folder cannot be written, or was begun with other choices.
            RedisAway: the queue cannot be reached.
        """
        layout = Layout.of(self._target.directory, self._interface)
        await to_thread.run_sync(files.make_folder, layout.work)
        lock = await to_thread.run_sync(files.Lock, layout.queueing)
        try:
            return await self._order()
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAway(f"{self._broker.where}: {plain(error)}") from None
        finally:
            lock.release()

    async def _order(self) -> Order:
        await self._broker.open_folder(self._folder)
        # The queue first: what leaves it after that is in the folder when we look there.
        messages = await self._broker.messages(self._folder)
        queued = [window for data in messages for window in self._asked(data)]
        entries = await to_thread.run_sync(self._entries)
        until = floored(self._query.origin.now(), self._rule.period)
        done = [window for entry in entries for window in entry.done]
        again = [window for entry in entries for window in entry.again]
        skipped, held, wanted = 0, 0, list[Window]()
        known, known_or_queued = Coverage(self._target, done), Coverage(self._target, [*done, *queued])
        for partition in self._partitions(until):
            skipped += not known.left(partition)
            [left] = missing([partition], known_or_queued)
            for window in left:
                if any(overlaps(window, each) for each in again):
                    held += 1
                else:
                    wanted.append(window)
        await self._broker.forget_failures(self._folder)
        for window in wanted:
            await self._ask(window)
        names = frozenset(_name(entry) for entry in entries)
        return Order(until, len(messages) + len(wanted), skipped, held, names)

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
            await self._clock.sleep(_LOOK)

    async def outcome(self, order: Order) -> Outcome:
        """The account of what came since the order; the queue forgets the folder."""
        entries = await to_thread.run_sync(self._entries)
        new = [entry for entry in entries if _name(entry) not in order.before]
        done = Coverage(self._target, [window for entry in entries for window in (*entry.done, *entry.again)])
        lost = sum(self._lost(window, done) for window in self._partitions(order.until))
        try:
            failed = await self._broker.failed(self._folder)
            await self._broker.close_folder(self._folder)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAway(f"{self._broker.where}: {plain(error)}") from None
        parts = [part for entry in new for part in entry.parts]
        return Outcome(
            sum(part.rows for part in parts), len(parts), len(new), sum(entry.rejected for entry in new),
            max(0, lost - len(failed)), failed,
        )  # fmt: skip

    def _lost(self, window: Window, done: Coverage) -> bool:
        # What the server's clock had not reached is cut off at the end, and not lost.
        return done.left(window) == [window]

    def _partitions(self, until: datetime) -> Any:
        return partitions(self._query.question, self._rule, self._target, until)

    def _entries(self) -> list[Entry]:
        """All that is done. Nobody else at work: slips become entries, and damaged parts are asked again."""
        interface, schema = self._interface, Schema.of(self._query.origin.record)
        try:
            with Store(self._target, interface, self._site, schema) as store:
                store.retire(store.damaged())
        except ExportError as error:
            if not error.retryable:
                raise
        with Shared(self._target.directory, interface, self._site, schema).share() as shared:
            shared.manifest.agree(self._target.header(interface, self._site, False))
            return shared.entries

    def _asked(self, data: bytes) -> tuple[Window, ...]:
        message = self._broker.formatter.loads(data)
        return windows_of(Question.from_json(message.kwargs["question"]))

    async def _ask(self, window: Window) -> None:
        asked = evolve(self._query.question, begin=window.begin, end=window.end, vdns=window.vdns, windows=())
        kicker = AsyncKicker[Any, None](task_name=TASK, broker=self._broker, labels={FOLDER: self._folder})
        await kicker.kiq(question=asked.to_json(), folder=self._folder)


def _name(entry: Entry) -> tuple[str, ...]:
    """What stays the same when a slip becomes an entry."""
    return (entry.question.to_json(), *(part.name for part in entry.parts))
