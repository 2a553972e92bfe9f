"""The lines of the table, and the table."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version

from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from benchmarks import lab


@frozen
class Line:
    """One figure; ``goal`` and ``met`` stay empty where it is there to compare with.

    ``value`` is None for what is not installed.
    """

    what: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    goal: str = ""
    met: bool | None = None


def line(what: str, figure: lab.Spread | float, unit: str, goal: str = "", met: bool | None = None) -> Line:
    """One figure, with its spread where it has one."""
    if isinstance(figure, lab.Spread):
        return Line(what, figure.median, unit, figure.low, figure.high, goal, met)
    return Line(what, figure, unit, goal=goal, met=met)


def not_installed(what: str) -> Line:
    """The row of a peer that is not there."""
    return Line(what, None, "not installed")


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    pair = lab.cores()
    return {
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "msgspec": version("msgspec"),
        "cattrs": version("cattrs"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "pinned": f"client to core {pair[0]}, server to core {pair[1]}" if pair else "no",
    }


def number(value: float) -> str:
    """A figure with as many digits as it deserves."""
    if abs(value) >= 10_000:
        return f"{value:,.0f}".replace(",", " ")
    if value == int(value):
        return str(int(value))
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4}f}"


def print_table(claims: Sequence[tuple[str, Sequence[Line]]], smoke: bool) -> None:
    """Print what was measured, a section per claim."""
    # Off a terminal rich would cut the table to 80 columns.
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print("  ".join(f"{name} {value}" for name, value in machine().items()))
    if smoke:
        console.print("A smoke run: tiny rounds, the figures mean nothing.")
    table = Table("what", "measured", "quartiles", "unit", "goal", "")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for title, lines in claims:
        table.add_section()
        table.add_row(f"[bold]{title}[/bold]")
        for one in lines:
            spread = "" if one.low is None or one.high is None else f"{number(one.low)}..{number(one.high)}"
            verdict = "" if one.met is None else "met" if one.met else "[bold]MISSED[/bold]"
            value = "" if one.value is None else f"{one.value:.2f}" if one.unit == "%" else number(one.value)
            table.add_row("  " + one.what, value, spread, one.unit, one.goal, verdict)
    console.print(table)


def print_json(claims: Sequence[tuple[str, Sequence[Line]]], smoke: bool) -> None:
    """Print the same for programs."""
    found = {title: [asdict(one) for one in lines] for title, lines in claims}
    print(json.dumps({"machine": machine(), "smoke": smoke, "claims": found}, indent=2))
