"""``record``: polls of what keeps no history into files, with a stand-by on another machine if wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from cyclopts import App

from cc_async.cli import connect, file_options, run
from cc_async.cli.codes import FINE, PARTIAL
from cc_async.cli.file_options import (
    Directory,
    Every,
    Files,
    Interfaces,
    Lasting,
    Polled,
    StandBy,
    TakeOver,
    span,
)
from cc_async.cli.leading import Turns, turns
from cc_async.cli.options import Link
from cc_async.cli.stopping import run_stoppable
from cc_async.errors import ExportError
from cc_async.export import Recorded, record
from cc_async.session.clock import LoopClock
from cc_async.settings import Site

_LINK, _FILES, _POLLED = Link(), Files(), Polled()
_SHORTEST_TIMEOUT = 30.0
_RETRY = 0.2
"""Seconds between two looks at a folder that the leader before us has not let go yet."""

Work = Callable[[datetime], Awaitable[None]]
"""Told since when what nobody recorded is a gap."""


def add_to(app: App) -> None:
    """Hook the command into the app."""
    app.command(name="record")(keep_recording)


def keep_recording(
    directory: Directory,
    interfaces: Interfaces,
    *,
    every: Every = "10s",
    lasting: Lasting = None,
    stand_by: StandBy = None,
    take_over: TakeOver = "15s",
    polled: Polled = _POLLED,
    files: Files = _FILES,
    link: Link = _LINK,
) -> int:
    """Poll interfaces that keep no history into files until Ctrl-C; gap rows say when a poll failed.

    Ctrl-C (or SIGTERM) is its usual end: exit code 0, 3 when there were gaps. With --stand-by a second
    process, started the same way, waits until this one dies and goes on; gap rows tell what was missed.
    """
    beat = span(every, "--every").total_seconds()
    beats = None if lasting is None else max(1, int(span(lasting, "--lasting").total_seconds() // beat))
    in_turns = turns(stand_by, take_over)
    makers = file_options.builds_of(interfaces, polled, partial=True)
    target = file_options.target(directory, files)
    limited = link if link.timeout else replace(link, timeout=str(max(beat, _SHORTEST_TIMEOUT)))
    site = connect.with_keys(connect.site_of(limited))
    accounts: dict[int, Recorded] = {}

    def note(account: Recorded) -> None:
        accounts[id(account)] = account

    async def work(since: datetime | None = None) -> None:
        async with connect.cms_client(site) as cms:
            queries = [await make(cms) for make in makers]
            for query in queries:
                note(Recorded(query.question.interface))
            await record(queries, target, every=beat, beats=beats, since=since, on_poll=note)

    try:
        if in_turns is None:
            run_stoppable(work())
        else:
            run_stoppable(_lead(in_turns, _name(site, interfaces), work))
    except KeyboardInterrupt:
        if not accounts and in_turns is None:
            raise
    return _told(list(accounts.values()))


def _told(accounts: list[Recorded]) -> int:
    """Say what was recorded, every time we led; the exit code."""
    for interface in dict.fromkeys(one.interface for one in accounts):
        mine = [one for one in accounts if one.interface == interface]
        polls, rows, gaps = (sum(getattr(one, name) for one in mine) for name in ("polls", "rows", "gaps"))
        run.say(f"{interface}: {polls:,} polls, {rows:,} rows, {gaps:,} gaps")
    return PARTIAL if any(one.gaps for one in accounts) else FINE


def _name(site: Site, interfaces: str) -> str:
    """What is led: recordings of other interfaces or of another contact center do not wait for each other."""
    host = (site.cms_url or "").partition("://")[2].rstrip("/")
    named = ",".join(sorted({one.strip() for one in interfaces.split(",")}))
    return f"record:{host}:{site.cc_id}:{site.vdn}:{named}"


async def _lead(in_turns: Turns, name: str, work: Work) -> None:
    """Do the work whenever we lead; what nobody recorded since we stand by is a gap."""
    since = datetime.fromtimestamp(LoopClock().wall(), UTC)
    await in_turns.lead(name, lambda lease, token: _when_free(work, since))


async def _when_free(work: Work, since: datetime) -> None:
    """The work; a leader that is gone may hold the folder a moment longer than its lease."""
    told = False
    while True:
        try:
            return await work(since)
        except ExportError as error:
            if not error.retryable:
                raise
            if not told:
                run.say(f"{error.message}: leads as soon as it lets go")
            told = True
        await asyncio.sleep(_RETRY)
