"""The rules that read one value, and what a bad one costs."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.session import values
from cc_async.session.codec import decode
from cc_async.session.request import Page, Request

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_value", "number"),
    [
        (5, 5),
        (0, 0),
        ("5", 5),
        (" 05 ", 5),
        (5.0, 5),
        ("", None),
        (" ", None),
        (None, None),
        (2**63 - 1, 2**63 - 1),
        (4294967295, None),
        ("4294967295", None),
        (4294967295000, None),
        (65535, 65535),
        (4294967296, 4294967296),
    ],
)
def test_whole_numbers(given_value: Any, number: int | None) -> None:
    """Ints, digits, floats without fraction; nothing and the "none" numbers are None; 65535 is a number."""
    assert values.whole(given_value) == number
    assert type(values.whole(given_value)) in (int, type(None))


BAD_NUMBERS = [
    True,
    False,
    "x",
    "1_000",
    "１２",
    "1.0",
    "1e3",
    "+5",
    "0x10",
    "--",
    -1,
    "-1",
    5.5,
    math.nan,
    math.inf,
    -math.inf,
    2**63,
    "9223372036854775808",
    "9" * 5000,
    1e30,
    [],
    {},
    [5],
]


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda value: repr(value)[:20])
def test_what_is_no_whole_number(value: Any) -> None:
    """Everything else is refused, in words that do not repeat it."""
    with pytest.raises(values.BadValue) as error:
        values.whole(value)
    assert len(str(error.value)) < 80


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_signed_numbers(value: int) -> None:
    """A number, its text and (while exact) its float read alike."""
    expected = None if value in values.NONE_NUMBERS else value
    assert values.signed(value) == values.signed(str(value)) == expected
    if abs(value) < 2**53:
        assert values.signed(float(value)) == expected


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        ("50%", 0.5),
        ("50", 0.5),
        (50, 0.5),
        ("0.5", 0.5),
        (0.5, 0.5),
        ("--", None),
        ("-", None),
        ("", None),
        (None, None),
        ("1%", 0.01),
        ("1", 1.0),
        (1, 1.0),
        ("100%", 1.0),
        ("100", 1.0),
        ("0", 0.0),
        ("0%", 0.0),
        ("33.5%", 0.335),
        (" 50 % ", 0.5),
        ("%", None),
    ],
)
def test_rates(value: Any, rate: float | None) -> None:
    """Percent with or without its sign, or a ratio: one half is one half; up to 1 unsigned is a ratio."""
    assert values.ratio(value) == rate


@pytest.mark.parametrize(
    "value", ["x", "５０%", "-5%", "50%%", "1e2", "nan", "1,5", True, [], -1, math.nan, math.inf]
)
def test_what_is_no_rate(value: Any) -> None:
    """No guessing."""
    with pytest.raises(values.BadValue):
        values.ratio(value)


def test_instants() -> None:
    """Milliseconds are exact, the bucket starts on the 5-minute grid, 0 is 1970 and no error."""
    moment = values.moment(1607390702007)
    assert moment == (
        datetime(2020, 12, 8, 1, 25, 2, 7000, tzinfo=UTC),
        datetime(2020, 12, 8, 1, 25, tzinfo=UTC),
    )
    assert values.moment("1607390702007") == moment
    assert values.moment(0) == (datetime(1970, 1, 1, tzinfo=UTC),) * 2
    assert values.moment(4294967295000) is None
    assert values.moment(253_402_300_799_999) is not None
    with pytest.raises(values.BadValue, match="9999"):
        values.moment(253_402_300_800_000)
    assert values.before(NOW, 10**15) is None


def rows(body: bytes) -> Page[Any]:
    """Decode an answer of skill call statistics."""
    return decode(Request(ENDPOINTS["skill_call_stats"], {}, {"cc_id": 1, "vdn": 2}, part="p"), body, NOW)


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
    "literal",
    ["true", '"x"', "NaN", "1e999", "-1", str(2**63), '"1_000"', '"１２"', "5.5", "[1]", "{}", "9" * 6000],
)
def test_one_bad_value_costs_one_row(literal: str) -> None:
    """The row that cannot be read is named with its place and reason; its neighbours live."""
    texts = [json.dumps({**ROW, "id": n}) for n in (1, 2, 3)]
    texts[1] = texts[1].replace('"allCallCount": 9', f'"allCallCount": {literal}')
    page = rows(b'{"resultCode": "0", "resultDesc": [' + ",".join(texts).encode() + b"]}")
    assert [row.skill_id for row in page.rows] == [1, 3]
    assert [row.offered for row in page.rows] == [9, 9]
    assert page.received == 3
    (bad,) = page.rejected
    assert (bad.part, bad.row) == ("p", 1)
    assert bad.reason.startswith("allCallCount: ")


@pytest.mark.parametrize("literal", ['""', "null", "4294967295", '"4294967295"'])
def test_nothing_is_none(literal: str) -> None:
    """What the server leaves empty is None, never 0, and no reason to lose the row."""
    text = json.dumps(ROW).replace('"allCallCount": 9', f'"allCallCount": {literal}')
    page = rows(b'{"resultCode": "0", "resultDesc": [' + text.encode() + b"]}")
    assert (page.rows[0].offered, page.rows[0].connected, page.rejected) == (None, 8, ())


def test_missing_fields_are_none_and_a_missing_key_is_a_bad_row() -> None:
    """A row without its id is nothing; without anything else it is a row."""
    answer = {
        "resultCode": "0",
        "resultDesc": [{"id": 4}, {"allCallCount": 1}, {"id": None}, 7, "x", None, [ROW]],
    }
    page = rows(json.dumps(answer).encode())
    assert [(row.skill_id, row.offered, row.start_time) for row in page.rows] == [(4, None, None)]
    assert [bad.row for bad in page.rejected] == [1, 2, 3, 4, 5, 6]
    assert page.rejected[0].reason.startswith("id: missing")
    assert page.rejected[2].reason == "the row is not an object"


def test_lost_may_be_negative() -> None:
    """Connected can pass offered in one window; on both ways of reading."""
    for number in (-3, "-3"):
        answer = {"resultCode": "0", "resultDesc": [{**ROW, "abanCallCount": number}]}
        assert rows(json.dumps(answer).encode()).rows[0].lost == -3


def test_reasons_name_no_person() -> None:
    """Neither the name nor the phone number of an agent stands in a reason."""
    row = {
        "workNo": "Ada Lovelace",
        "name": ["Ada Lovelace"],
        "phoneNumber": {"n": "70942"},
        "status": "70942x",
    }
    request = Request(ENDPOINTS["signed_in_agents"], {}, {"skill_id": 1})
    page = decode(request, json.dumps({"resultCode": "0", "resultDesc": [row]}).encode(), NOW)
    (bad,) = page.rejected
    assert {part.split(":")[0] for part in bad.reason.split("; ")} == {
        "workNo",
        "name",
        "phoneNumber",
        "status",
    }
    assert "Ada" not in bad.reason
    assert "70942" not in bad.reason
