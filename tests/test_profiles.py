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

# Interfaces whose answer is an error, by profile: (profile, interface) -> the error inside BatchError.
REFUSED: dict[tuple[str, str], type[Exception]] = {
    ("no_isales", "task_stats"): NotDeployed,
    ("offset_ignored", "system_indicators"): PaginationLoop,
    ("idle_agents_refused", "agent_call_stats"): GatewayError,
    ("idle_agents_refused", "agent_call_stats_brief"): GatewayError,
}
# Requests beyond one per chunk and page: what a client has to find out. A shape is tried once per interface,
# and the wrapping is a habit of the whole server: found out once, tried first everywhere.
LEARNING = {
    ("wrapped", "skill_call_stats"): 1,
    ("paging_text", "system_indicators"): 1,
    ("task_id_number", "task_stats"): 1,
}
# 360 rows of 3 VDNs: four pages of 100; 40 agents: one page.
PAGES = {
    ("capped_50", "system_indicators"): 8,
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


def absent(sim: Simulator, interface: str) -> tuple[Any, ...]:
    """Keys that are asked for although they do not exist; a queue without agents has no row either."""
    if interface == "signed_in_agents":
        staffed = {row["skill_id"] for row in truth.signed_in_agents(sim, IDS)}
        return tuple(skill for skill in IDS if skill not in staffed)
    if interface in ("skill_call_stats", "skill_states") and sim.profile.unknown_skills == "absent":
        return (999,)
    return ("77",) if interface == "task_stats" else ()


def in_server_order(sim: Simulator, rows: truth.Rows) -> truth.Rows:
    """Rows of a time question stand in the order the server gives them, which may be by time."""
    if sim.profile.row_order == "time":
        return sorted(rows, key=lambda row: (row["interval_start"], row["vdn"]))
    return rows


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_interface_in_every_profile(
    profile: str, open_sim: OpenSim, make_cms: MakeCms, make_gateway: MakeGateway
) -> None:
    """Rows are the contact center's own, in the order of the question, for the requests that were counted;
    what a profile refuses is the error that says so.
    """
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
            expected = in_server_order(sim, expected)
        got = seen(batch, interface)
        if profile == "unsorted" and interface == "system_indicators":
            got, expected = (
                sorted(rows, key=lambda row: (row["vdn"], row["interval_start"])) for rows in (got, expected)
            )
        assert got == expected, interface
        assert batch.complete, interface
        assert batch.unanswered is None, interface
        wanted = PAGES.get((profile, interface), least) + LEARNING.get((profile, interface), 0)
        assert (len(sim.requests) - before, batch.request_count) == (wanted, wanted), interface
        assert batch.absent == absent(sim, interface), interface


async def test_a_server_that_signs_an_empty_line_refuses_the_documented_signature(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Without ``empty_query_line=True`` such a server answers 401, once."""
    sim = await open_sim(profile="empty_query_line")
    with pytest.raises(SignatureRejected):
        await make_cms(sim).skill_states(IDS)
    assert [each.status for each in sim.requests] == [401]


@pytest.mark.parametrize(
    ("profile", "size", "requests"),
    [("page_1000", 1000, 1), ("capped_1000", 5000, 1), ("limit_ignored", 1000, 4), ("capped_50", 1000, 8)],
)
async def test_a_larger_page_is_asked_once_and_what_comes_is_counted(
    profile: str, size: int, requests: int, open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """With a larger ``page_size`` the stride is what the first page really held."""
    sim = await open_sim(profile=profile)
    batch = await make_cms(sim, page_size=size).system_indicators(begin=BEGIN, end=END, vdns=[1, 2, 3])
    assert seen(batch, "system_indicators") == truth.system_indicators(sim, BEGIN, END, [1, 2, 3])
    assert len(sim.requests) == requests


async def test_a_larger_page_than_the_server_takes_is_refused_as_the_server_says(
    sim: Simulator, make_cms: MakeCms
) -> None:
    """A server that refuses ``limit`` 1000 is quoted; no smaller page is guessed."""
    with pytest.raises(BatchError) as caught:
        await make_cms(sim, page_size=1000).system_indicators(begin=BEGIN, end=END, vdns=[1])
    assert [error.code for error in caught.value.exceptions] == ["0100002"]


@pytest.mark.parametrize(
    ("profile", "requests"),
    [("documented", 3), ("count_missing", 4), ("count_small", 3), ("count_large", 4), ("count_text", 3)],
)
async def test_more_agents_than_a_page(
    profile: str, requests: int, open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """2 300 agents are three pages of 1 000; a wrong or missing count may cost one more."""
    sim = await open_sim(profile=profile, agents_per_vdn={170: 2300})
    batch = await make_cms(sim).agent_states()
    assert seen(batch, "agent_states") == truth.agent_states(sim)
    assert len(sim.requests) == requests


async def test_agents_of_a_server_that_ignores_the_offset(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The same page twice is PaginationLoop, with the rows of the first page in the batch."""
    sim = await open_sim(profile="offset_ignored", agents_per_vdn={170: 2300})
    with pytest.raises(BatchError) as caught:
        await make_cms(sim).agent_states()
    (error,) = caught.value.exceptions
    assert isinstance(error, PaginationLoop)
    assert seen(caught.value.batch, "agent_states") == truth.agent_states(sim)[:1000]
    assert len(sim.requests) <= 4


async def test_an_array_of_a_thousand_items_where_the_server_takes_it(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """``array_limit="items"`` asks 2 000 queues in 2 requests; by characters they are 9."""
    sim = await open_sim(profile="array_items", skills_per_vdn={170: 2000})
    batch = await make_cms(sim, array_limit="items").skill_call_stats(range(1, 2001))
    assert (len(batch), len(sim.requests)) == (2000, 2)
    await make_cms(sim).skill_call_stats(range(1, 2001))
    assert len(sim.requests) == 2 + 9


async def test_the_row_of_an_inclusive_end_is_dropped_and_told(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Neighbouring questions share no row, although the server gives the seam to both."""
    sim = await open_sim(profile="inclusive_end")
    cms = make_cms(sim)
    seam = datetime(2026, 3, 4, 5, tzinfo=UTC)
    first = await cms.system_indicators(begin=BEGIN, end=seam, vdns=[1])
    second = await cms.system_indicators(begin=seam, end=END, vdns=[1])
    both = [*seen(first, "system_indicators"), *seen(second, "system_indicators")]
    assert both == truth.system_indicators(sim, BEGIN, END, [1])
    assert (first.dropped, second.dropped) == (1, 1)


@pytest.mark.parametrize(
    ("profile", "expected"), [("global_401", SignatureRejected), ("documented", BatchError)]
)
async def test_a_tenant_key_at_a_global_interface(
    profile: str, expected: type[Exception], open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Both ways of turning it away name the global key."""
    sim = await open_sim(profile=profile)
    cms = make_cms(sim, global_auth=None)
    with pytest.raises(expected) as caught:
        await cms.vdns()
    text = " ".join(map(str, (caught.value, *getattr(caught.value, "exceptions", ()))))
    assert "global access key" in text


async def test_a_day_of_a_hundred_vdns(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """28 800 rows: one window, 288 pages, every row once."""
    sim = await open_sim(vdns=range(1, 101), skills_per_vdn=1, agents_per_vdn=5)
    begin, end = datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
    query = make_cms(sim).system_indicators(begin=begin, end=end, vdns=range(1, 101))
    batch = await query
    assert len(batch) == len({row.key for row in batch}) == 28_800
    assert len(sim.requests) == batch.request_count == 288
