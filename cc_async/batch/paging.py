"""Where the pages of one chunk are: which to ask next, when to stop, what cannot be trusted. Pure."""

from __future__ import annotations


class Paging:
    """The pages of one chunk, as the server really gives them.

    The stride is the number of rows the first page really held: a server may cap below the limit asked for.
    A total is only a hint of how many pages to ask at once; after the last of them reading goes on while
    pages come full, and without a total until a page is empty.
    """

    __slots__ = (
        "_answered_first",
        "_asked",
        "_end",
        "_hint",
        "_limit",
        "_most",
        "_open",
        "_repeated",
        "distinct",
        "problem",
        "stride",
        "total",
    )

    def __init__(self, limit: int, most_rows: int) -> None:
        """Ask pages of ``limit`` rows; more than ``most_rows`` rows are beyond belief."""
        self._limit = limit
        self._most = most_rows
        self._asked = 0
        self._open = 0
        self._hint = 1
        self._end = False
        self._answered_first = False
        self._repeated = 0
        self.stride = 0
        self.total: int | None = None
        self.distinct = 0
        self.problem: str | None = None
        """Why the pages cannot be trusted, or None."""

    def offset(self, page: int) -> int:
        """Row offset of a page, counted from 0."""
        return page * self.stride

    def next(self) -> int | None:
        """The next page to ask, or None: nothing for now, or nothing more (``done`` tells)."""
        if self._end or (self._asked > 0 and not self._answered_first):
            return None
        if self._asked >= self._hint and self._open > 0:
            return None  # the last page hinted at decides whether there are more
        return self._asked

    def draw(self) -> None:
        """The page that ``next`` named is being asked."""
        self._asked += 1
        self._open += 1

    @property
    def done(self) -> bool:
        """True when no page is open and none is left to ask."""
        return self._end and self._open == 0

    def complete(self) -> None:
        """Everything there can be has come: ask no further pages."""
        self._end = True

    def failed(self) -> None:
        """A page failed: ask no further ones."""
        self._open -= 1
        self._end = True

    def took(self, page: int, received: int, fresh: int, total: int | None) -> None:
        """Note an answered page of ``received`` rows, ``fresh`` of them not seen before in this chunk."""
        self._open -= 1
        self.distinct += fresh
        self._repeated += received - fresh
        if total is not None:
            self.total = total
        if page == 0:
            self._first(received)
        if received == 0 or (received < self.stride and page >= self._hint - 1):
            self._end = True
        elif page > 0 and fresh == 0:
            self._distrust("a page repeats rows that came before: the server seems to ignore the offset")
        elif self.distinct > self._most:
            self._distrust(f"more than {self._most} rows came, and no end is in sight")
        if self.done:
            self._weigh()

    def _first(self, received: int) -> None:
        self._answered_first = True
        self.stride = received
        if self.total is None or received == 0:
            return
        self._hint = max(1, -(-min(self.total, self._most) // received))
        # One page that is not as large as it was asked to be, and a total that agrees with it: all is there.
        self._end = self.total == received != self._limit

    def _weigh(self) -> None:
        """At the end: when rows came twice and others of the total are missing, they moved meanwhile."""
        if self._repeated and self.total is not None and self.distinct < self.total:
            self._distrust(
                f"rows moved while the pages were read: {self._repeated} came twice and "
                f"{self.total - self.distinct} of {self.total} are missing"
            )

    def _distrust(self, why: str) -> None:
        self.problem = self.problem or why
        self._end = True
