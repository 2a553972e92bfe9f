"""Many callers who want one key each: the fewest questions that answer them all."""

from __future__ import annotations

import asyncio
import copy
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from operator import attrgetter
from typing import Any, Generic, TypeVar

from cc_async.batch.engine import Piece
from cc_async.contract.spec import Endpoint
from cc_async.errors import CcError, ClosedError, DecodeError, UnknownKey
from cc_async.session.clock import Clock

R = TypeVar("R")

KEPT_RECORDS = 20_000
"""Records remembered for callers with a ``max_age``, at the most."""

Key = Any
Run = Callable[[tuple[Key, ...], "Joined[R]"], Awaitable[CcError | None]]
"""Asks the keys, hands the pieces to a ``Joined``, returns the error that ended everything, or None."""


class Joined(Generic[R]):
    """One question on behalf of many callers: an end of the engine that answers each as its part comes.

    ``wants_all``: the question has no keys, every row of the place comes anyway.
    """

    def __init__(self, endpoint: Endpoint[R], *, wants_all: bool, on_row: Callable[[Key, R], None]) -> None:
        self._on_row = on_row
        self._waiting: dict[Key, set[asyncio.Future[R | Exception]]] = {}
        self._callers = 0  # in all of those sets: thousands may leave at once, and each asks who is left
        self._rows: dict[Key, R] = {}
        self._key_of: Callable[[R], Key] = attrgetter(endpoint.key or "key")
        self._blurred = False
        self._over = False
        self.on_piece: Callable[[Piece[R]], None] | None = None
        """Sees every answer."""
        self.row_count = 0
        self.failure_count = 0
        self.wants_all = wants_all
        self.task: asyncio.Task[None] | None = None
        """The run, once it was started."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys somebody waits for."""
        return tuple(self._waiting)

    def awaits(self, key: Key) -> bool:
        """True while a caller of this key may join."""
        return (self.wants_all and not self._over) or key in self._waiting

    def join(self, key: Key) -> asyncio.Future[R | Exception]:
        """A future of one caller's own, for the record or for the error."""
        future: asyncio.Future[R | Exception] = asyncio.get_running_loop().create_future()
        if key in self._rows:
            future.set_result(self._rows[key])
        else:
            self._waiting.setdefault(key, set()).add(future)
            self._callers += 1
        return future

    def leave(self, key: Key, future: asyncio.Future[R | Exception]) -> bool:
        """One caller waits no more; True when nobody does and something is still asked for nobody."""
        mine = self._waiting.get(key)
        if mine is None:
            # Answered. What else is asked may have been left by those who wanted it.
            return bool(self._waiting) and not self._callers
        if future in mine:
            mine.remove(future)
            self._callers -= 1
        if not mine and self.wants_all:
            del self._waiting[key]  # its row is not asked for, it comes with the others
        return not self._callers

    def settle(self) -> bool:
        """The tick is over: forget those who were cancelled in it; False when nobody is left."""
        for key in self.keys:
            mine = {future for future in self._waiting.pop(key) if not future.done()}
            if mine:
                self._waiting[key] = mine
        self._callers = sum(map(len, self._waiting.values()))
        return bool(self._waiting)

    def room(self, turn: int, number: int) -> bool:
        """Always."""
        return True

    def take(self, piece: Piece[R]) -> None:
        """Answer those whose keys this piece holds or should have held."""
        if self.on_piece is not None:
            self.on_piece(piece)
        self.failure_count += piece.error is not None
        if piece.kept is not None:
            self.row_count += len(piece.kept.rows)
            for row in piece.kept.rows:
                key = self._key_of(row)
                self._on_row(key, row)
                if self.wants_all:
                    self._rows[key] = row
                self._answer(key, row)
        self._blurred = self._blurred or bool(piece.page and piece.page.rejected)
        if not self.wants_all:
            for key in piece.chunk.keys:
                self._answer(key, piece.error or self._missing(piece, key))
            self._blurred = False
        elif piece.last or piece.error is not None:
            self._over = True
            for key in self.keys:
                self._answer(key, piece.error or self._missing(piece, key))

    def fail(self, error: Exception) -> None:
        """Tell everybody who still waits."""
        self._over = True
        for key in self.keys:
            self._answer(key, error)

    def _answer(self, key: Key, outcome: R | Exception) -> None:
        waiting = self._waiting.pop(key, set())
        self._callers -= len(waiting)
        for future in waiting:
            if not future.done():
                # Raised in several tasks, one error would collect the tracebacks of all.
                future.set_result(copy.copy(outcome) if isinstance(outcome, CcError) else outcome)

    def _missing(self, piece: Piece[R], key: Key) -> CcError:
        part = piece.chunk.part
        if self._blurred:
            return DecodeError(f"no readable row of {key}, and some rows could not be read", part=part)
        return UnknownKey(f"the server answered without {key}", part=part)


