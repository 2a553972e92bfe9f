"""Who can do what and works when: skills, shifts and breaks, laid out to fit the demand."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from random import Random

from ..hashing import chances
from ..people import BUSY, REST, STUDY
from .demand import Demand

SHIFT = 28_800
_SLOTS = 48
_SLOT = 86_400 // _SLOTS
_SHIFT_SLOTS = SHIFT // _SLOT
_PATTERNS = 100
_LEAST_AGENTS = 4
_SKILLS_OF_AN_AGENT = (10, 22)
_PLANNED_REST = 900

Break = tuple[float, int, int, int]
"""When it is due, the state, how long it takes, by how many seconds that is too long."""


def outbound_only(index: int) -> bool:
    """Say whether an agent serves outbound tasks, and no queue: every tenth does."""
    return index % 10 == 9


def skills_of_agents(seed: int, vdn: int, size: int, demand: Demand) -> list[frozenset[int]]:
    """Return the queues (from 0) of every agent: half of the skills follow demand, half are spread evenly."""
    queues = demand.queues
    found: list[set[int]] = [set() for _ in range(size)]
    inbound = [index for index in range(size) if not outbound_only(index)]
    if not queues or not inbound:
        return [frozenset()] * size
    chance = chances(seed, 23, vdn)
    edges = list(accumulate(share + 1 / queues for share in demand.shares))
    fewest, most = _SKILLS_OF_AN_AGENT
    few = max(2, queues // 2)
    members = [0] * queues
    for index in inbound:
        for _ in range(min(few, chance.randint(fewest, most))):
            queue = min(bisect_right(edges, chance.random() * edges[-1]), queues - 1)
            members[queue] += queue not in found[index]
            found[index].add(queue)
    for queue, number in enumerate(members):
        lacking = max(0, min(_LEAST_AGENTS, len(inbound)) - number)
        without = [index for index in inbound if queue not in found[index]] if lacking else []
        for index in chance.sample(without, lacking):
            found[index].add(queue)
    return [frozenset(each) for each in found]


def shift_starts(demand: Demand) -> list[int]:
    """Return 100 starts of shifts (seconds after midnight UTC) that together follow the load of a day."""
    # Few callers need more agents each: the quiet hours get more than their share.
    load = [each**0.75 for each in demand.load(_SLOTS)]
    whole = sum(load)
    if not whole:
        return [0] * _PATTERNS
    need = [each * _PATTERNS * _SHIFT_SLOTS / whole for each in load]
    starts = []
    for _ in range(_PATTERNS):
        gains = [
            sum(max(0.0, need[(start + step) % _SLOTS]) for step in range(_SHIFT_SLOTS))
            for start in range(_SLOTS)
        ]
        best = max(range(_SLOTS), key=gains.__getitem__)
        for step in range(_SHIFT_SLOTS):
            need[(best + step) % _SLOTS] -= 1
        starts.append(best * _SLOT)
    return starts


def breaks(chance: Random, begin: float) -> list[Break]:
    """Return the breaks of a shift that begins at a moment: two rests, some minutes not ready, some study."""
    planned: list[Break] = []
    for share in (0.28, 0.62):
        took = int(_PLANNED_REST * (0.8 + 0.4 * chance.random()))
        due = begin + SHIFT * (share + 0.1 * chance.random())
        planned.append((due, REST, took, max(0, took - _PLANNED_REST)))
    planned += [(begin + SHIFT * chance.random(), BUSY, chance.randint(60, 300), 0) for _ in range(3)]
    if chance.random() < 0.1:
        planned.append((begin + SHIFT * chance.random(), STUDY, chance.randint(600, 1500), 0))
    return sorted(planned)
