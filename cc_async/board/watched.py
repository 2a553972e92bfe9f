"""What a board watches, and how often each interface is asked."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import field, frozen

from cc_async.batch.result import Batch
from cc_async.board.known import Asked
from cc_async.client import CmsClient
from cc_async.contract.records import SystemIndicators
from cc_async.monitor.beats import watch
from cc_async.monitor.sums import BUCKET_SECONDS
from cc_async.monitor.watching import Watch
from cc_async.session.clock import Clock

CALLS_EVERY, AGENTS_EVERY, TASKS_EVERY, INDICATORS_EVERY = 60.0, 30.0, 30.0, 60.0
"""Seconds; calls are asked right before each bucket ends besides."""

_LONGEST_ASKING = 120.0
_WINDOWS = 3
"""Closed windows that are asked: the newest may come late."""


def _queues(given: Mapping[int, Iterable[int] | None]) -> Mapping[int, tuple[int, ...] | None]:
    return {vdn: None if ids is None else tuple(ids) for vdn, ids in given.items()}


def _above(low: float, high: float) -> Callable[[Any, Any, float], None]:
    def check(_: Any, attribute: Any, value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"{attribute.name} must be {low:g} to {high:g} seconds, not {value}")

    return check


def _some(_: Any, __: Any, value: Mapping[int, Any]) -> None:
    if not value:
        raise ValueError("which VDN? give queues={170: None}")


@frozen(kw_only=True)
class Watched:
    """What a board shows: queues of one or several VDNs, their agents, and outbound tasks.

    Raises ValueError for no VDN, and for ``every`` outside 1 to 300 seconds.
    """

    queues: Mapping[int, tuple[int, ...] | None] = field(converter=_queues, validator=_some)
    """Queues by VDN; None: all of that VDN."""
    tasks: tuple[str, ...] = ()
    """Ids of outbound tasks, of the first VDN."""
    every: float = field(default=5.0, validator=_above(1, 300))
    """Seconds between two looks at calls waiting; 2 000 queues are 9 requests each time."""
    indicators: bool = False
    """True asks system indicators for VDN totals and the alerts about them; wants the global key."""

    @property
    def vdns(self) -> tuple[int, ...]:
        """The VDNs, in the order they were given."""
        return tuple(self.queues)


@frozen
class Watching:
    """One watch and the source it feeds; two may feed the same one."""

    asked: Asked
    watch: Watch[Any]


def watches(cms: CmsClient, watched: Watched, clock: Clock, rng: random.Random) -> Iterator[Watching]:
    """The watches of a board; the waiting calls first."""
    every = watched.every
    given: dict[str, Any] = {"clock": clock, "rng": rng}
    states = cms.skill_states(by_vdn=watched.queues)
    asked = Asked("skill_states", "skill_states", max(3 * every, 15.0))
    yield Watching(asked, watch(states, every=every, timeout=max(4 * every, 20.0), **given))

    asked, given = (
        Asked("skill_call_stats", "skill_call_stats", 3 * CALLS_EVERY),
        {
            **given,
            "timeout": _LONGEST_ASKING,
        },
    )
    stats = cms.skill_call_stats(by_vdn=watched.queues)
    yield Watching(asked, watch(stats, every=CALLS_EVERY, **given))
    yield Watching(asked, watch(stats, aligned=True, **given))

    for vdn in watched.vdns:
        asked = Asked(f"agent_states/{vdn}", "agent_states", 3 * AGENTS_EVERY, vdn)
        yield Watching(asked, watch(cms.agent_states(vdn=vdn), every=AGENTS_EVERY, **given))
    if watched.tasks:
        tasks = cms.task_stats(watched.tasks, vdn=watched.vdns[0])
        yield Watching(
            Asked("task_stats", "task_stats", 3 * TASKS_EVERY), watch(tasks, every=TASKS_EVERY, **given)
        )
    if watched.indicators:
        ask = _indicators(cms, watched.vdns, states.origin.now)
        asked = Asked("system_indicators", "system_indicators", 3 * INDICATORS_EVERY)
        yield Watching(asked, watch(ask, every=INDICATORS_EVERY, **given))


def _indicators(
    cms: CmsClient, vdns: tuple[int, ...], now: Callable[[], datetime]
) -> Callable[[], Awaitable[Batch[SystemIndicators]]]:
    """Asks the last closed windows, by the server's clock."""

    async def ask() -> Batch[SystemIndicators]:
        end = datetime.fromtimestamp(now().timestamp() // BUCKET_SECONDS * BUCKET_SECONDS, UTC)
        begin = end - timedelta(seconds=_WINDOWS * BUCKET_SECONDS)
        return await cms.system_indicators(begin=begin, end=end, vdns=vdns)

    return ask
