"""Both ways of reading agree: what the fast way accepts, the tolerant way reads alike."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Endpoint
from cc_async.contract.wire import Kind, Wire, wire_of
from cc_async.session import codec
from cc_async.session.request import Request

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
FILL = {"cc_id": 1, "vdn": 170, "skill_id": 7, "task_id": "5", "agent_id": 101}

counters = st.integers(0, 4294967294)
usual: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.COUNT: counters,
    Kind.SIGNED: st.integers(-4294967294, 4294967294),
    Kind.NUMBER: counters | st.floats(0, 1e9),
    Kind.RATIO: st.sampled_from(["50%", "0.5", "50", "--", "", "100%"]),
    Kind.RAW: counters | st.floats(-1e9, 1e9) | st.text(),
    Kind.TEXT: st.text(),
    Kind.CODE: st.integers(0, 60) | counters,
    Kind.INSTANT: st.integers(10**10, 4 * 10**12),
    Kind.BUCKET: st.integers(10**10, 4 * 10**12) | st.integers(10**10, 4 * 10**12).map(str),
    Kind.SINCE: counters,
}
odd = st.sampled_from(
    [
        None,
        "",
        "5",
        -1,
        5.0,
        4294967295,
        4294967295000,
        2**63,
        True,
        "x",
        [],
        {},
        0,
        "0",
        1e300,
        "4294967295000",
    ]
)


def wires(endpoint: Endpoint[Any]) -> dict[str, Wire]:
    """What an interface reports, by wire name."""
    fields = {item.name: wire_of(item) for item in attrs.fields(endpoint.record)}
    reported = endpoint.reports or tuple(fields)
    return {wire.names[0]: wire for name, wire in fields.items() if wire.names and name in reported}


@st.composite
def rows(draw: st.DrawFn, endpoint: Endpoint[Any], oddities: bool, spelling: int) -> dict[str, Any]:
    """One row as documented, or with odd values, holes and other spellings in it."""
    row: dict[str, Any] = {}
    for wire in wires(endpoint).values():
        value = draw(usual[wire.kind])
        if oddities and draw(st.integers(0, 9)) == 0:
            value = draw(odd)
        if not (oddities and draw(st.integers(0, 19)) == 0):
            usually = wire.names[min(spelling, len(wire.names) - 1)]
            row[draw(st.sampled_from(wire.names)) if oddities else usually] = value
        if oddities and draw(st.integers(0, 19)) == 0:
            row[draw(st.sampled_from([wire.names[0].upper(), " " + wire.names[0], *wire.names]))] = draw(
                counters
            )
    if draw(st.booleans()):
        row = {"unknown": draw(odd), **row}
    return row


@st.composite
def answers(draw: st.DrawFn, oddities: bool) -> tuple[Endpoint[Any], bytes]:
    """One successful answer of any interface."""
    endpoint = draw(st.sampled_from(list(ENDPOINTS.values())))
    envelope = endpoint.envelope
    code = draw(st.sampled_from(sorted(envelope.success)))
    spelling = draw(st.integers(0, 1))  # a server has one
    data: Any = draw(rows(endpoint, oddities, spelling))
    answer: dict[str, Any] = {envelope.code: 0 if code == "0" and draw(st.booleans()) else code}
    if envelope.count:
        data = [data, *draw(st.lists(rows(endpoint, oddities, spelling), max_size=2))]
        if draw(st.booleans()):
            data = {"data": data, "count": draw(counters)}
        if draw(st.booleans()):
            answer["count"] = draw(counters)
        answer["resultDatas"] = draw(odd)
    answer[envelope.data[0]] = data
    return endpoint, json.dumps(answer, ensure_ascii=draw(st.booleans())).encode()


def both(endpoint: Endpoint[Any], body: bytes) -> tuple[Any, Any]:
    """What the fast way says (None: refused) and what the tolerant way says."""
    request = Request(endpoint, {}, FILL, part="p")
    fast: Callable[..., Any] = codec._fast
    tolerant: Callable[..., Any] = codec._tolerant
    return fast(request, body, NOW), tolerant(request, body, NOW)


@settings(max_examples=300, deadline=None)
@given(answers(oddities=False))
def test_usual_answers_take_the_fast_way(answer: tuple[Endpoint[Any], bytes]) -> None:
    """Answers just as documented are accepted by the fast way, and both ways give equal records."""
    fast, tolerant = both(*answer)
    assert fast is not None
    assert fast == tolerant
    assert repr(fast.rows) == repr(tolerant.rows)
    assert [type(row) for row in fast.rows] == [answer[0].record] * fast.received


@settings(max_examples=500, deadline=None)
@given(answers(oddities=True))
def test_both_ways_agree(answer: tuple[Endpoint[Any], bytes]) -> None:
    """With odd values, missing fields and other spellings: what the fast way takes, the other reads alike."""
    fast, tolerant = both(*answer)
    if fast is not None:
        assert fast == tolerant
        assert repr(fast.rows) == repr(tolerant.rows)


ROW = {
    "id": 1,
    "startTime": 1607390702000,
    "allCallCount": 9,
    "cnnedCallCount": 8,
    "abanCallCount": 1,
    "callEndCount": 7,
    "talkTimeOnIvr": 6,
    "cnnedIn20sCallCount": 5,
    "clearUpCallCount": 4,
    "clearUpTime": 3,
}


@pytest.mark.parametrize(
    "change",
    [
        {"allCallCount": "9"},
        {"allCallCount": None},
        {"allCallCount": -1},
        {"allCallCount": 2**63},
        {"allCallCount": 4294967295},
        {"allCallCount": 9.5},
        {"startTime": 4294967295000},
        {"startTime": "x"},
    ],
)
def test_the_fast_way_refuses_the_unusual(change: dict[str, Any]) -> None:
    """Anything that needs a rule is left to the tolerant way, a missing or misspelt field too."""
    for row in ({**ROW, **change}, {**{k: v for k, v in ROW.items() if k not in change}}):
        body = json.dumps({"resultCode": "0", "resultDesc": [row]}).encode()
        assert both(ENDPOINTS["skill_call_stats"], body)[0] is None


def test_of_two_spellings_one_is_read() -> None:
    """Either spelling is fast; of both at once the first declared counts, in both ways of reading."""
    row = {
        "beginTime": "1631594100000",
        "ccId": 1,
        "vdn": 1,
        "onlineAgentNums": 1,
        "talkingNums": 1,
        "ideaAgentNum": 1,
        "busyNums": 1,
        "restNums": 1,
        "rateNum": 1,
        "callRate": 1,
        "callOutNums": 1,
    }
    for spelling in ({"inCallNums": 5}, {"incallNums": 5}):
        body = json.dumps({"resultCode": 0, "resultDesc": [{**row, **spelling}]}).encode()
        fast, tolerant = both(ENDPOINTS["system_indicators"], body)
        assert fast.rows[0].inbound_calls == tolerant.rows[0].inbound_calls == 5
    two = [{**row, "incallNums": 6, "inCallNums": 5}, {**row, "incallNums": 6}]
    for rows, expected in ((two[:1], [5]), (two, [5, 6]), (two[::-1], [6, 5])):
        fast, tolerant = both(
            ENDPOINTS["system_indicators"], json.dumps({"resultCode": 0, "resultDesc": rows}).encode()
        )
        assert [one.inbound_calls for one in tolerant.rows] == expected
        assert fast is None if len(rows) > 1 else fast.rows == tolerant.rows
