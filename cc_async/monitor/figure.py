"""Figure: a derived number that cannot be shown without what it is worth."""

from __future__ import annotations

import math
from typing import Literal

from attrs import evolve, frozen

Unit = Literal["ratio", "seconds", "number"]

_WHOLE = 0.99
"""Coverage from which on a person is not bothered with it: a poll a second before the end gives 0.997."""


@frozen(kw_only=True)
class Figure:
    """A derived number, its bounds, what it rests on, and why there is none.

    Three kinds: a ``value`` (``low`` and ``high`` are the same, or further apart for an estimate); bounds
    only (``value`` is None); nothing (all three are None and ``why_not`` says why). ``str`` says which.
    There is no ``float(figure)`` and no format code: no number without its validity by accident.
    """

    value: float | None = None
    """Ratios 0..1 (can pass 1 in one window), seconds, or a number; None: only bounds, or nothing."""
    low: float | None = None
    high: float | None = None
    count: int = 0
    """How many calls, agents... it rests on: the denominator."""
    coverage: float | None = None
    """Share of the window and of the queues that was seen, 0..1; None: an instant, or not known."""
    age_seconds: float | None = None
    """Age of the oldest of the newest samples; None where no ``now`` was given or nothing is dated."""
    why_not: str | None = None
    """Why there is no value and no bounds."""
    unit: Unit = "ratio"
    of: str = ""
    """What ``count`` counts: ``offered``, ``connected``..."""
    note: str = ""
    """What else one has to know to read it right."""

    def __attrs_post_init__(self) -> None:
        if (self.low is None) is not (self.high is None):
            raise ValueError("a figure has both bounds or none")
        if self.low is None or self.high is None:
            if self.value is not None:
                raise ValueError("a value stands between its bounds: give low and high")
            if not self.why_not:
                raise ValueError("a figure that is none says why not")
        elif self.why_not is not None:
            raise ValueError("a figure that is there has no why_not")
        elif not self.low <= (self.low if self.value is None else self.value) <= self.high:
            raise ValueError("a figure lies between its bounds")

    @property
    def exact(self) -> bool:
        """True when the value is the only one the records allow."""
        return self.value is not None and self.low == self.high

    def under(self, threshold: float) -> bool | None:
        """True: certainly under the threshold; False: certainly not; None: the records cannot tell."""
        if self.low is None or self.high is None:
            return None
        return True if self.high < threshold else False if self.low >= threshold else None

    def over(self, threshold: float) -> bool | None:
        """True: certainly over the threshold; False: certainly not; None: the records cannot tell."""
        if self.low is None or self.high is None:
            return None
        return True if self.low > threshold else False if self.high <= threshold else None

    def noted(self, note: str) -> Figure:
        """The same figure with one more thing to know; an empty one changes nothing."""
        return evolve(self, note="; ".join(one for one in (self.note, note) if one)) if note else self

    def __str__(self) -> str:
        told = f"none: {self.why_not}" if self.why_not else self._number()
        if self.coverage is not None and self.coverage < _WHOLE:
            told += f", {math.floor(self.coverage * 100)} % seen"
        if self.age_seconds is not None:
            told += f", {duration(self.age_seconds)} old"
        return f"{told} ({self.note})" if self.note else told

    def _number(self) -> str:
        scale, unit = (100.0, " %") if self.unit == "ratio" else (1.0, " s" if self.unit == "seconds" else "")
        low, high = (self.low or 0.0) * scale, (self.high or 0.0) * scale
        if self.value is None:
            # Rounded outwards, so that what lies between the bounds lies between those shown.
            told = f"{_floor(low)}..{_ceil(high)}{unit}"
        elif self.exact:
            told = f"{_short(self.value * scale, self.unit)}{unit}"
        elif self.value == self.low:
            told = f"at least {_short(low, self.unit)}{unit}"
        else:
            told = f"about {_short(self.value * scale, self.unit)}{unit}"
        return f"{told} of {self.count:,} {self.of}" if self.of else told


def exactly(
    value: float,
    count: int,
    of: str = "",
    *,
    unit: Unit = "ratio",
    coverage: float | None = None,
    age_seconds: float | None = None,
    note: str = "",
) -> Figure:
    """A figure that is known."""
    return Figure(
        value=value, low=value, high=value, count=count, of=of, unit=unit, coverage=coverage,
        age_seconds=age_seconds, note=note,
    )  # fmt: skip


def none(why_not: str, *, unit: Unit = "ratio") -> Figure:
    """A figure that is none, and why."""
    return Figure(why_not=why_not, unit=unit)


def duration(seconds: float) -> str:
    """Seconds for people: ``48 s``, ``2:10``, ``1:02:05``; nothing is rounded up."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _short(number: float, unit: Unit) -> str:
    return f"{number:,.0f}" if unit == "number" and number == int(number) else f"{number:,.1f}"


def _floor(number: float) -> str:
    # 0.29 * 100 is 28.999999999999996: what is off by rounding is not off by one.
    return f"{math.floor(round(number, 6)):,}"


def _ceil(number: float) -> str:
    return f"{math.ceil(round(number, 6)):,}"
