"""What the contact center would say: rows computed from the simulator's world, in the names of our records.

Nothing here comes from the client: the numbers are the world's own, the names were written down by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cc_async.simulator import Simulator

Rows = list[dict[str, Any]]

# The CMS status that belongs to a CTI state (contract, 2.5).
STATUS = {0: 0, 1: 4, 2: 7, 3: 7, 4: 7, 5: 7, 6: 5, 7: 3, 8: 8, 9: 0, 10: 0}
AGENT_FIELDS = {
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
}


def instant(seconds: float) -> datetime:
    """Epoch seconds as an aware instant."""
    return datetime.fromtimestamp(seconds, UTC)


def sampled(sim: Simulator) -> datetime:
    """What the server's Date header says."""
    return instant(int(sim.clock.wall()))


def skill_call_stats(sim: Simulator, ids: Iterable[int], vdn: int = 170) -> Rows:
    """One row per queue that exists, or (unknown_skills_zero) zeros for the others."""
    rows = []
    now = sim.clock.wall()
    for skill in ids:
        exists = sim.world.has_skill(vdn, skill)
        if not exists and sim.profile.unknown_skills != "zeros":
            continue
        calls = sim.world.skill_calls(vdn, skill, now) if exists else None
        bucket = instant(now // 300 * 300)
        names = (
            "offered", "connected", "lost", "ended", "ivr_seconds", "connected_in_20s", "wrapped_up",
            "wrap_up_seconds",
        )  # fmt: skip
        rows.append(
            {
                "skill_id": skill,
                "interval_start": bucket,
                "start_time": bucket + timedelta(milliseconds=sim.profile.start_offset_ms),
                **{name: getattr(calls, name) if calls else 0 for name in names},
                "sampled_at": sampled(sim),
                "cc_id": 1,
                "vdn": vdn,
            }
        )
    return rows


def skill_states(sim: Simulator, ids: Iterable[int], vdn: int = 170) -> Rows:
    """One row per queue, as above."""
    rows = []
    now, world = sim.clock.wall(), sim.world
    for skill in ids:
        row: dict[str, Any] = {"skill_id": skill, "sampled_at": sampled(sim), "cc_id": 1, "vdn": vdn}
        if world.has_skill(vdn, skill):
            heads, calls = world.skill_headcount(vdn, skill, now), world.skill_calls(vdn, skill, now)
            waiting = world.skill_waiting(vdn, skill, now)
        elif sim.profile.unknown_skills == "zeros":
            heads, calls, waiting = {}, None, None
        else:
            continue
        row |= {
            "signed_in_agents": sum(heads.values()),
            "talking_agents": heads.get(4, 0) + heads.get(5, 0),
            "idle_agents": heads.get(1, 0),
            "available_agents": heads.get(1, 0),
            "not_ready_agents": heads.get(7, 0),
            "resting_agents": heads.get(8, 0),
            "wrap_up_agents": heads.get(6, 0),
            "study_agents": heads.get(9, 0),
            "calls_waiting": waiting.calls_waiting if waiting else 0,
            "longest_wait_seconds": waiting.longest_wait if waiting else 0,
            "average_wait_seconds": waiting.average_wait if waiting else 0,
            "average_talk_seconds": waiting.average_talk if waiting else 0,
            "offered": calls.offered if calls else 0,
            "connected_in_20s": calls.connected_in_20s if calls else 0,
        }
        rows.append(row)
    return rows


def signed_in_agents(sim: Simulator, ids: Iterable[int], vdn: int = 170) -> Rows:
    """One row per queue and agent that is signed in."""
    rows = []
    now, team = sim.clock.wall(), sim.world.team(vdn)
    for skill in ids:
        place = 0
        for index in team.members(skill):
            presence = team.presence(index, now)
            if presence is None:
                continue
            agent = team.agent(index)
            odd = sim.profile.unknown_codes and place % 3 == 0
            place += 1
            rows.append(
                {
                    "skill_id": skill,
                    "agent_id": agent.agent_id,
                    "name": agent.name,
                    "status": 42 if odd else STATUS[presence.state],
                    "cti_status": 42 if odd else presence.state,
                    "group_id": agent.group_id,
                    "media_type": 42 if odd else agent.media_type,
                    "phone_number": agent.phone_number,
                    "state_seconds": int(now - presence.since),
                    "state_since": sampled(sim) - timedelta(seconds=int(now - presence.since)),
                    "login_time": instant(presence.signed_in_at),
                    "sampled_at": sampled(sim),
                    "cc_id": 1,
                    "vdn": vdn,
                }
            )
    return rows


def agent_states(sim: Simulator, vdn: int = 170, *, page: int = 1000) -> Rows:
    """Every agent of a VDN; ``page`` is the stride, since every third row of a page has odd codes."""
    rows = []
    now, team = sim.clock.wall(), sim.world.team(vdn)
    for index in range(team.size):
        presence = team.presence(index, now)
        seconds = int(now - presence.since) if presence else 0
        odd = sim.profile.unknown_codes and index % page % 3 == 0
        rows.append(
            {
                "agent_id": team.first_id + index,
                "cti_status": 42 if odd else presence.state if presence else 0,
                "state_seconds": seconds,
                "state_since": sampled(sim) - timedelta(seconds=seconds),
                "sampled_at": sampled(sim),
                "cc_id": 1,
                "vdn": vdn,
            }
        )
    return rows


def task_stats(sim: Simulator, ids: Iterable[str], vdn: int = 170) -> Rows:
    """One row per task that exists."""
    rows = []
    for task_id in ids:
        if not sim.world.has_task(task_id):
            continue
        task = sim.world.task(vdn, task_id, sim.clock.wall())
        rows.append(
            {
                "task_id": task_id,
                "total": task.total,
                "succeeded": task.succeeded,
                "failed": task.failed,
                "success_rate": int(task.success_rate.rstrip("%")) / 100,
                "completed": task.completed,
                "waiting": task.waiting,
                "executing": task.executing,
                "completion_rate": int(task.completion_rate.rstrip("%")) / 100,
                "sampled_at": sampled(sim),
                "cc_id": 1,
                "vdn": vdn,
            }
        )
    return rows


def system_indicators(sim: Simulator, begin: datetime, end: datetime, vdns: Iterable[int]) -> Rows:
    """One row per VDN and period of [begin, end), VDN by VDN."""
    return [
        {
            "vdn": vdn,
            "interval_start": instant(found.begin),
            "online_agents": found.online,
            "talking_agents": found.talking,
            "idle_agents": found.idle,
            "not_ready_agents": found.busy,
            "resting_agents": found.resting,
            "inbound_calls": found.inbound,
            "connected_calls": found.connected,
            "connection_rate_raw": str(found.connection_rate)
            if sim.profile.numbers == "text"
            else found.connection_rate,
            "outbound_calls": found.outbound,
            "cc_id": 1,
        }
        for vdn in vdns
        for found in sim.world.indicators(vdn, begin.timestamp(), end.timestamp())
    ]


def skills(sim: Simulator, vdn: int = 170) -> Rows:
    """Every queue of a VDN."""
    return [
        {
            "skill_id": skill,
            "name": sim.world.skill_name(vdn, skill),
            "media_type": 42
            if sim.profile.unknown_codes and place % 3 == 0
            else sim.world.skill_media(vdn, skill),
            "cc_id": 1,
            "vdn": vdn,
        }
        for place, skill in enumerate(sim.world.skill_ids(vdn))
    ]


def vdns(sim: Simulator) -> Rows:
    """Every VDN; the name is checked by the test that names one."""
    return [{"vdn": vdn, "cc_id": 1} for vdn in sim.world.vdns]


def agent_call_stats(sim: Simulator, ids: Iterable[int], *, brief: bool = False) -> Rows:
    """The counters of agents, or the three that the brief question brings."""
    wanted = ("talktime", "answernums", "calloutnums") if brief else tuple(AGENT_FIELDS)
    rows = []
    for agent_id in ids:
        found = sim.world.agent_counters(sim.vdn, agent_id, sim.clock.wall())
        row: dict[str, Any] = dict.fromkeys(AGENT_FIELDS.values())
        row |= {AGENT_FIELDS[name]: found[name] for name in wanted}
        rows.append({"agent_id": agent_id, **row, "signed_in_at": None, "sampled_at": sampled(sim)})
    return rows
