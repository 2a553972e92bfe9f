"""``plan --vdns``: the size of a site on paper, checked against a slice that was really asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contact_center import Outcome

from cc_async import CmsClient
from cc_async.simulator import Simulator

Run = Callable[..., Outcome]
DAY = datetime(2026, 3, 1, tzinfo=UTC)
VDNS = 7


def plan(run: Run, *arguments: str) -> dict[str, Any]:
    """The plan as JSON, each interface by its name."""
    found = run("plan", *arguments, "--json")
    assert found.code == 0, found.err
    document = found.document
    return {**document, "interfaces": {one["interface"]: one for one in document["interfaces"]}}


async def asked(sim: Simulator, cms: CmsClient, queues: int, every: int) -> dict[str, tuple[int, int]]:
    """Requests the server saw and rows that came when a slice of this size was asked once."""
    by_vdn = dict.fromkeys(range(1, VDNS + 1), range(1, queues + 1))
    end = DAY + timedelta(seconds=every)
    batches = {
        "skill_call_stats": [await cms.skill_call_stats(by_vdn=by_vdn)],
        "skill_states": [await cms.skill_states(by_vdn=by_vdn)],
        "agent_states": [await cms.agent_states(vdn=vdn) for vdn in by_vdn],
        "system_indicators": [await cms.system_indicators(begin=DAY, end=end, vdns=by_vdn)],
    }
    seen = Counter(request.interface for request in sim.requests)
    return {name: (seen[name], sum(map(len, found))) for name, found in batches.items()}


@pytest.mark.parametrize(("queues", "agents", "every"), [(130, 40, 300), (3, 1100, 3600)])
async def test_a_slice_takes_what_the_plan_says(
    open_sim: Callable[..., Awaitable[Simulator]],
    make_cms: Callable[..., CmsClient],
    run: Run,
    queues: int,
    agents: int,
    every: int,
) -> None:
    """Seven VDNs: the server sees as many requests of each interface as were planned, and gives the rows."""
    sim = await open_sim(
        vdns=range(1, VDNS + 1), skills_per_vdn=queues, agents_per_vdn=agents, vdn=1, agent_quota=None
    )
    size = ("--vdns", str(VDNS), "--queues", str(VDNS * queues), "--agents", str(VDNS * agents))
    planned = (await asyncio.to_thread(plan, run, *size, "--every", str(every)))["interfaces"]
    found = await asked(sim, make_cms(sim), queues, every)
    reckoned = {name: (planned[name]["requests"], planned[name]["rows"]) for name in found}
    assert found == reckoned
    await make_cms(sim).signed_in_agents(by_vdn=dict.fromkeys(range(1, VDNS + 1), range(1, queues + 1)))
    one_by_one = sum(request.interface == "signed_in_agents" for request in sim.requests)
    assert one_by_one == planned["signed_in_agents"]["requests"]


def test_the_example_of_a_large_site(run: Run) -> None:
    """5 000 VDNs, 10 a second: a request a VDN is 500 s, so what goes VDN by VDN does not fit into 300."""
    size = ("--vdns", "5000", "--queues", "10000", "--agents", "60000", "--every", "300")
    found = plan(run, *size)
    assert {name: one["fits"] for name, one in found["interfaces"].items()} == {
        "skill_call_stats": False, "skill_states": False, "signed_in_agents": False, "agent_states": False,
        "agent_call_stats": True, "system_indicators": True,
    }  # fmt: skip
    calls = found["interfaces"]["skill_call_stats"]
    assert (calls["requests"], calls["seconds"]) == (5000, 500.0)
    assert "17/1" in calls["advice"]
    assert "--every 500" in calls["advice"]
    assert found["processes"] == 1
    assert all(one["fits"] for one in plan(run, *size, "--quota", "200/1")["interfaces"].values())
    shown = run("plan", *size)
    assert "skill_call_stats: a quota of 17/1" in shown.out
    assert "1 process" in shown.out


def test_more_work_takes_more_processes(run: Run) -> None:
    """Without a quota a busy site is bounded by the processor, and the plan says by how many processes."""
    found = plan(run, "--vdns", "5000", "--agents", "900000", "--every", "5", "--quota", "none")
    assert found["processes"] == -(-found["cpu_seconds"] // 2.5) > 1
    assert found["memory_bytes"] > 1_000_000_000


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "plan what?"),
        (("--vdns", "0"), "plan what?"),
        (("--vdns", "5001"), "--vdns must be"),
        (("--vdns", "1", "--queues", "10001"), "--queues a VDN"),
        (("--vdns", "1", "--agents", "-1"), "--agents must be"),
        (("--vdns", "1", "--every", "soon"), "--every"),
        (("--vdns", "1", "--every", "0"), "--every must be"),
        (("--vdns", "1", "--every", "2d"), "--every must be"),
    ],
)
def test_sizes_that_cannot_be(run: Run, arguments: tuple[str, ...], problem: str) -> None:
    """Exit code 2 and one line that says what to write."""
    found = run("plan", *arguments)
    assert (found.code, found.out) == (2, "")
    assert problem in found.err
    assert found.err.count("\n") == 1
