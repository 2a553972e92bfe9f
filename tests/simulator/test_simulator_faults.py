"""What can be made to go wrong, and quotas."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.simulator import Faults
from cc_async.simulator.quota import Window, most_in_any_window

PLACE = {"ccId": 1, "vdn": 170}
PING, HELLO = "/rest/cmsapp/v1/ping", {"say": "hi"}


async def test_laid_down_failures_are_used_up_in_order(ask):
    """Laid down failures are used up in order."""
    sim = ask.sim
    sim.fail("skills", status=503, times=2, retry_after=7)
    sim.fail("skills", code="0100001", text="call failed", times=1)
    sim.fail("skills", status=200, body="<html>login</html>", times=1)
    answers = [await ask.post("configures/skills", PLACE) for _ in range(5)]
    assert [each.status for each in answers] == [503, 503, 200, 200, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert (answers[2].code, answers[2].desc) == ("0100001", "call failed")
    assert answers[3].body == b"<html>login</html>"
    assert answers[3].headers["Content-Type"].startswith("text/html")
    assert answers[4].code == "0100000"
    assert [each.status for each in sim.requests] == [503, 503, 200, 200, 200]
    assert (await ask.post(PING, HELLO)).status == 200


async def test_a_failure_may_last_until_cleared_and_be_a_cut_connection(ask):
    """A failure may last until cleared and be a cut connection."""
    sim = ask.sim
    sim.fail("skills", times=None, disconnect=True)
    for _ in range(2):
        with pytest.raises(aiohttp.ClientError):
            await ask.post("configures/skills", PLACE)
    sim.clear_failures("skills")
    assert (await ask.post("configures/skills", PLACE)).code == "0100000"


async def test_only_a_delay_leaves_the_answer_as_it_is(ask):
    """Only a delay leaves the answer as it is."""
    ask.sim.fail("ping", delay=0.01, times=1)
    began = asyncio.get_running_loop().time()
    assert (await ask.post(PING, HELLO)).desc == HELLO
    assert asyncio.get_running_loop().time() - began >= 0.01


async def test_a_gateway_failure_carries_a_retcode(ask):
    """A gateway failure carries a retcode."""
    agent_id, guid = next(iter(ask.sim.guids.items()))
    ask.sim.fail("agent_call_stats", code="000-004", times=1)
    ask.sim.fail("agent_call_stats", status=502, times=1)
    assert (await ask.agent(agent_id, guid)).json["retcode"] == "000-004"
    assert (await ask.agent(agent_id, guid)).status == 502
    assert (await ask.agent(agent_id, guid)).json["retcode"] == "0"


async def test_odds_are_met_about_and_the_same_by_seed(open_sim):
    """Odds are met about and the same by seed."""
    outcomes = []
    for seed in (1, 1, 2):
        ask = await open_sim(seed=seed, error_rate={503: 0.2}, throttle_rate=0.2)
        outcomes.append([(await ask.post(PING, HELLO)).status for _ in range(100)])
    assert outcomes[0] == outcomes[1] != outcomes[2]
    counts = Counter(outcomes[0])
    assert set(counts) == {200, 429, 503}
    assert all(5 <= counts[status] <= 40 for status in (429, 503))


async def test_a_throttle_has_retry_after_unless_told_otherwise(open_sim):
    """A throttle has retry after unless told otherwise."""
    ask = await open_sim(faults=Faults(throttle_rate=1.0, retry_after="3"))
    assert (await ask.post(PING, HELLO)).headers["Retry-After"] == "3"
    ask.sim.set_faults(retry_after=None)
    assert "Retry-After" not in (await ask.post(PING, HELLO)).headers
    ask.sim.faults = Faults()
    assert (await ask.post(PING, HELLO)).status == 200


async def test_latency_holds_every_answer_back(open_sim):
    """Latency holds every answer back."""
    ask = await open_sim(latency=0.01, jitter=0.01)
    began = asyncio.get_running_loop().time()
    await ask.post(PING, HELLO)
    assert asyncio.get_running_loop().time() - began >= 0.01


async def test_some_rows_cannot_be_read_but_their_keys_can(open_sim):
    """Some rows cannot be read but their keys can."""
    ask = await open_sim(wrong_row_rate=0.3)
    ids = list(range(1, 101))
    rows = (await ask.post("skill/currentcallstateinfo", {**PLACE, "skillIds": ids})).desc
    wrong = [row for row in rows if not all(type(value) is int for value in row.values())]
    assert 10 < len(wrong) < 60
    assert [row["id"] for row in rows] == ids
    window = {"beginDate": "2026-03-03 00:00:00", "endDate": "2026-03-04 00:00:00", "vdn": [1]}
    rows = (await ask.post("cti/sysindex", window, globally=True)).desc["data"]
    wrong = [row for row in rows if not all(type(row[name]) is int for name in row if name != "beginTime")]
    assert 10 < len(wrong) < 60
    assert len({(row["vdn"], row["beginTime"]) for row in rows}) == 100


async def test_a_quota_is_counted_by_interface_on_arrival(open_sim, clock):
    """A quota is counted by interface on arrival."""
    ask = await open_sim(quota=(3, 1.0))
    statuses = [(await ask.post(PING, HELLO)).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert (await ask.post("configures/skills", PLACE)).status == 200
    assert ask.sim.over_quota == 2
    clock.now += 1.0
    assert (await ask.post(PING, HELLO)).status == 200
    assert ask.sim.most_in_any_window(1.0, "ping") == 5
    assert ask.sim.most_in_any_window(1.5) == 7


async def test_quotas_may_differ_by_interface(open_sim):
    """Quotas may differ by interface."""
    ask = await open_sim(quota={"ping": (1, 1.0), "*": (2, 1.0)})
    assert [(await ask.post(PING, HELLO)).status for _ in range(2)] == [200, 429]
    assert [(await ask.post("configures/skills", PLACE)).status for _ in range(3)] == [200, 200, 429]


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 5), st.integers(1, 10))
def test_a_window_counts_as_the_definition_does(steps, limit, seconds):
    """A window counts as the definition does."""
    window, now, times, refused = Window(limit, seconds), 0.0, [], 0
    for step in steps:
        now += step / 10
        times.append(now)
        inside = sum(now - each < seconds - 1e-9 for each in times)
        refused += inside > limit
        assert window.arrive("key", now) == (inside <= limit)
    assert window.over == refused
    assert window.most == most_in_any_window(times, seconds)


def test_faults_are_frozen():
    """Faults are frozen."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Faults().latency = 1.0  # type: ignore[misc]
