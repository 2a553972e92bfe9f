"""Requests and answers as the contract writes them, the same in the server's process and in the client's."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

CC_ID = 1
SKILLS_PATH = "/rest/cmsapp/v1/openapi/skill/currentcallstateinfo"
INDICATORS_PATH = "/rest/cmsapp/v1/openapi/cti/sysindex"
SIGNED_IN_PATH = "/rest/cmsapp/v1/openapi/skill/agentbyconfigedskill"
AGENT_PREFIX = "/agentgateway/resource/calldata/"

SKILL_IDS = range(1, 223)
"""222 queues: a ninth of 2 000, what one request of that question carries."""
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 25
END = BEGIN + timedelta(days=DAYS)
VDNS = range(1, 5)
PERIODS_A_DAY = 288
ROWS = DAYS * PERIODS_A_DAY * len(VDNS)
"""Rows of the whole answer: 28 800, one window of ours."""
PAGE_SIZE = 100
PAGES = ROWS // PAGE_SIZE


AGENT_COUNTERS = (
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


def minified(value: object) -> bytes:
    """JSON without blanks, as servers and clients send it."""
    return json.dumps(value, separators=(",", ":")).encode()


def agent_path(agent_id: int) -> str:
    """Where the call statistics of one agent are asked for."""
    return f"{AGENT_PREFIX}{agent_id}/statistics"


def guid(agent_id: int) -> str:
    """A GUID of the documented form."""
    return f"00000000-0000-4000-8000-{agent_id:012d}.AgentGateway1"


def agent_answer() -> bytes:
    """The 18 counters of one agent."""
    return minified(
        {
            "message": "",
            "retcode": "0",
            "result": {name: 7 * place for place, name in enumerate(AGENT_COUNTERS)},
        }
    )


def skills_answer(ids: Iterable[int] = SKILL_IDS) -> bytes:
    """Rows of queues, each twice: the copy for old servers is sent in full, as in the document's sample."""
    rows = [_skill_row(skill_id) for skill_id in ids]
    return minified({"result": "0", "resultCode": "0100000", "resultDatas": rows, "resultDesc": rows})


def _skill_row(skill_id: int) -> dict[str, int]:
    offered = skill_id % 40
    return {
        "id": skill_id,
        "startTime": 1772323200000,
        "allCallCount": offered,
        "cnnedCallCount": offered * 3 // 4,
        "abanCallCount": offered - offered * 3 // 4,
        "callEndCount": offered // 2,
        "talkTimeOnIvr": offered * 11,
        "cnnedIn20sCallCount": offered // 2,
        "clearUpCallCount": offered // 3,
        "clearUpTime": offered * 17,
    }


@functools.cache
def indicator_pages() -> tuple[bytes, ...]:
    """Every page of the answer of four VDNs over 25 days, in order of time."""
    rows = [indicator_row(*divmod(place, len(VDNS))) for place in range(ROWS)]
    return tuple(indicators_answer(rows[start : start + PAGE_SIZE]) for start in range(0, ROWS, PAGE_SIZE))


def indicators_answer(rows: list[dict[str, Any]]) -> bytes:
    """One page, wrapped as in the document's sample."""
    return minified({"resultCode": "0100000", "resultDesc": {"data": rows, "count": ROWS}})


def indicator_row(period: int, vdn_place: int) -> dict[str, Any]:
    """The row of one period of one VDN, both counted from 0."""
    place = period * len(VDNS) + vdn_place
    instant = int(BEGIN.timestamp() * 1000) + period * 300_000
    return {
        "beginTime": str(instant),
        "ccId": CC_ID,
        "vdn": VDNS.start + vdn_place,
        "onlineAgentNums": 120 + place % 7,
        "talkingNums": 61,
        "ideaAgentNum": 22,
        "busyNums": 9,
        "restNums": 8,
        "inCallNums": 340 + place % 50,
        "rateNum": 311,
        "callRate": 91,
        "callOutNums": 12,
    }


def skills_body(vdn: int) -> bytes:
    """The request of 222 queues of one VDN."""
    return minified({"ccId": CC_ID, "vdn": vdn, "skillIds": list(SKILL_IDS)})


def page_body(page: int) -> bytes:
    """The request of one page of the indicators."""
    return minified(
        {
            "ccId": CC_ID,
            "vdn": list(VDNS),
            "beginDate": f"{BEGIN:%Y-%m-%d %H:%M:%S}",
            "endDate": f"{END:%Y-%m-%d %H:%M:%S}",
            "limit": PAGE_SIZE,
            "offset": page * PAGE_SIZE,
        }
    )


def large_body() -> bytes:
    """A request of about a kilobyte: the longest array of skill ids a request may carry."""
    return minified({"ccId": CC_ID, "vdn": 170, "skillIds": list(range(1001, 1200))})
