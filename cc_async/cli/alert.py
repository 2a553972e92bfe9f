"""``alert try``: the rules run over past system indicators, and when each would have rung."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, tzinfo
from json import dumps
from typing import Any

from attrs import frozen
from cyclopts import App
from rich import box
from rich.table import Table
from rich.text import Text

from cc_async import Batch
from cc_async.cli import builds, connect, progress, run
from cc_async.cli.options import Json, Link, Vdns, When
from cc_async.cli.output import console
from cc_async.cli.ring import RulesFile, ring
from cc_async.cli.text import visible
from cc_async.cli.times import parse_zone
from cc_async.cli.usage import UsageError
from cc_async.cli.views import SYSTEM_INDICATORS
from cc_async.monitor.alert import Alert
from cc_async.monitor.replay import not_judged, replay
from cc_async.monitor.rules import DEFAULTS, Rule
from cc_async.monitor.rules_file import load_rules

_LINK, _WHEN = Link(), When()
_NO_ALERT = "no rule would have rung"

app = App(name="alert", help="Rules that ring: service level, lost calls, missing agents, missing data.")
app.default(ring)


def add_to(parent: App) -> None:
    """Hook the commands into the app."""
    parent.command(app)


@app.command(name="try")
def try_out(
    *,
    rules: RulesFile = None,
    vdns: Vdns = None,
    when: When = _WHEN,
    link: Link = _LINK,
    json: Json = False,
) -> int:
    """When each rule would have rung in a past time, judged by system indicators (global access key only).

    Service level, lost calls, wrap-up, agents and tasks are not in system indicators: rules about them are
    named and not judged.
    """
    chosen = DEFAULTS if rules is None else load_rules(rules)
    zone: tzinfo = parse_zone(when.tz) or UTC
    site = connect.with_keys(connect.site_of(link))
    found = asyncio.run(
        _ask(site, builds.indicators(vdns, when, partial=link.partial, timeout=link.seconds), chosen, zone)
    )
    if json:
        _write_json(found)
    else:
        _write_table(found, zone)
    return run.tell(run.report_of(SYSTEM_INDICATORS, found.batch), None, len(found.batch))


@frozen
class Tried:
    """What a trial came to."""

    alerts: tuple[Alert, ...]
    silent: tuple[Rule, ...]
    batch: Batch[Any]


async def _ask(site: Any, build: run.Build, rules: Sequence[Rule], zone: tzinfo) -> Tried:
    """Ask for the rows and run the rules over them."""
    counter = progress.Counter()
    async with connect.cms_client(site, [counter]) as cms:
        query = await build(cms)
        counter.expected = run.expected(query)
        async with progress.shown(counter, query.question.interface, console(sys.stderr)):
            batch = await query
    question = query.question
    if question.begin is None or question.end is None or batch.ended is None:
        raise UsageError("which time?")
    # What is still to come is not missing, nor is what we failed to ask.
    end = min(question.end, batch.ended)
    unknown = [failure.window for failure in batch.failures if failure.window is not None]
    alerts = replay(batch, rules, begin=question.begin, end=end, unknown=unknown, zone=zone)
    return Tried(alerts, not_judged(rules), batch)


def _write_table(found: Tried, zone: tzinfo) -> None:
    """One line for each time a rule would have rung, with its end where it had one."""
    ended = {alert.id: alert for alert in found.alerts if alert.state == "cleared"}
    raised = [alert for alert in found.alerts if alert.state == "raised"]
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("rings", "until", "rule", "what"):
        made.add_column(heading, overflow="fold")
    for alert in raised:
        end = ended.get(alert.id)
        until = "-" if end is None else f"{end.at:%H:%M}{' closed' if end.ended == 'closed' else ''}"
        cells = (f"{alert.at:%Y-%m-%d %H:%M}", until, alert.rule, str(alert))
        made.add_row(*(Text(visible(cell)) for cell in cells))
    screen = console(sys.stdout)
    if raised:
        screen.print(made)
    told = f"{len(raised):,} alerts" if raised else _NO_ALERT
    told += f"; {len(found.batch):,} rows of 5 minutes; times in {zone}"
    screen.print(f"{told}; {found.batch.request_count:,} requests", soft_wrap=True)
    if found.silent:
        names = ", ".join(rule.id for rule in found.silent)
        screen.print(f"not judged, for want of data in system indicators: {visible(names)}", soft_wrap=True)


def _write_json(found: Tried) -> None:
    """One object and nothing else."""
    report = run.report_of(SYSTEM_INDICATORS, found.batch)
    document = {
        "version": 1,
        "alerts": [alert.to_dict() for alert in found.alerts],
        "not_judged": [rule.id for rule in found.silent],
        "rows": len(found.batch),
        "failures": report.failures,
        "rejected": report.rejected,
        "requests": report.requests,
    }
    sys.stdout.write(dumps(document) + "\n")
