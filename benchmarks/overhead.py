"""Line 1: what one request costs over bare aiohttp, and beside what people write by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from benchmarks import by_hand, canned, floor, lab, work
from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient, GatewayClient

A_REQUEST, MARK, A_RECORD = 25.0, 15.0, 1.3
FASTER = (1.3, 3.0, 5.0)
"""How much faster than by hand the GET, the page and the skills must be."""


@contextlib.asynccontextmanager
async def ours(server: lab.Server, agents: int, vdns: int) -> AsyncIterator[dict[str, lab.Way]]:
    """The clients as a user holds them, without a quota; one call is one round."""
    guids = {one: canned.guid(one) for one in work.agent_ids(agents)}
    auth = AkSk(by_hand.ACCESS_KEY, by_hand.SECRET_KEY)
    async with (
        GatewayClient(server.url, guids, quota=None, concurrency=work.WORKERS) as gateway,
        CmsClient(server.url, auth, quota=None, concurrency=work.WORKERS) as cms,
    ):

        async def one_agent() -> int:
            batch = await gateway.agent_call_stats(work.agent_ids(agents))
            assert len(batch) == agents
            return batch.request_count

        async def pages() -> int:
            batch = await cms.system_indicators(begin=canned.BEGIN, end=canned.END, vdns=canned.VDNS)
            assert len(batch) == canned.ROWS
            return batch.request_count

        async def skills() -> int:
            batch = await cms.skill_call_stats(by_vdn=dict.fromkeys(range(1, vdns + 1), canned.SKILL_IDS))
            assert len(batch) == vdns * len(canned.SKILL_IDS)
            return batch.request_count

        yield dict(zip((job.name for job in jobs_of(agents, vdns)), (one_agent, pages, skills), strict=True))


def jobs_of(agents: int, vdns: int) -> tuple[work.Work, ...]:
    """One agent each, the pages of a window, the queues of so many VDNs."""
    return work.one_agent(agents), work.pages(), work.skills(vdns)


async def measure(server: lab.Server, agents: int, vdns: int, rounds: int) -> list[Line]:
    """All three ways of all three pieces of work, in turn."""
    jobs = jobs_of(agents, vdns)
    lines = []
    async with (
        floor.ways(server, jobs) as bare,
        by_hand.ways(server, jobs) as hand,
        ours(server, agents, vdns) as mine,
    ):
        for job, faster in zip(jobs, FASTER, strict=True):
            name = job.name
            ways = {"floor": bare[name], "ours": mine[name], "by hand": hand[name]}
            lines += compare(job, faster, await lab.alternate(ways, rounds))
            share = await lab.server_share(server, bare[name])
            lines.append(line(f"{name}: the server's share of its core", share, "%", "below 100: no limit"))
    return lines


def compare(job: work.Work, faster: float, taken: dict[str, list[float]]) -> list[Line]:
    """What the rounds say about one piece of work; differences and ratios are taken round by round."""
    bare, mine, hand = taken["floor"], taken["ours"], taken["by hand"]
    over = lab.Spread.of([ours - least for ours, least in zip(mine, bare, strict=True)])
    ratio = lab.Spread.of([theirs / ours for theirs, ours in zip(hand, mine, strict=True)])
    allowed = A_REQUEST + A_RECORD * job.records
    goal = f"at most {allowed:.0f}, mark {MARK + A_RECORD * job.records:.0f}"
    return [
        line(f"{job.name}: floor", lab.Spread.of(bare), "us CPU"),
        line(f"{job.name}: by hand", lab.Spread.of(hand), "us CPU"),
        line(f"{job.name}: cc_async", lab.Spread.of(mine), "us CPU"),
        line(f"{job.name}: over the floor", over, "us CPU", goal, over.median <= allowed),
        line(f"{job.name}: by hand / cc_async", ratio, "x", f"at least {faster}", ratio.median >= faster),
    ]


def run(smoke: bool) -> list[Line]:
    """Start a server and measure."""
    with lab.canned_server() as server:
        if smoke:
            return asyncio.run(measure(server, agents=40, vdns=3, rounds=1))
        return asyncio.run(measure(server, agents=2000, vdns=130, rounds=15))
