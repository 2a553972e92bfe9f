"""Notices that a client is one of several that count on their own, and says so once."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final
from weakref import WeakValueDictionary

from attrs import define, field

from cc_async.session.locks import Credential
from cc_async.session.pacer import MemoryPacer

_log = logging.getLogger("cc_async")
_SERVERS: Final = {"gunicorn", "uvicorn", "hypercorn", "granian", "fastapi"}
_OURS: Final = {"cc-async", "cc_async"}
_WORKERS: Final = re.compile(r"(?:--workers[= ]|-w[= ]?)\s*['\"]?(\d+)")
_ADVICE: Final = (
    "count together with quota=Quota(..., shared='/run/cc-async/site.quota') on one host, "
    "or pacer=RedisPacer(...) on many"
)


@define(eq=False)
class Company:
    """The open clients of this process that use one credential at one host and pace on their own."""

    pacers: list[MemoryPacer] = field(factory=list)
    told: bool = False


_COMPANIES: Final[WeakValueDictionary[Credential, Company]] = WeakValueDictionary()
# Module state, against the rule of the house: two clients that know nothing of each other have no other
# place to meet (a loop takes no attributes under uvloop, and each thread has its own). It lives as long as
# one of the clients, holds no setting and no secret, and decides on nothing but one line in the log.


def workers(environ: Mapping[str, str], argv: Sequence[str]) -> int:
    """How many processes the web server that runs us was told to start; 1 where nothing says so.

    ``WEB_CONCURRENCY`` is read by gunicorn and uvicorn alike; their workers keep the command's arguments.
    """
    names = {part.removesuffix(".exe") for part in PurePath(argv[0]).parts[-2:]} if argv else set()
    if names & _OURS:
        return 1  # a command beside the web server
    said = [environ.get("WEB_CONCURRENCY", ""), *_WORKERS.findall(environ.get("GUNICORN_CMD_ARGS", ""))]
    if names & _SERVERS:
        said += _WORKERS.findall(" ".join(argv[1:]))
    return max((int(text) for text in said if text.isascii() and text.isdigit()), default=1)


def join(pacer: MemoryPacer, credentials: Sequence[Credential], count: int) -> list[Company]:
    """Note a client that paces on its own, one of ``count`` workers; warn, once, when it has company."""
    companies = [_COMPANIES.setdefault(credential, Company()) for credential in credentials]
    others = any(other is not pacer for company in companies for other in company.pacers)
    told = any(company.told for company in companies)
    if count > 1 and not told:
        text = "%s: this is one of %d workers, and each counts its own quota and lock-outs: %s"
        _log.warning(text, credentials[0][0], count, _ADVICE)
    elif others and not told:
        text = "%s: two clients of this process use one key, and each counts its own quota: %s"
        _log.warning(text, credentials[0][0], "give both one pacer=MemoryPacer(), or " + _ADVICE)
    for company in companies:
        company.told = told or others or count > 1
        company.pacers.append(pacer)
    return companies


def leave(companies: list[Company], pacer: MemoryPacer) -> None:
    """A client is closed: it is nobody's company any more."""
    while companies:
        company = companies.pop()
        if pacer in company.pacers:
            company.pacers.remove(pacer)
