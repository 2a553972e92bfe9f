"""Pure: a stretch of time times a list of VDNs, cut into windows a server answers well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from attrs import frozen

from cc_async.contract.spec import Question, Window, Windows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_DAY = 86_400

ALL_VDNS = 100
"""How many VDNs ``vdns=None`` is taken for when rows are estimated: nobody knows before the answer."""


@frozen
class Cut:
    """One stretch of a question and how it is cut: windows of ``step`` from ``origin``, VDNs by ``width``."""

    begin: datetime
    end: datetime
    vdns: tuple[int, ...] | None
    width: int
    """VDNs in one chunk, at the most."""
    step: timedelta
    origin: datetime
    """``begin`` moved down to the grid of the rows: every inner boundary is ``origin`` plus whole steps."""

    @property
    def windows(self) -> int:
        """How many windows there are."""
        if self.begin >= self.end:
            return 0
        return -((self.origin - self.end) // self.step)

    @property
    def vdn_chunks(self) -> int:
        """How many chunks the VDNs of one window make."""
        return 1 if self.vdns is None else -(-len(self.vdns) // self.width)

    def window(self, number: int) -> tuple[datetime, datetime]:
        """The window with this number, from 0."""
        begin = max(self.begin, self.origin + number * self.step)
        # Not the sum first: the last moment of the calendar must not overflow.
        left = self.end - begin
        full = self.step - (begin - self.origin) % self.step
        return begin, self.end if left <= full else begin + full

    def __iter__(self) -> Iterator[tuple[tuple[datetime, datetime], tuple[int, ...] | None]]:
        for number in range(self.windows):
            span = self.window(number)
            if self.vdns is None:
                yield span, None
                continue
            for start in range(0, len(self.vdns), self.width):
                yield span, self.vdns[start : start + self.width]


def cuts(question: Question, rule: Windows) -> tuple[Cut, ...]:
    """How each stretch of a time question is cut; raises ``ValueError`` for a question without a time."""
    stretches = question.windows
    if not stretches:
        if question.begin is None or question.end is None:
            raise ValueError(f"{question.interface} is asked for a time: give begin and end")
        stretches = (Window(question.begin, question.end, question.vdns),)
    return tuple(_cut(stretch, rule) for stretch in stretches)


def _cut(stretch: Window, rule: Windows) -> Cut:
    begin, end = stretch.begin.astimezone(UTC), stretch.end.astimezone(UTC)
    known = ALL_VDNS if stretch.vdns is None else len(stretch.vdns)
    width = min(rule.max_vdns, max(1, known))
    a_day = _DAY // rule.period
    periods = min(max(1, rule.rows // width), rule.max_days * a_day)
    if periods > a_day:
        # Whole days: seams a person expects, and a backfill of days asks the same windows.
        periods -= periods % a_day
    origin = begin - (begin - _EPOCH) % timedelta(seconds=rule.period)
    return Cut(begin, end, stretch.vdns, width, timedelta(seconds=periods * rule.period), origin)


def rows_at_most(span: timedelta, vdns: int, period: int) -> int:
    """Rows of so many VDNs in a window of this length, wherever the rows' grid lies."""
    return -(-span // timedelta(seconds=period)) * vdns


def on_the_wire(begin: datetime, end: datetime) -> tuple[str, str]:
    """Both ends as ``YYYY-MM-DD HH:MM:SS`` in UTC, rounded outward to whole seconds."""
    late = end if end.microsecond == 0 else end.replace(microsecond=0) + _SECOND
    return _text(begin), _text(late)


def _text(moment: datetime) -> str:
    # strftime does not pad years below 1000 everywhere; isoformat does.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
