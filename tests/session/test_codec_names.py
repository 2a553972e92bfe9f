"""Which vendor name ends in which field, interface by interface, as the contract page says."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.session.codec import decode
from cc_async.session.request import Request

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
START = 1607390700000

NAMES: dict[str, dict[str, str]] = {
    "skill_call_stats": {
        "id": "skill_id",
        "allCallCount": "offered",
        "cnnedCallCount": "connected",
        "abanCallCount": "lost",
        "callEndCount": "ended",
        "talkTimeOnIvr": "ivr_seconds",
        "cnnedIn20sCallCount": "connected_in_20s",
        "clearUpCallCount": "wrapped_up",
        "clearUpTime": "wrap_up_seconds",
    },
    "skill_states": {
        "skillId": "skill_id",
        "agentLoginNums": "signed_in_agents",
        "agentTalkingNums": "talking_agents",
        "agentIdleNums": "idle_agents",
        "agentAvailableNums": "available_agents",
        "agentSetBusyNums": "not_ready_agents",
        "agentRestNums": "resting_agents",
        "agentWorkNums": "wrap_up_agents",
        "agentStudyNums": "study_agents",
        "callWaitNums": "calls_waiting",
        "maxCallWaitTimesIn5": "longest_wait_seconds",
        "evenCallTimeIn5": "average_talk_seconds",
        "evenWaitTimeIn5": "average_wait_seconds",
        "allCallCount": "offered",
        "cnnedIn20sCallCount": "connected_in_20s",
    },
    "system_indicators": {
        "ccId": "cc_id",
        "vdn": "vdn",
        "onlineAgentNums": "online_agents",
        "talkingNums": "talking_agents",
        "ideaAgentNum": "idle_agents",
        "busyNums": "not_ready_agents",
        "restNums": "resting_agents",
        "inCallNums": "inbound_calls",
        "rateNum": "connected_calls",
        "callRate": "connection_rate_raw",
        "callOutNums": "outbound_calls",
    },
    "task_stats": {
        "totalCount": "total",
        "succCount": "succeeded",
        "failCount": "failed",
        "compCount": "completed",
        "waitCount": "waiting",
        "execCount": "executing",
    },
    "signed_in_agents": {
        "workNo": "agent_id",
        "status": "status",
        "ctiStatus": "cti_status",
        "groupId": "group_id",
        "mediaType": "media_type",
        "currentStateTime": "state_seconds",
    },
    "agent_states": {
        "agentId": "agent_id",
        "currentState": "cti_status",
        "currentStateTime": "state_seconds",
    },
    "agent_call_stats": {
        "talktime": "talk_seconds",
        "answernums": "answered",
        "noanswernums": "unanswered",
        "calloutnums": "outbound",
        "intercallnums": "internal",
        "interhelpnums": "internal_help",
        "transfernums": "transferred_in",
        "transferoutnums": "transferred_out",
        "transferivrnums": "transferred_to_ivr",
        "redirectnums": "redirected",
        "keepnums": "held",
        "busynums": "not_ready_count",
        "restnums": "rest_count",
        "restoutnums": "rest_overrun_count",
        "resttime": "rest_seconds",
        "restouttime": "rest_overrun_seconds",
        "agentrelease": "released_by_agent",
        "busytime": "not_ready_seconds",
    },
    "agent_call_stats_brief": {
        "talktime": "talk_seconds",
        "answernums": "answered",
        "calloutnums": "outbound",
    },
    "skills": {"id": "skill_id", "mediaType": "media_type"},
    "vdns": {"vdn": "vdn"},
}

OTHERS: dict[str, dict[str, Any]] = {
    "skill_call_stats": {"startTime": START},
    "system_indicators": {"beginTime": str(START)},
    "task_stats": {"succRate": "25%", "compRate": "75%"},
    "signed_in_agents": {"name": "Ada", "phoneNumber": "70942", "loginDate": START},
    "skills": {"name": "Sales"},
    "vdns": {"vdnName": "Berlin"},
}
OTHER_FIELDS: dict[str, dict[str, Any]] = {
    "skill_call_stats": {"start_time": datetime(2020, 12, 8, 1, 25, tzinfo=UTC)},
    "system_indicators": {"interval_start": datetime(2020, 12, 8, 1, 25, tzinfo=UTC)},
    "task_stats": {"success_rate": 0.25, "completion_rate": 0.75},
    "signed_in_agents": {
        "name": "Ada",
        "phone_number": "70942",
        "login_time": datetime(2020, 12, 8, 1, 25, tzinfo=UTC),
    },
    "skills": {"name": "Sales"},
    "vdns": {"name": "Berlin"},
}


@pytest.mark.parametrize("as_text", [False, True], ids=["numbers", "text"])
@pytest.mark.parametrize("name", list(ENDPOINTS))
def test_every_vendor_name_ends_in_its_field(name: str, as_text: bool) -> None:
    """With a different number in every field, none is mixed up, on either way of reading."""
    endpoint = ENDPOINTS[name]
    expected = {field: 11 + n for n, field in enumerate(NAMES[name].values())}
    row: dict[str, Any] = {wire: expected[field] for wire, field in NAMES[name].items()}
    if as_text:
        row = {wire: value if wire == "callRate" else str(value) for wire, value in row.items()}
    row |= OTHERS.get(name, {})
    answer = {
        endpoint.envelope.code: "0",
        endpoint.envelope.data[0]: [row] if endpoint.envelope.count else row,
    }
    fill = {"cc_id": 1, "vdn": 2, "skill_id": 3, "task_id": "4", "agent_id": 5}
    page = decode(Request(endpoint, {}, fill), json.dumps(answer).encode(), NOW)
    (record,) = page.rows
    for field, value in {**expected, **OTHER_FIELDS.get(name, {})}.items():
        assert getattr(record, field) == value, field
    for field in endpoint.fills:
        assert getattr(record, field) == fill[field]
