"""What monitoring plugins are: a status, a line with performance data, thresholds in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from json import dumps
from typing import Any

from attrs import field, frozen

from cc_async.cli.text import visible
from cc_async.cli.times import parse_duration
from cc_async.cli.usage import UsageError
from cc_async.monitor.figure import duration


class Status(IntEnum):
    """The exit codes of monitoring plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@frozen(kw_only=True)
class Limits:
    """Where WARNING and CRITICAL begin; the value itself is still fine."""

    warn: float | None
    crit: float | None
    low: bool
    """True: under them is bad; False: over them."""

    def status(self, value: float) -> Status:
        """The status of a value."""
        if self.crit is not None and self._past(value, self.crit):
            return Status.CRITICAL
        if self.warn is not None and self._past(value, self.warn):
            return Status.WARNING
        return Status.OK

    def _past(self, value: float, limit: float) -> bool:
        return value < limit if self.low else value > limit


def limits(warn: str | None, crit: str | None, *, low: bool, unit: str) -> Limits:
    """Read ``--warn`` and ``--crit`` (unit ``%``, ``s`` or none); raises UsageError."""
    first, second = (_read(text, option, unit) for text, option in ((warn, "--warn"), (crit, "--crit")))
    if first is not None and second is not None and (first < second if low else first > second):
        where = "under" if low else "over"
        problem = f"--warn {warn} --crit {crit}: WARNING would come after CRITICAL"
        raise UsageError(problem, hint=f"{where} the limits is bad: exchange them")
    return Limits(warn=first, crit=second, low=low)


def _read(text: str | None, option: str, unit: str) -> float | None:
    if text is None:
        return None
    if unit == "%":
        return ratio(text, option)
    if unit == "s":
        return seconds(text, option)
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise UsageError(f"{option}: {text!r} is no number", hint="write 5")
    return float(text)


def ratio(text: str, option: str) -> float:
    """Read ``0.85`` or ``85%`` as 0.85; raises UsageError, for a bare 85 too."""
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})\s*(%?)", text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if match and not match[2] and value > 1:
        raise UsageError(f"{option}: {text!r} is no ratio", hint=f"write {text.strip()}%, or 0 to 1")
    if not 0 <= value <= 1:
        raise UsageError(f"{option}: {text!r} is no ratio", hint="write 0.85 or 85%")
    return value


def seconds(text: str, option: str) -> float:
    """Read ``30``, ``90s`` or ``10m`` as seconds; raises UsageError."""
    if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", text.strip()):
        return float(text)
    try:
        return parse_duration(text).total_seconds()
    except UsageError:
        raise UsageError(f"{option}: {text!r} are no seconds", hint="write 30, 90s or 10m") from None


@frozen(kw_only=True)
class Perf:
    """One value of performance data."""

    label: str
    value: float
    unit: str = ""
    """``%`` (the value is a ratio here), ``s``, or none."""
    limits: Limits | None = None
    least: float | None = None

    def __str__(self) -> str:
        parts = [f"{self.label}={self._number(self.value)}{self.unit}", *self._ranges()]
        parts.append("" if self.least is None else self._number(self.least))
        return ";".join(parts).rstrip(";")

    def _ranges(self) -> list[str]:
        # Ranges of the plugin guidelines: "85:" alerts under 85, "85" over 85 and under 0, "~:85" over 85.
        if self.limits is None:
            return ["", ""]
        begin = "~:" if self.least is None and not self.limits.low else ""
        end = ":" if self.limits.low else ""
        both = (self.limits.warn, self.limits.crit)
        return ["" if one is None else f"{begin}{self._number(one)}{end}" for one in both]

    def _number(self, value: float) -> str:
        scaled = value * 100 if self.unit == "%" else value
        text = f"{scaled:.3f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text


@frozen(kw_only=True)
class Result:
    """What a check came to."""

    name: str
    status: Status
    text: str
    perf: tuple[Perf, ...] = ()
    document: Mapping[str, Any] = field(factory=dict, hash=False)
    """More of it for programs."""

    def line(self) -> str:
        """One line as monitoring systems read it; performance data begins at its only bar."""
        told = visible(" ".join(f"{self.name} {self.status.name} - {self.text}".split())).replace("|", "/")
        return f"{told} | {' '.join(map(str, self.perf))}" if self.perf else told

    def json(self) -> str:
        """The same as one JSON object."""
        perf = {one.label: one.value for one in self.perf}
        head = {"version": 1, "check": self.name, "status": self.status.name, "code": int(self.status)}
        return dumps({**head, "text": self.text, "values": perf, **self.document})


def unknown(name: str, why: str) -> Result:
    """The result of a check that cannot tell."""
    return Result(name=name, status=Status.UNKNOWN, text=why)


def percent(value: float, held: Limits) -> str:
    """A ratio as percent, with decimals where it would look like a limit that it is not."""
    shown = f"{value * 100:.0f}"
    for digits in (0, 1, 2, 3):
        shown = f"{value * 100:.{digits}f}"
        others = [one for one in (held.warn, held.crit) if one is not None and one != value]
        if all(shown != f"{one * 100:.{digits}f}" for one in others):
            break
    return f"{shown} %"


def lasting(value: float) -> str:
    """Seconds for people."""
    return f"{value:.2f} s" if value < 10 and value != int(value) else duration(value)
