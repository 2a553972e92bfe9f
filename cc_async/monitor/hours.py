"""Opening hours in a local time zone: when an alert may ring."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from attrs import frozen

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_HINT = "write 'mon-fri 08:00-18:00, sat 09:00-13:00'"


@frozen
class Span:
    """Open on one weekday (0: Monday), in minutes after its midnight; an end beyond 1440 is past the next."""

    weekday: int
    begin: int
    end: int


@frozen
class Hours:
    """When a contact center is open, as the clocks on its walls show.

    Args:
        spans: made by ``Hours.parse``.
        zone: whose clocks; on the days they change, hours are shorter or longer, as people's are.
        closed: dates on which nothing opens.
    """

    spans: tuple[Span, ...]
    zone: ZoneInfo
    closed: frozenset[date] = frozenset()

    @classmethod
    def parse(cls, text: str, zone: str | ZoneInfo, closed: Iterable[date] = ()) -> Hours:
        """Read ``mon-fri 08:00-18:00, sat 09:00-13:00``; ``22:00-06:00`` goes over midnight.

        Raises:
            ValueError: another text, or a zone that does not exist.
        """
        spans: list[Span] = []
        for part in text.lower().split(","):
            days, _, times = part.strip().rpartition(" ")
            if not (match := _SPAN.fullmatch(times)):
                raise ValueError(f"{part.strip()!r} are no opening hours; {_HINT}")
            begin, end = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
            if begin >= _DAY or end > _DAY or int(match[2]) > 59 or int(match[4]) > 59:
                raise ValueError(f"{times!r} is no time of day; {_HINT}")
            end += _DAY if end <= begin else 0
            spans += (Span(weekday, begin, end) for weekday in _weekdays(days))
        try:
            where = zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)
        except (OSError, LookupError) as error:
            raise ValueError(f"no time zone {zone!r}: {error}") from None
        return cls(tuple(spans), where, frozenset(closed))

    def open_since(self, at: datetime) -> datetime | None:
        """When the hours that hold at a moment (aware) began, UTC; None: closed then."""
        local = at.astimezone(self.zone).date()
        spans = sorted(self._around(local))
        found: datetime | None = None
        end: datetime | None = None
        for begin, until in spans:
            # Hours that touch are one: nobody goes home in between.
            if end is None or begin > end:
                found = begin
            end = until if end is None else max(end, until)
            if begin <= at < until:
                return found
        return None

    def is_open(self, at: datetime) -> bool:
        """True when open at this moment (aware)."""
        return self.open_since(at) is not None

    def _around(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The hours of the days around one: those of yesterday may go over midnight."""
        for back in range(-7, 2):
            one = day + timedelta(days=back)
            if one in self.closed:
                continue
            for span in self.spans:
                if span.weekday == one.weekday():
                    yield self._moment(one, span.begin), self._moment(one, span.end)

    def _moment(self, day: date, minutes: int) -> datetime:
        over, rest = divmod(minutes, _DAY)
        clock = time(*divmod(rest, 60), tzinfo=self.zone)
        return datetime.combine(day + timedelta(days=over), clock).astimezone(UTC)


def _weekdays(text: str) -> range | tuple[int, ...]:
    """``mon-fri``, ``sat``, or every day where none is named."""
    first, _, last = text.strip().partition("-")
    if not first and not last:
        return range(7)
    try:
        begin = DAYS.index(first.strip())
        end = DAYS.index(last.strip()) if last else begin
    except ValueError:
        raise ValueError(f"{text.strip()!r} is no weekday; {_HINT}") from None
    return tuple(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
