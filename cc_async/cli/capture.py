"""``capture``: a site's answers, masked, in a file that ``Simulator.replay`` plays."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

from cyclopts import App, Parameter

from cc_async.capture import Captured
from cc_async.capture import capture as capture_into
from cc_async.cli import connect, run
from cc_async.cli.codes import FINE, NOTHING, PARTIAL
from cc_async.cli.ids import parse_tasks
from cc_async.cli.options import Link
from cc_async.cli.output import console
from cc_async.cli.text import visible
from cc_async.cli.usage import UsageError
from cc_async.errors import CcError
from cc_async.session.clock import LoopClock
from cc_async.settings import Site

_LINK = Link()
_LONGEST = 24 * 60.0

Out = Annotated[Path, Parameter(help="The file to write; it must not be there yet.")]
Minutes = Annotated[float, Parameter(help="Go on with the live interfaces so long, every 15 s; 0: once.")]
SomeTasks = Annotated[str | None, Parameter(help="Task ids such as 1122104910,1122104911.")]
Queues = Annotated[int, Parameter(help="Queues whose agents are asked for at the most, one request each.")]
Agents = Annotated[
    int,
    Parameter(
        help="Agents in guids_file whose call statistics are asked for at the most, two requests each."
    ),
]
MaskIds = Annotated[
    bool,
    Parameter(negative="", show_default=False, help="Replace ids of queues, VDNs and agents, too."),
]


def add_to(app: App) -> None:
    """Hook the command into the app."""
    app.command(capture)


def capture(
    file: Out,
    *,
    minutes: Minutes = 0.0,
    tasks: SomeTasks = None,
    queues: Queues = 50,
    agents: Agents = 50,
    mask_ids: MaskIds = False,
    link: Link = _LINK,
) -> int:
    """Write a site's answers, masked, into a file that the simulator can play.

    Names, phone numbers and task ids become pseudonyms that nobody can trace back; keys are never in it.
    Exit codes: 0 written, 1 nothing was answered, 2 usage, 3 some interfaces failed (that is captured, too).
    """
    if not 0 <= minutes <= _LONGEST:
        raise UsageError(f"--minutes goes from 0 to {_LONGEST:g}")
    if not 0 <= queues <= 10_000:
        raise UsageError("--queues goes from 0 to 10000")
    if not 0 <= agents <= 10_000:
        raise UsageError("--agents goes from 0 to 10000")
    task_ids = [] if tasks is None else parse_tasks(tasks)
    site = connect.with_keys(connect.site_of(link))
    site.require("cms_url", "vdn")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{file} is there already", hint="give another name") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    try:
        # Line by line, so that a capture that is killed leaves whole lines.
        with os.fdopen(descriptor, "w", buffering=1, encoding="ascii") as out:
            found = asyncio.run(_captured(site, out, task_ids, minutes, queues, agents, mask_ids))
    except OSError as error:
        if isinstance(error, CcError):
            raise
        run.say(f"{file}: {error.strerror}; what was answered before is in it")
        return NOTHING
    finally:
        if not _has_pairs(file):
            file.unlink()
    return _told(file, found)


async def _captured(
    site: Site, out: TextIO, tasks: list[str], minutes: float, queues: int, agents: int, mask_ids: bool
) -> Captured:
    """Ask; on a terminal say what is being done."""
    screen = console(sys.stderr)
    said = (lambda told: screen.print(f"asked: {told}")) if screen.is_terminal else (lambda told: None)
    return await capture_into(
        site,
        out,
        LoopClock(),
        secrets.token_bytes(32),  # known to nobody, gone with this process
        task_ids=tasks,
        minutes=minutes,
        mask_ids=mask_ids,
        queues=queues,
        agents=agents,
        on_beat=said,
    )


def _has_pairs(file: Path) -> bool:
    """True when there is more than the header: what was captured before an error or Ctrl-C is kept."""
    with file.open(encoding="ascii") as lines:
        return len(list(islice(lines, 2))) == 2


def _told(file: Path, found: Captured) -> int:
    """Say what is in the file, and what failed."""
    for interface, text in found.failed.items():
        run.say(f"{interface}: {text}")
    if not found.pairs:
        return NOTHING
    parts = ", ".join(f"{visible(name)} {count}" for name, count in found.interfaces.items())
    sys.stdout.write(f"{found.pairs:,} answers in {visible(str(file))}: {parts}\n")
    sys.stdout.write("Look through it before you hand it on: unknown fields are masked by their form.\n")
    return PARTIAL if found.failed else FINE
