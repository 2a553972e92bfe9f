"""How one question is asked: under one deadline, by the engine, into a batch, with its account."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import frozen

from cc_async.batch.collect import Collector, verdict
from cc_async.batch.engine import Engine, Piece
from cc_async.batch.packing import ArrayLimit
from cc_async.batch.result import Batch
from cc_async.batch.split import SplitOptions, split
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
        """How questions of this interface are cut; a published page size is used whole."""
        published = 0 if endpoint.pages is None else endpoint.pages.limit
        return SplitOptions(self.array_limit, max(self.page_size, published))


async def ask(
    core: Core,
    options: Options,
    question: Question,
    endpoint: Endpoint[R],
    *,
    resolve: Resolve,
    timeout: float | None,
    partial: bool,
) -> Batch[R]:
    """Ask a question and return its batch, or raise what ``verdict`` makes of it."""
    session = core.open()
    call = core.begin(endpoint.name, timeout)
    cut = options.split(endpoint)
    collector: Collector[R] | None = None
    cause: CcError | None = None
    try:
        async with call.limit:
            question = await resolve(question, call)
            collector = Collector(question, endpoint, functools.partial(_tell_dropped, session, call))
            if session.watchers:
                session.watchers.tell(events.BatchStarted(call.began, call.number, endpoint.name))
            engine = Engine(
                lambda request: session.send(request, call, options.quotas),
                split(question, endpoint, cut),
                collector,
                workers=options.concurrency,
                page_size=cut.page_size,
            )
            await engine.run()
            cause = engine.cause
    except ClosedError as error:
        cause = error
    except TimeoutError as error:
        if isinstance(error, CcError):
            raise
        cause = CallTimeout(
            f"not finished within {timeout:g} s",
            endpoint=endpoint.name,
            host=session.host,
            hint="give a longer timeout=, ask less at once, or take what arrived with partial=True",
        )
    finally:
        core.end(call)
    if collector is None:
        raise cause or ClosedError("the client was closed")
    batch = collector.batch(
        engine.unfinished(),
        cause,
        began=call.began,
        ended=session.clock.wall(),
        requests=engine.requests,
    )
    if session.watchers:
        _tell_done(session, call, batch)
    return verdict(batch, cause, arrived=collector.arrived, partial=partial)


def _tell_dropped(session: Session, call: Call, piece: Piece[R]) -> None:
    kept = piece.kept
    if kept is None or not kept.dropped or not session.watchers:
        return
    for reason in ("duplicates", "foreign", "outside"):
        if count := getattr(kept, reason):
            event = events.RowsDropped(
                session.clock.wall(), call.number, call.endpoint, piece.chunk.part, reason, count
            )
            session.watchers.tell(event)


def _tell_done(session: Session, call: Call, batch: Batch[R]) -> None:
    seconds = session.clock.monotonic() - call.started
    session.watchers.tell(
        events.BatchDone(
            session.clock.wall(),
            call.number,
            call.endpoint,
            seconds,
            batch.request_count,
            len(batch),
            len(batch.failures),
        )
    )
