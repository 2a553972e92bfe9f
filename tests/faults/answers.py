"""Bodies as an honest server would send them, computed from the request alone."""

from __future__ import annotations

import json
from typing import Any

from .server import Seen

PHONE = "13912345678"
START = 1_700_000_100_000
"""Begin of a 5-minute period, epoch milliseconds."""


def skill_row(skill: int, **changes: Any) -> dict[str, Any]:
    """A row of skill call statistics that adds up, different for every queue."""
    return {
        "id": skill,
        "startTime": START,
        "allCallCount": skill + 5,
        "cnnedCallCount": skill + 3,
        "abanCallCount": 2,
        "callEndCount": 1,
        "talkTimeOnIvr": 12,
        "cnnedIn20sCallCount": 2,
        "clearUpCallCount": 1,
        "clearUpTime": 30,
        **changes,
    }


def state_row(skill: int) -> dict[str, Any]:
    """A row of skill states with the fields that matter here."""
    return {"skillId": skill, "agentLoginNums": skill, "callWaitNums": 3}


def agent_row(skill: int, **changes: Any) -> dict[str, Any]:
    """One signed-in agent of a queue."""
    return {
        "workNo": 20_000 + skill,
        "name": f"Agent {skill}",
        "status": 4,
        "ctiStatus": 1,
        "groupId": 1,
        "mediaType": 5,
        "vdnId": 1,
        "phoneNumber": PHONE,
        "currentStateTime": 15,
        "loginDate": START,
        **changes,
    }


def indicator_row(vdn: int, begin_ms: int, **changes: Any) -> dict[str, Any]:
    """One VDN in one period."""
    return {
        "beginTime": str(begin_ms),
        "ccId": 1,
        "vdn": vdn,
        "onlineAgentNums": 10,
        "talkingNums": 3,
        "ideaAgentNum": 4,
        "busyNums": 2,
        "restNums": 1,
        "incallNums": 7,
        "rateNum": 6,
        "callRate": 85,
        "callOutNums": 0,
        **changes,
    }


_GATEWAY = (
    "talktime",
    "answernums",
    "noanswernums",
    "calloutnums",
    "intercallnums",
    "interhelpnums",
    "transfernums",
    "transferoutnums",
    "transferivrnums",
    "redirectnums",
    "keepnums",
    "busynums",
    "restnums",
    "restoutnums",
    "resttime",
    "restouttime",
    "agentrelease",
    "busytime",
)


def gateway_row(**changes: Any) -> dict[str, Any]:
    """What an agent has done since sign-in."""
    return {**dict.fromkeys(_GATEWAY, 1), "talktime": 4328, **changes}


def cms(data: Any, **beside: Any) -> bytes:
    """A successful answer of CC-CMS."""
    return json.dumps({"resultCode": "0100000", "resultDesc": data, **beside}).encode()


def cms_failure(code: str, text: str) -> bytes:
    """A failure code of CC-CMS; the text stands where the rows would."""
    return json.dumps({"result": "1", "resultCode": code, "resultDesc": text}).encode()


def gateway(result: Any, code: str = "0", message: str = "") -> bytes:
    """An answer of CC-Gateway."""
    return json.dumps({"message": message, "retcode": code, "result": result}).encode()


def for_request(seen: Seen) -> bytes:
    """The honest answer to a request of any interface the tests ask."""
    path, params = seen.path, seen.json
    if path.startswith("/agentgateway/"):
        return gateway(gateway_row())
    if path.endswith("currentcallstateinfo"):
        return cms([skill_row(skill) for skill in params["skillIds"]])
    if path.endswith("agentbyconfigedskill"):
        return cms([agent_row(params["skillId"])])
    if path.endswith("skill/stateinfo"):
        return cms([state_row(skill) for skill in params["skillIds"]])
    if path.endswith("realstatistic"):
        return cms({"totalCount": "4", "succCount": "2", "succRate": "50%"})
    if path.endswith("/ping"):
        return cms({"say": "Hello world!"})
    return cms([])
