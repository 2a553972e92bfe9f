"""Hysteresis: how one rule stands with one subject, window after window; values in, values out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from attrs import evolve, frozen

from cc_async.monitor.rules import Rule
from cc_async.monitor.subject import Reading
from cc_async.monitor.sums import BUCKET_SECONDS

Turn = Literal["raised", "cleared", "quiet"]

QUIET = 12
"""Windows in a row that could not be judged, after which an alert no longer stands: an hour."""


BROKEN = 2
"""Windows in a row that could not be judged, after which a run of bad ones begins anew."""


@frozen
class Standing:
    """What is remembered of one rule and one subject between two readings."""

    raised: bool = False
    bad: int = 0
    """Readings in a row that were past the threshold."""
    good: int = 0
    """Readings in a row that were not, since it was raised."""
    blind: int = 0
    """Readings in a row that could not be judged."""
    since: datetime | None = None
    """Begin of the first of the bad ones."""
    last: datetime | None = None
    """Begin of the newest window that was taken."""


def step(rule: Rule, standing: Standing, reading: Reading) -> tuple[Standing, Turn | None]:
    """Take one reading: the new standing, and whether the alert begins or ends with it.

    A window that was taken before, or is older, changes nothing. One that cannot be judged leaves the
    counts as they are, but two end a run of bad ones, and so do two that nobody saw. What rings and cannot
    be judged for long is ended: it may hold no more.
    """
    if standing.last is not None and reading.begin <= standing.last and reading.measure not in ONGOING:
        return standing, None
    if not standing.raised and _missed(reading, standing.last) >= BROKEN:
        standing = Standing()
    standing = evolve(standing, last=reading.begin)
    return _raised(rule, standing, reading) if standing.raised else _quiet(rule, standing, reading)


ONGOING = frozenset({"no_data", "state_time"})
"""Measures whose begin stays while they go on: a state, a silence."""

_OF_WINDOWS = frozenset({"service_level", "lost_rate", "wrap_up", "online_drop"})
"""Measures with a reading for every 5 minutes: one that is missing was not seen."""


def _missed(reading: Reading, last: datetime | None) -> int:
    """Windows between two readings of which there was none, not even one that cannot be judged."""
    of_windows = reading.measure in _OF_WINDOWS or reading.subject.kind == "vdn"
    if last is None or not of_windows:
        return 0
    return round((reading.begin - last).total_seconds() / BUCKET_SECONDS) - 1


def _quiet(rule: Rule, standing: Standing, reading: Reading) -> tuple[Standing, Turn | None]:
    breached = rule.breached(reading)
    if breached is None:
        # One window too small to judge does not end a run; after two, "since" would be a guess.
        blind = standing.blind + 1
        return evolve(standing, blind=blind) if blind < BROKEN else Standing(last=standing.last), None
    if not breached:
        return Standing(last=standing.last), None
    bad, since = standing.bad + 1, standing.since or reading.begin
    if bad < rule.raise_after:
        return evolve(standing, bad=bad, blind=0, since=since), None
    return evolve(standing, raised=True, bad=bad, good=0, blind=0, since=since), "raised"


def _raised(rule: Rule, standing: Standing, reading: Reading) -> tuple[Standing, Turn | None]:
    bad = rule.still_bad(reading)
    if bad is None:
        blind = standing.blind + 1
        if blind < QUIET:
            return evolve(standing, blind=blind), None
        return Standing(last=standing.last), "quiet"
    if bad:
        return evolve(standing, bad=standing.bad + 1, good=0, blind=0), None
    good = standing.good + 1
    if good < rule.clear_after:
        return evolve(standing, good=good, blind=0), None
    return Standing(last=standing.last), "cleared"
