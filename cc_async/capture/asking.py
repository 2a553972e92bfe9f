"""What is asked for a capture: every interface once, and then the live ones beat by beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from attrs import field, frozen

from cc_async.batch.engine import CLIENT_WIDE
from cc_async.capture.mask import Masker
from cc_async.capture.tap import attach
from cc_async.capture.writer import Writer
from cc_async.client import CmsClient
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import KeyKind
from cc_async.errors import BatchError, CcError
from cc_async.query import Query
from cc_async.session.clock import Clock
from cc_async.settings import Site

BEAT = 15.0
"""Seconds between two beats."""
_QUEUES = 50
"""Queues whose agents are asked for, one request each."""
_BEATS_OF_A_PERIOD = 20
"""System indicators have a new row every 5 minutes."""
_HOUR = timedelta(hours=1)


@frozen
class Captured:
    """What a capture came to."""

    pairs: int
    interfaces: dict[str, int]
    """Pairs by interface."""
    failed: dict[str, str] = field(factory=dict)
    """What an interface answered in place of rows; it is in the file, too."""


async def capture(
    site: Site,
    out: TextIO,
    clock: Clock,
    key: bytes,
    *,
    task_ids: Sequence[str] = (),
    minutes: float = 0.0,
    mask_ids: bool = False,
    queues: int = _QUEUES,
    on_beat: Callable[[str], None] = lambda told: None,
) -> Captured:
    """Ask a site and write what passes, masked, into ``out``.

    Args:
        site: the site; its quotas are kept.
        out: an open text file.
        clock: where the time comes from.
        key: random bytes for the pseudonyms, not to be kept.
        task_ids: outbound tasks to ask for.
        minutes: how long to go on with the live interfaces, every 15 seconds; 0: each interface once.
        mask_ids: True replaces the ids of queues, VDNs and agents, too.
        queues: queues whose agents are asked for, at the most.
        on_beat: told after each interface and each beat.

    Raises:
        CcError: nothing could be asked (keys, address, TLS, no way to the server).
    """
    writer = Writer(
        out,
        Masker(key, ids=mask_ids),
        clock,
        cc_id=site.cc_id,
        vdn=site.vdn,
        ids="masked" if mask_ids else "kept",
    )
    failed: dict[str, str] = {}
    client = CmsClient(**site.cms_arguments())
    attach(client, writer)
    async with client as cms:
        ids = await _skill_ids(cms, failed)
        for query in _every(cms, site, ids, task_ids, queues, clock.wall()):
            await _ask(query, failed)
            on_beat(query.question.interface)
        began, beat = clock.monotonic(), 0
        while (beat + 1) * BEAT <= minutes * 60:
            beat += 1
            await clock.sleep(max(0.0, began + beat * BEAT - clock.monotonic()))
            for query in _live(cms, ids, task_ids):
                await _ask(query, failed)
            if beat % _BEATS_OF_A_PERIOD == 0:
                for query in _past(cms, site, clock.wall()):
                    await _ask(query, failed)
            on_beat(f"beat {beat}")
    return Captured(writer.pairs, writer.interfaces, failed)


async def _skill_ids(cms: CmsClient, failed: dict[str, str]) -> list[int]:
    batch = await _ask(cms.skills(), failed)
    return [] if batch is None else [row.skill_id for row in batch]


def _every(
    cms: CmsClient, site: Site, ids: list[int], tasks: Sequence[str], queues: int, now: float
) -> Iterator[Query[Any]]:
    """Every interface once."""
    yield from _live(cms, ids, tasks)
    if ids:
        yield cms.signed_in_agents(ids[:queues])
    if site.global_access_key and site.global_secret_key:
        yield cms.vdns()
    yield from _past(cms, site, now)


def _past(cms: CmsClient, site: Site, now: float) -> Iterator[Query[Any]]:
    """What only the global key opens: the last hour of system indicators."""
    if site.global_access_key and site.global_secret_key:
        end = datetime.fromtimestamp(now // 300 * 300, UTC)
        yield cms.system_indicators(begin=end - _HOUR, end=end, vdns=[site.vdn or 1])


def _live(cms: CmsClient, ids: list[int], tasks: Sequence[str]) -> Iterator[Query[Any]]:
    """What changes from beat to beat."""
    if ids:
        yield cms.skill_call_stats(ids)
        yield cms.skill_states(ids)
    yield cms.agent_states()
    if tasks:
        yield cms.task_stats(tasks)


async def _ask(query: Query[Any], failed: dict[str, str]) -> Any:
    """Ask; what concerns one interface is noted, what concerns the client as a whole ends the capture."""
    try:
        return await query
    except BatchError as error:
        failed[query.question.interface] = str(error.exceptions[0])
        return error.batch
    except CcError as error:
        # A global key that is turned away says nothing about the other one.
        if isinstance(error, CLIENT_WIDE) and ENDPOINTS[query.question.interface].needs is KeyKind.TENANT:
            raise
        failed[query.question.interface] = str(error)
    return None
