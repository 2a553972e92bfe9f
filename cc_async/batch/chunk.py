"""One piece of a question, and which of the rows that come back for it are kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Generic, TypeVar

from attrs import define, field

from cc_async.contract.spec import Endpoint, IdArray, Windows
from cc_async.session.request import Request

R = TypeVar("R")
Keys = tuple[int, ...] | tuple[str, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

INSTANT = "interval_start"
"""Record field that says when a row of a time question begins."""


# Both are made for every request and not changed after: frozen, they would take three times as long to make.
@define
class Chunk(Generic[R]):
    """One piece of a question: one request, or the first page of one that is paged."""

    index: int
    """Its place in the order of the question, from 0; answers are merged in this order."""
    request: Request[R]
    """Without ``limit`` and ``offset``: pages are the engine's."""
    vdn: int | None = None
    keys: Keys = ()
    """The keys it asks for; empty when rows are not asked for by key."""
    vdns: tuple[int, ...] | None = None
    """The VDNs of a time window (None: all)."""
    window: tuple[datetime, datetime] | None = None
    """[begin, end) in UTC; the request may ask a little more, rows outside are dropped."""
    expect_rows: int | None = None
    """Rows it can bring at the most, or None when nobody knows."""

    @property
    def part(self) -> str:
        """Which part of the question this is, for people: ``vdn 170, skills 1..222``."""
        return self.request.part

    @property
    def most_rows(self) -> int | None:
        """Different rows an honest server can send: those expected and, per VDN, one at either end."""
        if self.expect_rows is None:
            return None
        return self.expect_rows + 2 * len(self.vdns or ())


@define
class Kept(Generic[R]):
    """The rows of one page that are kept, and how many were dropped for which reason."""

    rows: Sequence[R]
    foreign: int = 0
    """Nobody asked for their key or VDN."""
    duplicates: int = 0
    """Seen before in the same chunk."""
    outside: int = 0
    """Before the begin or at the end of [begin, end), or after it."""
    exact: bool = field(default=False, eq=False)
    """True when the rows are known to be those of the chunk's keys, one each, in their order."""

    @property
    def dropped(self) -> int:
        """Rows that were not kept."""
        return self.foreign + self.duplicates + self.outside


_instant: Callable[[Any], datetime] = attrgetter(INSTANT)
_line: Callable[[Any], tuple[int | None, int]] = attrgetter("cc_id", "vdn")


def identity(endpoint: Endpoint[Any]) -> Callable[[Any], Hashable]:
    """What makes two rows of one chunk the same row."""
    if isinstance(endpoint.split, Windows):
        return attrgetter("cc_id", "vdn", INSTANT)
    if isinstance(endpoint.split, IdArray) and endpoint.key is not None:
        return attrgetter(endpoint.key)
    return attrgetter(*endpoint.record.key_fields)  # what ``key`` is made of, read without a call


class Seen:
    """The rows of one chunk that came so far, dropped ones included.

    Rows of a time window that belong there are a mark each in a grid of VDNs and periods: a byte in place of
    the hundred that a set of names takes. All others are names in a set.
    """

    __slots__ = ("grid", "names")

    def __init__(self) -> None:
        self.names: set[Hashable] = set()
        self.grid: _Grid | None = None

    def add(self, row: Any, name: Hashable) -> bool:
        """Note a row; False when it came before."""
        if self.grid is not None and (place := self.grid.place(row)) >= 0:
            known = bool(self.grid.marks[place])
            self.grid.marks[place] = 1
            return not known
        if name in self.names:
            return False
        self.names.add(name)
        return True

    def add_clean(self, rows: Sequence[Any], chunk: Chunk[Any]) -> bool:
        """Note a page of rows of which none came before and all belong here; else note nothing, and False."""
        if chunk.window is None:
            names = set(map(identity(chunk.request.endpoint), rows))
            if len(names) < len(rows) or not self.names.isdisjoint(names) or not _all_wanted(rows, chunk):
                return False
            self.names |= names
            return True
        if self.grid is None:
            self.grid = _Grid(chunk)
        return self.grid.add_clean(rows)


_NOWHERE = -(10**12)
_MOST_LINES = 10_000
"""Twice the newest number of VDNs known; what comes beyond is remembered by name."""


