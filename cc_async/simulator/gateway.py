"""CC-Gateway: call statistics of agents behind a GUID, in the gateway's own envelope."""

from __future__ import annotations

import re

import msgspec
from aiohttp import web

from .front import Front
from .journal import Request
from .quota import Window
from .sessions import Sessions
from .shapes import Reply
from .site import Site

_STATISTICS = re.compile(r"/agentgateway/resource/calldata/([^/]+)/(statistics|statisticsEx)")
_BRIEF_FIELDS = ("talktime", "answernums", "calloutnums")
_LOWEST_AGENT = 101
_MESSAGES = {
    "000-002": "The URL or a parameter is wrong.",
    "000-003": "No permission or the authentication has expired.",
    "000-007": "The interface is called too often.",
    "100-006": "The agent is not signed in.",
    "100-007": "The operation failed.",
}


class Gateway(Front):
    """The agent gateway."""

    host = "gateway"

    def __init__(
        self, site: Site, vdn: int, sessions: Sessions, per_agent: Window | None, in_all: Window | None
    ) -> None:
        super().__init__(site)
        self._vdn, self._sessions = vdn, sessions
        self._per_agent, self._in_all = per_agent, in_all

    def route(self, method: str, path: str) -> str:
        """Return the name of the interface a path belongs to."""
        found = _STATISTICS.fullmatch(path)
        if found is None:
            return ""
        return "agent_call_stats" if found[2] == "statistics" else "agent_call_stats_brief"

    def arrive(self, interface: str, record: Request, remote: str) -> Reply | None:
        """Count the arrival against the published overload control."""
        if not interface:
            return None
        now, agent = self.site.clock.monotonic(), record.path.rsplit("/", 2)[1]
        within = [
            window.arrive(key, now)
            for window, key in ((self._in_all, "*"), (self._per_agent, agent))
            if window is not None
        ]
        return None if all(within) else self.coded("000-007", "", 200)

    def coded(self, code: str, text: str, status: int) -> Reply:
        """Return a failure with a retcode."""
        message = text or _MESSAGES.get(code, "The call failed.")
        return Reply(status, msgspec.json.encode({"message": message, "retcode": code}), code)

    def answer(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Check the agent's GUID, then answer."""
        found = _STATISTICS.fullmatch(record.path)
        if found is None:
            return self.error(404, record.path)
        if record.method != "GET":
            return self.error(405, record.path)
        site = self.site
        agent_id = int(found[1]) if found[1].isascii() and found[1].isdigit() else 0
        if not _LOWEST_AGENT <= agent_id <= site.profile.agent_max:
            return self.coded("000-002", "", 200)
        if not self._sessions.signed_in(agent_id):
            return self.coded("100-006", "", 200)
        if not self._sessions.accepts(agent_id, request.headers.get("Guid", "")):
            return self.coded("000-003", "", 200)
        now = site.clock.wall()
        counts = site.world.agent_counters(self._vdn, agent_id, now)
        if counts is None:
            return self.coded("100-006", "", 200)
        if site.profile.idle_agents_refused and not site.world.in_a_call(self._vdn, agent_id, now):
            reply = self.coded("100-007", "", 200)
        else:
            reply = self._statistics(counts, brief=record.interface == "agent_call_stats_brief")
        guid = self._sessions.take_announcement(agent_id)
        if guid is not None:
            reply.headers["Set-GUID"] = f"JSESSIONID={guid}"
        return reply

    def _statistics(self, counts: dict[str, int], *, brief: bool) -> Reply:
        fields = _BRIEF_FIELDS if brief else tuple(counts)
        row = self.site.rows([{name: counts[name] for name in fields}])[0]
        return Reply(200, msgspec.json.encode({"message": "", "retcode": "0", "result": row}), "0")
