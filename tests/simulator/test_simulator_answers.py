"""The documented shape of every interface, and that they agree with each other."""

from __future__ import annotations

import json
from collections import Counter
from email.utils import parsedate_to_datetime

import pytest

PLACE = {"ccId": 1, "vdn": 170}
SMALL = {"ccId": 1, "vdn": 7}
NOON = 1_772_625_600
HOUR = {"beginDate": "2026-03-04 11:00:00", "endDate": "2026-03-04 12:00:00"}


async def test_skill_call_stats_carry_both_copies_and_leave_out_unknown_queues(ask):
    """Skill call stats carry both copies and leave out unknown queues."""
    params = {**PLACE, "skillIds": [3, 1, 3, 9999]}
    body = (await ask.post("skill/currentcallstateinfo", params)).json
    assert body["result"] == "0"
    assert body["resultCode"] == "0100000"
    assert body["resultDatas"] == body["resultDesc"]
    assert [row["id"] for row in body["resultDesc"]] == [3, 1]
    assert {row["startTime"] for row in body["resultDesc"]} == {NOON * 1000}
    for row in body["resultDesc"]:
        assert row["allCallCount"] == row["cnnedCallCount"] + row["abanCallCount"]
        assert row["cnnedIn20sCallCount"] <= row["cnnedCallCount"]
    assert list(body["resultDesc"][0]) == [
        "id", "startTime", "allCallCount", "cnnedCallCount", "abanCallCount", "callEndCount", "talkTimeOnIvr",
        "cnnedIn20sCallCount", "clearUpCallCount", "clearUpTime",
    ]  # fmt: skip


async def test_other_interfaces_have_one_copy(ask):
    """Other interfaces have one copy."""
    body = (await ask.post("skill/stateinfo", {**PLACE, "skillIds": [1]})).json
    assert set(body) == {"resultCode", "resultDesc"}


async def test_the_date_header_is_of_the_simulators_clock(ask, clock):
    """The date header is of the simulator's clock."""
    clock.now = NOON + 86_400.75
    answer = await ask.post("/rest/cmsapp/v1/ping", {"say": "hi"})
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == NOON + 86_400


async def test_signed_in_agents_and_states_of_a_queue_count_the_same_agents(ask):
    """Signed in agents and states of a queue count the same agents."""
    checked = 0
    for skill in range(1, 21):
        agents = (await ask.post("skill/agentbyconfigedskill", {**SMALL, "skillId": skill})).desc
        state = (await ask.post("skill/stateinfo", {**SMALL, "skillIds": [skill]})).desc[0]
        by_cti = Counter(row["ctiStatus"] for row in agents)
        assert state["agentLoginNums"] == len(agents)
        assert state["agentIdleNums"] == by_cti[1]
        assert state["agentTalkingNums"] == by_cti[4] + by_cti[5]
        assert state["agentWorkNums"] == by_cti[6]
        assert state["agentSetBusyNums"] == by_cti[7]
        assert state["agentRestNums"] == by_cti[8]
        checked += len(agents)
        for row in agents:
            assert row["vdnId"] == 7
            assert row["status"] == {1: 4, 2: 7, 3: 7, 4: 7, 5: 7, 6: 5, 7: 3, 8: 8, 9: 0}[row["ctiStatus"]]
            assert row["loginDate"] <= NOON * 1000 + 299_500 - row["currentStateTime"] * 1000
    assert checked > 50


async def test_agents_have_several_skills_and_one_state(ask):
    """Agents have several skills and one state."""
    seen: dict[int, set[tuple[int, int]]] = {}
    times: Counter[int] = Counter()
    for skill in range(1, 21):
        for row in (await ask.post("skill/agentbyconfigedskill", {**SMALL, "skillId": skill})).desc:
            seen.setdefault(row["workNo"], set()).add((row["ctiStatus"], row["currentStateTime"]))
            times[row["workNo"]] += 1
    assert max(times.values()) > 1
    assert all(len(states) == 1 for states in seen.values())
    answer = await ask.post("vdn/totalagentabstractex3", {**SMALL, "limit": 1000, "offset": 0})
    states = {row["agentId"]: (row["currentState"], row["currentStateTime"]) for row in answer.desc}
    assert all({states[agent]} == found for agent, found in seen.items())


