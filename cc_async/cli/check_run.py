"""A check from its question to its one line: whatever happens, a status and never a traceback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import CycloptsError, Group, Parameter

from cc_async import BatchError, CcError, CmsClient
from cc_async.cli import connect
from cc_async.cli.options import Link
from cc_async.cli.plugin import Result, Status, unknown
from cc_async.cli.text import in_options
from cc_async.cli.usage import UsageError
from cc_async.clients.base import Unset

LIMIT = 30.0
"""Seconds a check may take; --timeout says otherwise. Icinga gives a plugin 60."""


@Parameter(name="*", group=Group("Output", sort_key=20))
@dataclass(frozen=True)
class Common:
    """How a check is shown."""

    json: Annotated[bool, Parameter(negative="", show_default=False)] = False
    """One JSON object in place of the line; the exit code is the same."""


Ask = Callable[[CmsClient], Awaitable[Result]]


def checked(name: str, ask: Ask, common: Common, link: Link, *, late: Status = Status.UNKNOWN) -> int:
    """Ask CC-CMS and report; ``late`` is the status of a server that does not answer in time.

    Nobody is at a terminal: a missing key is a ConfigError, not a prompt.
    """
    site = connect.site_of(link)
    site.require("access_key", "secret_key")
    limit = link.seconds
    seconds = LIMIT if isinstance(limit, Unset) or limit is None else limit

    async def work() -> Result:
        client = connect.cms_client(site)
        try:
            async with asyncio.timeout(seconds):
                return await ask(client)
        except TimeoutError as error:
            told = str(error) if isinstance(error, CcError) else f"no answer within {seconds:g} s"
            return Result(name=name, status=late, text=told)
        finally:
            await client.aclose(grace=0)

    return report(asyncio.run(work()), common)


def report(result: Result, common: Common) -> int:
    """Write the result and return its exit code."""
    sys.stdout.write((result.json() if common.json else result.line()) + "\n")
    sys.stdout.flush()
    return int(result.status)


def as_plugin(arguments: Sequence[str], run: Callable[[], object]) -> int:
    """Run a check's command; what other commands tell on stderr becomes an UNKNOWN on stdout."""
    words = [word for word in arguments[1:2] if not word.startswith("-")]
    name = "".join(words).replace("-", "").upper() or "CHECK"
    try:
        if not arguments[1:]:
            raise UsageError("which check?", hint="cc-async check --help lists them")
        code = run()
    except BrokenPipeError:
        raise
    except Exception as error:
        return report(unknown(name, _line(error)), Common(json="--json" in arguments))
    return code if isinstance(code, int) else int(Status.OK)


def _line(error: Exception) -> str:
    if isinstance(error, BatchError):
        first, *others = error.exceptions
        return in_options(f"{first} (and {len(others):,} more parts)" if others else str(first))
    if isinstance(error, (CcError, CycloptsError, UsageError)):
        return in_options(str(error))
    return f"internal error: {type(error).__name__}: {error} - please report it"
