"""``plan --vdns N --queues N --agents N --every S``: what watching a whole contact center takes, on paper."""

from __future__ import annotations

import asyncio
import sys
from json import dumps
from typing import Annotated, Any

from attrs import evolve
from cyclopts import App, Parameter
from rich import box
from rich.table import Table
from rich.text import Text

from cc_async.cli import connect
from cc_async.cli.codes import FINE
from cc_async.cli.options import Json, Link
from cc_async.cli.output import console
from cc_async.cli.sizing import Need, Size, Sizing, sizing
from cc_async.cli.times import parse_duration
from cc_async.cli.usage import UsageError
from cc_async.clients.cms_base import cms_quotas
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Host, Quota
from cc_async.session.quotas import Quotas
from cc_async.session.secret import Secret
from cc_async.settings import Site

_LINK = Link()
_NOWHERE = "https://nowhere.invalid"
_MOST = {"--vdns": 5_000, "--queues a VDN": 10_000, "--agents": 999_899, "--tasks": 1_000_000}

Every = Annotated[str, Parameter(help="Time from one beat to the next, such as 300 (seconds) or 5m.")]


def add_to(app: App) -> None:
    """Hook it into ``plan``: what it does without the name of a question."""
    app.default(plan)


def plan(
    *,
    vdns: Annotated[int, Parameter(show_default=False, help="How many VDNs.")] = 0,
    queues: Annotated[int, Parameter(show_default=False, help="Skill queues of all VDNs together.")] = 0,
    agents: Annotated[int, Parameter(show_default=False, help="Agents of all VDNs together.")] = 0,
    tasks: Annotated[int, Parameter(show_default=False, help="Outbound tasks.")] = 0,
    every: Every = "300",
    link: Link = _LINK,
    json: Json = False,
) -> int:
    """What watching a contact center of this size takes: requests, seconds at the quota, processes, memory.

    Every figure is per beat. The quota is one for all processes of a site; --quota tries another one.
    """
    size = _size(vdns, queues, agents, tasks, every)
    found = asyncio.run(_sizing(size, connect.site_of(link)))
    (_print_json if json else _print)(found)
    return FINE


def _size(vdns: int, queues: int, agents: int, tasks: int, every: str) -> Size:
    """The size as told; raises UsageError."""
    if vdns < 1:
        hint = "plan --vdns 5000 --queues 10000 --agents 60000 --every 300, or plan indicators --help"
        raise UsageError("plan what? --vdns says how many VDNs there are", hint=hint)
    seconds = float(every) if every.isascii() and every.isdigit() else _seconds(every)
    if not 1 <= seconds <= 86_400:
        raise UsageError("--every must be 1 second to 1 day")
    told = {"--vdns": vdns, "--queues a VDN": -(-queues // vdns), "--agents": agents, "--tasks": tasks}
    for name, value in told.items():
        if not 0 <= value <= _MOST[name]:
            raise UsageError(f"{name} must be 0 to {_MOST[name]:,}, not {value:,}")
    return Size(vdns, queues, agents, tasks, seconds)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except UsageError:
        raise UsageError(f"--every: {text!r} is no time", hint="write 300 or 5m") from None


async def _sizing(size: Size, site: Site) -> Sizing:
    """Plan with clients that lead nowhere, and the quotas of the site."""
    site = evolve(
        site, cms_url=_NOWHERE, gateway_url=_NOWHERE, access_key="-", secret_key=Secret("-"),
        global_access_key=None, vdn=site.vdn or 1,
    )  # fmt: skip
    cms_quota = cms_quotas(site.cms_arguments()["quota"])
    known = [endpoint for endpoint in ENDPOINTS.values() if endpoint.host is Host.GATEWAY]
    agent_quota = Quotas(site.gateway_arguments(guids=False)["quota"], default=None, known=known)

    def quota_of(interface: str) -> Quota | None:
        endpoint: Any = ENDPOINTS[interface]
        return (agent_quota if endpoint.host is Host.GATEWAY else cms_quota).of(endpoint)

    async with connect.cms_client(site) as cms, connect.gateway_without_guids(site) as gateway:
        return sizing(size, cms, gateway, quota_of)


def _print(found: Sizing) -> None:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    made.add_column("interface")
    for heading in ("requests", "rows", "quota", "seconds", "of one core"):
        made.add_column(heading, justify="right")
    made.add_column("fits")
    for need in found.needs:
        cells = (
            need.interface, f"{need.requests:,}", f"{need.rows:,}", _quota(need), f"{need.seconds:,.1f}",
            f"{need.cpu / found.size.every:.2%}", "yes" if need.fits else "NO",
        )  # fmt: skip
        made.add_row(*map(Text, cells))
    screen = console(sys.stdout)
    screen.print(made)
    for need in found.needs:
        if need.advice:
            screen.print(f"{need.interface}: {need.advice}", soft_wrap=True)
    processes = f"{found.processes:,} process{'es' if found.processes > 1 else ''}"
    screen.print(
        f"every {found.size.every:g} s: {processes}, {found.cpu / found.size.every:.1%} of one core, "
        f"{found.memory / 2**20:,.0f} MiB",
        soft_wrap=True,
    )


def _quota(need: Need) -> str:
    return "-" if need.quota is None else f"{need.quota.limit:,}/{need.quota.per:g} s"


def _print_json(found: Sizing) -> None:
    needs = [
        {
            "interface": need.interface,
            "requests": need.requests,
            "rows": need.rows,
            "quota": None if need.quota is None else [need.quota.limit, need.quota.per],
            "seconds": need.seconds,
            "cpu_seconds": need.cpu,
            "fits": need.fits,
            "advice": need.advice or None,
        }
        for need in found.needs
    ]
    document = {
        "version": 1,
        "every": found.size.every,
        "interfaces": needs,
        "cpu_seconds": found.cpu,
        "processes": found.processes,
        "memory_bytes": found.memory,
    }
    sys.stdout.write(dumps(document) + "\n")
