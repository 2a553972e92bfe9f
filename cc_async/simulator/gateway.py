"""CC-Gateway: agents sign in, are kept alive, fetch their events and are asked for call statistics."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
from aiohttp import web

from .desk import Desk, Event, SignedInDesk, WorldDesk
from .front import Front, parsed
from .held import HELD, held
from .journal import Request
from .quota import Window
from .sessions import AgentSession, Sessions
from .shapes import Reply
from .signing_in import Refused, read
from .site import Site

_STATISTICS = re.compile(r"/agentgateway/resource/calldata/([^/]+)/(statistics|statisticsEx)")
_EVENTS = re.compile(r"/agentgateway/resource/agentevent/([^/]+)")
_ONLINE = re.compile(r"/agentgateway/resource/onlineagent/([^/]+)(?:/([a-z]+))?")
_STATISTIC_NAMES = {"statistics": "agent_call_stats", "statisticsEx": "agent_call_stats_brief"}
_ONLINE_NAMES = {
    None: ("PUT", "agent_sign_in"),
    "forcelogin": ("PUT", "agent_force_sign_in"),
    "logout": ("DELETE", "agent_sign_out"),
    "handshake": ("POST", "agent_heartbeat"),
    "heartbeat": ("PUT", "agent_heartbeat_put"),
}
_BEATS = {"handshake": "agent_heartbeat", "heartbeat": "agent_heartbeat_put"}
_SIGN_INS = ("agent_sign_in", "agent_force_sign_in")
_COOKIE = "CCGNODE"
_NODES = 2
_BRIEF_FIELDS = ("talktime", "answernums", "calloutnums")
_LOWEST_AGENT = 101
_MESSAGES = {
    "000-001": "Events of this agent are obtained in another way.",
    "000-002": "The URL or a parameter is wrong.",
    "000-003": "No permission or the authentication has expired.",
    "000-007": "The interface is called too often.",
    "100-001": "A sign-in parameter is wrong.",
    "100-002": "The agent has signed in already.",
    "100-004": "Wrong user or password.",
    "100-006": "The agent is not signed in.",
    "100-007": "The operation failed.",
    "100-008": "The agent has signed out.",
    "100-012": "The agent type is wrong.",
}


class _Place(NamedTuple):
    """Where a path leads."""

    interface: str
    method: str
    agent: str

    @property
    def statistics(self) -> bool:
        """Whether it asks for call statistics, which the overload control counts."""
        return self.interface in _STATISTIC_NAMES.values()


def _place(path: str) -> _Place | None:
    """Read a path; None when it is none of the gateway's."""
    if found := _STATISTICS.fullmatch(path):
        return _Place(_STATISTIC_NAMES[found[2]], "GET", found[1])
    if found := _EVENTS.fullmatch(path):
        return _Place("agent_events", "GET", found[1])
    if (found := _ONLINE.fullmatch(path)) and found[2] in _ONLINE_NAMES:
        method, interface = _ONLINE_NAMES[found[2]]
        return _Place(interface, method, found[1])
    return None


def statistics_of(path: str) -> tuple[int, str] | None:
    """Return agent and interface of a path that asks for call statistics; None for any other."""
    place = _place(path)
    if place is None or not place.statistics or not (place.agent.isascii() and place.agent.isdigit()):
        return None
    return int(place.agent), place.interface


