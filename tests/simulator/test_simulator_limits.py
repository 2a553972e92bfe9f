"""Every limit of the contract, from both sides."""

from __future__ import annotations

import json

import pytest

from cc_async.simulator import Profile

PLACE = {"ccId": 1, "vdn": 170}
DAY = {"beginDate": "2026-03-01 00:00:00", "endDate": "2026-03-02 00:00:00"}
STATS, AGENTS, TASK = "skill/currentcallstateinfo", "skill/agentbyconfigedskill", "fromisales/realstatistic"
SYSINDEX, STATES = "cti/sysindex", "vdn/totalagentabstractex3"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (STATS, {"vdn": 170, "skillIds": [1]}),
        (STATS, {"ccId": "1", "vdn": 170, "skillIds": [1]}),
        (STATS, {"ccId": 0, "vdn": 170, "skillIds": [1]}),
        (STATS, {"ccId": 65536, "vdn": 170, "skillIds": [1]}),
        (STATS, {"ccId": 2, "vdn": 170, "skillIds": [1]}),
        (STATS, {"ccId": 1, "vdn": 5001, "skillIds": [1]}),
        (STATS, {"ccId": 1, "vdn": 4999, "skillIds": [1]}),
        (STATS, {"ccId": 1, "vdn": True, "skillIds": [1]}),
        (STATS, {"ccId": 1, "vdn": 170.5, "skillIds": [1]}),
        (STATS, PLACE),
        (STATS, {**PLACE, "skillIds": []}),
        (STATS, {**PLACE, "skillIds": 1}),
        (STATS, {**PLACE, "skillIds": ["1"]}),
        (STATS, {**PLACE, "skillIds": [0]}),
        (STATS, {**PLACE, "skillIds": [10001]}),
        (STATS, [1, 2]),
        (STATS, {"queryParam": {**PLACE, "skillIds": [1]}}),
        (AGENTS, PLACE),
        (AGENTS, {**PLACE, "skillId": "1"}),
        (AGENTS, {**PLACE, "skillId": 0}),
        (TASK, {"vdn": 170}),
        (TASK, {"vdn": 170, "taskId": "x"}),
        (TASK, {"vdn": 170, "taskId": "1" * 31}),
        (TASK, {"vdn": 170, "taskId": True}),
        (TASK, {"taskId": "1122104910"}),
        (SYSINDEX, {}),
        (SYSINDEX, {**DAY, "vdn": 170}),
        (SYSINDEX, {**DAY, "vdn": list(range(1, 102))}),
        (SYSINDEX, {**DAY, "vdn": [0]}),
        (SYSINDEX, {**DAY, "limit": 101}),
        (SYSINDEX, {**DAY, "limit": 0}),
        (SYSINDEX, {**DAY, "limit": "x"}),
        (SYSINDEX, {**DAY, "offset": -1}),
        (SYSINDEX, {**DAY, "ccId": "1"}),
        (SYSINDEX, {"beginDate": "2026-03-01", "endDate": "2026-03-02"}),
        (SYSINDEX, {"beginDate": "2026-03-02 00:00:00", "endDate": "2026-03-01 00:00:00"}),
        (SYSINDEX, {"beginDate": "2026-01-01 00:00:00", "endDate": "2026-02-01 00:00:01"}),
        (STATES, PLACE),
        (STATES, {**PLACE, "limit": 1001, "offset": 0}),
        ("/rest/cmsapp/v1/ping", {"say": 1}),
    ],
)
async def test_a_broken_rule_is_0100002_with_http_200_and_a_text(ask, path, params):
    """A broken rule is 0100002 with HTTP 200 and a text."""
    answer = await ask.post(path, params, globally=True)
    assert (answer.status, answer.code) == (200, "0100002")
    assert isinstance(answer.desc, str)
    assert answer.desc


async def test_what_is_not_json_is_refused_and_kept_as_text(ask):
    """What is not JSON is refused and kept as text."""
    for raw in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        assert (await ask.post(STATS, raw=raw)).code == "0100002"
    assert ask.sim.requests[1].body == "{"


async def test_the_array_text_may_have_1000_characters_as_it_is_sent(ask):
    """The array text may have 1000 characters as it is sent."""
    ids = list(range(1000, 1200))
    text = json.dumps(ids, separators=(",", ":"))
    assert len(text) == 1001
    assert (await ask.post(STATS, {**PLACE, "skillIds": ids})).code == "0100002"
    ids[-1] = 7
    assert (await ask.post(STATS, {**PLACE, "skillIds": ids})).code == "0100000"
    blanks = json.dumps({**PLACE, "skillIds": ids}).encode()
    assert (await ask.post(STATS, raw=blanks)).code == "0100002"


async def test_by_items_the_array_may_have_1000_of_them(open_sim):
    """By items the array may have 1000 of them."""
    ask = await open_sim(profile="array_items")
    assert len((await ask.post(STATS, {**PLACE, "skillIds": list(range(1, 1001))})).desc) == 1000
    assert (await ask.post(STATS, {**PLACE, "skillIds": list(range(1, 1002))})).code == "0100002"


async def test_31_days_and_100_vdns_and_text_paging_are_within_the_limits(ask):
    """31 days and 100 VDNs and text paging are within the limits."""
    window = {"beginDate": "2026-01-01 00:00:00", "endDate": "2026-02-01 00:00:00"}
    params = {**window, "vdn": list(range(1, 101)), "limit": "100", "offset": "0"}
    answer = await ask.post(SYSINDEX, params, globally=True)
    assert answer.desc["count"] == 892_800
    assert len(answer.desc["data"]) == 100


async def test_an_old_server_knows_2000_skill_queues(open_sim):
    """An old server knows 2000 skill queues."""
    ask = await open_sim(profile=Profile(skill_max=2000))
    assert (await ask.post(STATS, {**PLACE, "skillIds": [2000]})).code == "0100000"
    assert (await ask.post(STATS, {**PLACE, "skillIds": [2001]})).code == "0100002"