class _Grid:
    """A byte for every period of every VDN of a time window."""

    __slots__ = ("_lines", "_slots", "marks")

    def __init__(self, chunk: Chunk[Any]) -> None:
        rule, window = chunk.request.endpoint.split, chunk.window
        if window is None or not isinstance(rule, Windows):
            raise ValueError("only a time window has a grid")
        self.marks = bytearray()
        self._slots = _Slots(*window, timedelta(seconds=rule.period))
        self._lines = _Lines(chunk.vdns, self._slots.count, self.marks)

    def place(self, row: Any) -> int:
        """The byte of a row; below 0 when it does not belong here."""
        return self._lines[_line(row)] + self._slots[_instant(row)]

    def add_clean(self, rows: Sequence[Any]) -> bool:
        """As ``Seen.add_clean``."""
        lines, slots, marks = self._lines, self._slots, self.marks
        places = [lines[row.cc_id, row.vdn] + slots[row.interval_start] for row in rows]
        if not places:
            return True
        if min(places) < 0 or len(set(places)) < len(places) or any(map(marks.__getitem__, places)):
            return False
        for place in places:
            marks[place] = 1
        return True


class _Slots(dict[datetime, int]):
    """The number of a period in its window by its begin; far below 0 outside, and off the grid."""

    def __init__(self, begin: datetime, end: datetime, period: timedelta) -> None:
        self._begin, self._end, self._period = begin, end, period
        self._origin = begin - (begin - _EPOCH) % period
        self.count = -(-(end - self._origin) // period)

    def __missing__(self, instant: datetime) -> int:
        number, off = divmod(instant - self._origin, self._period)
        inside = self._begin <= instant < self._end and not off
        self[instant] = slot = number if inside else _NOWHERE
        return slot


class _Lines(dict[tuple[int | None, int], int]):
    """Where the line of a VDN begins in the grid; far below 0 for VDNs nobody asked for."""

    def __init__(self, vdns: tuple[int, ...] | None, length: int, marks: bytearray) -> None:
        self._vdns = None if vdns is None else frozenset(vdns)
        self._length = length
        self._marks = marks

    def __missing__(self, line: tuple[int | None, int]) -> int:
        foreign = self._vdns is not None and line[1] not in self._vdns
        if foreign or len(self) >= _MOST_LINES:
            self[line] = _NOWHERE
        else:
            self[line] = len(self._marks)
            self._marks.extend(bytes(self._length))
        return self[line]


def keep(rows: Sequence[R], chunk: Chunk[R], seen: Seen | None = None) -> Kept[R]:
    """Drop rows that were seen before, that nobody asked for, and those outside [begin, end).

    ``seen`` belongs to the chunk and learns the rows of every page, dropped ones included, so that a page
    that comes twice is recognised whatever it holds. Chunks share no row, so one per chunk is enough, and a
    chunk of one page needs none.
    """
    endpoint = chunk.request.endpoint
    if not hasattr(endpoint.record, "key"):
        return Kept(rows)  # the raw answer of a sister interface: nobody knows what a row is
    if seen is None:
        if _is_exact(rows, chunk):
            return Kept(rows, exact=True)
        seen = Seen()
    if seen.add_clean(rows, chunk):
        return Kept(rows)
    name_of, wanted = identity(endpoint), _wanted(chunk)
    kept: list[R] = []
    foreign = duplicates = outside = 0
    ours = attrgetter("vdn" if chunk.window else endpoint.key or "key")
    for row in rows:
        if not seen.add(row, name_of(row)):
            duplicates += 1
        elif wanted is not None and ours(row) not in wanted:
            foreign += 1
        elif chunk.window is not None and not chunk.window[0] <= _instant(row) < chunk.window[1]:
            outside += 1
        else:
            kept.append(row)
    return Kept(kept, foreign, duplicates, outside)


def _is_exact(rows: Sequence[Any], chunk: Chunk[Any]) -> bool:
    """One look tells of the usual answer that nothing is missing, doubled, foreign or out of order."""
    endpoint = chunk.request.endpoint
    if endpoint.key is None or len(rows) != len(chunk.keys):
        return False
    if endpoint.key in endpoint.fills:
        return True  # asked one by one: every row was given the key it was asked by
    return tuple(map(attrgetter(endpoint.key), rows)) == chunk.keys


def _wanted(chunk: Chunk[Any]) -> frozenset[int | str] | None:
    """The keys, or the VDNs of a time window; None when anything is welcome."""
    if chunk.window is not None:
        return None if chunk.vdns is None else frozenset(chunk.vdns)
    return frozenset(chunk.keys) if chunk.keys and chunk.request.endpoint.key is not None else None


def _all_wanted(rows: Sequence[Any], chunk: Chunk[Any]) -> bool:
    """The usual page of keys has nothing to drop: that is seen without a step of Python per row."""
    wanted = _wanted(chunk)
    return wanted is None or wanted.issuperset(map(attrgetter(chunk.request.endpoint.key or "key"), rows))
