"""Where the pages of one chunk are: which to ask next, when to stop, what cannot be trusted. Pure."""

from __future__ import annotations

from typing import TypeVar

from attrs import define

from cc_async.session.request import Request

R = TypeVar("R")


def paged(request: Request[R], limit: int, offset: int, page: int = 0) -> Request[R]:
    """The request of one page; ``page`` names it in errors, from 0."""
    params = {**request.params, "limit": limit, "offset": offset}
    part = f"{request.part}, page {page + 1}" if page else request.part
    return Request(request.endpoint, params, request.fill, request.path, part)


@define(eq=False)
class _Reading:
    """One pass over the pages, from the first to the last."""

    start: int
    """Number of its first page; the pages of a second reading are numbered on."""
    asked: int = 0
    hint: int = 1
    """Pages the total promises."""
    stride: int = 0
    first_answered: bool = False
    total: int | None = None
    """The total as it was told last."""
    moved: bool = False
    """True: the total was told twice, differently."""
    absurd: bool = False
    """True: rows came from beyond the total, so it is none."""
    distinct: int = 0
    """Different rows of this reading."""
    repeated: int = 0
    shortest: int | None = None
    """The first page that was not full, counted from the start of the reading."""
    furthest: int = 0
    """The last page that held rows."""

    def note(self, place: int, received: int, once: int, total: int | None) -> None:
        """Note an answered page: ``received`` rows, ``once`` of them not seen before in this reading."""
        if not self.first_answered and place == 0:
            self.first_answered, self.stride = True, received
        self.distinct += once
        self.repeated += received - once
        if total is not None:
            self.moved = self.moved or self.total not in (None, total)
            beyond = min(place * self.stride + received, self.distinct)
            self.absurd = self.absurd or (received > 0 and total < beyond)
            self.total = total
        if received < self.stride:
            self.shortest = place if self.shortest is None else min(self.shortest, place)
        if received:
            self.furthest = max(self.furthest, place)

    @property
    def unsteady(self) -> str | None:
        """What speaks of rows that came or went meanwhile, so that one may have been missed; or None."""
        if self.moved and not self.absurd:
            return f"rows came or went while the pages were read: the total is {self.total} now"
        return None

    def lost(self, distinct: int) -> str | None:
        """What speaks of lost rows, when ``distinct`` different ones were seen in all; or None."""
        total = None if self.absurd else self.total
        missing = 0 if total is None else max(0, total - distinct)
        if self.repeated and (total is None or missing):
            told = f" and {missing} of {total} are missing" if missing else ""
            return f"rows moved while the pages were read: {self.repeated} came twice{told}"
        holed = self.shortest is not None and self.shortest < self.furthest
        if holed and (missing or total is None):
            told = f": {missing} of {total} are missing" if missing else ""
            return f"a page came short although there are rows behind it{told}"
        return None


class Paging:
    """The pages of one chunk, as the server really gives them.

    The stride is the number of rows the first page really held: a server may cap below the limit asked for.
    A total is only a hint of how many pages to ask at once; after the last of them reading goes on while
    pages come full, and without a total until a page is empty. When rows moved meanwhile, everything is read
    once more; when that is no better, ``problem`` says so.
    """

    __slots__ = (
        "_end",
        "_most",
        "_open",
        "_proven",
        "_reading",
        "distinct",
        "limit",
        "problem",
    )

    def __init__(self, limit: int, most_rows: int) -> None:
        """Ask pages of ``limit`` rows; more than ``most_rows`` rows are beyond belief."""
        self.limit = limit
        self._most = most_rows
        self._open = 0
        self._end = False
        self._proven = False
        self._reading = _Reading(0)
        self.distinct = 0
        """Different rows so far, of every reading."""
        self.problem: str | None = None
        """Why the pages cannot be trusted, or None."""

    @property
    def stride(self) -> int:
        """Rows the first page held: how far apart the pages are."""
        return self._reading.stride

    @property
    def total(self) -> int | None:
        """What the server says how many rows there are, or None."""
        return self._reading.total

    @property
    def again(self) -> bool:
        """True while everything is read a second time."""
        return self._reading.start > 0

    def offset(self, page: int) -> int:
        """Row offset of a page; pages are counted from 0, through both readings."""
        return (page - self._reading.start) * self._reading.stride

    def next(self) -> int | None:
        """The next page to ask, or None: nothing for now, or nothing more (``done`` tells)."""
        reading = self._reading
        if self._end or (reading.asked > 0 and not reading.first_answered):
            return None
        if reading.asked >= reading.hint and self._open > 0:
            return None  # the last page hinted at decides whether there are more
        return reading.start + reading.asked

    def draw(self) -> None:
        """The page that ``next`` named is being asked."""
        self._reading.asked += 1
        self._open += 1

    @property
    def done(self) -> bool:
        """True when no page is open and none is left to ask."""
        return self._end and self._open == 0

    def complete(self) -> None:
        """Everything there can be has come: ask no further pages, doubt nothing."""
        self._end = self._proven = True
        self.problem = None

    def failed(self) -> None:
        """A page failed: ask no further ones."""
        self._open -= 1
        self._end = self._proven = True  # the error says enough

    def took(self, page: int, received: int, fresh: int, total: int | None, once: int | None = None) -> None:
        """Note an answered page of ``received`` rows.

        ``fresh`` of them were not seen before in this chunk; ``once`` of them, given in a second reading, not
        before in that reading.
        """
        reading = self._reading
        self._open -= 1
        place = page - reading.start
        self.distinct += fresh
        reading.note(place, received, fresh if once is None else once, total)
        if place == 0:
            self._first(received)
        short = received < reading.stride and place >= reading.hint - 1
        if received == 0 or (short and reading.total is not None):
            self._end = True
        elif place > 0 and (fresh if once is None else once) == 0:
            self._repeats()
        elif self.distinct > self._most:
            self._distrust(f"more than {self._most} rows came, and no end is in sight")
        if self.done and self.problem is None and not self._proven:
            self._weigh()

    def _first(self, received: int) -> None:
        total = self._reading.total
        if total is None or received == 0:
            return
        self._reading.hint = max(1, -(-min(total, self._most) // received))
        # One page that is not as large as it was asked to be, and a total that agrees with it: all is there.
        self._end = total == received != self.limit

    def _repeats(self) -> None:
        """A page brought nothing new; a server that ignores the limit too gave everything at once."""
        reading = self._reading
        if reading.stride > self.limit and (reading.total is None or self.distinct >= reading.total):
            self._end = self._proven = True
        else:
            self._distrust("a page repeats rows that came before: the server seems to ignore the offset")

    def _weigh(self) -> None:
        """At the end of a reading: is everything there? If not, read once more, then say why not."""
        reading = self._reading
        doubt = reading.lost(self.distinct) or reading.unsteady
        if doubt is None:
            return
        if not self.again:
            self._reading = _Reading(reading.start + reading.asked)
            self._end = False
        elif reading.lost(self.distinct) or reading.distinct != self.distinct:
            # Two readings that found the same rows missed none, whatever the total does.
            self._distrust(f"{doubt}, at the second reading too")

    def _distrust(self, why: str) -> None:
        self.problem = self.problem or why
        self._end = True
