"""Agents' call statistics are captured and played; GUIDs, cookies and agents' ids stay where they belong."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio import to_thread
from test_capture_replay import KEY, NOON, Moved, site_of

from cc_async import BatchError, CmsClient, ConfigError, GatewayClient, GatewayError, NotSignedIn
from cc_async.capture import Captured, capture
from cc_async.settings import Site
from cc_async.simulator import Simulator, SteppedClock

OpenSim = Callable[..., Awaitable[Simulator]]


async def site_with_guids(sim: Simulator, folder: Path) -> Site:
    """A site whose agents have GUIDs, one of them a wrong one."""
    wrong = dict.fromkeys(list(sim.guids)[-1:], "00000000-dead-4000-8000-000000000000.AgentGateway1")
    text = json.dumps({str(agent): guid for agent, guid in (sim.guids | wrong).items()})
    file = folder / "guids.json"
    await to_thread.run_sync(file.write_text, text)
    await to_thread.run_sync(file.chmod, 0o600)
    return attrs.evolve(site_of(sim), gateway_url=sim.gateway_url, guids_file=file)


async def captured(sim: Simulator, site: Site, path: Path, **options: Any) -> Captured:
    """Capture into a file."""
    out = io.StringIO()
    found = await capture(site, out, Moved(sim), KEY, **options)
    await to_thread.run_sync(path.write_text, out.getvalue(), "ascii")
    return found


def outcome(error: BaseException) -> str | None:
    """The vendor's code of a failure."""
    assert isinstance(error, GatewayError)
    return error.code


async def test_agents_answer_as_they_did(open_sim: OpenSim, tmp_path: Path) -> None:
    """Whole and brief, idle agents refused as on the site; the replay has GUIDs of its own."""
    sim = await open_sim(profile="idle_agents_refused", clock=SteppedClock(NOON.timestamp()))
    path, agents = tmp_path / "site.jsonl", list(sim.guids)[:12]
    found = await captured(sim, await site_with_guids(sim, tmp_path), path, agents=12)
    assert {"agent_call_stats", "agent_call_stats_brief"} <= set(found.interfaces)
    assert found.failed == {}, "an agent who is not in a call is an expected answer"
    clock = SteppedClock(NOON.timestamp())
    async with Simulator.replay(path, clock=clock) as played:
        assert sorted(played.guids) == sorted(agents)
        async with (
            GatewayClient(sim.gateway_url, sim.guids) as real,
            GatewayClient(played.gateway_url, played.guids) as again,
        ):
            for brief in (False, True):
                theirs = await real.agent_call_stats(agents, brief=brief, partial=True)
                ours = await again.agent_call_stats(agents, brief=brief, partial=True)
                assert list(ours) == list(theirs)
                assert 0 < len(ours) < len(agents)
                assert {outcome(one.error) for one in ours.failures} == {"100-007"}
            with pytest.raises(BatchError) as caught:
                await again.agent_call_stats([agents[-1] + 500])
        strangers = dict.fromkeys(agents, "not-a-guid")
        async with GatewayClient(played.gateway_url, strangers) as stranger:
            with pytest.raises(BatchError) as refused:
                await stranger.agent_call_stats(agents[:1])
    assert isinstance(caught.value.exceptions[0], NotSignedIn | KeyError)
    assert [outcome(error) for error in refused.value.exceptions] == ["000-003"]


@pytest.mark.parametrize("mask_ids", [False, True])
async def test_no_guid_is_in_the_file(open_sim: OpenSim, tmp_path: Path, mask_ids: bool) -> None:
    """Not even one that an answer brings; an agent's id neither, where ids are masked, in the path too."""
    sim = await open_sim(clock=SteppedClock(NOON.timestamp()))
    given, path = dict(sim.guids), tmp_path / "site.jsonl"
    site = await site_with_guids(sim, tmp_path)
    fresh = [sim.rotate_guid(agent) for agent in given]  # each agent's next answer announces one
    found = await captured(sim, site, path, mask_ids=mask_ids, agents=99)
    assert "agent_call_stats" in found.failed, "one GUID is wrong"
    text = path.read_text("ascii")
    guids = [*given.values(), *fresh, *sim.guids.values(), "AgentGateway", "dead", "Set-", "JSESSIONID"]
    assert [guid for guid in guids if guid in text + str(found.failed)] == []
    paths = {json.loads(line).get("path", "") for line in text.splitlines()}
    kept = [agent for agent in given if f"/agentgateway/resource/calldata/{agent}/statistics" in paths]
    assert len(kept) == (0 if mask_ids else len(given))
    async with Simulator.replay(path, clock=SteppedClock(NOON.timestamp())) as played:
        async with GatewayClient(played.gateway_url, played.guids) as again:
            batch = await again.agent_call_stats(played.guids, partial=True)
        assert len(batch) == len(given) - 1
        async with CmsClient(**site_of(played).cms_arguments()) as cms:
            everybody = {row.agent_id for row in await cms.agent_states()}
    assert {row.agent_id for row in batch} <= everybody, "ids join across both servers"


async def test_a_gateway_in_trouble_does_not_end_the_capture(open_sim: OpenSim, tmp_path: Path) -> None:
    """It is the second server: what it said is told. GUIDs that cannot be read end it unasked."""
    sim = await open_sim(clock=SteppedClock(NOON.timestamp()))
    site = attrs.evolve(await site_with_guids(sim, tmp_path), gateway_url="http://127.0.0.1:9")
    found = await captured(sim, site, tmp_path / "site.jsonl")
    assert set(found.failed) == {"agent_call_stats", "agent_call_stats_brief"}
    assert "skill_states" in found.interfaces
    await to_thread.run_sync((tmp_path / "guids.json").write_text, "{")
    before = len(sim.requests)
    with pytest.raises(ConfigError, match=r"guids\.json"):
        await captured(sim, site, tmp_path / "none.jsonl")
    assert len(sim.requests) == before
