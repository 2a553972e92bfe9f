"""The codec on the vendor's own samples, and on every way an answer may hold its rows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cc_async.contract.codes import AgentStatus, CtiStatus, MediaType
from cc_async.contract.endpoints import ENDPOINTS, raw_endpoint
from cc_async.contract.records import (
    AgentCallStats,
    AgentState,
    SignedInAgent,
    Skill,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
    Vdn,
)
from cc_async.contract.spec import Shape
from cc_async.session.codec import decode, encode
from cc_async.session.request import Page, Request

SAMPLES = Path(__file__).parent.parent / "contract" / "samples"
NOW = datetime(2026, 5, 4, 12, 0, 1, tzinfo=UTC)
SCOPE = {"cc_id": 1, "vdn": 170}


def read(name: str, body: Any, **fill: Any) -> Page[Any]:
    """Decode an answer given as a value, or as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(Request(ENDPOINTS[name], {}, {**SCOPE, **fill}, part="here"), raw, NOW)


def sample(name: str, **fill: Any) -> Page[Any]:
    """Decode one of the vendor's own samples."""
    return read(name, (SAMPLES / f"{name}.json").read_bytes(), **fill)


def test_sample_of_skill_call_stats() -> None:
    """Both copies are there, the rows count once; the bucket starts on the grid, 2 s before startTime."""
    page = sample("skill_call_stats")
    start = datetime(2020, 12, 8, 1, 25, 2, tzinfo=UTC)
    rest = (0, 0, 0, 0, 0, 0, 0, 0)
    bucket = datetime(2020, 12, 8, 1, 25, tzinfo=UTC)
    assert page.rows == [SkillCallStats(n, bucket, start, *rest, NOW, 1, 170) for n in (1, 2)]
    assert (page.received, page.total, page.rejected) == (2, None, ())


def test_sample_of_system_indicators() -> None:
    """Instants as text, rows inside {data, count}, the number 0 as success code."""
    page = sample("system_indicators")
    begin = datetime(2021, 9, 14, 4, 35, tzinfo=UTC)
    assert page.rows == [SystemIndicators(1, begin, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)]
    assert (page.received, page.total) == (1, 6)


def test_sample_of_task_stats() -> None:
    """One object in place of a list, numbers as text, rates in percent."""
    page = sample("task_stats", task_id="1122104910")
    assert page.rows == [TaskStats("1122104910", 4, 2, 2, 0.5, 4, 0, 0, 0.5, NOW, 1, 170)]


def test_sample_of_agent_call_stats() -> None:
    """The gateway's envelope; the agent's id comes from the question."""
    page = sample("agent_call_stats", agent_id=101)
    expected = AgentCallStats(101, 4328, 5, 0, 0, 5, *[0] * 11, 1, 0, None, NOW)
    assert page.rows == [expected]


def test_sample_of_signed_in_agents() -> None:
    """State and sign-in become instants, codes their enums; the queue comes from the question."""
    page = sample("signed_in_agents", skill_id=1)
    login = datetime(2017, 7, 27, 3, 22, 38, tzinfo=UTC)
    since = NOW - timedelta(seconds=1505)
    states = (AgentStatus.IDLE, CtiStatus.IDLE, 1, MediaType.CHAT)
    expected = SignedInAgent(1, 20011, "20011", *states, "70942", 1505, since, login, NOW, 1, 170)
    assert page.rows == [expected]
    assert isinstance(page.rows[0].status, AgentStatus)


def test_brief_agent_stats_fill_three_fields() -> None:
    """The brief question answers talk time, answered and outbound; the rest stays unknown."""
    body = {"message": "", "retcode": "0", "result": {"talktime": 9, "answernums": 2, "calloutnums": 1}}
    page = read("agent_call_stats_brief", body, agent_id=101)
    assert page.rows == [AgentCallStats(101, talk_seconds=9, answered=2, outbound=1, sampled_at=NOW)]


def test_the_other_interfaces() -> None:
    """Skill states, agent states, skills and VDNs, in the words of the contract page."""
    state = {
        "skillId": 7,
        "agentLoginNums": 9,
        "agentTalkingNums": 2,
        "agentIdleNums": 1,
        "agentAvailableNums": 1,
        "agentSetbusyNums": 3,
        "agentRestNums": 1,
        "agentWorkNums": 2,
        "agentStudyNums": 0,
        "callWaitNums": 4,
        "maxCallWaitTimesIn5": 55,
        "evenCallTimeIn5": 180,
        "evenWaitTimeIn5": 12.5,
        "allCallCount": 30,
        "cnnedIn20sCallCount": 21,
    }
    page = read("skill_states", {"resultCode": "0100000", "resultDesc": [state]})
    assert page.rows == [SkillState(7, 9, 2, 1, 1, 3, 1, 2, 0, 4, 55, 12.5, 180.0, 30, 21, NOW, 1, 170)]
    agent = {"agentId": 101, "currentState": 77, "currentStateTime": 60, "locationId": 65535}
    page = read("agent_states", {"resultCode": "0100000", "resultDesc": [agent], "count": 12})
    assert page.rows == [AgentState(101, CtiStatus(77), 60, NOW - timedelta(seconds=60), NOW, 1, 170)]
    assert page.total == 12
    skill = {"id": 7, "mediaType": 5, "name": "Sales"}
    assert read("skills", {"resultCode": "0", "resultDesc": [skill]}).rows == [
        Skill(7, "Sales", MediaType.PHONE, 1, 170)
    ]
    vdn = {"vdn": 170, "vdnName": "Berlin"}
    assert read("vdns", {"resultCode": "0", "resultDesc": [vdn]}).rows == [Vdn(170, "Berlin", 1)]


