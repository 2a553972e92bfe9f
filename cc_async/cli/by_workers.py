"""``backfill --workers``: put what is missing into the queue, show how far workers are, tell the account."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from attrs import evolve
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cc_async.cli import connect, run
from cc_async.cli.codes import FINE, INTERRUPTED, NOTHING, PARTIAL
from cc_async.cli.options import Link
from cc_async.cli.output import console
from cc_async.cli.redis_options import need, redis_url
from cc_async.cli.stopping import run_stoppable
from cc_async.export import Target
from cc_async.session.clock import LoopClock
from cc_async.session.secret import Secret

if TYPE_CHECKING:
    from cc_async.integrations.taskiq_backfill import Order, Outcome

_LONELY = 10.0
"""Seconds without any worker before that is said."""
_SELDOM = 30.0
"""Seconds between two lines where there is no terminal."""
_SILENT = 30.0
"""Seconds after which a worker that shows no sign of life is not counted."""


def backfill(link: Link, build: run.Build, target: Target, workers: str) -> int:
    """Order, follow, tell; the exit code. Ctrl-C leaves the queue to the workers."""
    need("taskiq", "taskiq", "taskiq_redis")
    url = redis_url(workers, "--workers")
    try:
        return run_stoppable(_backfill(link, build, target, url))
    except KeyboardInterrupt:
        run.say("stopped looking: workers go on with the queue, and the same command looks again")
        return INTERRUPTED


async def _backfill(link: Link, build: run.Build, target: Target, url: str) -> int:
    from cc_async.integrations.taskiq_backfill import Backfill
    from cc_async.integrations.taskiq_broker import PartitionBroker

    site = connect.site_of(link)
    # It asks the contact center nothing: keys are the workers' business.
    site = evolve(site, access_key=site.access_key or "-", secret_key=site.secret_key or Secret("-"))
    async with connect.cms_client(site) as cms:
        query = await build(cms)
        broker = PartitionBroker(url, queue_of(query.origin.host, query.question.cc_id), reclaim=_SILENT)
        try:
            work = Backfill(query, target, broker, LoopClock())
            order = await work.order()
            run.say(f"{order.queued:,} partitions in the queue, {order.skipped:,} done before")
            with Watcher(order.queued) as watcher:
                await work.follow(watcher.look)
            return _told(order, await work.outcome(order))
        finally:
            await broker.shutdown()


def queue_of(host: str, cc_id: int | None) -> str:
    """What the queue of a contact center is called."""
    return f"{host}:{cc_id}"


def _told(order: Order, outcome: Outcome) -> int:
    """Say what it came to; the exit code."""
    run.say(
        f"{outcome.rows:,} rows in {outcome.parts:,} parts, {outcome.done:,} partitions done by workers, "
        f"{order.skipped:,} done before"
    )
    run.say_all(outcome.failed.items())
    if order.held:
        run.say(f"{order.held:,} partitions have rows that could not be read: run it once without --workers")
    if outcome.rejected:
        run.say(f"{outcome.rejected:,} rows could not be read: run it once without --workers")
    if outcome.missing:
        run.say(f"{outcome.missing:,} partitions are missing: the queue was lost - run it again")
    if not (outcome.failed or order.held or outcome.rejected or outcome.missing):
        return FINE
    return PARTIAL if outcome.done or order.skipped else NOTHING


class Watcher:
    """A bar on a terminal, a line now and then elsewhere; says when nobody works."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._screen = console(sys.stderr)
        columns = (
            TextColumn("partitions"), BarColumn(bar_width=30), MofNCompleteColumn(),
            TextColumn("{task.fields[workers]} workers"), TimeRemainingColumn(),
        )  # fmt: skip
        self._bar = Progress(
            *columns, console=self._screen, auto_refresh=False, transient=True,
            disable=not self._screen.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=total, workers=0)
        loop = asyncio.get_running_loop()
        self._now, self._seen, self._told = loop.time, loop.time(), loop.time()
        self._lonely = False

    def __enter__(self) -> Watcher:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def look(self, left: int, workers: int) -> None:
        """Show how many are left (-1: Redis does not answer) and how many workers there are."""
        now = self._now()
        if left < 0:
            self._alone(now, "Redis does not answer: waiting until it does")
            return
        if workers or not left:
            self._seen, self._lonely = now, False
        self._alone(now, "no worker is at work: start 'cc-async worker redis://...' wherever you like")
        # More may have been ordered meanwhile, by somebody else.
        self._total = max(self._total, left)
        done = self._total - left
        self._bar.update(self._task, completed=done, total=self._total, workers=workers, refresh=True)
        if not self._screen.is_terminal and now - self._told >= _SELDOM:
            self._told = now
            run.say(f"{done:,} of {self._total:,} partitions, {workers:,} workers")

    def _alone(self, now: float, text: str) -> None:
        if now - self._seen >= _LONELY and not self._lonely:
            self._lonely = True
            run.say(text)
