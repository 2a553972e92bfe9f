"""A few sister calls of the family (section 5 of the contract), so that a raw call can be tried."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from . import checks
from .answers import Answers
from .checks import Params
from .hashing import mix
from .shapes import Reply, Row
from .site import Site

_CALLS_KEPT = 86_400


class Sisters:
    """One method per sister call."""

    def __init__(self, site: Site, answers: Answers) -> None:
        self._site, self._answers = site, answers
        self.by_name: dict[str, Callable[[Params, bytes], Reply]] = {
            "total_agent_state": self.total_agent_state,
            "configured_agents": self.configured_agents,
            "query_calls": self.query_calls,
            "ping": self.ping,
        }

    def total_agent_state(self, params: Params, _raw: bytes) -> Reply:
        """Every agent of a VDN in one answer (section 5)."""
        return self._answers.listed(self._answers.states(self._answers.place(params)))

    def configured_agents(self, params: Params, _raw: bytes) -> Reply:
        """Configured agents of a VDN, paged by path (section 5)."""
        vdn, profile = self._answers.place(params), self._site.profile
        limit, offset = checks.paging(params, profile, min(100, profile.page_max), None)
        team = self._site.world.team(vdn)
        rows: list[Row] = []
        for index in range(team.size)[offset : offset + limit]:
            agent = team.agent(index)
            rows.append({"agentId": agent.agent_id, "name": agent.name, "groupId": agent.group_id})
        return self._answers.listed(rows, count=team.size)

    def query_calls(self, params: Params, _raw: bytes) -> Reply:
        """The calls of the last day, one a second (section 5, version 2)."""
        vdn, site = self._answers.place(params), self._site
        begin, end = (checks.integer(params, name, 0, 2**62) for name in ("beginDate", "endDate"))
        if params.get("isCallIn", "true") not in ("true", "false"):
            checks.refuse('isCallIn is not "true" or "false"')
        limit, offset = checks.paging(params, site.profile, site.profile.page_max, None)
        now = int(site.clock.wall())
        first, last = max(-(-begin // 1000), now - _CALLS_KEPT), min(-(-end // 1000), now)
        seconds = range(first, max(first, last))
        rows: list[Row] = [
            {"callId": f"{vdn}-{each}", "callBegin": each * 1000, "waitTime": mix(site.seed, 92, each) % 60}
            for each in seconds[offset : offset + limit]
        ]
        encoded = msgspec.json.encode(site.rows(rows))[1:-1]
        return site.shapes.success(site.shapes.page(encoded, len(seconds)))

    def ping(self, params: Params, _raw: bytes) -> Reply:
        """Repeat what was said: the check of a signature (section 5)."""
        if not isinstance(params.get("say"), str):
            checks.refuse("say is missing")
        return self._site.shapes.success(msgspec.json.encode({"say": params["say"]}))