ROW = {"id": 7, "name": "Sales", "mediaType": 5}
SALES = Skill(7, "Sales", MediaType.PHONE, 1, 170)


@pytest.mark.parametrize(
    ("answer", "total"),
    [
        ({"resultDesc": [ROW]}, None),
        ({"resultDesc": ROW}, None),
        ({"resultDesc": {"data": [ROW], "count": 6}}, 6),
        ({"resultDesc": {"data": [ROW], "count": "6"}}, 6),
        ({"resultDesc": {"data": [ROW], "count": 6}, "count": 9}, 6),
        ({"resultDesc": {"data": [ROW]}, "count": 9}, 9),
        ({"resultDesc": {"data": ROW, "count": None}}, None),
        ({"resultDesc": [ROW], "count": "9"}, 9),
        ({"resultDesc": [ROW], "count": "many"}, None),
        ({"resultDesc": [ROW], "count": -1}, None),
        ({"resultDatas": [ROW]}, None),
        ({"resultDesc": None, "resultDatas": [ROW]}, None),
        ({"resultDesc": "", "resultDatas": [ROW]}, None),
        ({"resultDesc": [{" ID": "7", "NAME ": "Sales", "mediatype": 5.0, "new": {}}]}, None),
        ({"resultdesc ": [ROW]}, None),
    ],
)
@pytest.mark.parametrize("code", ["0100000", "0", 0, "0200000", " 0 "])
def test_every_way_of_holding_rows(answer: dict[str, Any], total: int | None, code: Any) -> None:
    """A list, an object, {data, count}, the fallback field, other spellings: the same row."""
    page = read("skills", {"resultCode": code, **answer})
    assert page.rows == [SALES]
    assert (page.received, page.total, page.rejected) == (1, total, ())


@pytest.mark.parametrize(
    "answer",
    [
        {"resultDesc": []},
        {"resultDesc": None},
        {"resultDesc": ""},
        {"resultDesc": {}},
        {},
        {"resultDesc": {"data": []}},
    ],
)
def test_success_without_rows_is_empty(answer: dict[str, Any]) -> None:
    """No rows is an answer, not an error."""
    page = read("skills", {"resultCode": "0100000", **answer})
    assert (list(page.rows), page.received) == ([], 0)


def test_no_data_is_empty() -> None:
    """0300012 says that there is nothing."""
    page = read("skills", {"resultCode": "0300012", "resultDesc": "no data"})
    assert (list(page.rows), page.received, page.total) == ([], 0, 0)


def test_the_second_copy_is_not_read() -> None:
    """What stands in resultDatas does not matter while resultDesc is good."""
    page = read("skills", {"resultCode": "0", "resultDatas": [{"id": "bad"}], "resultDesc": [ROW]})
    assert (page.rows, page.rejected) == ([SALES], ())


def test_the_row_says_whose_it_is() -> None:
    """Indicators name their own VDN; the call center of the question counts where the row is silent."""
    row = {"beginTime": 1631594100000, "vdn": 3}
    page = read("system_indicators", {"resultCode": 0, "resultDesc": [row]})
    assert page.rows == [SystemIndicators(3, datetime(2021, 9, 14, 4, 35, tzinfo=UTC), cc_id=1)]


def test_raw_answers_come_as_they_are() -> None:
    """A call without a record gives one row: the data, in whichever envelope of the family."""
    request = Request(raw_endpoint("vdn/totalagentstate"), {})
    for body in (
        b'{"resultCode": "0100000", "resultDesc": {"a": [1, "x"]}}',
        b'{"resultCode": "0", "resultDatas": {"a": [1, "x"]}}',
        b'{"returnCode": "0", "description": "ok", "data": {"a": [1, "x"]}}',
    ):
        assert decode(request, body, NOW).rows == [{"a": [1, "x"]}]
    assert decode(request, b'{"resultCode": "0", "resultDesc": "pong"}', NOW).rows == ["pong"]


def test_requests_are_minified_and_shaped() -> None:
    """Flat or wrapped, numbers as text or text as numbers; a GET has no body."""
    indicators, tasks = ENDPOINTS["system_indicators"], ENDPOINTS["task_stats"]
    params = {"ccId": 1, "vdn": (1, 2), "limit": 100, "offset": 0}
    assert encode(indicators, Shape(), params) == b'{"ccId":1,"vdn":[1,2],"limit":100,"offset":0}'
    as_text = b'{"queryParam":{"ccId":1,"vdn":[1,2],"limit":"100","offset":"0"}}'
    assert encode(indicators, indicators.shapes[3], params) == as_text
    task = {"ccId": None, "vdn": 92, "taskId": "123456789012345678901234567890"}
    assert encode(tasks, tasks.shapes[0], task) == b'{"vdn":92,"taskId":"123456789012345678901234567890"}'
    assert encode(tasks, tasks.shapes[2], task) == b'{"vdn":92,"taskId":123456789012345678901234567890}'
    assert encode(tasks, tasks.shapes[2], {"taskId": "A-07"}) == b'{"taskId":"A-07"}'
    assert encode(tasks, tasks.shapes[2], {"taskId": "007"}) == b'{"taskId":"007"}'
    assert encode(ENDPOINTS["agent_call_stats"], Shape(), {"x": 1}) == b""
    with pytest.raises((TypeError, ValueError)):
        encode(tasks, Shape(), {"x": object()})
    endless: list[Any] = []
    endless.append(endless)
    for value in (endless, "\ud800"):
        with pytest.raises(ValueError, match="cannot be written"):
            encode(tasks, Shape(), {"x": value})
