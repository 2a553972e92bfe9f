"""Hysteresis: how one rule stands with one subject, window after window; values in, values out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from attrs import evolve, frozen

from cc_async.monitor.rules import Rule
from cc_async.monitor.subject import Reading

Turn = Literal["raised", "cleared"]


@frozen
class Standing:
    """What is remembered of one rule and one subject between two readings."""

    raised: bool = False
    bad: int = 0
    """Readings in a row that were past the threshold."""
    good: int = 0
    """Readings in a row that were not, since it was raised."""
    since: datetime | None = None
    """Begin of the first of the bad ones."""
    last: datetime | None = None
    """Begin of the newest window that was taken."""


def step(rule: Rule, standing: Standing, reading: Reading) -> tuple[Standing, Turn | None]:
    """Take one reading: the new standing, and whether the alert begins or ends with it.

    A window that was taken before, or is older, changes nothing; one that cannot be judged leaves the
    counts as they are.
    """
    if standing.last is not None and reading.begin <= standing.last and reading.measure not in ONGOING:
        return standing, None
    standing = evolve(standing, last=reading.begin)
    return _raised(rule, standing, reading) if standing.raised else _quiet(rule, standing, reading)


ONGOING = frozenset({"no_data", "state_time"})
"""Measures whose begin stays while they go on: a state, a silence."""


def _quiet(rule: Rule, standing: Standing, reading: Reading) -> tuple[Standing, Turn | None]:
    breached = rule.breached(reading)
    if breached is None:
        return standing, None
    if not breached:
        return evolve(standing, bad=0, since=None), None
    bad, since = standing.bad + 1, standing.since or reading.begin
    if bad < rule.raise_after:
        return evolve(standing, bad=bad, since=since), None
    return evolve(standing, raised=True, bad=bad, good=0, since=since), "raised"


def _raised(rule: Rule, standing: Standing, reading: Reading) -> tuple[Standing, Turn | None]:
    bad = rule.still_bad(reading)
    if bad is None:
        return standing, None
    if bad:
        return evolve(standing, bad=standing.bad + 1, good=0), None
    good = standing.good + 1
    if good < rule.clear_after:
        return evolve(standing, good=good), None
    return Standing(last=standing.last), "cleared"
