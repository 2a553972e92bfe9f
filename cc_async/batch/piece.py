"""What the engine hands on, and to whom."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from attrs import define

from cc_async.batch.chunk import Chunk, Kept
from cc_async.errors import CcError
from cc_async.session.request import Page

R = TypeVar("R")


@define(eq=False)
class Piece(Generic[R]):
    """One answered or failed request, as the engine hands it on."""

    chunk: Chunk[R]
    turn: int
    """How many chunks were drawn before this one: the order in which a stream hands on."""
    number: int
    """Place of the page in its chunk, from 0."""
    last: bool
    """True when the chunk is finished."""
    kept: Kept[R] | None = None
    page: Page[R] | None = None
    error: CcError | None = None


class End(Protocol[R]):
    """Where the pieces go: a batch collects them, a stream hands them on in order."""

    def room(self, turn: int, number: int) -> bool:
        """May this request be sent now? True counts it; a stream says no while its reader is behind."""
        ...

    def take(self, piece: Piece[R]) -> None:
        """Take a piece; called in the order of the answers."""
        ...
