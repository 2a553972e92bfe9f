"""Query: one question bound to a client, and its verbs: await, plan, stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from cc_async.batch.plan import Plan
from cc_async.batch.result import Batch
from cc_async.batch.stream import Stream
from cc_async.contract.spec import Question

R = TypeVar("R")


class Query(Coroutine[Any, Any, Batch[R]], Generic[R]):
    """One question bound to a client; nothing is sent until it is awaited.

    A query may be awaited again, by several tasks at the same time too: each await asks anew. It is a
    ``collections.abc.Coroutine``, so ``asyncio.gather``, ``asyncio.wait_for`` and
    ``TaskGroup.create_task`` take it as it is; ``gather(q, q)`` sees one object and asks once. Never
    awaited, it does nothing and does not warn.

    ``await query`` returns a ``Batch`` and raises what the method that made the query names.
    """

    __slots__ = ("__weakref__", "_ask", "_plan", "_question", "_running", "_stream")

    def __init__(
        self,
        question: Question,
        ask: Callable[[], Coroutine[Any, Any, Batch[R]]],
        plan: Callable[[], Plan],
        stream: Callable[[], Stream[R]],
    ) -> None:
        self._question = question
        self._ask = ask
        self._plan = plan
        self._stream = stream
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
