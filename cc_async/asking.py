"""How one question is asked: under one deadline, by the engine, to one of its two ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from attrs import define, frozen

from cc_async.batch.collect import Collector, verdict
from cc_async.batch.engine import End, Engine, Piece
from cc_async.batch.packing import ArrayLimit
from cc_async.batch.result import Batch
from cc_async.batch.split import SplitOptions, split
from cc_async.batch.stream import Buffer, Stream
from cc_async.contract.spec import Endpoint, Question
from cc_async.core import Core
from cc_async.errors import CallTimeout, CcError, ClosedError
from cc_async.session import events
from cc_async.session.call import Call
from cc_async.session.quotas import Quotas
from cc_async.session.session import Session

R = TypeVar("R")

Resolve = Callable[[Question, Call], Awaitable[Question]]
"""Fills in the keys of groups that ask for all of them."""


@frozen
class Options:
    """What may differ between copies of one client."""

    quotas: Quotas
    cc_id: int | None = None
    vdn: int | None = None
    concurrency: int = 32
    timeout: float | None = 60.0
    page_size: int = 100
    array_limit: ArrayLimit = "characters"

    def split(self, endpoint: Endpoint[R]) -> SplitOptions:
        """How questions of this interface are cut; a published page size is used whole, and no more."""
        pages = endpoint.pages
        published = pages is not None and pages.limit == pages.max_limit
        return SplitOptions(self.array_limit, pages.limit if pages and published else self.page_size)


class Ready(Protocol[R]):
    """Makes the end of a run, once the question is known whole."""

    def __call__(self, question: Question, session: Session, call: Call) -> End[R]:
        """The end for this question."""
        ...


@define(eq=False)
class Asking(Generic[R]):
    """One question under way: its call, its engine, and the error that ended it, if one did."""

    core: Core
    options: Options
    question: Question
    endpoint: Endpoint[R]
    resolve: Resolve
    timeout: float | None
    engine: Engine[R] | None = None
    cause: CcError | None = None

    async def run(self, ready: Ready[R]) -> Call:
        """Ask everything; what concerns the whole client or the call's time ends in ``cause``.

        Raises:
            CcError: the keys of the question could not be looked up, or the client is closed.
        """
        session = self.core.open()
        call = self.core.begin(self.endpoint.name, self.timeout)
        try:
            async with call.limit:
                self.question = await self.resolve(self.question, call)
                self.engine = self._engine(session, call, ready(self.question, session, call))
                if session.watchers:
                    session.watchers.tell(events.BatchStarted(call.began, call.number, call.endpoint))
                await self.engine.run()
                self.cause = self.engine.cause
        except ClosedError as error:
            self.cause = error
        except TimeoutError as error:
            if isinstance(error, CcError):
                raise
            self.cause = self._too_late(session)
        finally:
            self.core.end(call)
        return call

    def _engine(self, session: Session, call: Call, end: End[R]) -> Engine[R]:
        cut = self.options.split(self.endpoint)
        return Engine(
            lambda request: session.send(request, call, self.options.quotas),
            split(self.question, self.endpoint, cut, fair=True),
            end,
            workers=self.options.concurrency,
            page_size=cut.page_size,
        )

    def _too_late(self, session: Session) -> CallTimeout:
        return CallTimeout(
            f"not finished within {self.timeout:g} s",
            endpoint=self.endpoint.name,
            host=session.host,
            hint="give a longer timeout=, ask less at once, or take what arrived with partial=True",
        )


async def ask(asking: Asking[R], *, partial: bool) -> Batch[R]:
    """Ask a question and return its batch, or raise what ``verdict`` makes of it."""
    collector: Collector[R] | None = None

    def ready(question: Question, session: Session, call: Call) -> Collector[R]:
        nonlocal collector
        collector = Collector(question, asking.endpoint, lambda piece: tell_dropped(session, call, piece))
        return collector

    call = await asking.run(ready)
    session, engine, cause = asking.core.session, asking.engine, asking.cause
    if session is None or collector is None or engine is None:
        raise cause or ClosedError("the client was closed")
    batch = collector.batch(
        engine.unfinished(),
        cause,
        began=call.began,
        ended=session.clock.wall(),
        requests=engine.requests,
    )
    tell_done(session, call, batch.request_count, len(batch), len(batch.failures))
    return verdict(batch, cause, arrived=collector.arrived, partial=partial)


def stream(asking: Asking[R], *, partial: bool) -> Stream[R]:
    """The stream of a question; nothing is sent until it is entered."""

    async def run(stream: Stream[R]) -> None:
        def ready(question: Question, session: Session, call: Call) -> Buffer[R]:
            stream.on_piece = lambda piece: tell_dropped(session, call, piece)
            return stream.buffer

        call = await asking.run(ready)
        if (session := asking.core.session) is not None:
            tell_done(session, call, stream.request_count, stream.row_count, len(stream.failures))

    window = 2 * asking.options.concurrency
    return Stream(asking, run, window=window, partial=partial, record=asking.endpoint.record)


def tell_dropped(session: Session, call: Call, piece: Piece[R]) -> None:
    """Tell observers about rows that were not kept."""
    kept = piece.kept
    if kept is None or not kept.dropped or not session.watchers:
        return
    for reason in ("duplicates", "foreign", "outside"):
        if count := getattr(kept, reason):
            now, part = session.clock.wall(), piece.chunk.part
            session.watchers.tell(events.RowsDropped(now, call.number, call.endpoint, part, reason, count))


def tell_done(session: Session, call: Call, requests: int, rows: int, failures: int) -> None:
    """Tell observers that a call is over."""
    if session.watchers:
        now, seconds = session.clock.wall(), session.clock.monotonic() - call.started
        session.watchers.tell(
            events.BatchDone(now, call.number, call.endpoint, seconds, requests, rows, failures)
        )
