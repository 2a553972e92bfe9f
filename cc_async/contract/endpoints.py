"""The table: one Endpoint per interface. The only file of the client side that knows a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cc_async.contract.envelopes import CMS, CMS_RAW, GATEWAY
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
from cc_async.contract.spec import (
    Endpoint,
    Host,
    IdArray,
    KeyKind,
    OneByOne,
    Pages,
    Quota,
    Shape,
    Whole,
    Windows,
)

CMS_PREFIX = "/rest/cmsapp/v1/openapi/"

_PAGE_AS_TEXT = frozenset({"limit", "offset"})
_TASK_AS_NUMBER = frozenset({"taskId"})
_FLAT_THEN_WRAPPED = (Shape(), Shape(wrapped=True))

_GLOBAL_KEY = (
    "this interface needs the global access key and an independently deployed contact center: "
    "pass the global key as global_auth"
)
_ISALES = "this interface needs the iSales service module"

skill_call_stats = Endpoint(
    name="skill_call_stats",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "skill/currentcallstateinfo",
    record=SkillCallStats,
    envelope=CMS,
    split=IdArray("skillIds"),
    key="skill_id",
    shapes=_FLAT_THEN_WRAPPED,
)

skill_states = Endpoint(
    name="skill_states",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "skill/stateinfo",
    record=SkillState,
    envelope=CMS,
    split=IdArray("skillIds"),
    key="skill_id",
    shapes=_FLAT_THEN_WRAPPED,
)

signed_in_agents = Endpoint(
    name="signed_in_agents",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "skill/agentbyconfigedskill",
    record=SignedInAgent,
    envelope=CMS,
    split=OneByOne("skillId"),
    key="skill_id",
    fills=("skill_id",),
    shapes=_FLAT_THEN_WRAPPED,
)

agent_states = Endpoint(
    name="agent_states",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "vdn/totalagentabstractex3",
    record=AgentState,
    envelope=CMS,
    split=Whole(),
    pages=Pages(limit=1000),
    shapes=_FLAT_THEN_WRAPPED,
)

task_stats = Endpoint(
    name="task_stats",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "fromisales/realstatistic",
    record=TaskStats,
    envelope=CMS,
    cc_id_optional=True,
    split=OneByOne("taskId"),
    key="task_id",
    fills=("task_id",),
    shapes=(
        *_FLAT_THEN_WRAPPED,
        Shape(as_number=_TASK_AS_NUMBER),
        Shape(wrapped=True, as_number=_TASK_AS_NUMBER),
    ),
    hint=_ISALES,
)

system_indicators = Endpoint(
    name="system_indicators",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "cti/sysindex",
    record=SystemIndicators,
    envelope=CMS,
    cc_id_optional=True,
    split=Windows(),
    pages=Pages(),
    shapes=(
        *_FLAT_THEN_WRAPPED,
        Shape(as_text=_PAGE_AS_TEXT),
        Shape(wrapped=True, as_text=_PAGE_AS_TEXT),
    ),
    needs=KeyKind.GLOBAL,
    snapshot=False,
    hint=_GLOBAL_KEY,
)

skills = Endpoint(
    name="skills",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "configures/skills",
    record=Skill,
    envelope=CMS,
    split=Whole(),
    shapes=_FLAT_THEN_WRAPPED,
    snapshot=False,
)

vdns = Endpoint(
    name="vdns",
    host=Host.CMS,
    method="POST",
    path=CMS_PREFIX + "configures/vdns",
    record=Vdn,
    envelope=CMS,
    split=Whole(),
    scope=("ccId",),
    shapes=_FLAT_THEN_WRAPPED,
    needs=KeyKind.GLOBAL,
    snapshot=False,
    hint=_GLOBAL_KEY,
)

# The overload control the gateway publishes: queries of a system, and of an agent, full and brief together.
_GATEWAY_QUOTA = Quota(15_000, per=2.0)
_AGENT_QUOTA = Quota(5, per=2.0)

agent_call_stats = Endpoint(
    name="agent_call_stats",
    host=Host.GATEWAY,
    method="GET",
    path="/agentgateway/resource/calldata/{agent_id}/statistics",
    record=AgentCallStats,
    envelope=GATEWAY,
    split=OneByOne("agent_id"),
    scope=(),
    key="agent_id",
    fills=("agent_id",),
    needs=KeyKind.AGENT,
    quota=_GATEWAY_QUOTA,
    agent_quota=_AGENT_QUOTA,
)

agent_call_stats_brief = Endpoint(
    name="agent_call_stats_brief",
    host=Host.GATEWAY,
    method="GET",
    path="/agentgateway/resource/calldata/{agent_id}/statisticsEx",
    record=AgentCallStats,
    envelope=GATEWAY,
    split=OneByOne("agent_id"),
    scope=(),
    key="agent_id",
    fills=("agent_id",),
    reports=("talk_seconds", "answered", "outbound"),
    needs=KeyKind.AGENT,
    quota=_GATEWAY_QUOTA,
    agent_quota=_AGENT_QUOTA,
    counted_with="agent_call_stats",
)

ENDPOINTS: Mapping[str, Endpoint[Any]] = MappingProxyType(
    {
        endpoint.name: endpoint
        for endpoint in (
            skill_call_stats,
            skill_states,
            signed_in_agents,
            agent_states,
            task_stats,
            system_indicators,
            skills,
            vdns,
            agent_call_stats,
            agent_call_stats_brief,
        )
    }
)
"""Every interface of the core by its method name."""

_NAMES = {endpoint.path: name for name, endpoint in ENDPOINTS.items()}

_SISTERS_THAT_READ = frozenset(
    {
        *(
            CMS_PREFIX + path
            for path in (
                "agent/agentbyworkno",
                "agentgroup/agentstatusinfobyagentids",
                "agentgroup/queryagentcalls",
                "agentgroup/siteagentcallandskillinfobyagentids",
                "agentgroup/teamagentstatusinfo",
                "calldata/querybasiccallinfo",
                "realindex/agent/agentsinskill",
                "skill/rindex",
                "skill/servicequality",
                "skill/totalskillstatusex3",
                "vdn/queryAgentByStatus",
                "vdn/queryagentreststate",
                "vdn/queryagentstaticconfinfo",
                "vdn/totalagentstate",
            )
        ),
        "/rest/cmsapp/v2/openapi/vdn/querycalls",
        "/rest/cmsapp/v1/ping",
    }
)
"""Documented POSTs beside the table that only read: asked twice they do no harm."""

# No segment that starts with a dot: neither "." nor ".." can climb out of the interface's folder.
_PATH = re.compile(r"/?[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)


def raw_endpoint(path: str, method: str = "POST", retryable: bool | None = None) -> Endpoint[Any]:
    """Return an Endpoint for any sister interface; its answer is one row, what ``resultDesc`` holds, raw.

    ``path`` is relative to ``/rest/cmsapp/v1/openapi/``, or absolute when it starts with ``/``. It may hold
    letters, digits and ``- . _ ~ /`` only; no segment may start with a dot. ``retryable=None``: true of a GET
    and of what is documented to read; nobody knows what another POST does when it arrives twice.

    Raises:
        TypeError: ``path`` or ``method`` is not text, ``retryable`` neither a bool nor None.
        ValueError: the path has any other character, or the method is neither POST nor GET.
    """
    if not isinstance(path, str) or not isinstance(method, str):
        raise TypeError("path and method must be str")
    if method not in ("POST", "GET"):
        raise ValueError(f"method must be POST or GET, not {method[:20]!r}")
    if not (retryable is None or isinstance(retryable, bool)):
        raise TypeError(f"retryable must be True, False or None, not {type(retryable).__name__}")
    if not _PATH.fullmatch(path):
        raise ValueError(f"not a path of letters, digits and - . _ ~ / : {path[:80]!r}")
    whole = path if path.startswith("/") else CMS_PREFIX + path
    if retryable is None:
        retryable = method == "GET" or whole in _NAMES or whole in _SISTERS_THAT_READ
    return Endpoint(
        name=name_of(whole),
        host=Host.CMS,
        method=method,
        path=whole,
        record=object,
        envelope=CMS_RAW,
        split=Whole(),
        shapes=_FLAT_THEN_WRAPPED if method == "POST" else (Shape(),),
        retryable=retryable,
        snapshot=False,
    )


def name_of(path: str) -> str:
    """However an interface is called, it has one name, so one quota: numbers in the path are arguments."""
    whole = path if path.startswith("/") else CMS_PREFIX + path
    segments = whole.removeprefix(CMS_PREFIX).split("/")
    return _NAMES.get(whole) or "/".join(segment for segment in segments if not segment.isdigit())
