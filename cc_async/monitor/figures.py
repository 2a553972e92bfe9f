"""The figures of calls: every one that these records allow, and a refusal with its reason for the others.

Each takes one record, a batch, or any rows with the counts (``SkillCallStats``, ``SkillSums``,
``ClosedBucket``). Over several, numerators and denominators are added and then divided. ``now`` (aware)
dates the figure. A call that overflows is counted in several queues: totals of a VDN come from
``system_indicators``, not from adding its queues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from cc_async.contract.records import SystemIndicators
from cc_async.monitor.basis import Counted, basis, rows_of
from cc_async.monitor.figure import Figure, Unit, exactly, none

Rows = Counted | Iterable[Counted] | Mapping[Any, Counted]


def service_level(rows: Rows, *, now: datetime | None = None) -> Figure:
    """Connected within 20 s, of offered: lost calls count against it."""
    return _ratio(rows, "connected_in_20s", "offered", now, "offered", "was offered")


def service_level_of_connected(rows: Rows, *, now: datetime | None = None) -> Figure:
    """Connected within 20 s, of connected: lost calls do not count."""
    return _ratio(rows, "connected_in_20s", "connected", now, "connected", "was connected")


def service_level_without_short_abandons(rows: Rows, *, now: datetime | None = None) -> Figure:
    """Connected within 20 s, of offered without those who left within 20 s: bounds only.

    How many left within 20 s is not in these records: none of the lost at the low bound, all at the high.
    """
    given = rows_of(rows)
    known = _known(given, ("connected_in_20s", "offered", "lost"))
    if not known:
        return none(_nobody_says(given, "offered, lost and connected in 20 s"))
    within = sum(row[0] for row in known)
    offered = sum(row[1] for row in known)
    if offered <= 0:
        return none("nothing was offered")
    # Queue by queue: where lost is below 0 (offered before, connected now), no one of that queue is left out.
    waited = sum(row[1] - max(row[2], 0) for row in known)
    low = within / offered
    worth = basis(rows, given, now)
    return Figure(
        low=low,
        high=max(low, within / waited if waited > 0 else float(within > 0)),
        count=offered,
        of="offered",
        coverage=worth.coverage,
        age_seconds=worth.age_seconds,
        note=worth.note,
    ).noted(_left_out(given, known))


def lost_rate(rows: Rows, *, now: datetime | None = None) -> Figure:
    """Lost, of offered; below 0 in a window that connects calls offered before it.

    The vendor's "lost" is offered minus connected: disconnects and hang-ups of agents are in it.
    """
    figure = _ratio(rows, "lost", "offered", now, "offered", "was offered")
    return figure.noted("offered minus connected, not the abandonment rate")


def connection_rate(rows: Rows, *, now: datetime | None = None) -> Figure:
    """Connected, of offered; over 100 % in a window that connects calls offered before it."""
    return _ratio(rows, "connected", "offered", now, "offered", "was offered")


def average_wrap_up(rows: Rows, *, now: datetime | None = None) -> Figure:
    """Seconds of wrap-up a call."""
    return _ratio(rows, "wrap_up_seconds", "wrapped_up", now, "wrapped up", "was wrapped up", unit="seconds")


def average_speed_of_answer(rows: Any = None) -> Figure:
    """Refused: these records hold no waiting time."""
    return none(
        "no waiting time in these records; skill_states reports average_wait_seconds per queue",
        unit="seconds",
    )


def average_handle_time(rows: Any = None) -> Figure:
    """Refused for queues: these records hold no talk time of agents."""
    return none(
        "no talk time of agents in these records; skill_states reports average_talk_seconds per queue",
        unit="seconds",
    )


def system_connection_rate(
    rows: SystemIndicators | Iterable[SystemIndicators], *, now: datetime | None = None
) -> Figure:
    """Inbound calls connected to agents, of inbound calls: a lower bound, as not all want an agent."""
    given = rows_of(rows)
    known = _known(given, ("connected_calls", "inbound_calls"))
    if not known:
        return none(_nobody_says(given, "inbound and connected calls"))
    connected, inbound = sum(row[0] for row in known), sum(row[1] for row in known)
    if inbound <= 0:
        return none("no call came in")
    rate = connected / inbound
    worth = basis(rows, given, now)
    return Figure(
        value=rate,
        low=rate,
        high=max(rate, 1.0),
        count=inbound,
        of="inbound calls",
        coverage=worth.coverage,
        age_seconds=worth.age_seconds,
        note=worth.note,
    ).noted(_left_out(given, known))


def _ratio(
    rows: Rows,
    part: str,
    whole: str,
    now: datetime | None,
    of: str,
    nothing: str,
    *,
    unit: Unit = "ratio",
) -> Figure:
    """One sum over another; None where the lower one is 0."""
    return ratio(rows, attrgetter(part), attrgetter(whole), now, of, nothing, unit)


def ratio(
    rows: Any,
    part: Callable[[Any], int | None],
    whole: Callable[[Any], int | None],
    now: datetime | None,
    of: str,
    nothing: str,
    unit: Unit = "ratio",
) -> Figure:
    """One sum over another, of the rows that say both; ``nothing`` completes "nothing ..." where it is 0."""
    given: Sequence[Any] = rows_of(rows)
    pairs = [(part(row), whole(row)) for row in given]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not known:
        return none(_nobody_says(given, of), unit=unit)
    above, below = sum(one for one, _ in known), sum(other for _, other in known)
    if below <= 0:
        return none(f"nothing {nothing}", unit=unit)
    worth = basis(rows, given, now)
    figure = exactly(
        above / below, below, of, unit=unit, coverage=worth.coverage, age_seconds=worth.age_seconds,
        note=worth.note,
    )  # fmt: skip
    return figure.noted(_left_out(given, known))


def _known(rows: Sequence[Any], names: tuple[str, ...]) -> list[tuple[int, ...]]:
    """The counts of the rows that say all of them."""
    found = (tuple(getattr(row, name) for name in names) for row in rows)
    return [counts for counts in found if None not in counts]


def _nobody_says(rows: Sequence[Any], what: str) -> str:
    if not rows:
        return "there are no rows"
    if all(getattr(row, "buckets", None) == 0 for row in rows):
        return "none of these 5 minutes was seen and closed yet"
    return f"the server did not say ({what})"


def _left_out(rows: Sequence[Any], known: Sequence[Any]) -> str:
    missing = len(rows) - len(known)
    return f"{missing:,} of {len(rows):,} rows do not say" if missing else ""
