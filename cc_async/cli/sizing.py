"""Pure: what watching a contact center of some size takes: requests, seconds at the quota, CPU, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import ceil

from attrs import frozen

from cc_async import CmsClient, GatewayClient, Plan
from cc_async.batch.plan import pages
from cc_async.contract import endpoints
from cc_async.contract.spec import Quota
from cc_async.monitor.sums import BUCKET_SECONDS

REQUEST_SECONDS, ROW_SECONDS = 250e-6, 2.5e-6
"""CPU of a request and of each row in it, on one core that has other work too; the benchmark compares."""
ROW_BYTES = 1_000
"""Memory of a row that is kept: of the widest record, with its names and its place in a batch."""
PROCESS_BYTES = 80 * 2**20
"""Memory of a process that has asked nothing yet."""
KEPT = 2
"""Answers of each interface in memory: the last one, and the one that is coming in."""
BUSY = 0.5
"""Share of a core that polling may take: the rest is for what is done with the answers."""
_SOMEWHEN = datetime(2026, 1, 1, tzinfo=UTC)


@frozen
class Size:
    """A contact center, and how often it is asked."""

    vdns: int
    queues: int
    agents: int
    tasks: int
    every: float
    """Seconds from one beat to the next."""

    def shares(self, total: int) -> list[int]:
        """So many queues or agents, shared out evenly among the VDNs."""
        whole, rest = divmod(total, self.vdns)
        return [whole + 1] * rest + [whole] * (self.vdns - rest)


@frozen
class Need:
    """What one interface takes at each beat."""

    interface: str
    requests: int
    rows: int
    quota: Quota | None
    every: float
    advice: str = ""
    """What to do when it does not fit."""

    @property
    def seconds(self) -> float:
        """How long the quota takes for them."""
        return 0.0 if self.quota is None else self.requests * self.quota.per / self.quota.limit

    @property
    def fits(self) -> bool:
        """True when they are through before the next beat."""
        return self.seconds <= self.every

    @property
    def cpu(self) -> float:
        """Seconds of one core."""
        return self.requests * REQUEST_SECONDS + self.rows * ROW_SECONDS


@frozen
class Sizing:
    """All interfaces together."""

    size: Size
    needs: tuple[Need, ...]

    @property
    def cpu(self) -> float:
        """Seconds of one core at each beat."""
        return sum(need.cpu for need in self.needs)

    @property
    def processes(self) -> int:
        """Processes that can do it; the quota they share does not grow with them."""
        return max(1, ceil(self.cpu / (self.size.every * BUSY)))

    @property
    def memory(self) -> int:
        """Bytes of all processes."""
        rows = sum(need.rows for need in self.needs)
        return self.processes * PROCESS_BYTES + KEPT * rows * ROW_BYTES


def sizing(
    size: Size, cms: CmsClient, gateway: GatewayClient, quota_of: Callable[[str], Quota | None]
) -> Sizing:
    """Plan every interface that has something to ask; clients that lead nowhere are enough."""
    return Sizing(size, tuple(_needs(size, cms, gateway, quota_of)))


def _needs(
    size: Size, cms: CmsClient, gateway: GatewayClient, quota_of: Callable[[str], Quota | None]
) -> Iterator[Need]:
    def need(interface: str, requests: int, rows: int, instead: str = "") -> Need:
        quota = quota_of(interface)
        made = Need(interface, requests, rows, quota, size.every)
        if made.fits or quota is None:
            return made
        return Need(interface, requests, rows, quota, size.every, _advice(made, instead))

    queues = {vdn: range(1, count + 1) for vdn, count in enumerate(size.shares(size.queues), 1) if count}
    states = sum(pages(count, _agents_a_page()) for count in size.shares(size.agents)) if size.agents else 0
    if queues:
        loses = "; above 300 s whole 5 minutes are lost" if size.every <= BUCKET_SECONDS else ""
        yield need(
            "skill_call_stats", cms.skill_call_stats(by_vdn=queues).plan().requests, size.queues, loses
        )
        counted = cms.skill_states(by_vdn=queues).plan().requests
        yield need("skill_states", counted, size.queues)
        instead = f"; or take skill_states ({counted:,} requests) where counts are enough"
        if states:
            instead += f", agent_states ({states:,}) where the queue of an agent does not matter"
        asked = cms.signed_in_agents(by_vdn=queues).plan().requests
        yield need("signed_in_agents", asked, size.agents, instead)
    if states:
        yield need("agent_states", states, size.agents)
        agents = range(101, 101 + size.agents)
        asked = gateway.agent_call_stats(agents).plan().requests
        yield need("agent_call_stats", asked, size.agents)
    if size.tasks:
        yield need("task_stats", size.tasks, size.tasks)
    indicators = _indicators(size, cms)
    learn = "; or --page-size learn: some servers give 1000 rows a page"
    yield need("system_indicators", indicators.requests, indicators.rows_expected or 0, learn)


def _indicators(size: Size, cms: CmsClient) -> Plan:
    """The periods that are over since the last beat; at least one."""
    periods = max(1, ceil(size.every / BUCKET_SECONDS))
    end = _SOMEWHEN + timedelta(seconds=periods * BUCKET_SECONDS)
    return cms.system_indicators(begin=_SOMEWHEN, end=end, vdns=range(1, size.vdns + 1)).plan()


def _agents_a_page() -> int:
    sizes = endpoints.agent_states.pages
    return 1000 if sizes is None else sizes.limit


def _advice(need: Need, instead: str) -> str:
    """What to do about an interface that is not through before the next beat."""
    wanted = need.requests / need.every
    rate = f"{ceil(wanted):,}/1" if wanted >= 1 else f"1/{int(1 / wanted)}"
    return f"a quota of {rate} (ask whoever runs the server), or --every {ceil(need.seconds):,}{instead}"
