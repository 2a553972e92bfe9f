"""How one question is asked: under one deadline, by the engine, to one of its two ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from attrs import define, evolve, frozen

from cc_async.batch.buffer import Buffer
from cc_async.batch.collect import Collector, verdict
from cc_async.batch.engine import End, Engine
from cc_async.batch.learn import Learner, PageSize, teachable
from cc_async.batch.packing import ArrayLimit
from cc_async.batch.result import Batch, Failure
from cc_async.batch.split import SplitOptions, split
from cc_async.batch.stream import Stream
from cc_async.clients.core import Core
from cc_async.clients.lookup import Resolved
from cc_async.clients.telling import name_of, tell_begun, tell_done, tell_dropped
from cc_async.contract.spec import Endpoint, Question
from cc_async.errors import CallTimeout, CcError, ClosedError
from cc_async.session.call import Call
from cc_async.session.quotas import Quotas
from cc_async.session.request import Page, Request
from cc_async.session.session import Session

R = TypeVar("R")

ROWS_AHEAD = 8_000
"""Rows of pages a stream reads ahead at the most: 2 MB of them."""

Resolve = Callable[[Question, Call], Awaitable[Resolved]]
"""Fills in the keys of groups that ask for all of them."""


@frozen
class Options:
    """What may differ between copies of one client."""

    quotas: Quotas
    cc_id: int | None = None
    vdn: int | None = None
    concurrency: int = 32
    timeout: float | None = 60.0
    page_size: PageSize = 100
    array_limit: ArrayLimit = "characters"

    def split(self, endpoint: Endpoint[R], learned: int | None = None) -> SplitOptions:
        """How questions of this interface are cut; a published page size is used whole, and no more.

        ``learned``: the page size the host taught, which counts where it is to be learned.
        """
        pages, size = endpoint.pages, self.page_size
        if pages is not None and pages.limit == pages.max_limit:
            size = pages.limit
        elif size == "learn":
            size = learned or (100 if pages is None else pages.limit)
        return SplitOptions(self.array_limit, size)

    def window(self, endpoint: Endpoint[R]) -> int:
        """Requests a stream may be ahead of its reader: enough to keep all busy, and bounded in rows."""
        most = 2 * self.concurrency
        if endpoint.pages is None:
            return most
        rows = self.split(endpoint, endpoint.pages.max_limit).page_size
        return max(2, min(most, ROWS_AHEAD // rows))


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
    lost: tuple[Failure, ...] = ()
    """Groups whose keys could not be looked up."""

    async def run(self, ready: Ready[R]) -> Call:
        """Ask everything; what concerns the whole client or the call's time ends in ``cause``.

        Raises:
            CcError: the keys of the question could not be looked up, or the client is closed.
        """
        session = self.core.open()
        call = self.core.begin(self.endpoint.name, self.timeout)
        tell_begun(session, call)
        try:
            await self._run(ready, session, call)
        except BaseException as error:  # who was told that it began is told that it is over
            tell_done(session, call, self.requests, 0, 0, name_of(error))
            raise
        finally:
            self.core.end(call)
        return call

    async def _run(self, ready: Ready[R], session: Session, call: Call) -> None:
        try:
            async with call.limit:
                resolved = await self.resolve(self.question, call)
                self.question, self.lost = resolved.question, resolved.lost
                end = ready(self.question, session, call)
                self.engine, learner = self._engine(session, call, resolved.known, end)
                if learner is not None and (first := self.engine.peek()) is not None:
                    self.engine.page_size = await learner.page_size(first)
                await self.engine.run()
                self.cause = self.engine.cause
        except ClosedError as error:
            self.cause = error
        except TimeoutError as error:
            if isinstance(error, CcError):
                raise
            self.cause = self._too_late(session)

    @property
    def requests(self) -> int:
        """Requests answered or failed so far."""
        return 0 if self.engine is None else self.engine.requests

    def _engine(
        self, session: Session, call: Call, known: Question, end: End[R]
    ) -> tuple[Engine[R], Learner[R] | None]:
        """The engine, and who learns the page size for it if that is wanted."""
        memory, endpoint = session.memory, self.endpoint
        cut = self.options.split(endpoint, memory.page_sizes.get(endpoint.name))

        def send(request: Request[R]) -> Awaitable[Page[R]]:
            return session.send(self._filled(request), call, self.options.quotas)

        learns = self.options.page_size == "learn" and teachable(endpoint)
        learner = Learner(send, memory, endpoint) if learns else None
        engine = Engine(
            learner.send if learner is not None else send,
            split(known, self.endpoint, cut, fair=True),
            end,
            workers=self.options.concurrency,
            page_size=cut.page_size,
        )
        return engine, learner

    def _filled(self, request: Request[R]) -> Request[R]:
        """The request, with what the client itself knows of the agent it is about."""
        at = None if request.agent_id is None else self.core.signed_in_at.get(request.agent_id)
        return request if at is None else evolve(request, fill={**request.fill, "signed_in_at": at})

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

    try:
        call = await asking.run(ready)
    except CcError as error:
        _nothing_asked(asking, error)
        raise
    session, engine, cause = asking.core.session, asking.engine, asking.cause
    if session is None or collector is None or engine is None:
        nothing = _nothing_asked(asking, cause or ClosedError("the client was closed"))
        if session is not None:
            tell_done(session, call, 0, 0, 0, name_of(nothing))
        raise nothing
    batch = collector.batch(
        engine.unfinished(),
        cause,
        began=call.began,
        ended=session.clock.wall(),
        requests=engine.requests,
    )
    if asking.lost:
        batch = evolve(batch, failures=(*asking.lost, *batch.failures))
    tell_done(session, call, batch.request_count, len(batch), len(batch.failures), name_of(cause))
    return verdict(batch, cause, arrived=collector.arrived, partial=partial)


def _nothing_asked(asking: Asking[R], error: CcError) -> CcError:
    """The error, its batch being that of this question: all of it is left, for ``retry`` to ask."""
    failure = Failure(asking.question, (), None, None, error, error.attempts)
    record, key = asking.endpoint.record, asking.endpoint.key
    error.batch = Batch((), asking.question, record, failures=(failure,), key_field=key)
    return error


def stream(asking: Asking[R], *, partial: bool) -> Stream[R]:
    """The stream of a question; nothing is sent until it is entered."""

    async def run(stream: Stream[R]) -> None:
        def ready(question: Question, session: Session, call: Call) -> Buffer[R]:
            stream.on_piece = lambda piece: tell_dropped(session, call, piece)
            return stream.buffer

        call = await asking.run(ready)
        stream.cut_off()
        if (session := asking.core.session) is not None:
            failures, error = len(stream.failures), name_of(stream.cause)
            tell_done(session, call, stream.request_count, stream.row_count, failures, error)

    window = asking.options.window(asking.endpoint)
    return Stream(asking, run, window=window, partial=partial, record=asking.endpoint.record)
