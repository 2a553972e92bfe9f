"""Pure: what a question will cost, by the same arithmetic that cuts it, without making a request."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import frozen

from cc_async.batch.packing import spans
from cc_async.batch.split import SplitOptions
from cc_async.batch.windows import ALL_VDNS, Cut, cuts, rows_at_most
from cc_async.contract.spec import Endpoint, Group, IdArray, OneByOne, Pages, Question, Quota, Windows

_ALL_VDNS = f"all VDNs are counted as {ALL_VDNS}: the answer may take more requests, or fewer"
_PAGES_LATER = "at least: how many pages there are is known after the first answer"
_KEYS_LATER = "at least: which keys there are is known after asking for them"
_NO_QUOTA = "no quota is set: as fast as the server answers"


@frozen
class OtherPages:
    """The cost of the same question with pages of another size."""

    page_size: int
    requests: int
    seconds: float

    def __str__(self) -> str:
        cost = f"{_number(self.requests, 'request')}, {human(self.seconds)}"
        return f"at {self.page_size:,} rows a page {cost}"


@frozen
class Plan:
    """What a question will cost; nothing was sent to find out.

    Retries are not counted. Where periods are missing, a paged chunk may take one more request, to see that
    there is nothing behind its last page.
    """

    chunks: int
    """Pieces of the question, each asked as one request or in pages."""
    requests: int
    seconds: float
    """When the last request may be sent, if the quota is all ours: 0 without a quota."""
    rows_expected: int | None = None
    """Rows the answer can have at the most; None when nobody knows."""
    notes: tuple[str, ...] = ()
    """What the numbers do not know."""
    other: OtherPages | None = None
    """The cost with the other page size, where there is a choice and it matters."""

    def __str__(self) -> str:
        rows = "" if self.rows_expected is None else f", up to {_number(self.rows_expected, 'row')}"
        cost = f"{_number(self.requests, 'request')} in {_number(self.chunks, 'chunk')}{rows}"
        notes = f" ({'; '.join(self.notes)})" if self.notes else ""
        other = "" if self.other is None else f"; {self.other}"
        return f"{cost}: {human(self.seconds)}{other}{notes}."


def plan(
    question: Question,
    endpoint: Endpoint[Any],
    options: SplitOptions | None = None,
    quota: Quota | None = None,
    learned: int | None = None,
) -> Plan:
    """What ``question`` costs when requests are limited by ``quota`` (None: not limited).

    ``learned``: the rows a page of this host is known to hold at the most, or None.

    Raises ``ValueError`` for a time question without a time.
    """
    options = options or SplitOptions()
    notes: list[str] = []
    other: OtherPages | None = None
    if isinstance(endpoint.split, Windows):
        chunks, requests, rows = _time(question, endpoint.split, options.page_size, notes)
        other = _other(question, endpoint.split, endpoint.pages, options.page_size, quota, requests, learned)
    else:
        chunks, requests, rows = _groups(question, endpoint, options, notes)
    if quota is None:
        notes.append(_NO_QUOTA)
    return Plan(chunks, requests, _seconds(requests, quota), rows, tuple(notes), other)


def _other(
    question: Question,
    rule: Windows,
    sizes: Pages | None,
    size: int,
    quota: Quota | None,
    requests: int,
    learned: int | None,
) -> OtherPages | None:
    """The cost at the documented page size, or, when that is asked for, at the largest this host may give."""
    if sizes is None:
        return None
    another = (learned or sizes.max_limit) if size == sizes.limit else sizes.limit
    _, other, _ = _time(question, rule, another, [])
    return None if other == requests else OtherPages(another, other, _seconds(other, quota))


def pages(rows: int, page_size: int) -> int:
    """Requests that read so many rows; that there are none takes one, too."""
    return max(1, -(-rows // page_size))


def human(seconds: float) -> str:
    """A duration as people say it."""
    for limit, unit, name in ((120, 1, "seconds"), (7_200, 60, "minutes"), (172_800, 3_600, "hours")):
        if seconds < limit:
            told = f"{seconds / unit:.3g}"
            return "under a second" if seconds < 1 else f"{told} {name[: -1 if told == '1' else None]}"
    return f"{seconds / 86_400:,.1f} days"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _seconds(requests: int, quota: Quota | None) -> float:
    """The first ``limit`` go at once, then as many again after every ``per``."""
    if quota is None or requests == 0:
        return 0.0
    return (requests - 1) // quota.limit * quota.per


def _groups(
    question: Question, endpoint: Endpoint[Any], options: SplitOptions, notes: list[str]
) -> tuple[int, int, int | None]:
    chunks = requests = 0
    rows: int | None = 0
    for group in question.groups:
        mine = _chunks(group, endpoint, options)
        unknown = isinstance(endpoint.split, (IdArray, OneByOne)) and group.keys is None
        chunks += mine
        requests += mine + 1 if unknown else mine
        if unknown and _KEYS_LATER not in notes:
            notes.append(_KEYS_LATER)
        known = isinstance(endpoint.split, IdArray) and group.keys is not None
        rows = rows + len(group.keys or ()) if known and rows is not None else None
    if endpoint.pages is not None and chunks:
        notes.append(_PAGES_LATER)
    return chunks, requests, rows


def _chunks(group: Group, endpoint: Endpoint[Any], options: SplitOptions) -> int:
    if isinstance(endpoint.split, IdArray) and group.keys is not None:
        return sum(1 for _ in spans(group.keys, endpoint.split, options.array_limit))
    if isinstance(endpoint.split, OneByOne) and group.keys is not None:
        return len(group.keys)
    return 1


def _time(question: Question, rule: Windows, page_size: int, notes: list[str]) -> tuple[int, int, int | None]:
    chunks = requests = rows = 0
    for cut in cuts(question, rule):
        chunks += cut.windows * cut.vdn_chunks
        if cut.vdns is None and cut.windows:
            notes.append(_ALL_VDNS)
        for span, times in _lengths(cut):
            for vdns, sizes in _widths(cut):
                one = rows_at_most(span, vdns, rule.period)
                rows += one * times * sizes
                requests += pages(one, page_size) * times * sizes
    return chunks, requests, None if _ALL_VDNS in notes else rows


def _lengths(cut: Cut) -> list[tuple[timedelta, int]]:
    """How long the windows are, and how many are so long: all but the first and the last are alike."""
    count = cut.windows
    ends = {0, count - 1} if count else set()
    spans_of = [cut.window(number) for number in ends]
    lengths = [(end - begin, 1) for begin, end in spans_of]
    return [*lengths, (cut.step, count - 2)] if count > 2 else lengths


def _widths(cut: Cut) -> list[tuple[int, int]]:
    """How many VDNs the chunks of a window have, and how many chunks have so many."""
    if cut.vdns is None:
        return [(ALL_VDNS, 1)]
    whole, rest = divmod(len(cut.vdns), cut.width)
    return [(cut.width, whole), (rest, 1 if rest else 0)]
