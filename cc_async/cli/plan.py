"""``plan``: what a question would cost; nothing is sent, so neither servers nor keys are needed."""

from __future__ import annotations

import asyncio
import sys
from json import dumps
from typing import Any

from attrs import evolve
from cyclopts import App
from rich import box
from rich.table import Table
from rich.text import Text

from cc_async import Plan
from cc_async.cli import builds, connect, plan_site
from cc_async.cli.codes import FINE
from cc_async.cli.options import Json, Link, Skills, SomeAgents, SomeSkills, Tasks, Vdns, When
from cc_async.cli.output import console
from cc_async.cli.run import Build
from cc_async.session.secret import Secret

_LINK, _WHEN = Link(), When()
_SIZES = (100, 1000)
_NOWHERE = "https://nowhere.invalid"

app = App(
    name="plan",
    help="What a question, or watching a whole contact center (--vdns), would cost. Nothing is sent.",
)
plan_site.add_to(app)


@app.command
def skill_stats(*, skills: Skills = None, link: Link = _LINK, json: Json = False) -> int:
    """Plan the call statistics of skill queues."""
    return _print(link, builds.skill_stats(skills, asks=False), json)


@app.command
def skill_states(*, skills: Skills = None, link: Link = _LINK, json: Json = False) -> int:
    """Plan the states of skill queues."""
    return _print(link, builds.skill_states(skills, asks=False), json)


@app.command
def agents(*, skills: SomeSkills, link: Link = _LINK, json: Json = False) -> int:
    """Plan the signed-in agents of skill queues."""
    return _print(link, builds.agents(skills, asks=False), json)


@app.command
def agent_states(*, link: Link = _LINK, json: Json = False) -> int:
    """Plan the states of every agent."""
    return _print(link, builds.agent_states(), json)


@app.command
def task_stats(*, tasks: Tasks, link: Link = _LINK, json: Json = False) -> int:
    """Plan outbound tasks."""
    return _print(link, builds.task_stats(tasks), json)


@app.command
def indicators(*, vdns: Vdns = None, when: When = _WHEN, link: Link = _LINK, json: Json = False) -> int:
    """Plan the indicators of VDNs, at 100 and at 1000 rows a page."""
    return _print(link, builds.indicators(vdns, when), json, sizes=_SIZES)


@app.command
def agent_stats(*, agents: SomeAgents, link: Link = _LINK, json: Json = False) -> int:
    """Plan the call statistics of agents."""
    return _print(link, builds.agent_stats(agents, (), brief=False), json, gateway=True)


def _print(
    link: Link, build: Build, as_json: bool, *, sizes: tuple[int, ...] = (), gateway: bool = False
) -> int:
    """Print one line per page size."""
    plans = asyncio.run(_plans(link, build, sizes, gateway))
    if as_json:
        rows = [
            {
                "page_size": size,
                "chunks": plan.chunks,
                "requests": plan.requests,
                "seconds": plan.seconds,
                "rows_expected": plan.rows_expected,
                "notes": list(plan.notes),
            }
            for size, plan in plans
        ]
        sys.stdout.write(dumps({"version": 1, "plans": rows}) + "\n")
        return FINE
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("page size", "chunks", "requests", "rows, at most", "minutes at the quota"):
        made.add_column(heading, justify="right")
    for size, plan in plans:
        rows_expected = "-" if plan.rows_expected is None else f"{plan.rows_expected:,}"
        cells = (str(size or "-"), f"{plan.chunks:,}", f"{plan.requests:,}", rows_expected, minutes(plan))
        made.add_row(*map(Text, cells))
    screen = console(sys.stdout)
    screen.print(made)
    for note in dict.fromkeys(note for _, plan in plans for note in plan.notes):
        screen.print(note, soft_wrap=True)
    return FINE


def minutes(plan: Plan) -> str:
    """Write the time of a plan in minutes."""
    return f"{plan.seconds / 60:,.1f}"


async def _plans(
    link: Link, build: Build, sizes: tuple[int, ...], gateway: bool
) -> list[tuple[int | None, Plan]]:
    """Plan with clients that lead nowhere."""
    site = connect.site_of(link)
    site = evolve(
        site, cms_url=_NOWHERE, access_key="-", secret_key=Secret("-"), global_access_key=None,
        vdn=site.vdn or 1,
    )  # fmt: skip
    plans: list[tuple[int | None, Plan]] = []
    chosen = None if link.page_size == "learn" else link.page_size  # learned, it may be either of them
    wanted = (chosen,) if chosen and sizes else sizes or (None,)
    for size in wanted:
        client: Any
        if gateway:
            client = connect.gateway_without_guids(evolve(site, gateway_url=_NOWHERE))
        else:
            client = connect.cms_client(evolve(site, page_size=size or site.page_size))
        async with client:
            plans.append((size, (await build(client)).plan()))
    return plans