async def test_call_stats_and_states_of_a_queue_agree(ask):
    """Call stats and states of a queue agree."""
    ids = list(range(1, 101))
    stats = (await ask.post("skill/currentcallstateinfo", {**PLACE, "skillIds": ids})).desc
    states = (await ask.post("skill/stateinfo", {**PLACE, "skillIds": ids})).desc
    assert [row["allCallCount"] for row in stats] == [row["allCallCount"] for row in states]
    assert [row["cnnedIn20sCallCount"] for row in stats] == [row["cnnedIn20sCallCount"] for row in states]
    assert sum(row["allCallCount"] for row in stats) > 0
    assert all(row["maxCallWaitTimesIn5"] >= row["evenWaitTimeIn5"] for row in states)


async def test_queues_add_up_to_the_vdns_indicators(ask, clock):
    """Queues add up to the VDN's indicators."""
    ids = list(range(1, 21))
    stats = (await ask.post("skill/currentcallstateinfo", {**SMALL, "skillIds": ids})).desc
    states = (await ask.post("vdn/totalagentstate", SMALL)).desc
    clock.now = NOON + 300
    window = {"beginDate": "2026-03-04 12:00:00", "endDate": "2026-03-04 13:00:00", "vdn": [7]}
    page = (await ask.post("cti/sysindex", window, globally=True)).desc
    (row,) = page["data"]
    assert row["beginTime"] == str(NOON * 1000)
    assert row["incallNums"] == sum(each["allCallCount"] for each in stats)
    assert row["rateNum"] == sum(each["cnnedCallCount"] for each in stats)
    assert row["onlineAgentNums"] == sum(each["currentState"] != 0 for each in states)


