"""The long answer: the indicators of 100 VDNs over any number of days, as requests and as answers."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta

from benchmarks import canned

VDNS = range(1, 101)
PERIOD = timedelta(minutes=5)
BEGIN = canned.BEGIN
ROWS_A_DAY = canned.PERIODS_A_DAY * len(VDNS)
"""28 800 rows, one window of ours: 288 pages."""

_VDNS = re.compile(rb'"vdn":(\[[^]]*\])')
_BEGIN = re.compile(rb'"beginDate":"([^"]+)"')
_END = re.compile(rb'"endDate":"([^"]+)"')
_OFFSET = re.compile(rb'"offset":"?(\d+)')
_ALL = canned.minified(list(VDNS))


def body(day: int, page: int) -> bytes:
    """The request of one page of one day, as the library writes it."""
    begin = BEGIN + timedelta(days=day)
    return canned.minified(
        {
            "ccId": canned.CC_ID,
            "vdn": list(VDNS),
            "beginDate": f"{begin:%Y-%m-%d %H:%M:%S}",
            "endDate": f"{begin + timedelta(days=1):%Y-%m-%d %H:%M:%S}",
            "limit": canned.PAGE_SIZE,
            "offset": page * canned.PAGE_SIZE,
        }
    )


class Archive:
    """Answers any page: the rows of a period differ from those of another in their time only."""

    def __init__(self) -> None:
        self._before = str(int(BEGIN.timestamp() * 1000)).encode()
        self._rows = canned.minified([canned.indicator_row(0, place) for place in range(len(VDNS))])

    def answer(self, request: bytes) -> bytes | None:
        """The answer to a request of the 100 VDNs, or None when it is about others."""
        vdns, begin, end = _VDNS.search(request), _BEGIN.search(request), _END.search(request)
        if vdns is None or vdns[1] != _ALL or begin is None or end is None:
            return None
        periods = (_moment(end[1]) - _moment(begin[1])) // PERIOD
        offset = _OFFSET.search(request)
        period = int(offset[1]) // canned.PAGE_SIZE if offset else 0
        rows = b"[]"
        if period < periods:
            instant = _moment(begin[1]) + period * PERIOD
            rows = self._rows.replace(self._before, b"%d" % (instant.timestamp() * 1000))
        return b'{"resultCode":"0100000","resultDesc":{"data":%b,"count":%d}}' % (rows, periods * len(VDNS))


@functools.lru_cache(10_000)
def _moment(text: bytes) -> datetime:
    return datetime.strptime(text.decode(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
