"""Every interface against every way a server may differ from the documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import truth

from cc_async import (
    AkSk,
    Batch,
    BatchError,
    CmsClient,
    GatewayClient,
    GatewayError,
    NotDeployed,
    PaginationLoop,
    SignatureRejected,
)
from cc_async.simulator import PROFILES, Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]
MakeGateway = Callable[..., GatewayClient]

BEGIN, END = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 4, 10, tzinfo=UTC)
IDS = (3, 1, 30, 999, 2)
TASKS = ("1122104910", "77")
AT_LAST_ROW_DROPPED = {"inclusive_end"}

# Interfaces whose answer is an error, by profile: (profile, interface) -> the error inside BatchError.
REFUSED: dict[tuple[str, str], type[Exception]] = {
    ("no_isales", "task_stats"): NotDeployed,
    ("offset_ignored", "system_indicators"): PaginationLoop,
    ("idle_agents_refused", "agent_call_stats"): GatewayError,
    ("idle_agents_refused", "agent_call_stats_brief"): GatewayError,
}
# Requests beyond one per chunk and page: what a client has to find out first.
LEARNING = {
    ("wrapped", "skill_call_stats"): 1,
    ("wrapped", "skill_states"): 1,
    ("wrapped", "signed_in_agents"): 1,
    ("wrapped", "agent_states"): 1,
    ("wrapped", "task_stats"): 1,
    ("wrapped", "system_indicators"): 1,
    ("wrapped", "skills"): 1,
    ("wrapped", "vdns"): 1,
    ("paging_text", "system_indicators"): 2,  # flat and wrapped with numbers come first
    ("task_id_number", "task_stats"): 2,
}
# 360 rows of 3 VDNs: four pages of 100; 40 agents: one page.
PAGES = {
    ("capped_50", "system_indicators"): 8,
    ("count_large", "system_indicators"): 6,  # 540 are claimed: six pages are asked at once
    ("count_large", "agent_states"): 2,
    ("count_small", "agent_states"): 2,
    ("count_missing", "agent_states"): 2,
    ("limit_ignored", "system_indicators"): 4,
}


def agents_of(sim: Simulator) -> list[int]:
    """Six agents of the gateway, not in the order of their ids."""
    return sorted(sim.guids)[5::-1]


ASKED: dict[str, tuple[Callable[[Any, Simulator], Any], Callable[[Simulator], truth.Rows], int]] = {
    "skill_call_stats": (
        lambda client, sim: client.skill_call_stats(IDS),
        lambda sim: truth.skill_call_stats(sim, IDS),
        1,
    ),
    "skill_states": (
        lambda client, sim: client.skill_states(IDS),
        lambda sim: truth.skill_states(sim, IDS),
        1,
    ),
    "signed_in_agents": (
        lambda client, sim: client.signed_in_agents(IDS),
        lambda sim: truth.signed_in_agents(sim, IDS),
        len(IDS),
    ),
    "agent_states": (lambda client, sim: client.agent_states(), lambda sim: truth.agent_states(sim), 1),
    "task_stats": (
        lambda client, sim: client.task_stats(TASKS),
        lambda sim: truth.task_stats(sim, TASKS),
        len(TASKS),
    ),
    "system_indicators": (
        lambda client, sim: client.system_indicators(begin=BEGIN, end=END, vdns=[1, 2, 3]),
        lambda sim: truth.system_indicators(sim, BEGIN, END, [1, 2, 3]),
        4,
    ),
    "skills": (lambda client, sim: client.skills(), lambda sim: truth.skills(sim), 1),
    "vdns": (lambda client, sim: client.vdns(), lambda sim: truth.vdns(sim), 1),
    "agent_call_stats": (
        lambda client, sim: client.agent_call_stats(agents_of(sim)),
        lambda sim: truth.agent_call_stats(sim, agents_of(sim)),
        6,
    ),
    "agent_call_stats_brief": (
        lambda client, sim: client.agent_call_stats(agents_of(sim), brief=True),
        lambda sim: truth.agent_call_stats(sim, agents_of(sim), brief=True),
        6,
    ),
}


def seen(batch: Batch[Any], interface: str) -> truth.Rows:
    """The rows of a batch as plain values; names of VDNs are looked at elsewhere."""
    rows = [attrs.asdict(row, recurse=False) for row in batch]
    if interface == "vdns":
        assert all(row.pop("name") for row in rows)
    return rows


async def in_server_order(sim: Simulator, rows: truth.Rows) -> truth.Rows:
    """Rows of a time question stand in the order the server gives them, which may be by time."""
    if sim.profile.row_order == "time":
        return sorted(rows, key=lambda row: (row["interval_start"], row["vdn"]))
    return rows


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_interface_in_every_profile(
    profile: str, open_sim: OpenSim, make_cms: MakeCms, make_gateway: MakeGateway
) -> None:
    """Rows are the contact center's own, in the order of the question, for the requests that were counted;
    what a profile refuses is the error that says so."""
    sim = await open_sim(profile=profile)
    odd_line = sim.profile.empty_query_line
    keys = {
        "auth": AkSk(sim.access_key, sim.secret_key, empty_query_line=odd_line),
        "global_auth": AkSk(sim.global_access_key, sim.global_secret_key, empty_query_line=odd_line),
    }
    cms, gateway = make_cms(sim, **keys), make_gateway(sim)
    for interface, (ask, foretell, least) in ASKED.items():
        client = gateway if interface.startswith("agent_call_stats") else cms
        before = len(sim.requests)
        if (refusal := REFUSED.get((profile, interface))) is not None:
            with pytest.raises(BatchError) as caught:
                await ask(client, sim)
            assert {type(error) for error in caught.value.exceptions} == {refusal}, interface
            continue
        batch = await ask(client, sim)
        expected = foretell(sim)
        if interface == "system_indicators":
            expected = await in_server_order(sim, expected)
        got = seen(batch, interface)
        if profile == "unsorted" and interface == "system_indicators":
            got, expected = (
                sorted(rows, key=lambda row: (row["vdn"], row["interval_start"])) for rows in (got, expected)
            )
        assert got == expected, interface
        assert batch.complete, interface
        assert batch.unanswered is None, interface
        wanted = PAGES.get((profile, interface), least) + LEARNING.get((profile, interface), 0)
        assert (len(sim.requests) - before, batch.request_count) == (wanted, least_counted(wanted, batch)), (
            interface
        )


def least_counted(wanted: int, batch: Batch[Any]) -> int:
    """What a batch counts: every request the server saw."""
    return wanted
