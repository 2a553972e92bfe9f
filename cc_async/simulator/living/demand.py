"""How many call, when, and for which queue: a daily curve per queue, arrivals as a Poisson process."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from random import Random

from ..hashing import Permutation, mix
from ..people import DAY_SLOTS, PERIOD

_DAY = 86_400

# Calls by the hour (UTC), as a share of the busiest one: office, home, morning, round the clock.
_HOURS = (
    (3, 2, 2, 2, 3, 6, 18, 45, 80, 97, 100, 94, 78, 82, 95, 92, 80, 58, 36, 24, 16, 10, 6, 4),
    (6, 4, 3, 3, 3, 5, 12, 26, 42, 55, 64, 70, 74, 70, 66, 68, 76, 88, 100, 98, 82, 56, 30, 14),
    (3, 2, 2, 3, 5, 14, 42, 82, 100, 96, 84, 74, 62, 58, 56, 50, 42, 30, 20, 14, 10, 8, 5, 4),
    (22, 18, 16, 16, 18, 26, 40, 62, 84, 96, 100, 98, 92, 94, 96, 94, 90, 84, 76, 66, 56, 46, 36, 28),
)
_SLOTS_PER_HOUR = DAY_SLOTS // 24


def _curve(hours: tuple[int, ...]) -> list[float]:
    """Return 288 values, the hours' values at full hours and straight lines between them."""
    return [
        (hours[hour] + (hours[(hour + 1) % 24] - hours[hour]) * step / _SLOTS_PER_HOUR) / 100
        for hour in range(24)
        for step in range(_SLOTS_PER_HOUR)
    ]


CURVES = tuple(_curve(hours) for hours in _HOURS)


class Demand:
    """What callers want of one VDN; queues are counted from 0 here."""

    def __init__(self, seed: int, vdn: int, queues: int, calls_per_day: float) -> None:
        self.queues = queues
        place = Permutation(queues, mix(seed, 32, vdn))
        raw: list[float] = [1 / (3 + place(queue)) ** 0.8 for queue in range(queues)]
        whole = sum(raw) or 1.0
        self.shares = [weight / whole for weight in raw]
        """Share of each queue in the calls of the busiest moment."""
        self.curves = [CURVES[mix(seed, 36, vdn, queue) % len(CURVES)] for queue in range(queues)]
        self._edges = list(accumulate(self.shares))
        mean = sum(share * sum(curve) for share, curve in zip(self.shares, self.curves, strict=True))
        self.peak = calls_per_day * DAY_SLOTS / _DAY / mean if queues else 0.0
        """Calls a second, were every queue at its busiest moment at once."""

    def load(self, slots: int) -> list[float]:
        """Return the relative load of the day in so many equal slots (a divisor of 288)."""
        step = DAY_SLOTS // slots
        by_curve = {id(curve): 0.0 for curve in CURVES}
        for share, curve in zip(self.shares, self.curves, strict=True):
            by_curve[id(curve)] += share
        whole = [sum(by_curve[id(curve)] * curve[slot] for curve in CURVES) for slot in range(DAY_SLOTS)]
        return [sum(whole[slot : slot + step]) for slot in range(0, DAY_SLOTS, step)]

    def expected(self, queue: int, begin: int, end: int) -> float:
        """Return how many calls a queue gets on average; `begin` and `end` are full 5 minutes."""
        slots = (self.curves[queue][bucket % DAY_SLOTS] for bucket in range(begin // PERIOD, end // PERIOD))
        return self.peak * self.shares[queue] * PERIOD * sum(slots)

    def arrivals(
        self, chance: Random, begin: float, end: float, factor: float = 1.0, only: int | None = None
    ) -> Iterator[tuple[float, int]]:
        """Yield the arrivals in [begin, end), in order: when, and at which queue.

        A Poisson process thinned by the curves (Lewis and Shedler): candidates come as often as in the
        busiest moment, and each stays with the chance its queue's curve has at that time. Drawn as needed.
        """
        peak = self.peak * factor * (1.0 if only is None else self.shares[only])
        if peak <= 0:
            return
        random, gap, edges, curves = chance.random, chance.expovariate, self._edges, self.curves
        last, moment = self.queues - 1, begin
        while True:
            moment += gap(peak)
            if moment >= end:
                return
            queue = min(bisect_right(edges, random()), last) if only is None else only
            if random() < curves[queue][int(moment // PERIOD) % DAY_SLOTS]:
                yield moment, queue
