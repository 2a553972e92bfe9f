"""CC-CMS: paths, signature, permission, content type; then the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from . import checks
from .answers import Answers
from .front import Front, parsed
from .journal import Request
from .quota import Window
from .shapes import Reply, failure
from .signature import verify
from .sisters import Sisters
from .site import Site

OPENAPI = "/rest/cmsapp/v1/openapi/"
PATHS: Mapping[str, str] = {
    f"{OPENAPI}skill/currentcallstateinfo": "skill_call_stats",
    f"{OPENAPI}skill/stateinfo": "skill_states",
    f"{OPENAPI}skill/agentbyconfigedskill": "signed_in_agents",
    f"{OPENAPI}vdn/totalagentabstractex3": "agent_states",
    f"{OPENAPI}fromisales/realstatistic": "task_stats",
    f"{OPENAPI}cti/sysindex": "system_indicators",
    f"{OPENAPI}configures/skills": "skills",
    f"{OPENAPI}configures/vdns": "vdns",
    f"{OPENAPI}vdn/totalagentstate": "total_agent_state",
    "/rest/cmsapp/v2/openapi/vdn/querycalls": "query_calls",
    "/rest/cmsapp/v1/ping": "ping",
}
_AGENTS = re.compile(re.escape(f"{OPENAPI}configures/agents/") + r"(\d+)/(\d+)/(\d+)/(\d+)", re.ASCII)
_GLOBAL = frozenset({"system_indicators", "vdns"})
_CONTENT_TYPE = re.compile(r"application/json\s*;\s*charset\s*=\s*\"?utf-8\"?\s*", re.IGNORECASE)


class Cms(Front):
    """The monitoring server."""

    host = "cms"

    def __init__(
        self,
        site: Site,
        tenant: tuple[str, str],
        global_: tuple[str, str],
        quotas: Mapping[str, Window],
        bad_signatures: dict[str, int],
        timestamp_window: float | None,
    ) -> None:
        super().__init__(site)
        answers = Answers(site)
        self._answers = answers.by_name | Sisters(site, answers).by_name
        self._global_key = global_[0]
        self._secrets = dict((tenant, global_))
        self._quotas = quotas
        self._timestamp_window = timestamp_window
        # Bad signatures in a row, by address.
        self._bad_signatures = bad_signatures

    def route(self, method: str, path: str) -> str:
        """Return the name of the interface a path belongs to."""
        if path in PATHS:
            return PATHS[path]
        return "configured_agents" if _AGENTS.fullmatch(path) else ""

    def arrive(self, interface: str, record: Request, remote: str) -> Reply | None:
        """Count the arrival against the quota of the key and the interface."""
        quota = self._quotas.get(interface) or self._quotas.get("*")
        if not interface or quota is None:
            return None
        if quota.arrive((record.access_key, interface), self.site.clock.monotonic()):
            return None
        return self.error(429, record.path)

    def coded(self, code: str, text: str, status: int) -> Reply:
        """Return a failure with a result code."""
        return failure(code, text or "call failed", status)

    def answer(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Check who asks and how, then answer."""
        site, interface, path = self.site, record.interface, record.path
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
            return self.error(411, path)
        refused = self._checked(request, record, raw)
        if refused is not None:
            return refused
        if not interface or (interface == "task_stats" and not site.profile.isales):
            return self.error(404, path)
        if record.method != ("GET" if interface == "configured_agents" else "POST"):
            return self.error(405, path)
        if interface in _GLOBAL and record.access_key != self._global_key:
            if site.profile.global_refusal == "401":
                return self.error(401, path)
            return failure("0101003", "no permission")
        if not _CONTENT_TYPE.fullmatch(request.headers.get("Content-Type", "")):
            return failure("0100002", "Content-Type is not application/json;charset=UTF-8")
        try:
            return self._answers[interface](self._params(interface, path, raw), raw)
        except checks.IllegalParameter as error:
            return failure("0100002", f"illegal parameter: {error}")

    def _params(self, interface: str, path: str, raw: bytes) -> checks.Params:
        if found := _AGENTS.fullmatch(path):
            cc_id, vdn, offset, limit = map(int, found.groups())
            return {"ccId": cc_id, "vdn": vdn, "limit": limit, "offset": offset}
        body = parsed(raw)
        if interface == "ping":
            return body if isinstance(body, dict) else {}
        return checks.unwrapped(body, self.site.profile)

    def _checked(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply | None:
        """Refuse a locked address (403) and a bad signature (401)."""
        site, remote, most = self.site, request.remote or "", self.site.faults.lockout_after
        if most is not None and self._bad_signatures.get(remote, 0) >= most:
            return self.error(403, record.path, "The IP address is locked.")
        verdict = verify(
            record.method, record.path, record.query, request.headers, raw, self._secrets,
            empty_query_line=site.profile.empty_query_line,
            now=site.clock.wall(),
            window=self._timestamp_window,
        )  # fmt: skip
        if verdict.good:
            self._bad_signatures.pop(remote, None)
            return None
        self._bad_signatures[remote] = self._bad_signatures.get(remote, 0) + 1
        return self.error(401, record.path, verdict.refusal)
