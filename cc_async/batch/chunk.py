"""One piece of a question, and which of the rows that come back for it are kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from attrs import frozen

from cc_async.contract.spec import Endpoint, IdArray, Windows
from cc_async.session.request import Request

R = TypeVar("R")
Keys = tuple[int, ...] | tuple[str, ...]

INSTANT = "interval_start"
"""Record field that says when a row of a time question begins."""


@frozen
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


@frozen
class Kept(Generic[R]):
    """The rows of one page that are kept, and how many were dropped for which reason."""

    rows: Sequence[R]
    foreign: int = 0
    """Nobody asked for their key or VDN."""
    duplicates: int = 0
    """Seen before in the same chunk."""
    outside: int = 0
    """Before the begin or at the end of [begin, end), or after it."""

    @property
    def dropped(self) -> int:
        """Rows that were not kept."""
        return self.foreign + self.duplicates + self.outside


def identity(endpoint: Endpoint[Any]) -> Callable[[Any], Hashable]:
    """What makes two rows of one chunk the same row."""
    if isinstance(endpoint.split, Windows):
        return attrgetter("cc_id", "vdn", INSTANT)
    if isinstance(endpoint.split, IdArray) and endpoint.key is not None:
        return attrgetter(endpoint.key)
    return attrgetter("key")


def keep(rows: Sequence[R], chunk: Chunk[R], seen: set[Hashable]) -> Kept[R]:
    """Drop rows that were seen before, that nobody asked for, and those outside [begin, end).

    ``seen`` belongs to the chunk and learns the rows of every page, dropped ones included, so that a page
    that comes twice is recognised whatever it holds. Chunks share no row, so one set per chunk is enough.
    """
    endpoint = chunk.request.endpoint
    if not hasattr(endpoint.record, "key"):
        return Kept(rows)  # the raw answer of a sister interface: nobody knows what a row is
    names = list(map(identity(endpoint), rows))
    fresh = set(names)
    wanted = _wanted(chunk)
    clean = len(fresh) == len(names) and seen.isdisjoint(fresh)
    if clean and _all_wanted(rows, chunk, wanted):
        seen |= fresh
        return Kept(rows)
    kept: list[R] = []
    foreign = duplicates = outside = 0
    ours = attrgetter("vdn" if chunk.window else endpoint.key or "key")
    for name, row in zip(names, rows, strict=True):
        if name in seen:
            duplicates += 1
            continue
        seen.add(name)
        if wanted is not None and ours(row) not in wanted:
            foreign += 1
        elif chunk.window is not None and not chunk.window[0] <= _instant(row) < chunk.window[1]:
            outside += 1
        else:
            kept.append(row)
    return Kept(kept, foreign, duplicates, outside)


_instant: Callable[[Any], datetime] = attrgetter(INSTANT)


def _wanted(chunk: Chunk[Any]) -> frozenset[int | str] | None:
    """The keys, or the VDNs of a time window; None when anything is welcome."""
    if chunk.window is not None:
        return None if chunk.vdns is None else frozenset(chunk.vdns)
    return frozenset(chunk.keys) if chunk.keys and chunk.request.endpoint.key is not None else None


def _all_wanted(rows: Sequence[R], chunk: Chunk[R], wanted: frozenset[int | str] | None) -> bool:
    """The usual page has nothing to drop: that is seen without a step of Python per row."""
    if not rows:
        return True
    ours = attrgetter("vdn" if chunk.window else chunk.request.endpoint.key or "key")
    if wanted is not None and not wanted.issuperset(map(ours, rows)):
        return False
    if chunk.window is None:
        return True
    instants = list(map(_instant, rows))
    return chunk.window[0] <= min(instants) and max(instants) < chunk.window[1]
