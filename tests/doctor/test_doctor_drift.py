"""Field drift: rows against the contract, one row at a time, and never a value in what is told."""

from __future__ import annotations

from typing import Any

import pytest

from cc_async.contract.records import SignedInAgent, SystemIndicators, TaskStats
from cc_async.doctor.drift import Drift, compare

AGENT = {
    "workNo": 101,
    "name": "Anna Müller",
    "status": 4,
    "ctiStatus": 1,
    "groupId": 1,
    "mediaType": 5,
    "vdnId": 170,
    "phoneNumber": "70101",
    "currentStateTime": 12,
    "loginDate": 1772625600000,
}
"""A row as the documents have it."""


def drift_of(**changes: Any) -> Drift:
    """The drift of one agent's row with some changes; None leaves a field out."""
    row = {key: value for key, value in (AGENT | changes).items() if value is not Ellipsis}
    return compare("signed_in_agents", SignedInAgent, [row])


def test_a_documented_row_drifts_nowhere() -> None:
    """Fields the records do not read are documented all the same; null and empty say nothing."""
    assert drift_of() == Drift()
    assert drift_of(phoneNumber=None, name="") == Drift()
    assert compare("signed_in_agents", SignedInAgent, []) == Drift()


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"skillLevel": 3}, "unknown", {"skillLevel"}),
        ({"loginDate": ...}, "missing", {"loginDate"}),
        ({"vdnId": ...}, "missing", set()),
        ({"workNo": "101"}, "as_text", {"workNo"}),
        ({"currentStateTime": "long"}, "unreadable", {"currentStateTime (str)"}),
        ({"currentStateTime": [1]}, "unreadable", {"currentStateTime (list)"}),
        ({"status": True}, "unreadable", {"status (bool)"}),
        ({"name": {"first": "Anna"}}, "unreadable", {"name (dict)"}),
        ({"ctiStatus": 42}, "codes", {"ctiStatus 42"}),
        ({"name": ..., "NAME ": "Anna"}, "respelled", {'name -> "NAME "'}),
    ],
)
def test_each_kind_of_drift(changes: dict[str, Any], kind: str, told: set[str]) -> None:
    """One change, one kind, under the documented name."""
    drift = drift_of(**changes)
    assert getattr(drift, kind) == told
    assert drift == Drift(**{kind: told})


def test_what_is_documented_as_text() -> None:
    """Counts of tasks and the time of indicators are text in the documents: numbers are the drift there."""
    as_documented = {"totalCount": "6", "succRate": "50%"}
    assert "totalCount" not in compare("task_stats", TaskStats, [as_documented]).as_text
    assert compare("task_stats", TaskStats, [{"totalCount": 6}]).as_number == {"totalCount"}
    assert compare("task_stats", TaskStats, [{"succRate": "half"}]).unreadable == {"succRate (str)"}
    odd = {"beginTime": 1772625600000, "vdn": 1, "inCallNums": 3}
    drift = compare("system_indicators", SystemIndicators, [odd])
    assert drift.as_number == {"beginTime"}
    assert drift.respelled == {"incallNums -> inCallNums"}


def test_no_value_and_no_odd_key_is_told() -> None:
    """Not the name, not the phone; where keys are data they are not shown either."""
    drift = drift_of(
        **{"Anna Müller": 1, "13912345678": 2, "name": ["Anna Müller"], "status": "13912345678x"}
    )
    told = repr(drift)
    assert "Anna" not in told
    assert "139" not in told
    assert drift.unknown == {"(a key that is no name)"}
    assert compare("signed_in_agents", SignedInAgent, ["Anna Müller"]).unreadable == {"a whole row"}
