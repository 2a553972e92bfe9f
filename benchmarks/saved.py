"""Requests saved, as the server counts them: what matters most where the quota is the bottleneck."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient
from cc_async.simulator import Simulator

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
VDNS = range(1, 11)


async def count(days: int, queues: int) -> list[Line]:
    """Each pair of ways answers the same."""
    end = BEGIN + timedelta(days=days)
    async with Simulator(profile="page_1000", vdns=VDNS, skills_per_vdn=queues, agents_per_vdn=100) as sim:
        auth = AkSk(sim.access_key, sim.secret_key)
        overall = AkSk(sim.global_access_key, sim.global_secret_key)
        async with CmsClient(
            sim.cms_url, auth, global_auth=overall, vdn=sim.vdn, quota=None, page_size="learn"
        ) as cms:
            plain = cms.with_options(page_size=100)
            marks = [len(sim.requests)]

            def asked() -> int:
                marks.append(len(sim.requests))
                return marks[-1] - marks[-2]

            small = await plain.system_indicators(begin=BEGIN, end=end, vdns=VDNS)
            by_page = asked()
            large = await cms.system_indicators(begin=BEGIN, end=end, vdns=VDNS)
            learned = asked()
            assert set(small) == set(large)
            ids = range(1, queues + 1)
            agents = await cms.signed_in_agents(ids)
            one_by_one = asked()
            states = await cms.skill_states(ids)
            together = asked()
            assert {row.skill_id for row in agents} <= {row.skill_id for row in states}
            rows = await asyncio.gather(*(cms.skill_call_stats([one]) for one in ids))
            apart = asked()
            joined = await asyncio.gather(*(cms.skill_call_stats().one(one) for one in ids))
            coalesced = asked()
            assert [batch[0].skill_id for batch in rows] == [row.skill_id for row in joined]
    return [
        *_pair(f"10 VDNs, {days} days: pages of 100", by_page, "page size learned", learned),
        *_pair(
            f"agents of {queues} queues, one at a time", one_by_one, "skill_states in their place", together
        ),
        *_pair(f"{queues} callers of one queue each", apart, "coalesced", coalesced),
    ]


def _pair(plain: str, requests: int, better: str, fewer: int) -> list[Line]:
    return [
        line(plain, float(requests), "requests"),
        line(f"... {better}", float(fewer), "requests"),
        line("... times fewer", requests / fewer, "x"),
    ]


def run(smoke: bool) -> list[Line]:
    """Ask the simulator, which counts."""
    return asyncio.run(count(2, 40) if smoke else count(31, 1_000))
