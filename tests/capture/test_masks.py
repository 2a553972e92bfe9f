"""What a mask keeps and what it replaces, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.capture import Masker

KEY = b"0" * 32


@pytest.fixture
def masker() -> Masker:
    """A masker that keeps ids."""
    return Masker(KEY)


@pytest.mark.parametrize(
    "row",
    [
        {"allCallCount": 12, "abanCallCount": -1, "startTime": 1772625600000, "callRate": "50%"},
        {"allCallCount": "12", "INCALLNUMS": "7", "beginTime ": "1772625600000", "succRate": "--"},
        {"id": 7, "skillId": "8", "workNo": 101, "vdn": 170, "ccId": 1, "skillIds": [1, 2]},
        {"resultCode": "0100000", "result": "0", "count": 6, "limit": "100", "offset": 0},
        {"beginDate": "2026-03-04 10:00:00", "queryParam": {"vdn": [1]}, "name": "", "x": None, "y": True},
        {"currentStateTime": 4294967295, "loginDate": 4294967295000, "locationId": 65535},
    ],
)
def test_figures_codes_times_and_ids_stay(masker: Masker, row: dict[str, Any]) -> None:
    """Whatever the spelling: a replay has the site's own figures."""
    assert masker.document(row) == row


@pytest.mark.parametrize(
    "row",
    [
        {"name": "Anna Müller"},
        {"vdnName": "Berlin"},
        {"phoneNumber": "13912345678"},
        {"phoneNumber": 13912345678},
        {"callerNo": 13912345678},
        {"callerNo": "+49 170 1234567"},
        {"reserved1": {"deep": ["Anna Müller"]}},
        {"taskId": "1122104910"},
        {"taskId": 1122104910},
        {"resultDesc": "VDN 170 of Anna Müller does not exist"},
        {"allCallCount": "Anna Müller"},
        {"workNo": "anna.mueller"},
        {"resultCode": "Anna Müller"},
        {"Anna Müller": 1},
        {"guid": "7b1c0a4e-0000-4000-8000-1234567890ab.AgentGateway1"},
    ],
)
def test_whatever_may_be_about_somebody_is_replaced(masker: Masker, row: dict[str, Any]) -> None:
    """Names, numbers that may be phones, task ids, messages, GUIDs, texts where figures belong."""
    masked = json.dumps(masker.document(row), ensure_ascii=False)
    private = ("Anna", "anna", "Müller", "mueller", "Berlin", "13912345678", "1234567", "1122104910", "7b1c")
    assert [word for word in private if word in masked] == []


def test_pseudonyms_join_within_a_capture_and_not_beyond() -> None:
    """The same value is the same pseudonym everywhere in a file, and another with another key."""
    one, other = Masker(KEY), Masker(b"1" * 32)
    first = one.document({"name": "Anna", "taskId": "77123456", "phoneNumber": "13912345678"})
    again = one.document({"agentName": "Anna", "taskId": 77123456, "caller": "13912345678"})
    assert first["name"] == again["agentName"]
    assert int(first["taskId"]) == again["taskId"]
    assert first["phoneNumber"] == again["caller"]
    assert len(first["phoneNumber"]) == 11
    assert other.document({"name": "Anna"}) != one.document({"name": "Anna"})


@given(st.sets(st.integers(1, 10_000), min_size=1, max_size=50))
def test_masked_ids_stay_apart_and_in_range(ids: set[int]) -> None:
    """No two queues become one, text and number of an id are the same, and 0 stays none."""
    masker = Masker(KEY, ids=True)
    rows = masker.document([{"id": number, "skillId": str(number)} for number in ids])
    assert len({row["id"] for row in rows}) == len(ids)
    assert all(str(row["id"]) == row["skillId"] and 1 <= row["id"] <= 10_000 for row in rows)
    assert masker.document({"groupId": 0}) == {"groupId": 0}