class Coalescer:
    """Joins the callers of one tick, and those who want what is being asked already.

    It belongs to one client and its copies. A *place* is all that must be equal for two callers to share a
    question: credential, interface, call center, VDN.
    """

    def __init__(self, clock: Clock, host: str) -> None:
        self._clock = clock
        self._host = host
        self._gathering: dict[Hashable, Joined[Any]] = {}
        self._asking: dict[Hashable, set[Joined[Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._known: OrderedDict[tuple[Hashable, Key], tuple[float, Any]] = OrderedDict()
        self._closed = False

    def remembered(self, place: Hashable, key: Key, max_age: float) -> Any | None:
        """A record of this key whose answer came at most ``max_age`` seconds ago, or None."""
        entry = self._known.get((place, key))
        fresh = entry is not None and max_age > 0 and self._clock.monotonic() - entry[0] <= max_age
        return entry[1] if entry is not None and fresh else None

    async def one(
        self, place: Hashable, key: Key, endpoint: Endpoint[R], run: Run[R], *, wants_all: bool
    ) -> R:
        """The record of one key, asked together with what others want of this place.

        ``run`` is used when nobody else asks this place in the same tick. The caller's own time limit is
        his own business: cancelled, he leaves; when the last one leaves, the request ends.

        Raises:
            UnknownKey: the server answered without this key.
            CcError: the part of the question with this key failed; only its callers hear of it.
        """
        joined: Joined[R] = self._joined(place, key, endpoint, run, wants_all)
        future = joined.join(key)
        try:
            outcome = await future
        finally:
            if joined.leave(key, future):
                self._drop(place, joined)
        if isinstance(outcome, CcError):
            raise outcome.located(endpoint=endpoint.name, host=self._host)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _joined(
        self, place: Hashable, key: Key, endpoint: Endpoint[R], run: Run[R], wants_all: bool
    ) -> Joined[R]:
        if self._closed:
            raise self._too_late()
        for joined in self._asking.get(place, ()):
            if joined.awaits(key):
                return joined
        gathered = self._gathering.get(place)
        if gathered is None:

            def remember(key: Key, row: R) -> None:
                self._remember((place, key), row)

            gathered = self._gathering[place] = Joined(endpoint, wants_all=wants_all, on_row=remember)
            asyncio.get_running_loop().call_soon(self._start, place, gathered, run)
        return gathered

    def _remember(self, name: tuple[Hashable, Key], row: Any) -> None:
        self._known[name] = (self._clock.monotonic(), row)
        self._known.move_to_end(name)
        if len(self._known) > KEPT_RECORDS:
            self._known.popitem(last=False)

    def _start(self, place: Hashable, joined: Joined[Any], run: Run[Any]) -> None:
        """The tick is over: everybody who wanted to join has."""
        if self._gathering.pop(place, None) is None or not joined.settle():
            return
        self._asking.setdefault(place, set()).add(joined)
        task = asyncio.create_task(self._ask(place, joined, run), name="cc_async one")
        joined.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, place: Hashable, joined: Joined[R], run: Run[R]) -> None:
        error: Exception = self._too_late()
        try:
            error = await run(joined.keys, joined) or UnknownKey("the server answered without this key")
        except Exception as caught:
            error = caught  # whoever waits raises it
        finally:
            self._forget(place, joined)
            joined.fail(error)

    def _drop(self, place: Hashable, joined: Joined[Any]) -> None:
        """Nobody waits any more."""
        self._forget(place, joined)
        if joined.task is not None:
            joined.task.cancel()

    def _forget(self, place: Hashable, joined: Joined[Any]) -> None:
        asking = self._asking.get(place)
        if asking is not None:
            asking.discard(joined)
            if not asking:
                del self._asking[place]

    def _too_late(self) -> ClosedError:
        return ClosedError("the client was closed", host=self._host)

    async def aclose(self) -> None:
        """Tell everybody who still waits, and end what runs."""
        self._closed = True
        for joined in self._gathering.values():
            joined.fail(self._too_late())
        self._gathering.clear()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
