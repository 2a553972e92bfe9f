"""Rules: what is too low, too high or too old, from how many calls on, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from attrs import evolve, field, frozen

from cc_async.monitor.figures_agents import State
from cc_async.monitor.hours import Hours
from cc_async.monitor.subject import Measure, Reading, Subject

UNDER: frozenset[Measure] = frozenset({"service_level", "outbound_connect"})
"""Measures that are bad when low; all others are bad when high."""

FROM_INDICATORS: frozenset[Measure] = frozenset({"no_idle_agent", "online_drop", "no_data"})
"""Measures that system indicators tell; their connection rate is a lower bound, which proves no loss."""


OF_RATIOS: frozenset[Measure] = frozenset({"service_level", "lost_rate", "online_drop", "outbound_connect"})
"""Measures whose thresholds are ratios of 0 to 1."""


def _above_zero(rule: Rule, attribute: Any, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{attribute.name} of rule {rule.id!r} must be 1 or more, not {value!r}")


def _read_only(given: Mapping[str, float | None]) -> Mapping[str, float | None]:
    return MappingProxyType({str(key): value for key, value in given.items()})


@frozen(kw_only=True)
class Rule:
    """One rule; plain data. Ratios are 0..1, durations seconds.

    A rule rings when its figure is past ``threshold`` in ``raise_after`` windows (or samples) in a row, and
    is cleared when it is not past ``clear_threshold`` in ``clear_after`` in a row. Windows that cannot be
    judged, for want of volume, of coverage or of data, change nothing either way; but two of
    them in a row end a run that has not rung yet, and twelve an alert that rings.
    """

    id: str
    """Unique among the rules; part of an alert's id."""
    measure: Measure
    threshold: float
    clear_threshold: float | None = None
    """None: the same threshold clears."""
    minimum: int = 0
    """Least volume (offered, wrapped up, attempts, agents) to judge at all."""
    raise_after: int = field(default=1, validator=_above_zero)
    clear_after: int = field(default=1, validator=_above_zero)
    coverage: float = 0.8
    """Least share of a window that must have been seen."""
    hours: Hours | None = None
    """Rings only then; what still rings at closing time is cleared. None: always."""
    states: tuple[State, ...] = ("wrap-up", "not ready")
    """``state_time`` only: states an agent should not be in for long."""
    thresholds: Mapping[str, float | None] = field(factory=dict, converter=_read_only, hash=False)
    """Other thresholds by id (``"7"``) or key (``"queue/170/7"``); None: this one is not judged."""

    def __attrs_post_init__(self) -> None:
        self._check_ranges()
        if self.clear_threshold is not None and self._worse(self.clear_threshold, self.threshold):
            raise ValueError(f"rule {self.id!r} would be cleared while it is still past its threshold")

    def _check_ranges(self) -> None:
        """Refuse what could never be judged or never ring: 80 where 0.8 is meant is silence for ever."""
        most, what = (1.0, "a ratio, 0 to 1") if self.measure in OF_RATIOS else (1e9, "0 or more")
        given = {"threshold": self.threshold, "clear_threshold": self.clear_threshold}
        given |= {f"thresholds[{key!r}]": value for key, value in self.thresholds.items()}
        for name, value in given.items():
            if value is not None and not 0 <= value <= most:
                raise ValueError(f"{name} of rule {self.id!r} must be {what}, not {value!r}")
        if not 0 <= self.coverage <= 1:
            raise ValueError(f"coverage of rule {self.id!r} must be a ratio, 0 to 1, not {self.coverage!r}")
        if self.minimum < 0:
            raise ValueError(f"minimum of rule {self.id!r} must be 0 or more, not {self.minimum!r}")

    def _worse(self, one: float, other: float) -> bool:
        return one < other if self.measure in UNDER else one > other

    def threshold_of(self, subject: Subject) -> float | None:
        """The threshold that holds for a subject; None: it is not judged."""
        if not self.thresholds:
            return self.threshold
        return self.thresholds.get(subject.key, self.thresholds.get(str(subject.id), self.threshold))

    def breached(self, reading: Reading) -> bool | None:
        """True: past the threshold; False: not; None: this reading cannot be judged."""
        return self._past(reading, self.threshold_of(reading.subject))

    def still_bad(self, reading: Reading) -> bool | None:
        """Like ``breached``, by the threshold that clears."""
        threshold = self.threshold_of(reading.subject)
        if threshold is None:
            return False
        own = threshold != self.threshold
        clear = threshold if own or self.clear_threshold is None else self.clear_threshold
        return self._past(reading, clear)

    def _past(self, reading: Reading, threshold: float | None) -> bool | None:
        figure = reading.figure
        if threshold is None or figure.count < self.minimum:
            return None
        if figure.coverage is not None and figure.coverage < self.coverage:
            return None
        return figure.under(threshold) if self.measure in UNDER else figure.over(threshold)

    def applies(self, at: datetime) -> bool:
        """True inside the hours of the rule."""
        return self.hours is None or self.hours.is_open(at)


DEFAULTS: tuple[Rule, ...] = (
    Rule(
        id="service level", measure="service_level", threshold=0.8, minimum=20, raise_after=2, clear_after=2
    ),
    Rule(id="lost calls", measure="lost_rate", threshold=0.05, minimum=20, raise_after=2, clear_after=2),
    Rule(id="no idle agent", measure="no_idle_agent", threshold=0, minimum=5, raise_after=2, clear_after=2),
    Rule(id="agents gone", measure="online_drop", threshold=0.3, clear_threshold=0.2, minimum=10),
    Rule(id="long wrap-up", measure="wrap_up", threshold=120, minimum=5, raise_after=2, clear_after=2),
    Rule(id="long in one state", measure="state_time", threshold=1800),
    Rule(id="few connects", measure="outbound_connect", threshold=0.2, minimum=50),
    Rule(id="task stands still", measure="task_still", threshold=0, raise_after=3),
    Rule(id="no data", measure="no_data", threshold=600),
)
"""What people expect; a list of your own may begin with ``within(hours)`` of these."""


def within(hours: Hours, rules: Iterable[Rule] = DEFAULTS) -> tuple[Rule, ...]:
    """The same rules, ringing inside opening hours only."""
    return tuple(evolve(rule, hours=hours) for rule in rules)


def checked(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules as a tuple; raises ValueError where two have one id, TypeError for what is no rule."""
    found = tuple(rules)
    ids: set[str] = set()
    for rule in found:
        if not isinstance(rule, Rule):
            raise TypeError(f"a rule is a Rule, not {type(rule).__name__}")
        if rule.id in ids:
            raise ValueError(f"two rules are called {rule.id!r}")
        ids.add(rule.id)
    return found
