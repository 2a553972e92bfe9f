"""Query: one question bound to a client, and its verbs: await, plan, stream, one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from datetime import UTC, datetime, tzinfo
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from weakref import WeakKeyDictionary

from attrs import frozen

from cc_async.batch.plan import Plan
from cc_async.batch.result import Batch
from cc_async.batch.stream import Stream
from cc_async.contract.spec import Question

if TYPE_CHECKING:
    from cc_async.export import Exported, Progress

R = TypeVar("R")


@frozen
class Origin(Generic[R]):
    """What stands behind a query, for those who ask it in parts and keep account."""

    record: type[R]
    again: Callable[[Question], Query[R]]
    """The same query of another question of the interface."""
    now: Callable[[], datetime]
    """The server's time, as far as it is known: the client's clock, corrected by the last Date header."""
    partial: bool = False
    host: str = ""
    """``host:port`` it is asked of."""


class Query(Coroutine[Any, Any, Batch[R]], Generic[R]):
    """One question bound to a client; nothing is sent until it is awaited.

    A query may be awaited again, by several tasks at the same time too: each await asks anew. It is a
    ``collections.abc.Coroutine``, so ``asyncio.gather``, ``asyncio.wait_for`` and
    ``TaskGroup.create_task`` take it as it is; ``gather(q, q)`` sees one object and asks once. Never
    awaited, it does nothing and does not warn.

    ``await query`` returns a ``Batch`` and raises what the method that made the query names.
    """

    __slots__ = ("__weakref__", "_ask", "_one", "_origin", "_plan", "_question", "_running", "_stream")

    def __init__(
        self,
        question: Question,
        ask: Callable[[], Coroutine[Any, Any, Batch[R]]],
        plan: Callable[[], Plan],
        stream: Callable[[], Stream[R]],
        one: Callable[[Any, float], Coroutine[Any, Any, R]],
        origin: Origin[R],
    ) -> None:
        self._question = question
        self._ask = ask
        self._plan = plan
        self._stream = stream
        self._one = one
        self._origin = origin
        # A task steps its coroutine from outside: each task that was given this query has its own run.
        self._running: WeakKeyDictionary[asyncio.Task[Any], Coroutine[Any, Any, Batch[R]]]
        self._running = WeakKeyDictionary()

    @property
    def question(self) -> Question:
        """What is asked, apart from who asks; ``client.ask(question)`` makes the query again."""
        return self._question

    def plan(self) -> Plan:
        """What the answer will cost: chunks, requests, seconds at the quota. Nothing is sent."""
        return self._plan()

    def stream(self) -> Stream[R]:
        """The rows one after another, in bounded memory: ``async with query.stream() as rows``.

        The client's default timeout does not hold for streams; one given to the method does.
        """
        return self._stream()

    async def one(self, key: Any, max_age: float = 0.0) -> R:
        """The record of one key, asked together with every other caller of the moment.

        A thousand tasks that want one queue each cost as many requests as one question of a thousand
        queues: callers of one tick, of this client and its copies, are joined per VDN, and who wants what is
        being asked already waits for that answer. Each caller has a result, an error, a timeout
        and a cancellation of its own; when the last one leaves, the request ends.

        Args:
            key: id of a queue, an agent, a task or a VDN; ``(vdn, id)`` where the query is of several VDNs.
            max_age: seconds; a record whose answer came at most so long ago is returned without asking.
                ``sampled_at`` says when it was true.

        Raises:
            UnknownKey: the server answered without this key.
            TypeError: the interface has many rows for one key, or the key is of the wrong kind.
            ValueError: the query was given keys, and this is none of them.
            CcError: as awaiting the query, bare.
        """
        return await self._one(key, max_age)

    @property
    def origin(self) -> Origin[R]:
        """What stands behind it, for those who ask it in parts and keep account."""
        return self._origin

    async def to_parquet(
        self,
        directory: str | PathLike[str],
        *,
        zone: tzinfo = UTC,
        agents: Literal["drop", "hash", "keep"] = "drop",
        hash_key: bytes = b"",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Exported:
        """The rows as files, ``DIR/<interface>/date=YYYY-MM-DD/part-*.parquet``, in bounded memory.

        A time question is written partition by partition (a date, up to 100 VDNs), each entered in a
        manifest when it is whole: stopped at any moment and started again, it asks only what was not
        finished, and every row is there exactly once; a second run asks nothing. 5 minutes that are not over
        yet are not asked. Any other question is one partition, added at every run.

        Args:
            directory: made where it is not there; one writer per interface at a time.
            zone: whose dates ``date=`` names; UTC, or a ZoneInfo.
            agents: ``"drop"`` leaves names, numbers and phones of agents empty, ``"hash"`` writes keyed
                hashes in their place, ``"keep"`` writes them.
            hash_key: the secret key of ``"hash"``, 16 bytes or more.
            on_progress: called with a ``Progress`` after every answer.

        Returns an ``Exported``: rows, parts, requests, done, skipped.

        Raises:
            ExportError: disk full, no permission, another writer, a folder begun with other choices.
            ConfigError: the extra ``frames`` is missing, or a key is.
            CcError: as awaiting the query would; what was finished is in the files.
        """
        from cc_async.export import Privacy, Target, export

        target = Target(directory, zone=zone, privacy=Privacy(agents, hash_key))
        return await export(self, target, on_progress=on_progress)

    def __await__(self) -> Generator[Any, Any, Batch[R]]:
        return self._ask().__await__()

    def send(self, value: Any, /) -> Any:
        """Step the run of the current task; the event loop calls this."""
        return self._step(lambda run: run.send(value))

    def throw(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> Any:
        """Throw into the run of the current task; the event loop calls this to cancel."""
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        if asyncio.current_task() not in self._running:
            raise error  # cancelled before it began: there is nothing to unwind
        return self._step(lambda run: run.throw(error))

    def close(self) -> None:
        """End the runs that are under way, as ``coroutine.close`` does."""
        while self._running:
            _, run = self._running.popitem()
            run.close()

    def _step(self, step: Callable[[Coroutine[Any, Any, Batch[R]]], Any]) -> Any:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a Query is awaited inside a running event loop: 'await query'")
        run = self._running.get(task)
        if run is None:
            run = self._running[task] = self._ask()
        try:
            return step(run)
        except BaseException:
            self._running.pop(task, None)
            raise

    def __repr__(self) -> str:
        return f"<Query {self._question.interface}>"
