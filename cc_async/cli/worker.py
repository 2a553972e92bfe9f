"""``worker``: a process that does partitions of backfills, one of as many as you like."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from cc_async.cli import connect, run
from cc_async.cli.by_workers import queue_of
from cc_async.cli.codes import FINE, PARTIAL
from cc_async.cli.file_options import span
from cc_async.cli.options import Link
from cc_async.cli.redis_options import need, redis_url, shared_pacer
from cc_async.cli.stopping import gently, run_stoppable
from cc_async.contract.spec import Question
from cc_async.settings import Site

if TYPE_CHECKING:
    from cc_async.integrations.taskiq_worker import Worked

_LINK = Link()

Redis = Annotated[
    str | None, Parameter(help="redis://host:6379/0; CC_ASYNC_REDIS_URL when left out (or env).")
]
At = Annotated[
    Path | None,
    Parameter(help="Where this machine has the folder, when not under the path that backfill was given."),
]
Reclaim = Annotated[str, Parameter(help="A partition of a worker that was silent so long goes to another.")]
Grace = Annotated[str, Parameter(help="Time the partition under way has to end after SIGTERM or Ctrl-C.")]
PacerUrl = Annotated[
    str | None,
    Parameter(help="Redis of the quota all workers share: the site's or the queue's when left out; or none."),
]


def add_to(app: App) -> None:
    """Hook the command into the app."""
    app.command(worker)


def worker(
    redis: Redis = None,
    *,
    at: At = None,
    reclaim: Reclaim = "60s",
    grace: Grace = "30s",
    pacer: PacerUrl = None,
    link: Link = _LINK,
) -> int:
    """Do what "backfill --workers" has put into the queue of this contact center, until Ctrl-C or SIGTERM.

    Start as many as you like, on any machine that sees the folder. Keys, quota and TLS are this machine's own
    (--site, the environment). Killed at any moment, its partition is done by another one.
    """
    need("taskiq", "taskiq", "taskiq_redis")
    url = redis_url(redis, "worker")
    silence, ending = span(reclaim, "--reclaim").total_seconds(), span(grace, "--grace").total_seconds()
    site = connect.with_keys(connect.site_of(link))
    quota = _quota(site, pacer, url)
    # What taskiq would log is told in our own words.
    logging.getLogger("taskiq").setLevel(logging.CRITICAL + 1)
    worked = run_stoppable(_work(site, url, quota, at, silence, ending))
    run.say(
        f"{worked.partitions:,} partitions, {worked.rows:,} rows, {worked.requests:,} requests, "
        f"{worked.failed:,} failed, {worked.given_back:,} given back"
    )
    return PARTIAL if worked.failed else FINE


def _quota(site: Site, pacer: str | None, queue: str) -> str | None:
    """The Redis of the common quota; None where the site names what is shared, or nothing is to be."""
    if pacer is not None:
        return None if pacer == "none" else redis_url(pacer, "--pacer")
    named = any(getattr(site, name, None) is not None for name in ("pacer", "quota_shared"))
    return None if named else queue


async def _work(
    site: Site, url: str, quota: str | None, at: Path | None, reclaim: float, grace: float
) -> Worked:
    from cc_async.integrations.taskiq_broker import PartitionBroker
    from cc_async.integrations.taskiq_worker import Worker

    pacer = None if quota is None else shared_pacer(quota)
    if quota is not None and pacer is None:
        run.say("warning: the quota is this worker's own: give each of n workers --quota of an n-th")
    async with AsyncExitStack() as stack:
        if close := getattr(pacer, "aclose", None):
            stack.push_async_callback(close)
        cms = await stack.enter_async_context(connect.cms_client(site, pacer=pacer))
        query = cms.ask(Question("vdns", site.cc_id))
        queue = queue_of(query.origin.host, site.cc_id)
        broker = PartitionBroker(url, queue, reclaim=reclaim, on_tell=run.say)
        made = Worker(cms, broker, folder=at, on_tell=run.say)

        def stop() -> None:
            run.say("ends after the partition under way; once more: at once")
            made.stop()

        with gently(stop):
            run.say(f"takes partitions of {queue} from {broker.where}")
            return await made.run(grace=grace)
