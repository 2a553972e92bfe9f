"""``metrics``: alert rules, a dashboard and the list of what is measured, for Prometheus and Grafana."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from json import dumps

from attrs import asdict
from cyclopts import App
from rich import box
from rich.table import Table
from rich.text import Text

from cc_async.cli.options import Json
from cc_async.cli.output import console
from cc_async.integrations.grafana import dashboard
from cc_async.integrations.prometheus_definitions import DEFINITIONS
from cc_async.integrations.prometheus_rules import RULES, rules_file

app = App(name="metrics", help="Alert rules and a dashboard for what cc-async serve exposes at /metrics.")


def add_to(parent: App) -> None:
    """Hook the commands into the app."""
    parent.command(app)


@app.command
def rules() -> int:
    """Alert rules for Prometheus on standard output: cc-async metrics rules > cc_async.rules.yml."""
    sys.stdout.write(rules_file())
    return 0


@app.command(name="dashboard")
def print_dashboard() -> int:
    """A Grafana dashboard on standard output, ready for import."""
    sys.stdout.write(dashboard())
    return 0


@app.command(name="list")
def list_all(*, json: Json = False) -> int:
    """Every metric with its type, labels and meaning, and every alert rule."""
    if json:
        metrics = [asdict(made) for made in DEFINITIONS.values()]
        sys.stdout.write(
            dumps({"version": 1, "metrics": metrics, "rules": [asdict(r) for r in RULES]}) + "\n"
        )
        return 0
    _table(
        ("metric", "type", "labels", "what"),
        ((one.name, one.kind, ", ".join(one.labels), one.help) for one in DEFINITIONS.values()),
    )
    _table(("rule", "after", "severity", "when"), ((r.name, r.lasts, r.severity, r.expr) for r in RULES))
    return 0


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    console(sys.stdout).print(made)
