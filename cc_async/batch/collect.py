"""One end of the engine: collect everything into a Batch, and decide whether it is an answer or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from typing import Generic, TypeVar

from cc_async.batch.chunk import Chunk
from cc_async.batch.engine import Piece
from cc_async.batch.merge import Outcome, assemble
from cc_async.batch.result import Batch, Failure
from cc_async.contract.spec import Endpoint, Question
from cc_async.errors import BatchError, CcError, ConnectError, DecodeError
from cc_async.session.request import Rejected

R = TypeVar("R")


class Collector(Generic[R]):
    """Takes pieces in the order of the answers; a batch has room for all of them."""

    def __init__(
        self, question: Question, endpoint: Endpoint[R], on_piece: Callable[[Piece[R]], None]
    ) -> None:
        self._question = question
        self._endpoint = endpoint
        self._on_piece = on_piece
        # A part that took one request is at once what it came to: of a large batch little but rows stays.
        self._outcomes: dict[int, Outcome[R]] = {}
        self._pages: dict[int, list[Piece[R]]] = {}
        self.arrived = False
        """True when anything was answered: a readable row, or a part that has none."""

    def room(self, turn: int, number: int) -> bool:
        """Always."""
        return True

    def take(self, piece: Piece[R]) -> None:
        """Keep a piece until the end."""
        self._on_piece(piece)
        if piece.last and piece.number == 0:
            self._outcomes[piece.chunk.index] = _outcome_of_one(piece)
        else:
            self._pages.setdefault(piece.chunk.index, []).append(piece)

    def batch(
        self,
        unfinished: Iterable[Chunk[R]],
        cause: CcError | None,
        *,
        began: float,
        ended: float,
        requests: int,
    ) -> Batch[R]:
        """Everything that came; ``unfinished`` chunks fail with ``cause``. Times are epoch seconds."""
        outcomes = self._outcomes | {index: _outcome(pieces) for index, pieces in self._pages.items()}
        for chunk in unfinished:
            outcome = outcomes.setdefault(chunk.index, Outcome(chunk))
            if outcome.error is None and cause is not None:
                outcome.error = for_part(cause, chunk)
        self.arrived = any(o.rows or not (o.error or o.rejected) for o in outcomes.values())
        return assemble(
            self._question,
            self._endpoint,
            outcomes.values(),
            began=datetime.fromtimestamp(began, UTC),
            ended=datetime.fromtimestamp(ended, UTC),
            request_count=requests,
        )


def _outcome_of_one(piece: Piece[R]) -> Outcome[R]:
    """What a chunk of one piece came to."""
    if piece.kept is None or piece.page is None:
        return Outcome(piece.chunk, error=piece.error)
    kept = piece.kept
    return Outcome(piece.chunk, kept.rows, piece.page.rejected, piece.error, kept.dropped, kept.exact)


def _outcome(pieces: list[Piece[R]]) -> Outcome[R]:
    """What the pieces of one chunk come to, its pages in order."""
    pieces.sort(key=attrgetter("number"))
    parts = [_outcome_of_one(piece) for piece in pieces]
    return Outcome(
        pieces[0].chunk,
        tuple(chain.from_iterable(part.rows for part in parts)),
        tuple(chain.from_iterable(part.rejected for part in parts)),
        next((part.error for part in parts if part.error is not None), None),
        sum(part.dropped for part in parts),
    )


def for_part(cause: CcError, chunk: Chunk[R]) -> CcError:
    """The same error, said of a part that was not asked because of it."""
    error = type(cause).__new__(type(cause), *cause.args)
    error.args = cause.args
    error.__dict__.update(cause.__dict__, part=chunk.part, endpoint=chunk.request.endpoint.name, batch=None)
    return error


def verdict(batch: Batch[R], cause: CcError | None, *, arrived: bool, partial: bool) -> Batch[R]:
    """Return the batch if it is an answer, or raise what it is instead, with the batch in ``.batch``.

    An error that concerns the whole client (or the call: its time) is raised bare, every other failure and
    every unreadable row inside a ``BatchError``. With ``partial`` the batch is an answer as soon as
    anything of it ``arrived``.
    """
    if cause is None and batch.complete:
        return batch
    if partial and arrived:
        return batch
    errors = [failure.error for failure in batch.failures]
    if cause is None and not arrived and errors and all(isinstance(e, ConnectError) for e in errors):
        cause = errors[0]  # nothing is reachable
    if cause is not None:
        cause.batch = batch
        raise cause
    name = batch.question.interface if batch.question else "batch"
    error = incomplete(name, batch.failures, len(batch.rejected), batch.rejected, len(batch))
    error.batch = batch
    raise error


def incomplete(
    name: str, failures: Sequence[Failure], rejected: int, examples: Sequence[Rejected], rows: int
) -> BatchError:
    """The error that says what of a question is missing, and how much arrived all the same."""
    errors = [failure.error for failure in failures]
    told = [f"{len(failures)} parts failed"] if failures else []
    if rejected:
        told.append(f"{_rows(rejected)} unreadable")
        errors.append(
            DecodeError(
                f"{_rows(rejected)} could not be read, the first: {examples[0].reason}",
                endpoint=name,
                part=examples[0].part,
                hint="rejected lists them; partial=True returns the others",
            )
        )
    return BatchError(f"{name}: {' and '.join(told)}, {rows} rows arrived; first: {errors[0]}", errors)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
