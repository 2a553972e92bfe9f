"""The vendor's own sample answers, through a whole client, into records; values read from the documents.

The answers are handed out by aioresponses, which knows neither sockets nor time: what is asked, how fast and
what goes wrong is tested elsewhere, against the simulator.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses

from cc_async import AgentStatus, AkSk, CmsClient, CtiStatus, GatewayClient, MediaType

CMS, GATEWAY = "https://cms.example.com:28443", "https://gw.example.com:8043"
OPENAPI = f"{CMS}/rest/cmsapp/v1/openapi/"
SAMPLES = Path(__file__).parent / "contract" / "samples"
DATE = {"Date": "Wed, 04 Mar 2026 12:00:00 GMT"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def sample(name: str) -> str:
    """The answer as the documents print it."""
    return (SAMPLES / f"{name}.json").read_text(encoding="utf-8")


@pytest.fixture
async def canned(canned_response: type[aiohttp.ClientResponse]) -> AsyncIterator[Any]:
    """Hand out one answer: ``canned(method, url, body)``."""
    with aioresponses() as mocked:

        def hand_out(method: str, url: str, body: str) -> None:
            mocked.add(url, method, body=body, headers=DATE, response_class=canned_response)

        yield hand_out


@pytest.fixture
async def cms() -> AsyncIterator[CmsClient]:
    """A client of a server that is not there."""
    async with CmsClient(CMS, AkSk("ak", "sk"), vdn=22) as client:
        yield client


async def test_call_statistics_of_queues(canned: Any, cms: CmsClient) -> None:
    """Seed 000: two queues; ``startTime`` is 2 s off the grid, the bucket is not."""
    canned("POST", OPENAPI + "skill/currentcallstateinfo", sample("skill_call_stats"))
    batch = await cms.skill_call_stats([1, 2])
    first, second = batch
    assert first.start_time == datetime(2020, 12, 8, 1, 25, 2, tzinfo=UTC)
    assert first.interval_start == datetime(2020, 12, 8, 1, 25, tzinfo=UTC)
    assert (first.vdn, first.cc_id, first.sampled_at) == (22, 1, NOON)
    assert (first.offered, first.connected, first.lost, first.wrap_up_seconds) == (0, 0, 0, 0)
    assert (first.skill_id, second.skill_id) == (1, 2)


async def test_indicators(canned: Any, cms: CmsClient) -> None:
    """Seed 001: an instant as text, a number as the code, a total that the one row does not bear out."""
    canned("POST", OPENAPI + "cti/sysindex", sample("system_indicators"))
    nothing = '{"resultCode": 0, "resultDesc": {"data": [], "count": 6}}'
    for _ in range(6):
        canned("POST", OPENAPI + "cti/sysindex", nothing)
    begin, end = datetime(2021, 9, 14, 4, tzinfo=UTC), datetime(2021, 9, 14, 5, tzinfo=UTC)
    (row,) = await cms.system_indicators(begin=begin, end=end)
    assert row.key == (1, datetime(2021, 9, 14, 4, 35, tzinfo=UTC))
    counts = (
        row.online_agents,
        row.talking_agents,
        row.idle_agents,
        row.not_ready_agents,
        row.resting_agents,
    )
    calls = (row.inbound_calls, row.connected_calls, row.connection_rate_raw, row.outbound_calls, row.cc_id)
    assert (counts, calls) == ((1,) * 5, (1,) * 5)


async def test_an_outbound_task(canned: Any, cms: CmsClient) -> None:
    """Seed 002: one object, numbers as text, rates as percent."""
    canned("POST", OPENAPI + "fromisales/realstatistic", sample("task_stats"))
    (row,) = await cms.task_stats(["1122104910"])
    assert (row.task_id, row.total, row.succeeded, row.failed) == ("1122104910", 4, 2, 2)
    assert (row.completed, row.waiting, row.executing) == (4, 0, 0)
    assert (row.success_rate, row.completion_rate) == (0.5, 0.5)


async def test_signed_in_agents(canned: Any, cms: CmsClient) -> None:
    """Seed 004: code fields are read by the tables, the queue comes from the question."""
    canned("POST", OPENAPI + "skill/agentbyconfigedskill", sample("signed_in_agents"))
    (row,) = await cms.signed_in_agents([7])
    assert (row.skill_id, row.agent_id, row.name, row.group_id) == (7, 20011, "20011", 1)
    assert row.status is AgentStatus.IDLE
    assert row.cti_status is CtiStatus.IDLE
    assert row.media_type is MediaType.CHAT
    assert row.phone_number == "70942"
    assert "70942" not in repr(row)
    assert (row.state_seconds, row.state_since) == (1505, NOON - timedelta(seconds=1505))
    assert row.login_time == datetime(2017, 7, 27, 3, 22, 38, tzinfo=UTC)


async def test_call_statistics_of_an_agent(canned: Any) -> None:
    """Seed 003: the gateway's envelope."""
    url = f"{GATEWAY}/agentgateway/resource/calldata/101/statistics"
    canned("GET", url, sample("agent_call_stats"))
    async with GatewayClient(GATEWAY, {101: "uuid.AgentGateway1"}) as gateway:
        (row,) = await gateway.agent_call_stats([101])
    assert (row.agent_id, row.talk_seconds, row.answered, row.internal) == (101, 4328, 5, 5)
    assert (row.released_by_agent, row.unanswered, row.not_ready_seconds) == (1, 0, 0)
    assert (row.signed_in_at, row.sampled_at) == (None, NOON)
