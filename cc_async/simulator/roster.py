"""The agents of the formula world: who is signed in, in which state, since when; computed, never kept."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate

import attrs

from .hashing import Permutation, mix
from .people import (
    ANSWERING,
    BUSY,
    DAY_SLOTS,
    IDLE,
    OCCUPIED,
    PERIOD,
    PRE_OCCUPIED,
    REST,
    SIGNED_OUT,
    STUDY,
    TALKING,
    WRAP_UP,
    Presence,
    Staff,
)

_CYCLE = (IDLE, PRE_OCCUPIED, OCCUPIED, ANSWERING, TALKING, WRAP_UP, REST, BUSY, STUDY)
_SHIFT_SECONDS = 28_800
_KEPT_ROSTERS = 128


@attrs.frozen
class Headcount:
    """Agents of the VDN at the end of one period; all but `online` leave out agents without inbound calls."""

    online: int
    talking: int
    idle: int
    busy: int
    resting: int


class Team(Staff):
    """All agents of one VDN, as a pure function of seed and time.

    The head counts of a period come first, from one hash; agents then take their place in them by rank. So
    a count costs no walk over the agents, and every interface still agrees with every other.
    """

    def __init__(self, seed: int, vdn: int, size: int, first_id: int, skills: int) -> None:
        super().__init__(seed, vdn, size, first_id)
        self.skills = skills
        self._rank = Permutation(size, mix(seed, 21, vdn))
        self._rosters: OrderedDict[int, bytes] = OrderedDict()
        self._members: dict[int, tuple[int, ...]] | None = None
        self._phases: dict[int, int] = {}
        self._online = tuple(self._online_in_slot(slot) for slot in range(DAY_SLOTS))

    def _online_in_slot(self, slot: int) -> int:
        slot -= slot % 6
        ramp = min(max((slot - 72) / 48, 0.0), max((264 - slot) / 48, 0.0), 1.0)
        return max(1, int(self.size * (0.4 + 0.45 * ramp))) if self.size else 0

    def takes_inbound(self, index: int) -> bool:
        """Say whether an agent takes inbound calls: nine of ten do."""
        return self._rank(index) % 10 != 9

    def _phase(self, index: int) -> int:
        """Return how many seconds after the start of a period an agent changes state."""
        phase = self._phases.get(index)
        if phase is None:
            bits = mix(self.seed, 22, self.vdn, self.first_id + index)
            phase = self._phases[index] = (bits >> 16) % PERIOD
        return phase

    def always_on(self) -> list[int]:
        """Return the places of agents that stay signed in day and night."""
        return [index for index in range(self.size) if self._rank(index) < self._online[0]]

    def members(self, skill_id: int) -> tuple[int, ...]:
        """Return the places of the agents that have a skill."""
        if self._members is None:
            found: dict[int, list[int]] = {}
            for index in range(self.size if self.skills else 0):
                if not self.takes_inbound(index):
                    continue
                bits = mix(self.seed, 23, self.vdn, index)
                picks = {1 + mix(bits, pick) % self.skills for pick in range(2 + bits % 8)}
                for skill in picks:
                    found.setdefault(skill, []).append(index)
            self._members = {skill: tuple(indexes) for skill, indexes in found.items()}
        return self._members.get(skill_id, ())

    def _bands(self, bucket: int) -> tuple[int, list[int]]:
        """Return how many are online, and the number of inbound agents per state in the order of _CYCLE."""
        online = self._online[bucket % DAY_SLOTS]
        inbound = online - online // 10
        bits = mix(self.seed, 24, self.vdn, bucket)
        talking = inbound * (34 + ((bits & 255) * 18 >> 8)) // 100
        answering = inbound * (1 + (bits >> 8 & 1)) // 100
        occupied = inbound * (bits >> 16 & 1) // 100
        pre_occupied = inbound * (bits >> 24 & 1) // 100
        wrap_up = inbound * (5 + (bits >> 32 & 7)) // 100
        busy = inbound * (3 + (bits >> 40 & 7)) // 100
        rest = inbound * (4 + (bits >> 48 & 7)) // 100
        study = inbound * (bits >> 56 & 1) // 100
        idle = inbound - talking - answering - occupied - pre_occupied - wrap_up - busy - rest - study
        return online, [idle, pre_occupied, occupied, answering, talking, wrap_up, rest, busy, study]

    def headcount(self, bucket: int) -> Headcount:
        """Return the head counts at the end of a period (`bucket` is epoch seconds // 300)."""
        online, bands = self._bands(bucket)
        return Headcount(online, bands[3] + bands[4], bands[0], bands[7], bands[6])

    def _roster(self, bucket: int) -> bytes:
        """Return the state of every agent, by place, once all changes of a period have happened."""
        roster = self._rosters.get(bucket)
        if roster is not None:
            return roster
        online, bands = self._bands(bucket)
        inbound = sum(bands)
        edges = list(accumulate(bands))
        turn = bucket * max(1, inbound // 5)
        states = bytearray(self.size)
        for index in range(self.size):
            rank = self._rank(index)
            if rank >= online:
                continue
            if rank % 10 == 9:
                states[index] = TALKING if mix(self.seed, 25, self.vdn, index, bucket) & 1 else IDLE
            else:
                place = (rank - rank // 10 + turn) % inbound
                states[index] = _CYCLE[bisect_right(edges, place)]
        roster = self._rosters[bucket] = bytes(states)
        if len(self._rosters) > _KEPT_ROSTERS:
            self._rosters.popitem(last=False)
        return roster

    def _bucket_of(self, index: int, now: float) -> int:
        return int(now - self._phase(index)) // PERIOD

    def state(self, index: int, now: float) -> int:
        """Return the CTI state of an agent at a moment; 0 is signed out."""
        return self._roster(self._bucket_of(index, now))[index]

    def signed_in_at(self, index: int, now: float) -> int:
        """Return the moment (epoch seconds) of the last sign-in of an agent who is signed in."""
        phase, rank = self._phase(index), self._rank(index)
        if rank < self._online[0]:
            return int(now - phase) // _SHIFT_SECONDS * _SHIFT_SECONDS + phase
        day = self._bucket_of(index, now) // DAY_SLOTS * DAY_SLOTS
        first = next((slot for slot in range(DAY_SLOTS) if self._online[slot] > rank), 0)
        return (day + first) * PERIOD + phase

    def presence(self, index: int, now: float) -> Presence | None:
        """Return state, its begin and the sign-in of an agent at a moment, or None when signed out."""
        bucket = self._bucket_of(index, now)
        state = self._roster(bucket)[index]
        if state == SIGNED_OUT:
            return None
        phase, signed_in_at = self._phase(index), self.signed_in_at(index, now)
        since = bucket * PERIOD + phase
        while since > signed_in_at and self._roster(since // PERIOD - 1)[index] == state:
            since -= PERIOD
        return Presence(state, max(since, signed_in_at), signed_in_at)
