"""One question asked from the command line: its answer shown, its failures told, its exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from cc_async import Batch, CcError, CmsClient, Failure, GatewayClient, Query, Rejected
from cc_async.cli import connect, progress
from cc_async.cli.codes import FINE, NOTHING, PARTIAL
from cc_async.cli.ids import parse_ids, resolve
from cc_async.cli.options import Link, Show
from cc_async.cli.output import CsvRows, Report, console, write
from cc_async.cli.text import in_options, visible
from cc_async.cli.usage import UsageError
from cc_async.cli.views import View

_TOLD = 5
"""Failures told one by one on stderr; the rest is counted."""

Build = Callable[[Any], Awaitable[Query[Any]]]


def cms(view: View, link: Link, show: Show, build: Build) -> int:
    """Ask CC-CMS the query that ``build`` makes of the client, show the answer, return the exit code."""
    check(show)
    counter = progress.Counter()
    site = connect.with_keys(connect.site_of(link))
    client = connect.cms_client(site, [counter])
    return asyncio.run(ask(client, counter, view, link, show, build))


def gateway(view: View, link: Link, show: Show, make: Callable[[tuple[int, ...]], Build]) -> int:
    """Ask CC-Gateway the same way; ``make`` is told the agents that have a GUID."""
    check(show)
    counter = progress.Counter()
    client, known = connect.gateway_client(connect.site_of(link), [counter])
    return asyncio.run(ask(client, counter, view, link, show, make(known)))


def check(show: Show) -> None:
    """Refuse what cannot be shown both ways; raises UsageError."""
    if show.json and show.csv:
        raise UsageError("--json and --csv exclude each other")
    if show.rows < 0:
        raise UsageError("--rows must be 0 or more")


async def skill_ids(client: CmsClient, text: str | None, *, asks: bool = True) -> list[int] | None:
    """Read ids and names of skill queues; names cost one request for the list of queues.

    Raises UsageError, for a name too when nothing may be asked.
    """
    if text is None:
        return None
    ids = parse_ids(text, "--skills")
    if all(isinstance(one, int) for one in ids):
        return resolve(ids, ())
    if not asks:
        raise UsageError("--skills: a name would have to be asked for", hint="write ids such as 1-2000,2105")
    queues = await client.skills()
    return resolve(ids, ((queue.skill_id, queue.name or "") for queue in queues))


def built(make: Callable[[], Query[Any]]) -> Query[Any]:
    """Make a query; wrong arguments are the caller's, so they become a UsageError."""
    try:
        return make()
    except (TypeError, ValueError) as error:
        raise UsageError(visible(in_options(str(error)), longest=300)) from None


async def ask(
    client: CmsClient | GatewayClient,
    counter: progress.Counter,
    view: View,
    link: Link,
    show: Show,
    build: Build,
) -> int:
    """Build, ask, show."""
    async with client:
        query = await build(client)
        counter.expected = expected(query)
        streaming = show.csv and link.partial
        # Rows that appear on the terminal are progress enough, and a bar would run into them.
        screen = None if streaming and sys.stdout.isatty() else console(sys.stderr)
        async with progress.shown(counter, query.question.interface, screen):
            if streaming:
                return await _stream(query, view)
            batch = await query
    report = report_of(view, batch)
    write(report, show.format, sys.stdout, rows=show.rows)
    return tell(report, None, len(batch))


async def _stream(query: Query[Any], view: View) -> int:
    """Write CSV while it arrives: any length in bounded memory."""
    rows = CsvRows(view, sys.stdout)
    async with query.stream() as stream:
        async for record in stream:
            rows.write(record)
        report = Report(view, (), _failures(stream.failures), _rejected(stream.rejected))
        stopped = stream.cause
    if stopped is not None and not rows.count:
        raise stopped
    if report.whole and stopped is None:
        rows.header()
    return tell(report, stopped, rows.count)


def expected(query: Query[Any]) -> int | None:
    """Return how many requests a query will take, where it can be told beforehand."""
    plan = query.plan()
    return None if any(note.startswith("at least") for note in plan.notes) else plan.requests


def report_of(view: View, batch: Batch[Any]) -> Report:
    """Turn a batch into what is shown."""
    return Report(
        view,
        batch.records,
        _failures(batch.failures),
        _rejected(batch.rejected),
        batch.absent,
        batch.request_count,
    )


def _rejected(rows: Iterable[Rejected]) -> list[dict[str, Any]]:
    """Write rows that could not be read for JSON."""
    return [{"part": row.part, "row": row.row, "reason": row.reason} for row in rows]


def _failures(failures: Iterable[Failure]) -> list[dict[str, Any]]:
    """Write failures for JSON."""
    return [_failure(failure) for failure in failures]


def _failure(failure: Failure) -> dict[str, Any]:
    """Write one failure for JSON."""
    error = failure.error
    window = failure.window
    return {
        "part": error.part,
        "vdn": failure.vdn,
        "keys": list(failure.keys),
        "window": [moment.isoformat() for moment in window] if window else None,
        "error": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "hint": error.hint,
        "retryable": error.retryable,
        "attempts": failure.attempts,
    }


def tell(report: Report, stopped: CcError | None, arrived: int) -> int:
    """Say on stderr what is missing, one line each, and return the exit code."""
    if stopped is not None:
        say(f"{stopped}; what arrived before is shown")
        return PARTIAL
    say_all((failure["part"] or "one part", failure["message"]) for failure in report.failures)
    say_all((row["part"], f"a row could not be read: {row['reason']}") for row in report.rejected)
    if report.whole:
        return FINE
    return PARTIAL if arrived or report.absent else NOTHING


def say_all(problems: Iterable[tuple[str, str]]) -> None:
    """Tell each problem once, with the first part it concerns and how many more; count those left out."""
    parts: dict[str, list[str]] = {}
    for part, problem in problems:
        parts.setdefault(problem, []).append(part)
    for problem, concerned in list(parts.items())[:_TOLD]:
        more = f" (and {len(concerned) - 1:,} more parts)" if len(concerned) > 1 else ""
        say(f"{concerned[0]}: {problem}{more}")
    if len(parts) > _TOLD:
        say(f"and {len(parts) - _TOLD:,} more problems (--json lists all)")


def say(line: str) -> None:
    """Write one harmless line to stderr."""
    sys.stderr.write(f"cc-async: {visible(in_options(line))}\n")
