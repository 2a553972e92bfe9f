"""``doctor``: what is wrong on the way to a site, line by line, and what to do about it."""

from __future__ import annotations

import asyncio
import json as json_module
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from cc_async.cli import connect
from cc_async.cli.codes import FINE, NOTHING, PARTIAL
from cc_async.cli.ids import parse_tasks
from cc_async.cli.options import Json, Link
from cc_async.cli.output import console
from cc_async.cli.text import visible
from cc_async.doctor import Finding, Level, Patient, Report, Result, Step, examine, most_requests
from cc_async.session.clock import LoopClock
from cc_async.settings import Site

_LINK = Link()
_SIGNS = {Level.OK: "ok", Level.NOTE: "note", Level.REMARK: "remark", Level.PROBLEM: "PROBLEM"}
_COLOURS = {Level.OK: "green", Level.NOTE: "cyan", Level.REMARK: "yellow", Level.PROBLEM: "bold red"}
_CODES = {Level.OK: FINE, Level.NOTE: FINE, Level.REMARK: PARTIAL, Level.PROBLEM: NOTHING}
_WIDTH = 8

MaskHosts = Annotated[
    bool, Parameter(negative="", show_default=False, help="Leave host names and addresses out.")
]
Task = Annotated[
    str | None, Parameter(help="Id of an outbound task, to look at its fields; one nobody has otherwise.")
]


def add_to(app: App) -> None:
    """Hook the command into the app."""
    app.command(doctor)


def doctor(
    *, task: Task = None, mask_hosts: MaskHosts = False, link: Link = _LINK, json: Json = False
) -> int:
    """Look at the way to a site step by step, stop at the first thing that is wrong, say what to do.

    The report can be mailed: it holds no keys, names, phone numbers or GUIDs. At most four signatures that
    a server may reject are sent, ten seconds apart. Exit codes: 0 all well, 1 stopped at a problem,
    2 usage, 3 it works, with remarks.
    """
    site = connect.with_keys(connect.site_of(link))
    site.require("cms_url")
    tasks = None if task is None else parse_tasks(task)
    report = asyncio.run(_examined(site, tasks[0] if tasks else None, mask_hosts, quiet=json))
    if json:
        sys.stdout.write(json_module.dumps(report.to_dict()) + "\n")
    else:
        _conclude(console(sys.stdout), report)
    return _CODES[report.level]


async def _examined(site: Site, task: str | None, mask_hosts: bool, *, quiet: bool) -> Report:
    screen = console(sys.stdout)
    if not quiet:
        screen.print(f"At most {most_requests()} requests are sent.", soft_wrap=True)
    patient = Patient.of(site, LoopClock(), task_id=task)
    if quiet:
        return await examine(patient, mask_hosts=mask_hosts)
    with watched(screen) as on_step:
        return await examine(
            patient, mask_hosts=mask_hosts, on_step=on_step, on_result=lambda result: show(screen, result)
        )


@contextmanager
def watched(screen: Console) -> Iterator[Callable[[Step], None]]:
    """Say on a terminal which step is being taken; some take half a minute."""
    if not screen.is_terminal:
        yield lambda step: None
        return
    with screen.status("") as status:
        yield lambda step: status.update(Text(f"{step.title} (up to {step.seconds:.0f} s)"))


def show(screen: Console, result: Result) -> None:
    """Write what one step came to, a line for each finding, the sign in front."""
    for finding in result.findings:
        _line(screen, finding.level, f"{result.title}: {finding.text}")


def _line(screen: Console, level: Level, text: str) -> None:
    sign = Text(f"{_SIGNS[level]:<{_WIDTH}}", style=_COLOURS[level])
    screen.print(sign.append(Text(visible(text), style="default not bold")), soft_wrap=True)


def _conclude(screen: Console, report: Report) -> None:
    """Write the summary: what to do, in order, and what to set."""
    to_do = [finding for finding in report.findings if finding.level >= Level.REMARK]
    screen.print()
    screen.print(_summary(report, to_do), soft_wrap=True)
    for number, finding in enumerate(to_do, 1):
        screen.print(f"{number}. {visible(finding.text)}", soft_wrap=True)
        screen.print(f"   -> {visible(finding.advice)}", soft_wrap=True)
    if report.settings:
        screen.print("\nTo set in the configuration file:\n", soft_wrap=True)
        screen.print(visible_lines(report.toml), soft_wrap=True)


def _summary(report: Report, to_do: list[Finding]) -> str:
    told = f"{report.requests} request{'s' * (report.requests != 1)} to {report.host}. "
    if report.level is Level.PROBLEM:
        return f"{told}Stopped at a problem; not looked at: {', '.join(report.skipped) or 'nothing else'}."
    if not to_do:
        return f"{told}All well."
    return f"{told}It works, with {'one remark' if len(to_do) == 1 else f'{len(to_do)} remarks'}:"


def visible_lines(text: str) -> str:
    """Make each line harmless for a terminal."""
    return "\n".join(visible(line) for line in text.splitlines())
