"""One attrs record per interface, the vendor's field name beside each field.

Ids are int (task ids text), counters ``int | None`` (None: the server did not say), durations end in
``_seconds``, instants are aware UTC, rates are ratios 0..1, code fields are open enums. ``cc_id`` and ``vdn``
say whose row it is; ``sampled_at`` says when it was true (the server's Date, else our clock).
"""

# ruff: noqa: RUF009 - the calls behind the fields make attrs fields, not shared default values

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from attrs import field, frozen

from cc_async.contract.codes import AgentStatus, CtiStatus, MediaType
from cc_async.contract.wire import (
    Kind,
    Record,
    bucket,
    code,
    count,
    filled_later,
    from_clock,
    from_question,
    instant,
    key_of,
    masked_text,
    number,
    ratio,
    raw,
    signed,
    since,
    text,
)


@frozen
class SkillCallStats(Record):
    """Calls of one skill queue in the current 5-minute bucket.

    The counters restart with every bucket: never add two polls of one bucket. ``lost`` is offered minus
    connected, as the vendor defines it: it can be negative, and is not the abandonment rate of the
    textbooks. ``interval_start`` is ``start_time`` floored to 5 minutes; compare by it, since ``start_time``
    (as sent) can be some seconds off the grid. A call that overflows counts in several queues.

    Interface: ``POST skill/currentcallstateinfo``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("skill_id",)

    skill_id: int = field(metadata=key_of(Kind.COUNT, "id"))
    interval_start: datetime | None = bucket("startTime")
    start_time: datetime | None = instant("startTime")
    offered: int | None = count("allCallCount")
    connected: int | None = count("cnnedCallCount")
    lost: int | None = signed("abanCallCount")
    ended: int | None = count("callEndCount")
    ivr_seconds: int | None = count("talkTimeOnIvr")
    connected_in_20s: int | None = count("cnnedIn20sCallCount")
    wrapped_up: int | None = count("clearUpCallCount")
    wrap_up_seconds: int | None = count("clearUpTime")
    sampled_at: datetime | None = from_clock()
    cc_id: int | None = from_question()
    vdn: int | None = from_question()


@frozen
class SkillState(Record):
    """Agents and waiting calls of one skill queue, as of now.

    Agents by state are counts of people signed in to the queue; an agent of several queues counts in each.
    ``calls_waiting`` is now; ``longest_wait_seconds`` and both averages are the vendor's for 5 minutes, as
    reported: never add or average them without a weight.

    Interface: ``POST skill/stateinfo``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("skill_id",)

    skill_id: int = field(metadata=key_of(Kind.COUNT, "skillId"))
    signed_in_agents: int | None = count("agentLoginNums")
    talking_agents: int | None = count("agentTalkingNums")
    idle_agents: int | None = count("agentIdleNums")
    available_agents: int | None = count("agentAvailableNums")
    not_ready_agents: int | None = count("agentSetBusyNums", "agentSetbusyNums")
    resting_agents: int | None = count("agentRestNums")
    wrap_up_agents: int | None = count("agentWorkNums")
    study_agents: int | None = count("agentStudyNums")
    calls_waiting: int | None = count("callWaitNums")
    longest_wait_seconds: int | None = count("maxCallWaitTimesIn5")
    average_wait_seconds: float | None = number("evenWaitTimeIn5")
    average_talk_seconds: float | None = number("evenCallTimeIn5")
    offered: int | None = count("allCallCount")
    connected_in_20s: int | None = count("cnnedIn20sCallCount")
    sampled_at: datetime | None = from_clock()
    cc_id: int | None = from_question()
    vdn: int | None = from_question()


@frozen
class SignedInAgent(Record):
    """One agent signed in to one skill queue, as of now.

    ``state_seconds`` is how long the agent is in its state, ``state_since`` is ``sampled_at`` minus that.
    An agent of several queues comes once per queue: count distinct (cc_id, vdn, agent_id).

    Interface: ``POST skill/agentbyconfigedskill``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("skill_id", "agent_id")

    skill_id: int = field(metadata=key_of(Kind.QUESTION))
    agent_id: int = field(metadata=key_of(Kind.COUNT, "workNo"))
    name: str | None = text("name")
    status: AgentStatus | None = code(AgentStatus, "status")
    cti_status: CtiStatus | None = code(CtiStatus, "ctiStatus")
    group_id: int | None = count("groupId")
    media_type: MediaType | None = code(MediaType, "mediaType")
    phone_number: str | None = masked_text("phoneNumber")
    state_seconds: int | None = count("currentStateTime")
    state_since: datetime | None = since("currentStateTime")
    login_time: datetime | None = instant("loginDate")
    sampled_at: datetime | None = from_clock()
    cc_id: int | None = from_question()
    vdn: int | None = from_question()


@frozen
class AgentState(Record):
    """One agent of a VDN, as of now; every agent comes once.

    ``state_seconds`` is how long the agent is in its state, ``state_since`` is ``sampled_at`` minus that.

    Interface: ``POST vdn/totalagentabstractex3``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("agent_id",)

    agent_id: int = field(metadata=key_of(Kind.COUNT, "agentId"))
    cti_status: CtiStatus | None = code(CtiStatus, "currentState")
    state_seconds: int | None = count("currentStateTime")
    state_since: datetime | None = since("currentStateTime")
    sampled_at: datetime | None = from_clock()
    cc_id: int | None = from_question()
    vdn: int | None = from_question()


