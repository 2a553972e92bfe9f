"""Each profile contradicts the documents in one thing."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from cc_async.simulator import PROFILES, Simulator

PLACE = {"ccId": 1, "vdn": 170}
HOUR = {"beginDate": "2026-03-04 11:00:00", "endDate": "2026-03-04 12:00:00", "vdn": [1]}
DAY = {"beginDate": "2026-03-03 00:00:00", "endDate": "2026-03-04 00:00:00", "vdn": [1]}
NOON = 1_772_625_600
STATS = "skill/currentcallstateinfo"
TASK = ("fromisales/realstatistic", {"vdn": 170, "taskId": "1122104910"})


def test_every_profile_changes_little_and_the_first_nothing():
    """Every profile changes little and the first nothing."""
    documented = attrs.asdict(PROFILES["documented"])
    for name, profile in PROFILES.items():
        changed = [field for field, value in attrs.asdict(profile).items() if value != documented[field]]
        assert len(changed) == 0 if name == "documented" else 1 <= len(changed) <= 3, name


def test_an_unknown_profile_is_told_with_the_known_ones():
    """An unknown profile is told with the known ones."""
    with pytest.raises(ValueError, match="documented"):
        Simulator(profile="nothing")


@pytest.mark.parametrize(("name", "code"), [("code_number_zero", 0), ("code_text_zero", "0")])
async def test_success_may_be_zero(open_sim, name, code):
    """Success may be zero."""
    ask = await open_sim(profile=name)
    got = (await ask.post("configures/skills", PLACE)).code
    assert (got, type(got)) == (code, type(code))


async def test_numbers_may_be_text(open_sim):
    """Numbers may be text."""
    ask = await open_sim(profile="numbers_as_text")
    row = (await ask.post(STATS, {**PLACE, "skillIds": [1]})).desc[0]
    assert all(isinstance(value, str) for value in row.values())
    row = (await ask.post("cti/sysindex", HOUR, globally=True)).desc["data"][0]
    assert all(isinstance(value, str) for value in row.values())


async def test_task_numbers_may_be_numbers_and_come_in_an_array(open_sim):
    """Task numbers may be numbers and come in an array."""
    row = (await (await open_sim(profile="task_numbers")).post(*TASK)).desc
    assert isinstance(row["totalCount"], int)
    assert row["succRate"].endswith("%")
    (row,) = (await (await open_sim(profile="task_array")).post(*TASK)).desc
    assert row["totalCount"].isdigit()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("in_call_nums", "inCallNums"), ("lower_keys", "incallnums"), ("upper_keys", "INCALLNUMS"),
        ("padded_keys", "incallNums "), ("extra_fields", "extParam"),
    ],
)  # fmt: skip
async def test_fields_may_be_spelled_otherwise(open_sim, name, key):
    """Fields may be spelled otherwise."""
    ask = await open_sim(profile=name)
    row = (await ask.post("cti/sysindex", HOUR, globally=True)).desc["data"][0]
    assert key in row
    assert ("incallNums" in row) == (name == "extra_fields")


async def test_set_busy_may_be_spelled_otherwise(open_sim):
    """Set busy may be spelled otherwise."""
    ask = await open_sim(profile="set_busy_lower")
    assert "agentSetbusyNums" in (await ask.post("skill/stateinfo", {**PLACE, "skillIds": [1]})).desc[0]


async def test_requests_may_have_to_be_wrapped(open_sim):
    """Requests may have to be wrapped."""
    params: dict[str, Any] = {**PLACE, "skillIds": [1]}
    codes = {}
    for name in ("documented", "wrapped", "flat_or_wrapped"):
        ask = await open_sim(profile=name)
        codes[name] = [(await ask.post(STATS, each)).code for each in (params, {"queryParam": params})]
    good, bad = "0100000", "0100002"
    assert codes == {"documented": [good, bad], "wrapped": [bad, good], "flat_or_wrapped": [good, good]}


@pytest.mark.parametrize(
    ("name", "text", "number"), [("paging_text", True, False), ("paging_number", False, True)]
)
async def test_sysindex_may_want_one_type_of_paging(open_sim, name, text, number):
    """Sysindex may want one type of paging."""
    ask = await open_sim(profile=name)
    codes = [
        (await ask.post("cti/sysindex", {**HOUR, "limit": limit, "offset": offset}, globally=True)).code
        for limit, offset in (("10", "0"), (10, 0))
    ]
    assert [code == "0100000" for code in codes] == [text, number]
    assert (
        await ask.post("vdn/totalagentabstractex3", {**PLACE, "limit": 10, "offset": 0})
    ).code == "0100000"


@pytest.mark.parametrize(
    ("name", "text", "number"), [("task_id_text", True, False), ("task_id_number", False, True)]
)
async def test_a_task_id_may_have_to_be_text_or_number(open_sim, name, text, number):
    """A task id may have to be text or number."""
    ask = await open_sim(profile=name)
    codes = [
        (await ask.post(TASK[0], {"vdn": 170, "taskId": each})).code for each in ("1122104910", 1122104910)
    ]
    assert [code == "0100000" for code in codes] == [text, number]


async def test_indicators_may_be_a_bare_list(open_sim):
    """Indicators may be a bare list."""
    ask = await open_sim(profile="indicators_list")
    assert len((await ask.post("cti/sysindex", HOUR, globally=True)).desc) == 12


@pytest.mark.parametrize(
    ("name", "stats", "states"),
    [
        (
            "legacy_everywhere",
            {"result", "resultDatas", "resultDesc"},
            {"result", "resultDatas", "resultDesc"},
        ),
        ("no_legacy", {"resultDesc"}, {"resultDesc"}),
        ("old_server", {"result", "resultDatas"}, {"result", "resultDatas"}),
    ],
)
async def test_the_legacy_copies_come_and_go(open_sim, name, stats, states):
    """The legacy copies come and go."""
    ask = await open_sim(profile=name)
    params = {**PLACE, "skillIds": [1]}
    assert set((await ask.post(STATS, params)).json) == {"resultCode", *stats}
    assert set((await ask.post("skill/stateinfo", params)).json) == {"resultCode", *states}


async def test_pages_may_be_larger_or_capped(open_sim):
    """Pages may be larger or capped."""
    larger = await open_sim(profile="page_1000")
    params = {**DAY, "limit": 288}
    assert len((await larger.post("cti/sysindex", params, globally=True)).desc["data"]) == 288
    capped = await open_sim(profile="capped_50")
    desc = (await capped.post("cti/sysindex", params, globally=True)).desc
    assert (len(desc["data"]), desc["count"]) == (50, 288)
    states = await capped.post("vdn/totalagentabstractex3", {**PLACE, "limit": 1000, "offset": 0})
    assert len(states.desc) == 50


@pytest.mark.parametrize(
    ("name", "count"),
    [("count_large", 295), ("count_small", 6), ("count_missing", None), ("count_text", "12")],
)
async def test_the_count_may_lie(open_sim, name, count):
    """The count may lie."""
    ask = await open_sim(profile=name)
    params = DAY if name == "count_large" else HOUR
    desc = (await ask.post("cti/sysindex", params, globally=True)).desc
    if name == "count_large":
        assert desc["count"] > 288
    else:
        assert desc.get("count") == count
    body = (await ask.post("vdn/totalagentabstractex3", {**PLACE, "limit": 1, "offset": 0})).json
    assert ("count" in body) == (count is not None)


@pytest.mark.parametrize("name", ["unsorted", "by_time"])
async def test_rows_may_come_in_another_order_but_each_once(open_sim, name):
    """Rows may come in another order but each once."""
    ask = await open_sim(profile=name)
    params = {**HOUR, "vdn": [1, 2, 3]}
    everything = (await ask.post("cti/sysindex", params, globally=True)).desc["data"]
    keys = [(row["vdn"], row["beginTime"]) for row in everything]
    assert len(set(keys)) == 36
    assert keys != sorted(keys)
    assert (sorted(keys, key=lambda key: (key[1], key[0])) == keys) == (name == "by_time")
    paged = []
    for offset in range(0, 36, 7):
        page = {**params, "limit": 7, "offset": offset}
        paged += (await ask.post("cti/sysindex", page, globally=True)).desc["data"]
    assert paged == everything


async def test_the_end_may_be_inclusive(open_sim):
    """The end may be inclusive."""
    ask = await open_sim(profile="inclusive_end")
    params = {**HOUR, "endDate": "2026-03-04 11:30:00"}
    rows = (await ask.post("cti/sysindex", params, globally=True)).desc["data"]
    assert [int(rows[0]["beginTime"]), int(rows[-1]["beginTime"])] == [
        (NOON - 3600) * 1000,
        (NOON - 1800) * 1000,
    ]


async def test_unknown_queues_may_be_zeros(open_sim):
    """Unknown queues may be zeros."""
    ask = await open_sim(profile="unknown_skills_zero")
    row = (await ask.post(STATS, {**PLACE, "skillIds": [9999]})).desc[0]
    assert (row["id"], row["allCallCount"], row["cnnedCallCount"]) == (9999, 0, 0)
    assert (await ask.post("skill/stateinfo", {**PLACE, "skillIds": [9999]})).desc[0]["skillId"] == 9999


async def test_codes_nobody_knows(open_sim):
    """Codes nobody knows."""
    ask = await open_sim(profile="unknown_codes")
    rows = (await ask.post("skill/agentbyconfigedskill", {"ccId": 1, "vdn": 7, "skillId": 3})).desc
    assert (rows[0]["status"], rows[0]["ctiStatus"], rows[0]["mediaType"]) == (42, 42, 42)
    states = (await ask.post("vdn/totalagentstate", PLACE)).desc
    assert states[0]["currentState"] == 42 != states[1]["currentState"]


async def test_isales_may_not_be_deployed(open_sim):
    """ISales may not be deployed."""
    ask = await open_sim(profile="no_isales")
    assert (await ask.post(*TASK)).status == 404


async def test_offset_or_limit_may_be_ignored(open_sim):
    """Offset or limit may be ignored."""
    ask = await open_sim(profile="offset_ignored")
    first = (await ask.post("cti/sysindex", {**DAY, "limit": 10, "offset": 0}, globally=True)).desc["data"]
    second = (await ask.post("cti/sysindex", {**DAY, "limit": 10, "offset": 10}, globally=True)).desc["data"]
    assert first == second
    ask = await open_sim(profile="limit_ignored")
    assert len((await ask.post("cti/sysindex", {**DAY, "limit": 10}, globally=True)).desc["data"]) == 100


async def test_the_start_time_may_be_off_the_grid(open_sim):
    """The start time may be off the grid."""
    ask = await open_sim(profile="start_off_grid")
    row = (await ask.post(STATS, {**PLACE, "skillIds": [1]})).desc[0]
    assert row["startTime"] == NOON * 1000 + 2000


async def test_answers_may_be_compressed(open_sim):
    """Answers may be compressed."""
    ask = await open_sim(profile="gzip")
    answer = await ask.post("configures/skills", PLACE)
    assert answer.headers["Content-Encoding"] in ("gzip", "deflate")
    assert len(answer.desc) == 2000


async def test_a_profile_may_change_while_running(ask):
    """A profile may change while running."""
    await ask.post("cti/sysindex", HOUR, globally=True)
    ask.sim.use_profile("in_call_nums")
    assert "inCallNums" in (await ask.post("cti/sysindex", HOUR, globally=True)).desc["data"][0]
    ask.sim.profile = PROFILES["documented"]
    assert "incallNums" in (await ask.post("cti/sysindex", HOUR, globally=True)).desc["data"][0]
