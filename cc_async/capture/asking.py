"""What is asked for a capture: every interface once, and then the live ones beat by beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import anyio.to_thread
from attrs import field, frozen

from cc_async.batch.engine import CLIENT_WIDE
from cc_async.capture.mask import Masker
from cc_async.capture.tap import attach
from cc_async.capture.writer import Writer
from cc_async.client import CmsClient
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import KeyKind
from cc_async.errors import BatchError, CcError
from cc_async.gateway import GatewayClient
from cc_async.query import Query
from cc_async.session.clock import Clock
from cc_async.settings import Site

BEAT = 15.0
"""Seconds between two beats."""
_QUEUES = 50
"""Queues whose agents are asked for, one request each."""
_AGENTS = 50
"""Agents whose call statistics are asked for, two requests each."""
_BEATS_OF_A_PERIOD = 20
"""System indicators have a new row every 5 minutes; agents should not be asked more often either."""
_IDLE = "100-007"
"""What the gateway answers for an agent who is not in a call: expected, and captured."""
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
    agents: int = _AGENTS,
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
        agents: agents whose call statistics are asked for, at the most, of those that have a GUID.
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
    async with AsyncExitStack() as clients:
        desks = await _desks(site, writer, agents, clients)
        cms = attach(CmsClient(**site.cms_arguments()), writer.exchanged)
        await clients.enter_async_context(cms)
        ids = await _skill_ids(cms, failed)
        every = _every(cms, site, ids, task_ids, queues, clock.wall())
        for query in (*every, *desks.queries()):
            await _ask(query, failed)
            on_beat(query.question.interface)
        began, beat = clock.monotonic(), 0
        while (beat + 1) * BEAT <= minutes * 60:
            beat += 1
            await clock.sleep(max(0.0, began + beat * BEAT - clock.monotonic()))
            for query in _live(cms, ids, task_ids):
                await _ask(query, failed)
            if beat % _BEATS_OF_A_PERIOD == 0:
                for query in (*_past(cms, site, clock.wall()), *desks.queries()):
                    await _ask(query, failed)
            on_beat(f"beat {beat}")
    return Captured(writer.pairs, writer.interfaces, failed)


@frozen
class _Desks:
    """The agents that have a GUID, and who asks for them; none where the site has no gateway."""

    gateway: GatewayClient | None = None
    agents: tuple[int, ...] = ()

    def queries(self) -> Iterator[Query[Any]]:
        """Their call statistics, whole and brief."""
        if self.gateway is not None and self.agents:
            yield self.gateway.agent_call_stats(self.agents)
            yield self.gateway.agent_call_stats(self.agents, brief=True)


async def _desks(site: Site, writer: Writer, most: int, clients: AsyncExitStack) -> _Desks:
    """Read the GUIDs, which never get into the file; raises ConfigError."""
    if site.gateway_url is None or site.guids_file is None:
        return _Desks()
    arguments = await anyio.to_thread.run_sync(site.gateway_arguments)
    gateway = attach(GatewayClient(**arguments), writer.exchanged)
    await clients.enter_async_context(gateway)
    return _Desks(gateway, tuple(sorted(arguments["guids"])[:most]))


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
        wrong = [each for each in error.exceptions if getattr(each, "code", None) != _IDLE]
        if wrong:
            failed[query.question.interface] = str(wrong[0])
        return error.batch
    except CcError as error:
        # A global key that is turned away, or a gateway, says nothing about CC-CMS and its key.
        if isinstance(error, CLIENT_WIDE) and ENDPOINTS[query.question.interface].needs is KeyKind.TENANT:
            raise
        failed[query.question.interface] = str(error)
    return None