class Gateway(Front):
    """The agent gateway: two nodes behind a balancer that goes by a cookie."""

    host = "gateway"

    def __init__(
        self, site: Site, vdn: int, sessions: Sessions, per_agent: Window | None, in_all: Window | None
    ) -> None:
        super().__init__(site)
        self._vdn, self._sessions = vdn, sessions
        self._per_agent, self._in_all = per_agent, in_all
        self._turn = 0

    def route(self, method: str, path: str) -> str:
        """Return the name of the interface a path belongs to."""
        place = _place(path)
        return place.interface if place else ""

    def arrive(self, interface: str, record: Request, remote: str) -> Reply | None:
        """Count the arrival of a question for statistics against the published overload control."""
        place = _place(record.path)
        if place is None or not place.statistics:
            return None
        now = self.site.clock.monotonic()
        within = [
            window.arrive(key, now)
            for window, key in ((self._in_all, "*"), (self._per_agent, place.agent))
            if window is not None
        ]
        return None if all(within) else self.coded("000-007", "", 200)

    def coded(self, code: str, text: str, status: int) -> Reply:
        """Return a failure with a retcode."""
        message = text or _MESSAGES.get(code, "The call failed.")
        return Reply(status, msgspec.json.encode({"message": message, "retcode": code}), code)

    def answer(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Check path, agent and GUID, then answer; a poll that has to wait is `HELD`."""
        place = _place(record.path)
        if place is None or self._is_of_another_time(place):
            return self.error(404, record.path)
        if record.method != place.method:
            return self.error(405, record.path)
        agent_id = int(place.agent) if place.agent.isascii() and place.agent.isdigit() else 0
        if not _LOWEST_AGENT <= agent_id <= self.site.profile.agent_max:
            return self.coded("000-002", "", 200)
        if place.interface in _SIGN_INS:
            return self._sign_in(agent_id, raw, self._node(request), force=place.interface != _SIGN_INS[0])
        session = self._session(request, agent_id, past=not place.statistics)
        if isinstance(session, Reply):
            return session
        session.touch(self.site.clock.monotonic())
        return self._with_guid(session, self._of_session(place, session))

    async def respond(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Answer, after up to 10 s when it is a poll and nothing has happened yet."""
        reply = self.answer(request, record, raw)
        place = _place(record.path)
        if reply is not HELD or place is None:
            return reply
        session = self._sessions.find(int(place.agent), self.site.clock.monotonic())
        if session is None:
            return self.coded("100-008", "", 200)
        event = await held(session, self.site.clock, self._desk(session))
        return self._with_guid(session, self._event(session, event))

    def _is_of_another_time(self, place: _Place) -> bool:
        """Say whether this server knows the heartbeat by its other path."""
        known = _BEATS[self.site.profile.heartbeat]
        return place.interface in _BEATS.values() and place.interface != known

    def _node(self, request: web.BaseRequest) -> int:
        """Return the node the balancer leads to: that of the cookie, else each in turn."""
        for pair in request.headers.get("Cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == _COOKIE and value.isascii() and value.isdigit() and 1 <= int(value) <= _NODES:
                return int(value)
        self._turn += 1
        return 1 + self._turn % _NODES

    def _session(self, request: web.BaseRequest, agent_id: int, *, past: bool) -> AgentSession | Reply:
        """Find the session a request may use; `past`: one that is over is told from one that never was."""
        now, guid = self.site.clock.monotonic(), request.headers.get("Guid", "")
        session = self._sessions.find(agent_id, now)
        if session is None:
            over = past and self._sessions.was_signed_out(agent_id, guid)
            return self.coded("100-008" if over else "100-006", "", 200)
        elsewhere = session.node is not None and self._node(request) != session.node
        if elsewhere or not session.accepts(guid, now):
            return self.coded("000-003", "", 200)
        return session

    def _sign_in(self, agent_id: int, raw: bytes, node: int, *, force: bool) -> Reply:
        site = self.site
        team = site.world.team(self._vdn)
        index = team.index_of(agent_id)
        try:
            wanted = read(parsed(raw))
        except Refused as refused:
            return self.coded(str(refused), "", 200)
        if index is None or wanted.password != self._sessions.password(agent_id):
            return self.coded("100-004", "", 200)
        now, wall = site.clock.monotonic(), site.clock.wall()
        if not force and self._sessions.find(agent_id, now) is not None:
            return self.coded("100-002", "", 200)
        desk = SignedInDesk(
            site.seed, agent_id, wanted.phone, wall, state=wanted.state, enters_idle=wanted.enters_idle
        )
        dynamic = site.profile.auth_mode == 2
        session = self._sessions.open(
            desk, agent_id, node=node, now=now, wall=wall, dynamic=dynamic, push=wanted.push
        )
        result = {
            "vdnid": self._vdn,
            "workno": str(agent_id),
            "mediatype": "TTF",
            "loginTime": int(wall * 1000),
        }
        reply = self._good("result", site.shapes.rows([{**result, "isForceChange": "false"}])[0])
        reply.headers["Set-GUID"] = f"JSESSIONID={session.guid}"
        reply.headers["Set-Cookie"] = f"{_COOKIE}={node}; Path=/; HttpOnly"
        return reply

    def _of_session(self, place: _Place, session: AgentSession) -> Reply:
        """Answer what only a session may ask."""
        if place.statistics:
            return self._statistics(session, brief=place.interface == "agent_call_stats_brief")
        if place.interface == "agent_events":
            return self._poll(session)
        if place.interface == "agent_sign_out":
            self._sessions.sign_out(session.agent_id)
        else:
            self._sessions.renew(session, self.site.clock.monotonic())
        return self._good("result", None)

    def _poll(self, session: AgentSession) -> Reply:
        if session.push:
            return self.coded("000-001", "", 200)
        if session.polling:
            return self.coded("000-007", "", 200)
        event = self._desk(session).take(self.site.clock.wall())
        return HELD if event is None else self._event(session, event)

    def _desk(self, session: AgentSession) -> Desk:
        if session.desk is None:
            session.desk = WorldDesk(self.site.world.team(self._vdn), session.agent_id)
        return session.desk

    def _event(self, session: AgentSession, event: Event | None) -> Reply:
        if event is None and session.ended:
            return self.coded("100-008", "", 200)
        self._sessions.renew(session, self.site.clock.monotonic())
        return self._good("event", event)

    def _with_guid(self, session: AgentSession, reply: Reply) -> Reply:
        """Let the answer bring the GUID that is due; a held poll has no answer yet."""
        if session.announced is not None and not session.ended and reply is not HELD:
            reply.headers["Set-GUID"] = f"JSESSIONID={session.announced}"
            session.announced = None
        return reply

    def _statistics(self, session: AgentSession, *, brief: bool) -> Reply:
        site, desk, agent_id = self.site, session.signed_in_desk, session.agent_id
        now = site.clock.wall()
        counts = desk.counters(now) if desk else site.world.agent_counters(self._vdn, agent_id, now)
        if counts is None:
            return self.coded("100-006", "", 200)
        in_a_call = desk.talking if desk else site.world.in_a_call(self._vdn, agent_id, now)
        if site.profile.idle_agents_refused and not in_a_call:
            return self.coded("100-007", "", 200)
        fields = _BRIEF_FIELDS if brief else tuple(counts)
        return self._good("result", site.rows([{name: counts[name] for name in fields}])[0])

    def _good(self, name: str, content: object) -> Reply:
        return Reply(200, msgspec.json.encode({"message": "", "retcode": "0", name: content}), "0")