@frozen
class TaskStats(Record):
    """One outbound task today, as of now: counts of calls, rates as ratios 0..1 as reported.

    Interface: ``POST fromisales/realstatistic``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("task_id",)

    task_id: str = field(metadata=key_of(Kind.QUESTION))
    total: int | None = count("totalCount")
    succeeded: int | None = count("succCount")
    failed: int | None = count("failCount")
    success_rate: float | None = ratio("succRate")
    completed: int | None = count("compCount")
    waiting: int | None = count("waitCount")
    executing: int | None = count("execCount")
    completion_rate: float | None = ratio("compRate")
    sampled_at: datetime | None = from_clock()
    cc_id: int | None = from_question()
    vdn: int | None = from_question()


@frozen
class SystemIndicators(Record):
    """One VDN in one closed 5-minute window; ``interval_start`` is its start, floored to 5 minutes.

    ``online_agents`` includes agents that take no inbound calls, the other counts exclude them.
    ``connected_calls`` are inbound calls connected to agents. ``connection_rate_raw`` is kept as the server
    sent it, number or text, since nobody says its unit; connected / inbound is the figure to use.

    Interface: ``POST cti/sysindex``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("vdn", "interval_start")

    vdn: int = field(metadata=key_of(Kind.COUNT, "vdn"))
    interval_start: datetime = field(metadata=key_of(Kind.BUCKET, "beginTime"))
    online_agents: int | None = count("onlineAgentNums")
    talking_agents: int | None = count("talkingNums")
    idle_agents: int | None = count("ideaAgentNum")
    not_ready_agents: int | None = count("busyNums")
    resting_agents: int | None = count("restNums")
    inbound_calls: int | None = count("inCallNums", "incallNums")
    connected_calls: int | None = count("rateNum")
    connection_rate_raw: int | float | str | None = raw("callRate")
    outbound_calls: int | None = count("callOutNums")
    cc_id: int | None = count("ccId")


@frozen
class Skill(Record):
    """One skill queue of a VDN.

    Interface: ``POST configures/skills``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("skill_id",)

    skill_id: int = field(metadata=key_of(Kind.COUNT, "id"))
    name: str | None = text("name")
    media_type: MediaType | None = code(MediaType, "mediaType")
    cc_id: int | None = from_question()
    vdn: int | None = from_question()


@frozen
class Vdn(Record):
    """One VDN of a call center.

    Interface: ``POST configures/vdns``.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("vdn",)

    vdn: int = field(metadata=key_of(Kind.COUNT, "vdn"))
    name: str | None = text("vdnName")
    cc_id: int | None = from_question()


@frozen
class AgentCallStats(Record):
    """Calls of one agent since it signed in.

    Counters run since sign-in: use differences and watch for a restart. Durations are whole seconds.
    "Not ready" is the vendor's "busy". The brief question fills ``talk_seconds``, ``answered`` and
    ``outbound`` only. ``signed_in_at`` is not reported by this interface: it is known where the agent's
    session is one of this client's, and tells a restart of the counters from a fall.

    Interface: ``GET calldata/{agentid}/statistics`` (brief: ``statisticsEx``).
    """

    key_fields: ClassVar[tuple[str, ...]] = ("agent_id",)

    agent_id: int = field(metadata=key_of(Kind.QUESTION))
    talk_seconds: int | None = count("talktime")
    answered: int | None = count("answernums")
    unanswered: int | None = count("noanswernums")
    outbound: int | None = count("calloutnums")
    internal: int | None = count("intercallnums")
    internal_help: int | None = count("interhelpnums")
    transferred_in: int | None = count("transfernums")
    transferred_out: int | None = count("transferoutnums")
    transferred_to_ivr: int | None = count("transferivrnums")
    redirected: int | None = count("redirectnums")
    held: int | None = count("keepnums")
    not_ready_count: int | None = count("busynums")
    rest_count: int | None = count("restnums")
    rest_overrun_count: int | None = count("restoutnums")
    rest_seconds: int | None = count("resttime")
    rest_overrun_seconds: int | None = count("restouttime")
    released_by_agent: int | None = count("agentrelease")
    not_ready_seconds: int | None = count("busytime")
    signed_in_at: datetime | None = filled_later()
    sampled_at: datetime | None = from_clock()
