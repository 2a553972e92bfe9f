"""``backfill`` and ``sync``: closed periods into files; they can be stopped at any moment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclopts import App

from cc_async import CcError, CmsClient, Query
from cc_async.cli import builds, by_workers, connect, file_options, run
from cc_async.cli.codes import FINE, INTERRUPTED, NOTHING, PARTIAL
from cc_async.cli.file_options import Directory, Files, Reread, Settle, Since, Verify, Workers, span
from cc_async.cli.file_progress import Meter
from cc_async.cli.ids import parse_numbers
from cc_async.cli.options import Link, Vdns, When
from cc_async.clients.cms_base import cms_quotas
from cc_async.contract.endpoints import system_indicators
from cc_async.export import Exported, Target, export, sync, verify
from cc_async.session.clock import LoopClock

_LINK, _WHEN, _FILES = Link(), When(), Files()
_ALWAYS = datetime(9000, 1, 1, tzinfo=UTC)

Ask = Callable[[Query[Any], Target, Meter], Awaitable[Exported]]


def add_to(app: App) -> None:
    """Hook the commands into the app."""
    app.command(backfill)
    app.command(name="sync")(keep_up)


def backfill(
    directory: Directory,
    *,
    vdns: Vdns = None,
    when: When = _WHEN,
    workers: Workers = None,
    verify: Verify = False,
    files: Files = _FILES,
    link: Link = _LINK,
) -> int:
    """Indicators of a time into files: DIRECTORY/system_indicators/date=YYYY-MM-DD/part-*.

    Stopped at any moment and started again, it asks only what is missing; every row is there once.
    With --workers it asks nothing itself: processes started by "cc-async worker" do, and see DIRECTORY.
    """
    if verify and when == _WHEN:
        return _verify(directory)
    query = builds.indicators(vdns, when, partial=link.partial, timeout=link.seconds)

    async def ask(query: Query[Any], target: Target, meter: Meter) -> Exported:
        return await export(query, target, on_progress=meter.on_progress)

    target = file_options.target(directory, files)
    if workers is not None:
        code = by_workers.backfill(link, query, target, workers)
    else:
        code = _export(link, query, target, ask)
    return max(code, _verify(directory)) if verify and code != INTERRUPTED else code


def keep_up(
    directory: Directory,
    *,
    vdns: Vdns = None,
    since: Since = "24h",
    reread: Reread = "2h",
    settle: Settle = "10m",
    files: Files = _FILES,
    link: Link = _LINK,
) -> int:
    """Bring the indicators in DIRECTORY up to now: what is new, and the last hours again for late rows."""
    back, again, wait = (
        span(text, option)
        for text, option in ((since, "--since"), (reread, "--reread"), (settle, "--settle"))
    )
    ids = parse_numbers(vdns, "--vdns")

    async def build(cms: CmsClient) -> Query[Any]:
        begin = datetime.fromtimestamp(LoopClock().wall() // 300 * 300, UTC) - back
        return run.built(
            lambda: cms.system_indicators(
                begin=begin, end=_ALWAYS, vdns=ids, partial=link.partial, timeout=link.seconds
            )
        )

    async def ask(query: Query[Any], target: Target, meter: Meter) -> Exported:
        return await sync(query, target, reread=again, settle=wait, on_progress=meter.on_progress)

    return _export(link, build, file_options.target(directory, files), ask)


def _export(link: Link, build: run.Build, target: Target, ask: Ask) -> int:
    """Ask, show how far it is, tell the account."""
    site = connect.with_keys(connect.site_of(link))
    quota = cms_quotas(site.cms_arguments()["quota"]).of(system_indicators)

    async def work() -> Exported:
        async with connect.cms_client(site) as cms:
            meter = Meter(sys.stderr, LoopClock(), quota)
            try:
                exported = await ask(await build(cms), target, meter)
            except CcError as error:
                if isinstance(error.batch, Exported):
                    meter.finish(error.batch)
                raise
            meter.finish(exported)
            return exported

    try:
        exported = asyncio.run(work())
    except KeyboardInterrupt:
        run.say("stopped; the same command goes on with what is missing")
        raise
    run.say_all((each.part, each.error.message) for each in exported.failures)
    if exported.rejected:
        run.say(f"{exported.rejected:,} rows could not be read: the next run asks for them again")
    return FINE if exported.complete else PARTIAL


def _verify(directory: Path) -> int:
    """Read every part again."""
    parts, rows, damages = verify(directory)
    for damage in damages:
        run.say(f"{damage.path}: {damage.reason}")
    run.say(
        f"{parts:,} parts, {rows:,} rows: {f'{len(damages):,} problems' if damages else 'all as written'}"
    )
    return NOTHING if damages or not parts else FINE