async def test_indicators_come_half_open_paged_and_only_for_closed_periods(ask, clock):
    """Indicators come half open paged and only for closed periods."""
    rows = []
    for offset in range(0, 30, 10):
        params = {**HOUR, "vdn": [2, 1, 3000], "limit": 10, "offset": offset}
        desc = (await ask.post("cti/sysindex", params, globally=True)).desc
        assert desc["count"] == 24
        rows += desc["data"]
    assert [(row["vdn"], int(row["beginTime"]) // 1000) for row in rows] == [
        (vdn, begin) for vdn in (1, 2) for begin in range(NOON - 3600, NOON, 300)
    ]
    clock.now = NOON - 3000.0
    assert (await ask.post("cti/sysindex", {**HOUR, "vdn": [1]}, globally=True)).desc["count"] == 2
    truth = ask.sim.world.indicators(1, NOON - 3600, NOON)
    assert [row["incallNums"] for row in rows[:12]] == [each.inbound for each in truth]


async def test_without_vdns_every_vdn_answers_in_pages_of_100(ask):
    """Without VDNs every VDN answers in pages of 100."""
    desc = (await ask.post("cti/sysindex", HOUR, globally=True)).desc
    assert desc["count"] == 101 * 12
    assert len(desc["data"]) == 100


async def test_agent_states_are_paged_with_the_count_beside(ask):
    """Agent states are paged with the count beside."""
    body = (await ask.post("vdn/totalagentabstractex3", {**PLACE, "limit": 1000, "offset": 1500})).json
    assert body["count"] == 2000
    assert len(body["resultDesc"]) == 500
    assert set(body["resultDesc"][0]) == {"agentId", "currentState", "currentStateTime", "locationId"}


async def test_a_task_is_one_object_of_texts_whose_counts_agree(ask):
    """A task is one object of texts whose counts agree."""
    for task_id in ask.sim.task_ids:
        row = (await ask.post("fromisales/realstatistic", {"ccId": "1", "vdn": 170, "taskId": task_id})).desc
        total, done, good, bad, waiting, running = (
            int(row[name])
            for name in ("totalCount", "compCount", "succCount", "failCount", "waitCount", "execCount")
        )
        assert done == good + bad
        assert total == done + waiting + running
        assert row["compRate"] == f"{100 * done // total}%"
    assert (await ask.post("fromisales/realstatistic", {"vdn": 170, "taskId": "5"})).code == "0300012"


async def test_skills_and_vdns_are_listed_with_names(ask):
    """Skills and VDNs are listed with names."""
    skills = (await ask.post("configures/skills", PLACE)).desc
    assert [row["id"] for row in skills] == list(range(1, 2001))
    assert all(row["name"].endswith(f" {row['id']}") for row in skills)
    assert any(not row["name"].isascii() for row in skills)
    vdns = (await ask.post("configures/vdns", {"ccId": 1}, globally=True)).desc
    assert [row["vdn"] for row in vdns] == [*range(1, 101), 170]


async def test_sister_calls_answer_a_raw_call(ask):
    """Sister calls answer a raw call."""
    page = await ask.post("configures/agents/1/170/5/10", method="GET")
    assert len(page.desc) == 10
    now = (NOON + 299) * 1000
    params = {
        **PLACE,
        "beginDate": now - 60_000,
        "endDate": now,
        "isCallIn": "true",
        "limit": 50,
        "offset": 0,
    }
    calls = await ask.post("/rest/cmsapp/v2/openapi/vdn/querycalls", params)
    assert calls.desc["count"] == 60
    assert len(calls.desc["data"]) == 50
    assert (await ask.post("/rest/cmsapp/v1/ping", {"say": "hi"})).desc == {"say": "hi"}


async def test_a_laid_down_queue_is_seen_by_stats_and_states_until_cleared(ask):
    """A laid down queue is seen by stats and states until cleared."""
    sim = ask.sim
    before = (await ask.post("skill/currentcallstateinfo", {**PLACE, "skillIds": [5]})).desc
    sim.set_skill(170, 5, offered=30, connected=20, calls_waiting=4, name="VIP")
    sim.set_skill(170, 9000, offered=10, lost=3)
    first, second = (await ask.post("skill/currentcallstateinfo", {**PLACE, "skillIds": [5, 9000]})).desc
    assert (first["allCallCount"], first["cnnedCallCount"], first["abanCallCount"]) == (30, 20, 10)
    assert (second["allCallCount"], second["cnnedCallCount"], second["abanCallCount"]) == (10, 7, 3)
    state = (await ask.post("skill/stateinfo", {**PLACE, "skillIds": [5]})).desc[0]
    assert (state["allCallCount"], state["callWaitNums"]) == (30, 4)
    assert (await ask.post("configures/skills", PLACE)).desc[4]["name"] == "VIP"
    sim.clear_skill(170, 5)
    assert (await ask.post("skill/currentcallstateinfo", {**PLACE, "skillIds": [5]})).desc == before
    with pytest.raises(ValueError, match="does not exist"):
        sim.set_skill(4000, 1, offered=1)
    with pytest.raises(ValueError, match="begin at 1"):
        sim.set_skill(170, 0, offered=1)
    with pytest.raises(ValueError, match="connected"):
        sim.set_skill(170, 5, offered=5, connected=1, lost=1)


async def test_requests_are_recorded_in_order_of_arrival(ask):
    """Requests are recorded in order of arrival."""
    sim = ask.sim
    await ask.post("configures/skills", PLACE)
    await ask.agent(101, "wrong")
    first, second = sim.requests
    assert (first.host, first.interface, first.method, first.body) == ("cms", "skills", "POST", PLACE)
    assert (first.status, first.code, first.access_key) == (200, "0100000", sim.access_key)
    assert first.time == NOON + 299.5
    assert (second.host, second.interface, second.body) == ("gateway", "agent_call_stats", None)
    assert second.code in ("000-003", "100-006")


async def test_the_same_seed_answers_the_same_bytes(open_sim):
    """The same seed answers the same bytes."""
    first, again, other = [await open_sim(seed=seed) for seed in (4, 4, 5)]
    params = {**PLACE, "skillIds": list(range(1, 50))}
    bodies = [(await each.post("skill/currentcallstateinfo", params)).body for each in (first, again, other)]
    assert bodies[0] == bodies[1] != bodies[2]
    assert json.loads(bodies[2])["resultCode"] == "0100000"
