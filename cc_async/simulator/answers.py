"""The answer of every CC-CMS interface: parameters in, the documented shape out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from . import checks, people
from .checks import Params
from .indicators import IndicatorPages
from .names import vdn_name
from .shapes import Reply, Row, failure
from .site import Site

# CMS status by CTI state (contract, 2.5).
_STATUS = {0: 0, 1: 4, 2: 7, 3: 7, 4: 7, 5: 7, 6: 5, 7: 3, 8: 8, 9: 0, 10: 0}
_LOCATION_NONE = 65_535
_DEFAULT_PAGE = 100


class Answers:
    """One method per interface, named as the interface is; each takes parameters and the raw body."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pages = IndicatorPages(site)
        self.by_name: dict[str, Callable[[Params, bytes], Reply]] = {
            "skill_call_stats": self.skill_call_stats,
            "skill_states": self.skill_states,
            "signed_in_agents": self.signed_in_agents,
            "agent_states": self.agent_states,
            "task_stats": self.task_stats,
            "system_indicators": self.system_indicators,
            "skills": self.skills,
            "vdns": self.vdns,
        }

    def place(self, params: Params) -> int:
        """Check ccId and return the VDN."""
        checks.call_center(params, self._site.cc_id)
        return checks.vdn(params, self._site.world.vdns)

    def listed(self, rows: list[Row], *, documented_copies: bool = False, count: int | None = None) -> Reply:
        """Return rows as the array of a successful answer, `count` beside it."""
        shapes = self._site.shapes
        beside = b""
        if count is not None and (claimed := shapes.count(count)) is not msgspec.UNSET:
            beside = b'"count":' + msgspec.json.encode(claimed)
        content = msgspec.json.encode(self._site.rows(rows))
        return shapes.success(content, documented_copies=documented_copies, beside=beside)

    def _known_skills(self, vdn: int, params: Params, raw: bytes) -> list[tuple[int, bool]]:
        """Return the skill ids to answer, each with whether it exists."""
        site = self._site
        asked = checks.skill_ids(params, raw, site.profile)
        zeros = site.profile.unknown_skills == "zeros"
        found = [(skill, site.world.has_skill(vdn, skill)) for skill in asked]
        return [(skill, exists) for skill, exists in found if exists or zeros]

    def skill_call_stats(self, params: Params, raw: bytes) -> Reply:
        """Call statistics of skill queues, current 5 minutes (2.1)."""
        vdn, site = self.place(params), self._site
        now = site.clock.wall()
        start = int(now // people.PERIOD) * people.PERIOD * 1000 + site.profile.start_offset_ms
        rows: list[Row] = []
        for skill, exists in self._known_skills(vdn, params, raw):
            calls = site.world.skill_calls(vdn, skill, now) if exists else None
            rows.append({
                "id": skill,
                "startTime": start,
                "allCallCount": calls.offered if calls else 0,
                "cnnedCallCount": calls.connected if calls else 0,
                "abanCallCount": calls.lost if calls else 0,
                "callEndCount": calls.ended if calls else 0,
                "talkTimeOnIvr": calls.ivr_seconds if calls else 0,
                "cnnedIn20sCallCount": calls.connected_in_20s if calls else 0,
                "clearUpCallCount": calls.wrapped_up if calls else 0,
                "clearUpTime": calls.wrap_up_seconds if calls else 0,
            })  # fmt: skip
        return self.listed(rows, documented_copies=True)

    def skill_states(self, params: Params, raw: bytes) -> Reply:
        """Agents by state and calls waiting, per skill queue (section 4)."""
        vdn, now = self.place(params), self._site.clock.wall()
        known = self._known_skills(vdn, params, raw)
        return self.listed([self._skill_state(vdn, skill, now, exists=exists) for skill, exists in known])

    def _skill_state(self, vdn: int, skill: int, now: float, *, exists: bool) -> Row:
        world = self._site.world
        row: Row = {"skillId": skill, **dict.fromkeys(_SKILL_STATE_FIELDS, 0)}
        if not exists:
            return row
        heads = world.skill_headcount(vdn, skill, now)
        calls, waiting = world.skill_calls(vdn, skill, now), world.skill_waiting(vdn, skill, now)
        talking = heads.get(people.ANSWERING, 0) + heads.get(people.TALKING, 0)
        idle = heads.get(people.IDLE, 0)
        at_agents = talking if waiting.at_agents is None else waiting.at_agents
        row |= {
            "agentLoginNums": sum(heads.values()),
            "agentTalkingNums": talking,
            "agentIdleNums": idle,
            "agentAvailableNums": idle,
            "agentSetBusyNums": heads.get(people.BUSY, 0),
            "agentRestNums": heads.get(people.REST, 0),
            "agentWorkNums": heads.get(people.WRAP_UP, 0),
            "agentStudyNums": heads.get(people.STUDY, 0),
            "agentOccupyNums": heads.get(people.OCCUPIED, 0),
            "agentPreOccupyNums": heads.get(people.PRE_OCCUPIED, 0),
            "agentMaxIdleTimeIn5": int(now) % people.PERIOD if idle else 0,
            "totalCallNums": waiting.calls_waiting + at_agents,
            "processingCallNums": at_agents,
            "callWaitNums": waiting.calls_waiting,
            "maxCallWaitTimesIn5": waiting.longest_wait,
            "evenCallTimeIn5": waiting.average_talk,
            "evenWaitTimeIn5": waiting.average_wait,
            "allCallCount": calls.offered,
            "cnnedIn20sCallCount": calls.connected_in_20s,
        }
        return row

    def signed_in_agents(self, params: Params, _raw: bytes) -> Reply:
        """Signed-in agents of one skill queue (2.4)."""
        vdn, site = self.place(params), self._site
        skill = checks.integer(params, "skillId", 1, site.profile.skill_max)
        now, team = site.clock.wall(), site.world.team(vdn)
        rows: list[Row] = []
        for index in site.world.members(vdn, skill, now):
            presence = team.presence(index, now)
            if presence is None:
                continue
            agent = team.agent(index)
            rows.append({
                "workNo": agent.agent_id,
                "name": agent.name,
                "status": _STATUS[presence.state],
                "ctiStatus": presence.state,
                "groupId": agent.group_id,
                "mediaType": agent.media_type,
                "vdnId": vdn,
                "phoneNumber": agent.phone_number,
                "currentStateTime": int(now - presence.since),
                "loginDate": presence.signed_in_at * 1000,
            })  # fmt: skip
        return self.listed(rows)

    def states(self, vdn: int) -> list[Row]:
        """Return every agent of a VDN, signed out ones (state 0) too."""
        now, team = self._site.clock.wall(), self._site.world.team(vdn)
        rows: list[Row] = []
        for index in range(team.size):
            presence = team.presence(index, now)
            rows.append({
                "agentId": team.first_id + index,
                "currentState": presence.state if presence else people.SIGNED_OUT,
                "currentStateTime": int(now - presence.since) if presence else 0,
                "locationId": 1 if presence else _LOCATION_NONE,
            })  # fmt: skip
        return rows

    def agent_states(self, params: Params, _raw: bytes) -> Reply:
        """Every agent of a VDN once, paged; `count` stands beside resultDesc (section 4)."""
        vdn, profile = self.place(params), self._site.profile
        limit, offset = checks.paging(params, profile, profile.agent_page_max, None)
        rows = self.states(vdn)
        return self.listed(rows[offset : offset + limit], count=len(rows))

    def task_stats(self, params: Params, _raw: bytes) -> Reply:
        """Real-time statistics of one outbound task (2.3)."""
        site = self._site
        checks.call_center(params, site.cc_id, needed=False, text=True)
        vdn = checks.vdn(params, site.world.vdns)
        task_id = checks.task_id(params, site.profile)
        if not site.world.has_task(task_id):
            return failure("0300012", "no data found")
        task = site.world.task(vdn, task_id, site.clock.wall())
        counts = {
            "totalCount": task.total,
            "succCount": task.succeeded,
            "failCount": task.failed,
            "compCount": task.completed,
            "waitCount": task.waiting,
            "execCount": task.executing,
        }
        as_text = site.profile.task_numbers == "text"
        row: Row = {name: str(value) if as_text else value for name, value in counts.items()}
        row |= {"succRate": task.success_rate, "compRate": task.completion_rate}
        if site.profile.task_shape == "array":
            return self.listed([row])
        return site.shapes.success(msgspec.json.encode(site.rows([row])[0]))

    def system_indicators(self, params: Params, _raw: bytes) -> Reply:
        """System indicators, one row per VDN and closed 5-minute period (2.2)."""
        site = self._site
        checks.call_center(params, site.cc_id, needed=False)
        vdns, (begin, end) = checks.vdns(params, site.world.vdns), checks.window(params)
        profile = site.profile
        default = min(_DEFAULT_PAGE, profile.page_max)
        limit, offset = checks.paging(params, profile, profile.page_max, default, profile.paging_type)
        rows, total = self._pages.page(vdns, begin, end, limit, offset)
        if profile.indicators_shape == "list":
            return site.shapes.success(b"[" + rows + b"]")
        return site.shapes.success(site.shapes.page(rows, total))

    def skills(self, params: Params, _raw: bytes) -> Reply:
        """Every skill queue of a VDN (section 4)."""
        vdn, world = self.place(params), self._site.world
        return self.listed([
            {"id": skill, "mediaType": world.skill_media(vdn, skill), "name": world.skill_name(vdn, skill)}
            for skill in world.skill_ids(vdn)
        ])  # fmt: skip

    def vdns(self, params: Params, _raw: bytes) -> Reply:
        """Every VDN (section 4)."""
        checks.call_center(params, self._site.cc_id)
        return self.listed([{"vdn": vdn, "vdnName": vdn_name(vdn)} for vdn in self._site.world.vdns])


_SKILL_STATE_FIELDS = (
    "agentLoginNums", "agentTalkingNums", "agentIdleNums", "agentAvailableNums", "agentSetBusyNums",
    "agentRestNums", "agentWorkNums", "agentStudyNums", "agentOccupyNums", "agentPreOccupyNums",
    "agentMaxIdleTimeIn5", "totalCallNums", "processingCallNums", "callWaitNums", "maxCallWaitTimesIn5",
    "evenCallTimeIn5", "evenWaitTimeIn5", "allCallCount", "cnnedIn20sCallCount",
)  # fmt: skip
