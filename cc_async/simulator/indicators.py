"""Pages of system indicators: rows by number, encoded once per VDN and day."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from .hashing import Permutation, mix
from .people import DAY_SLOTS, PERIOD
from .shapes import Row, Shapes
from .site import Site

_KEPT_DAYS = 512


class IndicatorPages:
    """The rows of sysindex under the habits of one server."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._shapes: Shapes = site.shapes
        self._days: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def _row(self, vdn: int, bucket: int) -> Row:
        found = self._site.world.indicator(vdn, bucket)
        return {
            "beginTime": str(found.begin * 1000),
            "ccId": self._site.cc_id,
            "vdn": vdn,
            "onlineAgentNums": found.online,
            "talkingNums": found.talking,
            "ideaAgentNum": found.idle,
            "busyNums": found.busy,
            "restNums": found.resting,
            "incallNums": found.inbound,
            "rateNum": found.connected,
            "callRate": found.connection_rate,
            "callOutNums": found.outbound,
        }

    def _encoded(self, vdn: int, bucket: int) -> bytes:
        day, slot = divmod(bucket, DAY_SLOTS)
        rows = self._days.get((vdn, day))
        if rows is None:
            rows = self._days[vdn, day] = []
            if len(self._days) > _KEPT_DAYS:
                self._days.popitem(last=False)
        if len(rows) <= slot:
            # Not the whole day: what is to come is not known in every world, and dear in some.
            begin = day * DAY_SLOTS
            first = max(len(rows), self._site.world.first_bucket - begin)
            rows += [b""] * (first - len(rows))
            plain = [self._row(vdn, begin + place) for place in range(first, slot + 1)]
            rows += [msgspec.json.encode(row) for row in self._shapes.rows(plain)]
        return rows[slot]

    def page(self, vdns: list[int], begin: int, end: int, limit: int, offset: int) -> tuple[bytes, int]:
        """Return the encoded rows of one page, and how many there are in all.

        Only periods that are over have a row. `begin` and `end` are epoch seconds.
        """
        site, profile = self._site, self._site.profile
        if self._shapes is not site.shapes:
            self._shapes = site.shapes
            self._days.clear()
        first = max(-(-begin // PERIOD), site.world.first_bucket)
        last = end // PERIOD + 1 if profile.inclusive_end else -(-end // PERIOD)
        last = min(last, int(site.clock.wall() // PERIOD))
        periods = max(0, last - first)
        total = periods * len(vdns)
        places: range | list[int] = range(offset, min(total, offset + limit))
        if profile.row_order == "shuffled" and total:
            shuffle = Permutation(total, mix(site.seed, 91, total))
            places = [shuffle(place) for place in places]
        rows = []
        for place in places:
            if profile.row_order == "time":
                period, where = divmod(place, len(vdns))
            else:
                where, period = divmod(place, periods)
            row = self._encoded(vdns[where], first + period)
            bits = site.spoiled()
            if bits is not None:
                fields = msgspec.json.decode(row, type=Row)
                row = msgspec.json.encode(site.shapes.spoil(fields, bits))
            rows.append(row)
        return b",".join(rows), total
