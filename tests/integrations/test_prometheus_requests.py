"""What metrics count of requests to a contact center on real sockets, and how they see the client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from exposed import Exposed
from waiting import until

from cc_async import AkSk, CcError, CmsClient, Quota, Retry
from cc_async.integrations.prometheus import Metrics
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


async def test_requests_retries_pauses_and_rows(sim: Simulator, make_cms: MakeCms) -> None:
    """Attempts by status and error, their durations, and what was not kept."""
    metrics = Metrics()
    cms = make_cms(sim, observers=[metrics], retry=Retry(base=0.0, throttle_base=0.01))
    sim.fail("skill_states", status=503, times=1)
    sim.fail("skill_states", status=429, times=1)
    await cms.skill_states([1, 2])
    row = {"skillId": 1, "callWaitNums": 3}
    answer = {"resultCode": "0100000", "resultDesc": [row, row, {"skillId": 7}, {"skillId": "--"}]}
    sim.fail("skill_states", body=answer, times=1)
    await cms.skill_states([1, 2], partial=True)
    found = Exposed.of(metrics)
    assert found.all("requests_total", interface="skill_states") == {
        ("ServerError", "503"): 1, ("Throttled", "429"): 1, ("", "200"): 2,
    }  # fmt: skip
    assert found.one("request_duration_seconds_count", interface="skill_states") == 4
    assert found.one("request_duration_seconds_bucket", interface="skill_states", le="+Inf") == 4
    assert found.all("retries_total", interface="skill_states") == {("ServerError",): 1, ("Throttled",): 1}
    assert found.one("throttle_pauses_total", interface="skill_states") == 1
    assert (found.one("throttle_pause_seconds_total", interface="skill_states") or 0) > 0
    assert found.all("rows_dropped_total", interface="skill_states") == {("duplicates",): 1, ("foreign",): 1}
    assert found.one("rows_rejected_total", interface="skill_states") == 1
    assert found.all("calls_total", interface="skill_states") == {("all",): 2}
    assert found.one("calls_in_progress", interface="skill_states") == 0


async def test_calls_by_what_they_brought(sim: Simulator, make_cms: MakeCms) -> None:
    """All, part or none; what is under way is counted while it is, cancelled or not."""
    metrics = Metrics()
    cms = make_cms(sim, observers=[metrics], retry=Retry(attempts=1))
    sim.fail("signed_in_agents", status=503, times=1)
    await cms.signed_in_agents([1, 2], partial=True)
    sim.fail("signed_in_agents", delay=30, times=None)
    asked = asyncio.ensure_future(cms.signed_in_agents([1]))
    await until(lambda: cms.health.in_flight)
    assert Exposed.of(metrics).one("calls_in_progress", interface="signed_in_agents") == 1
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    found = Exposed.of(metrics)
    assert found.one("calls_in_progress", interface="signed_in_agents") == 0
    assert found.all("calls_total", interface="signed_in_agents") == {("part",): 1, ("none",): 1}


async def test_the_state_of_the_client(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Quota, breaker and lock as the client's health has them at the moment of the scrape."""
    sim, metrics = await open_sim(), Metrics()
    cms = make_cms(sim, observers=[metrics], quota=Quota(10, per=60.0))
    metrics.health = lambda: cms.health
    await cms.signed_in_agents([1, 2, 3])
    found = Exposed.of(metrics)
    assert found.one("quota_used_requests", interface="signed_in_agents") == 3
    assert found.one("quota_limit_requests", interface="signed_in_agents") == 10
    assert (found.one("client_ok"), found.one("breaker_open"), found.one("requests_in_flight")) == (1, 0, 0)
    assert found.one("credential_locked", interface="signed_in_agents") == 0
    assert found.one("throttle_pauses_total", interface="signed_in_agents") == 0
    sim.fail("skill_call_stats", status=403, times=1)
    with pytest.raises(CcError):
        await cms.skill_call_stats([1])
    found = Exposed.of(metrics)
    assert (found.one("client_ok"), found.one("breaker_open")) == (0, 1)
    assert found.all("breaker_openings_total") == {(sim.cms_url.partition("//")[2],): 1}
    wrong = make_cms(sim, observers=[metrics], auth=AkSk(sim.access_key, "wrong"))
    with pytest.raises(CcError):
        await wrong.skill_states([1])
    metrics.health = lambda: wrong.health
    found = Exposed.of(metrics)
    assert found.one("credential_locked", interface="skill_states") == 1
    assert found.one("credential_locks_total", interface="*") == 1


async def test_paths_that_callers_make_up_cannot_flood_it(sim: Simulator, make_cms: MakeCms) -> None:
    """Of interfaces asked by path fifty are told apart; the rest is one."""
    metrics = Metrics()
    cms = make_cms(sim, observers=[metrics], retry=Retry(attempts=1))
    for number in range(60):
        with pytest.raises(CcError):
            await cms.call(f"made/up-{number:03}", {})
    found = Exposed.of(metrics).all("request_duration_seconds_count")
    assert len(found) == 51
    assert (found["other",], found["made/up-000",]) == (10, 1)
