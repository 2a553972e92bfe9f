"""How a client is made, copied, set up from the environment, and given another key."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from cc_async import AkSk, ClosedError, CmsClient, ConfigError, GatewayClient, Quota
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


async def test_a_copy_shares_connections_and_closes_nothing(sim: Simulator, make_cms: MakeCms) -> None:
    """``with_options``: another VDN over the same connection; closing the copy leaves both usable."""
    cms = make_cms(sim)
    copy = cms.with_options(vdn=1, timeout=5.0)
    await cms.skill_states([1])
    async with copy:
        assert (await copy.skill_states([1]))[0].vdn == 1
    assert sim.open_connections == 1
    await copy.aclose()
    assert (await copy.skill_states([1]))[0].vdn == 1
    assert (await cms.skill_states([1]))[0].vdn == 170
    await cms.aclose()
    with pytest.raises(ClosedError):
        await copy.skill_states([1])


async def test_a_copy_shares_the_quota(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Copies are one client to the server: together they keep one quota."""
    sim = await open_sim(quota=(3, 0.3))  # shorter than ours: client and server share a loop
    cms = make_cms(sim, quota=Quota(3, per=0.4))
    await cms.ping()
    clients = (cms, cms.with_options(vdn=1), cms.with_options(cc_id=1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(client.skill_states([1]) for client in clients for _ in range(2)))
    assert loop.time() - began >= 0.4
    assert sim.over_quota == 0
    assert all(each.status == 200 for each in sim.requests)


async def test_what_a_copy_does_not_change_stays(sim: Simulator, make_cms: MakeCms) -> None:
    """Options that are not given are those of the original; None means none where None means something."""
    cms = make_cms(sim, timeout=7.0, page_size=50)
    copy = cms.with_options(cc_id=None, vdn=None)
    with pytest.raises(ValueError, match="which VDN"):
        copy.skill_states([1])
    await copy.with_options(vdn=3).task_stats(["1122104910"])
    assert sim.requests[-1].body == {"vdn": 3, "taskId": "1122104910"}


async def test_a_copy_counts_its_own_page_size(sim: Simulator, make_cms: MakeCms) -> None:
    """``page_size`` and ``concurrency`` of a copy hold for its questions."""
    cms = make_cms(sim).with_options(page_size=40, concurrency=1, array_limit="items")
    begin, end = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 4, 8, tzinfo=UTC)
    await cms.system_indicators(begin=begin, end=end, vdns=[1])
    assert [each.body["limit"] for each in sim.requests] == [40, 40, 40]


async def test_the_page_size_is_that_of_indicators(sim: Simulator, make_cms: MakeCms) -> None:
    """Agents are read in pages of the published 1 000, whatever is asked for indicators."""
    for size in (50, 5000):
        await make_cms(sim, page_size=size).agent_states()
    assert [each.body["limit"] for each in sim.requests] == [1000, 1000]


async def test_a_client_opens_with_its_first_request(sim: Simulator) -> None:
    """Made outside of any loop, it has no connection until it is asked something."""
    made: list[CmsClient] = []
    await asyncio.to_thread(
        lambda: made.append(CmsClient(sim.cms_url, AkSk(sim.access_key, sim.secret_key), vdn=170))
    )
    (cms,) = made
    assert sim.open_connections == 0
    await cms.skill_states([1])
    assert sim.open_connections == 1
    await cms.aclose()


async def test_a_callers_connector_is_used_and_left_open(sim: Simulator, make_cms: MakeCms) -> None:
    """``connector=`` limits the requests under way, and is not closed with the client."""
    sim.set_faults(latency=0.02)
    connector = aiohttp.TCPConnector(limit=2)
    cms = make_cms(sim, connector=connector)
    await cms.signed_in_agents(range(1, 11))
    assert sim.open_connections <= 2
    await cms.aclose()
    assert not connector.closed
    await connector.close()


async def test_from_the_environment(sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables make both clients; what is given by argument wins."""
    guids = tmp_path / "guids.json"
    guids.write_text(json.dumps(sim.guids))
    guids.chmod(0o600)
    for name, value in {
        "CMS_URL": sim.cms_url,
        "GATEWAY_URL": sim.gateway_url,
        "ACCESS_KEY": sim.access_key,
        "SECRET_KEY": sim.secret_key,
        "GLOBAL_ACCESS_KEY": sim.global_access_key,
        "GLOBAL_SECRET_KEY": sim.global_secret_key,
        "VDN": "170",
        "GUIDS_FILE": str(guids),
    }.items():
        monkeypatch.setenv(f"CC_ASYNC_{name}", value)
    async with CmsClient.from_env(quota=None) as cms:
        assert (await cms.skill_states([1]))[0].vdn == 170
        assert len(await cms.vdns()) == 4
    async with CmsClient.from_env(vdn=2) as cms:
        assert (await cms.skill_states([1]))[0].vdn == 2
    agent = min(sim.guids)
    async with GatewayClient.from_env() as gateway:
        assert (await gateway.agent_call_stats([agent]))[0].agent_id == agent


async def test_from_a_site_of_the_file(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``[sites.NAME]`` makes both clients; a site without a key says which one is missing."""
    guids, config = tmp_path / "guids.json", tmp_path / "config.toml"
    guids.write_text(json.dumps(sim.guids))
    config.write_text(
        f"""
        [sites.berlin]
        cms_url = "{sim.cms_url}"
        gateway_url = "{sim.gateway_url}"
        access_key = "{sim.access_key}"
        secret_key = "{sim.secret_key}"
        vdn = 3
        guids_file = "guids.json"
        [sites.empty]
        cms_url = "{sim.cms_url}"
        """
    )
    guids.chmod(0o600)
    config.chmod(0o600)
    async with CmsClient.from_site("berlin", str(config)) as cms:
        assert (await cms.skill_states([1]))[0].vdn == 3
    agent = min(sim.guids)
    async with GatewayClient.from_site("berlin", str(config)) as gateway:
        assert (await gateway.agent_call_stats([agent]))[0].agent_id == agent
    for name in ("ACCESS_KEY", "SECRET_KEY", "GATEWAY_URL"):
        monkeypatch.delenv(f"CC_ASYNC_{name}", raising=False)
    with pytest.raises(ConfigError, match="access_key"):
        CmsClient.from_site("empty", str(config))
    with pytest.raises(ConfigError, match="gateway_url"):
        GatewayClient.from_site("empty", str(config))


async def test_a_batch_is_worth_keeping(sim: Simulator, cms: CmsClient) -> None:
    """Batches with their failures survive a pickle, for queues and caches."""
    sim.fail("skill_states", code="0100003", text="no", times=1)
    with pytest.raises(ExceptionGroup) as caught:
        await cms.skill_states([1])
    batch = caught.value.batch  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(batch)) == batch
    assert pickle.loads(pickle.dumps(caught.value)).batch == batch
    good = await cms.skill_states([1, 2])
    assert pickle.loads(pickle.dumps(good)) == good


async def test_an_id_above_the_newest_bound_warns_once(
    sim: Simulator, cms: CmsClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Skill 10001 is asked all the same; one warning for a client."""
    for _ in range(2):
        cms.skill_states([10_001])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "10001" in caplog.text
