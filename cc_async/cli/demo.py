"""``demo``: a pretend contact center and a client in one process: what it costs, what came, the account."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console

from cc_async import AkSk, CmsClient, GatewayClient, Quota
from cc_async.cli import demo_tables as tables
from cc_async.cli import progress
from cc_async.cli.account import Account
from cc_async.cli.output import console
from cc_async.session.clock import LoopClock
from cc_async.simulator import Faults, Simulator
from cc_async.simulator import LoopClock as SimulatorClock

_QUOTA = Quota(50, per=1.0)
_WIDTH = 100
_INTO_INTERVAL = 240.0
"""Seconds of the 5 minutes that have gone by in there: counters have something to show at any time of day."""
_FAULTS = Faults(latency=0.01, jitter=0.02, error_rate={503: 0.01})


def demo(*, seed: int = 1) -> int:
    """See it work: a pretend contact center on this machine, asked six questions at once.

    Args:
        seed: The same seed gives the same contact center.
    """
    screen = console(sys.stdout, _WIDTH)
    screen.width = min(_WIDTH, screen.width)
    asyncio.run(_demo(screen, seed))
    return 0


async def _demo(screen: Console, seed: int) -> None:
    """Open both sides, plan, ask, show."""
    per_second = (_QUOTA.limit, _QUOTA.per)
    seen = Account()
    start = LoopClock().wall() // 300 * 300 + _INTO_INTERVAL
    async with Simulator(
        seed, quota=per_second, faults=_FAULTS, record_requests=False, clock=SimulatorClock(start)
    ) as sim:
        tenant = AkSk(sim.access_key, sim.secret_key)
        everything = AkSk(sim.global_access_key, sim.global_secret_key)
        cms = CmsClient(
            sim.cms_url, tenant, global_auth=everything, vdn=sim.vdn, quota=_QUOTA, observers=[seen]
        )
        gateway = GatewayClient(sim.gateway_url, sim.guids, observers=[seen])
        async with cms, gateway:
            await _ask(screen, seen, sim, cms, gateway)


async def _ask(
    screen: Console, seen: Account, sim: Simulator, cms: CmsClient, gateway: GatewayClient
) -> None:
    """Ask six questions at once and show what came."""
    today = datetime.fromtimestamp(sim.clock.wall(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    stats = cms.skill_call_stats(skill_ids=range(1, 2001))
    states = cms.skill_states(skill_ids=range(1, 2001))
    agents = cms.signed_in_agents(skill_ids=range(1, 51))
    tasks = cms.task_stats(task_ids=sim.task_ids[:3])
    calls = gateway.agent_call_stats(sorted(sim.guids)[:40])
    indicators = cms.system_indicators(begin=today - timedelta(days=1), end=today, vdns=range(1, 101))
    queries = (stats, states, agents, tasks, calls, indicators)

    tables.heading(screen, sim, _QUOTA, _FAULTS)
    seen.expected = tables.plans(screen, queries)
    clock = LoopClock()
    began = clock.monotonic()
    async with progress.shown(seen, "asking all at once", console(sys.stderr), after=0.2):
        answers = await asyncio.gather(stats, states, agents, tasks, calls, indicators)
    took = clock.monotonic() - began

    tables.queues(screen, answers[0], answers[1])
    tables.agents(screen, answers[2])
    tables.tasks(screen, answers[3])
    tables.calls(screen, answers[4])
    tables.indicators(screen, answers[5])
    tables.account(screen, seen, _QUOTA, took)
