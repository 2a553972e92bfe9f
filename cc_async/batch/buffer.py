"""Answers that came early, until it is their turn; what keeps a stream in bounded memory and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from cc_async.batch.engine import Piece

R = TypeVar("R")


class Buffer(Generic[R]):
    """Pieces that came early, until it is their turn; says when more may be asked."""

    def __init__(self, window: int, on_piece: Callable[[Piece[R]], None]) -> None:
        """Let at most ``window`` requests be ahead of the reader; ``on_piece`` sees each as it comes."""
        self._window = window
        self._on_piece = on_piece
        self._early: dict[tuple[int, int], Piece[R]] = {}
        self._finished: set[int] = set()
        self._next = (0, 0)
        self._ahead = 0
        self._ended = False
        self._news = asyncio.Event()

    def room(self, turn: int, number: int) -> bool:
        """While few pieces are ahead of the reader; what the reader waits for always has room."""
        if self._ahead >= self._window and (turn, number) != self._next:
            return False
        self._ahead += 1
        return True

    def take(self, piece: Piece[R]) -> None:
        """Keep a piece until its turn."""
        self._on_piece(piece)
        self._early[piece.turn, piece.number] = piece
        if piece.last:
            self._finished.add(piece.turn)
            self._settle()
        self._news.set()

    def end(self) -> None:
        """No more pieces will come: what is missing stays missing."""
        self._ended = True
        self._news.set()

    @property
    def ended(self) -> bool:
        """True when no more pieces will come."""
        return self._ended

    async def wait(self) -> None:
        """Until something has come since the last look."""
        await self._news.wait()

    def draw(self) -> Piece[R] | None:
        """The next piece in order, or None when it has not come yet."""
        piece = self._early.pop(self._next, None)
        if piece is None and self._ended and self._early:
            piece = self._early.pop(min(self._early))
        if piece is None:
            self._news.clear()
            return None
        self._next = (piece.turn, piece.number + 1)
        self._ahead -= 1
        self._settle()
        return piece

    def _settle(self) -> None:
        """Go on to the next chunk when this one has nothing more."""
        while self._next[0] in self._finished and self._next not in self._early:
            self._finished.remove(self._next[0])
            self._next = (self._next[0] + 1, 0)
