"""The calls of one VDN of the formula world: how many arrive in a period, and at which skill queue."""

from __future__ import annotations

from collections import OrderedDict
from itertools import accumulate

import attrs

from .counts import Calls, counters
from .hashing import Permutation, mix, unit
from .people import PERIOD
from .roster import Team

_KEPT_PERIODS = 64
_LAST_ARRIVAL = 299
"""Seconds into a period by which every call of it has arrived."""


@attrs.frozen
class Volume:
    """The calls of a whole VDN in one period."""

    inbound: int
    lost: int
    outbound: int

    @property
    def connected(self) -> int:
        """Calls connected to an agent."""
        return self.inbound - self.lost


class Traffic:
    """All calls of one VDN.

    The total of a period comes first; queues cut it into shares. So the queues add up to the VDN exactly,
    and the total costs no walk over the queues.
    """

    def __init__(self, seed: int, vdn: int, team: Team, skills: int) -> None:
        self._seed, self._vdn, self._team, self._skills = seed, vdn, team, skills
        self._weights: list[float] = []
        self._edges: list[float] = []
        self._cuts: OrderedDict[int, list[int]] = OrderedDict()

    def volume(self, bucket: int) -> Volume:
        """Return the calls of the whole VDN in a period (`bucket` is epoch seconds // 300)."""
        bits = mix(self._seed, 31, self._vdn, bucket)
        talking = self._team.headcount(bucket).talking
        inbound = talking * (110 + (bits & 127)) // 100
        return Volume(inbound, inbound * (2 + (bits >> 8) % 11) // 100, talking * (bits >> 16 & 31) // 100)

    def _prepare(self) -> None:
        place = Permutation(self._skills, mix(self._seed, 32, self._vdn))
        raw = [1 / (3 + place(skill)) ** 0.8 for skill in range(self._skills)]
        whole = sum(raw)
        self._weights = [weight / whole for weight in raw]
        self._edges = [0.0, *accumulate(self._weights)]

    def _cut(self, bucket: int) -> list[int]:
        """Return at which call of the VDN each queue begins; the last one is the total."""
        cuts = self._cuts.get(bucket)
        if cuts is not None:
            return cuts
        if not self._weights:
            self._prepare()
        total = self.volume(bucket).inbound
        dither = unit(mix(self._seed, 33, self._vdn, bucket))
        cuts = [0]
        for skill in range(1, self._skills):
            room = min(self._weights[skill - 1], self._weights[skill])
            sway = (unit(mix(self._seed, 34, self._vdn, bucket, skill)) - 0.5) * 0.6 * room
            cuts.append(int(total * (self._edges[skill] + sway) + dither))
        cuts.append(total)
        self._cuts[bucket] = cuts
        if len(self._cuts) > _KEPT_PERIODS:
            self._cuts.popitem(last=False)
        return cuts

    def skill(self, skill_id: int, now: float) -> Calls:
        """Return the counters of a queue as they stand at a moment."""
        bucket = int(now // PERIOD)
        cuts, volume = self._cut(bucket), self.volume(bucket)
        first, final = cuts[skill_id - 1], cuts[skill_id] - cuts[skill_id - 1]
        bits = mix(self._seed, 35, self._vdn, bucket, skill_id)
        elapsed = now - bucket * PERIOD
        if elapsed >= _LAST_ARRIVAL:
            offered = final
        else:
            offered = min(final, int(final * elapsed / _LAST_ARRIVAL + unit(bits)))
        # Every n-th call of the VDN is lost: a queue never loses more than it got, and the losses add up.
        total = max(1, volume.inbound)
        lost = (first + offered) * volume.lost // total - first * volume.lost // total
        return counters(bucket * PERIOD, offered, offered - lost, bits >> 8)
