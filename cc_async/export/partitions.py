"""Pure: a time question cut into partitions, and what of it is not done yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from attrs import evolve

from cc_async.batch.remainder import covers, windows_of
from cc_async.contract.spec import Question, Window, Windows
from cc_async.export.layout import Target

Span = tuple[datetime, datetime]


def floored(moment: datetime, period: int) -> datetime:
    """The last moment of the grid of ``period`` seconds that is not after this one."""
    return datetime.fromtimestamp(moment.timestamp() // period * period, UTC)


def partitions(question: Question, rule: Windows, target: Target, until: datetime) -> Iterator[Window]:
    """The windows of a question up to ``until``: one date, and as many VDNs as one request may ask.

    Dates first, then VDNs in the order given. Inner boundaries are midnights of the target's zone.
    """
    for window in windows_of(question):
        begin, end = window.begin.astimezone(UTC), min(window.end.astimezone(UTC), until)
        groups = _groups(window.vdns, rule.max_vdns)
        while begin < end:
            stop = min(end, target.next_midnight(begin))
            yield from (Window(begin, stop, vdns) for vdns in groups)
            begin = stop


def _groups(vdns: tuple[int, ...] | None, width: int) -> list[tuple[int, ...] | None]:
    if vdns is None:
        return [None]
    return [tuple(vdns[start : start + width]) for start in range(0, len(vdns), width)]


class Coverage:
    """Which time of which VDNs is done, by date."""

    def __init__(self, target: Target, done: Iterable[Window] = ()) -> None:
        self._target = target
        self._by_date: dict[date, list[Window]] = {}
        for window in done:
            self.add(window)

    def add(self, window: Window) -> None:
        """This is done; the window lies in one date."""
        self._by_date.setdefault(self._target.date_of(window.begin), []).append(window)

    def left(self, wanted: Window) -> list[Window]:
        """What of a window (of one date) is not done."""
        return minus(wanted, self._of(wanted))

    def foreign(self, wanted: Window) -> Callable[[Any], bool]:
        """A test for rows of a window of all VDNs: belongs to what was done for some of them before."""
        done = tuple(window for window in self._of(wanted) if window.vdns is not None)
        return covers(Question("system_indicators", windows=done), None)

    def _of(self, wanted: Window) -> list[Window]:
        same = self._by_date.get(self._target.date_of(wanted.begin), ())
        return [window for window in same if overlaps(window, wanted)]


def missing(wanted: Iterable[Window], coverage: Coverage) -> Iterator[list[Window]]:
    """What is not done of each partition; what two of them ask is counted to the first."""
    for window in wanted:
        yield coverage.left(window)
        coverage.add(window)


def overlaps(one: Window, other: Window) -> bool:
    """True when both ask for a moment of the same VDN."""
    if one.begin >= other.end or other.begin >= one.end:
        return False
    return one.vdns is None or other.vdns is None or not set(one.vdns).isdisjoint(other.vdns)


def minus(wanted: Window, done: Iterable[Window]) -> list[Window]:
    """What is left of a window without the others, VDNs of the same times together.

    From all VDNs nothing is taken but what was done for all of them: nobody knows which those are.
    """
    done = list(done)
    if wanted.vdns is None:
        spans = _left((wanted.begin, wanted.end), [w for w in done if w.vdns is None])
        return [Window(begin, end, None) for begin, end in spans]
    asked = [(window, None if window.vdns is None else frozenset(window.vdns)) for window in done]
    by_time: dict[tuple[Span, ...], list[int]] = {}
    for vdn in wanted.vdns:
        mine = [window for window, vdns in asked if vdns is None or vdn in vdns]
        by_time.setdefault(tuple(_left((wanted.begin, wanted.end), mine)), []).append(vdn)
    return [Window(begin, end, tuple(vdns)) for spans, vdns in by_time.items() for begin, end in spans]


def _left(span: Span, done: Iterable[Window]) -> list[Span]:
    left = [span]
    for window in done:
        left = [
            piece
            for begin, end in left
            for piece in ((begin, min(end, window.begin)), (max(begin, window.end), end))
            if piece[0] < piece[1]
        ]
    return left


def united(question: Question, windows: Iterable[Window]) -> Question:
    """One question for all these windows; those of the same VDNs that touch become one."""
    joined: list[Window] = []
    for window in sorted(windows, key=lambda window: (window.vdns or (), window.begin)):
        last = joined[-1] if joined else None
        if last is not None and last.vdns == window.vdns and last.end == window.begin:
            joined[-1] = evolve(last, end=window.end)
        else:
            joined.append(window)
    if len(joined) == 1:
        only = joined[0]
        return evolve(question, begin=only.begin, end=only.end, vdns=only.vdns, windows=())
    return evolve(question, begin=None, end=None, vdns=None, windows=tuple(joined))


def runs(question: Question, windows: Iterable[Window], size: int = 256) -> Iterator[Question]:
    """The windows as questions of at most ``size`` of them: a question of ten years is long, too."""
    source = iter(windows)
    while some := tuple(islice(source, size)):
        yield evolve(question, begin=None, end=None, vdns=None, windows=some)
