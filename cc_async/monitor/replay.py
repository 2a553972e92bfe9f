"""The rules run over the past: when would each have rung, as far as system indicators tell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from cc_async.contract.records import SystemIndicators
from cc_async.monitor.alert import Alert
from cc_async.monitor.judge import Judge
from cc_async.monitor.rules import DEFAULTS, FROM_INDICATORS, Rule
from cc_async.monitor.subject import Names
from cc_async.monitor.sums import BUCKET_SECONDS


def replay(
    rows: Iterable[SystemIndicators],
    rules: Iterable[Rule] = DEFAULTS,
    *,
    begin: datetime,
    end: datetime,
    unknown: Iterable[tuple[datetime, datetime]] = (),
    names: Names | None = None,
    zone: tzinfo = UTC,
) -> tuple[Alert, ...]:
    """The alerts that the rows of [begin, end) would have raised and cleared, in order of time.

    Each window is judged at its end, as if it had been read then. Windows without a row are silence,
    unless they lie in ``unknown``: [begin, end) of what could not be asked. Rules of other measures than
    ``FROM_INDICATORS`` see nothing.
    """
    judge = Judge((rule for rule in rules if rule.measure in FROM_INDICATORS), names=names, zone=zone)
    of_window: dict[int, list[SystemIndicators]] = {}
    for row in rows:
        of_window.setdefault(int(row.interval_start.timestamp() // BUCKET_SECONDS), []).append(row)
    first, after = (int(moment.timestamp() // BUCKET_SECONDS) for moment in (begin, end))
    found: list[Alert] = []
    gaps = [(start.timestamp(), stop.timestamp()) for start, stop in unknown]
    for number in range(first, after):
        at = datetime.fromtimestamp(number * BUCKET_SECONDS, UTC) + timedelta(seconds=BUCKET_SECONDS)
        if any(start <= number * BUCKET_SECONDS < stop for start, stop in gaps):
            # Nobody was silent in a time that could not be asked: silence is counted from its end.
            judge.memory.seen.update(dict.fromkeys(judge.memory.seen, at))
            continue
        found += judge.take(of_window.get(number, ()), at=at, source="system_indicators")
    return tuple(found)


def not_judged(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that need what system indicators do not tell."""
    return tuple(rule for rule in rules if rule.measure not in FROM_INDICATORS)
