"""``check``: plugins for Icinga, Zabbix and cron: a line, and 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from cc_async.cli import check_ask as ask
from cc_async.cli import check_calls as calls
from cc_async.cli.check_calls import Attempts, Volume
from cc_async.cli.check_run import Common, checked, report
from cc_async.cli.ids import parse_tasks
from cc_async.cli.options import Link, Skills, Tasks
from cc_async.cli.plugin import Status, limits, seconds

_LINK, _COMMON, _VOLUME, _ATTEMPTS = Link(), Common(), Volume(), Attempts()

Warn = Annotated[str | None, Parameter(help="Past it is WARNING.")]
Crit = Annotated[str | None, Parameter(help="Past it is CRITICAL.")]
Count = Annotated[
    Literal["signed-in", "idle", "talking", "wrap-up", "not-ready", "rest"], Parameter(help="Which agents.")
]
AlertState = Annotated[Path, Parameter(help="The --state file of a running cc-async alert.")]
Stale = Annotated[str, Parameter(help="Data older than this is UNKNOWN.")]

app = App(
    name="check",
    help="One look for Icinga, Zabbix or cron: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, and performance data.",
)


def add_to(parent: App) -> None:
    """Hook the commands into the app."""
    parent.command(app)


@app.command
def service_level(
    *,
    warn: Warn = None,
    crit: Crit = None,
    skills: Skills = None,
    volume: Volume = _VOLUME,
    common: Common = _COMMON,
    link: Link = _LINK,
) -> int:
    """Calls connected within 20 s, of those offered; under the limits (0.85 or 85%) is bad."""
    held = limits(warn, crit, low=True, unit="%")
    return checked("SERVICELEVEL", calls.service_level(held, skills, volume), common, link)


@app.command
def lost_rate(
    *,
    warn: Warn = None,
    crit: Crit = None,
    skills: Skills = None,
    volume: Volume = _VOLUME,
    common: Common = _COMMON,
    link: Link = _LINK,
) -> int:
    """Calls lost, of those offered; over the limits (0.05 or 5%) is bad."""
    held = limits(warn, crit, low=False, unit="%")
    return checked("LOSTRATE", calls.lost_rate(held, skills, volume), common, link)


@app.command
def waiting(
    *,
    warn: Warn = None,
    crit: Crit = None,
    skills: Skills = None,
    common: Common = _COMMON,
    link: Link = _LINK,
) -> int:
    """Calls waiting now in the queue with the most; over the limits is bad."""
    held = limits(warn, crit, low=False, unit="")
    return checked("WAITING", ask.waiting(held, skills, "calls_waiting"), common, link)


@app.command
def longest_wait(
    *,
    warn: Warn = None,
    crit: Crit = None,
    skills: Skills = None,
    common: Common = _COMMON,
    link: Link = _LINK,
) -> int:
    """Longest wait of the queue with the longest, of the last 5 minutes; over the limits (60, 2m) is bad."""
    held = limits(warn, crit, low=False, unit="s")
    return checked("LONGESTWAIT", ask.waiting(held, skills, "longest_wait_seconds"), common, link)


@app.command
def agents(
    count: Count = "signed-in",
    *,
    warn: Warn = None,
    crit: Crit = None,
    common: Common = _COMMON,
    link: Link = _LINK,
) -> int:
    """Agents of the VDN in a state, each counted once; under the limits is bad."""
    held = limits(warn, crit, low=True, unit="")
    return checked("AGENTS", ask.agents(held, count), common, link)


@app.command
def outbound_connect(
    *,
    tasks: Tasks,
    warn: Warn = None,
    crit: Crit = None,
    volume: Attempts = _ATTEMPTS,
    common: Common = _COMMON,
    link: Link = _LINK,
) -> int:
    """Attempts of outbound tasks that succeeded; under the limits (0.2 or 20%) is bad."""
    held = limits(warn, crit, low=True, unit="%")
    return checked("OUTBOUNDCONNECT", calls.outbound(held, parse_tasks(tasks), volume), common, link)


@app.command
def ping(*, warn: Warn = None, crit: Crit = None, common: Common = _COMMON, link: Link = _LINK) -> int:
    """Address, TLS and key with the server's own ping: none is CRITICAL, over the limits (1, 5s) is bad."""
    held = limits(warn, crit, low=False, unit="s")
    return checked("PING", ask.ping(held), common, link, late=Status.CRITICAL)


@app.command
def data_age(
    *,
    warn: Warn = "10m",
    crit: Crit = "20m",
    skills: Skills = None,
    common: Common = _COMMON,
    link: Link = _LINK,
) -> int:
    """How long ago the 5 minutes began that the server counts in: 0 to 5 minutes where it is well."""
    held = limits(warn, crit, low=False, unit="s")
    return checked("DATAAGE", ask.data_age(held, skills), common, link)


@app.command
def alerts(
    *,
    state: AlertState,
    warn: Warn = None,
    crit: Crit = "0",
    stale: Stale = "15m",
    common: Common = _COMMON,
) -> int:
    """How many alerts stand, from the state of a running cc-async alert; asks no server."""
    held = limits(warn, crit, low=False, unit="")
    return report(asyncio.run(ask.alerts(held, state, seconds(stale, "--stale"))), common)
