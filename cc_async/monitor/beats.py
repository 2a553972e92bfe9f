"""``watch``: the same question again and again, at the right moments, through outages."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cc_async.batch.result import Batch
from cc_async.monitor.sums import BUCKET_SECONDS
from cc_async.monitor.watching import Rhythm, Watch
from cc_async.query import Query
from cc_async.session.clock import Clock

R = TypeVar("R")


def watch(
    source: Query[R] | Callable[[], Awaitable[Batch[R]]],
    *,
    every: float | None = None,
    aligned: bool = False,
    lead: float | None = None,
    timeout: float = 300.0,
    spread: float | None = None,
    clock: Clock | None = None,
    rng: random.Random | None = None,
) -> Watch[R]:
    """Ask a question again and again at the right moments, and hand over each answer as a ``Beat``.

    ::

        async with watch(cms.skill_call_stats(), aligned=True) as beats:
            async for beat in beats: ...

    The first beat is asked at once. An outage does not end the watch: its beats carry the error and the
    last good batch. A beat that is still being asked when the next one is due makes that one be skipped.

    Args:
        source: a query of ``CmsClient`` or ``GatewayClient``, an async function that returns a batch, or a
            function that returns a new query for each beat, of a time that moves on.
        every: seconds from one beat to the next, on a grid that does not drift.
        aligned: True asks each 5-minute bucket of the server's clock once, right before it ends. Instead of
            ``every``.
        lead: seconds before the end of the bucket at which an aligned beat begins; by default what the
            plan and the last beats say it takes. What the server's clock is uncertain by comes on top.
        timeout: seconds after which one asking is given up; an error like any other.
        spread: the grid of ``every`` begins up to so many seconds later, at random, so that watches that
            were begun together do not ask together: half of ``every`` unless told otherwise.
        clock: where the time comes from; the event loop by default.
        rng: where the chance comes from.

    Raises:
        TypeError: neither or both of ``every`` and ``aligned``, or no query.
        ValueError: a number of seconds that cannot be.
    """
    if not isinstance(source, Query) and not callable(source):
        raise TypeError(f"watch takes a query or an async function, not {type(source).__name__}")
    if (every is None) is not aligned:
        raise TypeError("watch at which times? give every=seconds, or aligned=True")
    if aligned and spread is not None:
        raise TypeError("spread belongs to every=; aligned beats have their moment")
    if lead is not None and not aligned:
        raise TypeError("lead belongs to aligned=True")
    _check("every", every, 0.001, 86_400)
    _check("lead", lead, 0, BUCKET_SECONDS / 2)
    _check("timeout", timeout, 0.001, 86_400)
    _check("spread", spread, 0, 86_400)
    if spread is None:
        spread = 0.0 if every is None else every / 2
    rhythm = Rhythm(every=every, lead=lead, timeout=timeout, spread=spread)
    return Watch(source, rhythm, clock, rng or random.Random())  # noqa: S311 - jitter is no secret


def _check(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise ValueError(f"{name} must be {low:g} to {high:g} seconds, not {value}")
