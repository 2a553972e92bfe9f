"""How each interface's records look as a table: the most telling columns; JSON and CSV have them all."""

from __future__ import annotations

from attrs import frozen

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
from cc_async.contract.wire import Record


@frozen
class View:
    """One kind of rows."""

    record: type[Record]
    rows: str
    """What the rows are called, in the plural."""
    columns: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    """Columns of words: left-justified, and wrapped where the window is narrow."""


SKILL_CALL_STATS = View(
    SkillCallStats,
    "skill queues",
    (
        "skill_id",
        "interval_start",
        "offered",
        "connected",
        "lost",
        "ended",
        "connected_in_20s",
        "wrapped_up",
        "wrap_up_seconds",
    ),
)
SKILL_STATES = View(
    SkillState,
    "skill queues",
    (
        "skill_id",
        "signed_in_agents",
        "talking_agents",
        "idle_agents",
        "not_ready_agents",
        "resting_agents",
        "wrap_up_agents",
        "calls_waiting",
        "longest_wait_seconds",
    ),
)
SIGNED_IN_AGENTS = View(
    SignedInAgent,
    "agents in queues",
    ("skill_id", "agent_id", "name", "status", "cti_status", "media_type", "state_seconds", "login_time"),
    frozenset({"name", "status", "cti_status", "media_type"}),
)
AGENT_STATES = View(
    AgentState,
    "agents",
    ("agent_id", "cti_status", "state_seconds", "state_since"),
    frozenset({"cti_status"}),
)
TASK_STATS = View(
    TaskStats,
    "tasks",
    (
        "task_id",
        "total",
        "succeeded",
        "failed",
        "success_rate",
        "completed",
        "waiting",
        "executing",
        "completion_rate",
    ),
)
SYSTEM_INDICATORS = View(
    SystemIndicators,
    "rows of 5 minutes",
    (
        "vdn",
        "interval_start",
        "online_agents",
        "talking_agents",
        "idle_agents",
        "not_ready_agents",
        "resting_agents",
        "inbound_calls",
        "connected_calls",
        "outbound_calls",
    ),
)
AGENT_CALL_STATS = View(
    AgentCallStats,
    "agents",
    (
        "agent_id",
        "talk_seconds",
        "answered",
        "unanswered",
        "outbound",
        "transferred_out",
        "held",
        "not_ready_seconds",
        "rest_seconds",
    ),
)
AGENT_CALL_STATS_BRIEF = View(
    AgentCallStats, "agents", ("agent_id", "talk_seconds", "answered", "outbound", "sampled_at")
)
SKILLS = View(Skill, "skill queues", ("skill_id", "name", "media_type"), frozenset({"name", "media_type"}))
VDNS = View(Vdn, "VDNs", ("vdn", "name"), frozenset({"name"}))
