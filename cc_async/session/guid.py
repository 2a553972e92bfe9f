"""Guids: the GUID and the cookies of every agent, for CC-Gateway."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

from cc_async.errors import NotSignedIn
from cc_async.session.auth import Unsigned
from cc_async.session.secret import Secret
from cc_async.session.status import server_date

GuidSource = Mapping[int, str] | Callable[[int], Awaitable[str | None]]
"""Where GUIDs come from: a mapping of agent id and GUID, or an async function of the agent id."""

_log = logging.getLogger("cc_async")
_PREFIX = "JSESSIONID="
_FIRST_AGENT = 101
_APART = 60.0
"""Seconds between two GUIDs of one agent: nodes whose clocks differ by more say nothing about the order."""
# What a load balancer sets is one short cookie; more than this is not worth keeping.
_MAX_COOKIES, _MAX_COOKIE = 20, 4096


class Guids:
    """Speaks for agents that are signed in: sends each one's GUID, and keeps up when the server changes it.

    Args:
        source: agent id and GUID; it is looked at before every request, so it may change. A GUID that the
            server sends stands until the source gives another one than before.
        on_guid: called with agent id and GUID whenever the server sends a new one; what it raises is logged.

    Raises:
        TypeError: an agent id that is no int, a GUID that is no text.
        ValueError: an agent id below 101; a GUID that is empty or cannot travel in a header.
    """

    __slots__ = ("_cookies", "_dates", "_given", "_known", "_on_guid", "_retired", "_sessions", "_source")

    def __init__(self, source: GuidSource, *, on_guid: Callable[[int, str], None] | None = None) -> None:
        if isinstance(source, Mapping):
            for agent_id, guid in source.items():
                _check(agent_id, guid)
        elif not callable(source):
            text = "Guids needs a mapping of agent id and GUID, or an async function of the agent id"
            raise TypeError(f"{text}, not {type(source).__name__}")
        self._source = source
        self._on_guid = on_guid
        self._given: dict[int, Secret] = {}
        self._known: dict[int, Secret] = {}
        self._retired: dict[int, Secret] = {}
        self._dates: dict[int, float] = {}
        self._sessions: set[int] = set()
        self._cookies: dict[int, dict[str, str]] = {}

    @property
    def identity(self) -> str:
        """One name for all agents: quotas and lock-outs of the gateway are kept by agent beside it."""
        return "guids"

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        """Return the ``Guid`` header of the request's agent, and its cookies.

        Raises:
            NotSignedIn: no GUID is known for this agent.
        """
        agent_id = request.agent_id
        guid = None if agent_id is None else await self._current(agent_id)
        if agent_id is None or guid is None:
            hint = "sign the agent in, or give its GUID"
            raise NotSignedIn(f"no GUID is known for agent {agent_id}", hint=hint)
        headers: dict[str, str] = {"Guid": guid}
        cookies = self._cookies.get(agent_id)
        if cookies:
            headers["Cookie"] = Secret("; ".join(f"{name}={value}" for name, value in cookies.items()))
        return headers

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        """Take a new GUID and cookies into the request's agent, from whatever answer brings them.

        Not after a sign-out, when nothing is known of the agent any more: the answer came too late.
        """
        if request.agent_id in self._known:
            self.take(request.agent_id, headers)

    def take(self, agent_id: int, headers: Mapping[str, str]) -> None:
        """Take over what the headers of an answer bring for an agent."""
        text = headers.get("Set-GUID")
        if text is not None:
            self._take(agent_id, text, server_date(headers))
        if "Set-Cookie" in headers:
            getall = getattr(headers, "getall", None)
            for line in getall("Set-Cookie") if getall else [headers["Set-Cookie"]]:
                self._take_cookie(agent_id, line)

    def signed_in(self, agent_id: int, headers: Mapping[str, str]) -> bool:
        """Begin a session with what its sign-in brought; False when that was no GUID.

        Until ``forget`` the source has no say in this agent.
        """
        self.forget(agent_id)
        self.take(agent_id, headers)
        if agent_id in self._known:
            self._sessions.add(agent_id)
        return agent_id in self._known

    def carry_over(self, agent_id: int, other: Guids) -> None:
        """Go on with the session that another one knows of an agent."""
        if agent_id in other._sessions:
            self._sessions.add(agent_id)
            self._known[agent_id] = other._known[agent_id]
            if agent_id in other._retired:
                self._retired[agent_id] = other._retired[agent_id]
            if agent_id in other._dates:
                self._dates[agent_id] = other._dates[agent_id]
            self._cookies[agent_id] = dict(other._cookies.get(agent_id, {}))

    def remember(self, agent_id: int, guid: str) -> None:
        """Use this GUID for the agent from now on, as after a sign-in."""
        _check(agent_id, guid)
        self._known[agent_id] = Secret(guid)

    def session_over(self, agent_id: int) -> None:
        """Forget an agent whose session it was; one whose GUID came from the source keeps it."""
        if agent_id in self._sessions:
            self.forget(agent_id)

    def forget(self, agent_id: int) -> None:
        """Drop what the server sent for this agent, as after a sign-out; the source is asked again."""
        self._given.pop(agent_id, None)
        self._known.pop(agent_id, None)
        self._retired.pop(agent_id, None)
        self._dates.pop(agent_id, None)
        self._sessions.discard(agent_id)
        self._cookies.pop(agent_id, None)

    async def _current(self, agent_id: int) -> Secret | None:
        """Ask the source; what it gave before does not undo what the server sent since."""
        if agent_id in self._sessions:
            return self._known[agent_id]
        if isinstance(self._source, Mapping):
            guid = self._source.get(agent_id)
        else:
            guid = await self._source(agent_id)
        if guid is not None and guid != self._given.get(agent_id):
            try:
                _check(agent_id, guid)
            except (TypeError, ValueError) as error:
                # One agent's, found only now: the other agents of the call live.
                raise NotSignedIn(str(error), hint="look at the GUID source") from None
            # The first it gives is no news to what an answer or a sign-in brought before.
            if agent_id in self._given or agent_id not in self._known:
                self._known[agent_id] = Secret(guid)
            self._given[agent_id] = Secret(guid)
        return self._known.get(agent_id)

    def _take(self, agent_id: int, text: str, date: float | None) -> None:
        """Keep the GUID of a ``Set-GUID`` header; one that could not be sent back is not kept."""
        guid = text.strip().removeprefix(_PREFIX)
        if not _fits(guid):
            _log.warning("agent %d: the server sent a GUID that cannot be used", agent_id)
            return
        known = self._known.get(agent_id)
        # An answer that was long under way may bring the one before: it is no news.
        if guid == known or guid == self._retired.get(agent_id):
            return
        if date is not None:
            if 0 < self._dates.get(agent_id, date) - date < _APART:
                return  # written before the one we have, and overtaken by it
            self._dates[agent_id] = date
        if known is not None:
            self._retired[agent_id] = known
        self._known[agent_id] = Secret(guid)
        if self._on_guid is not None:
            try:
                self._on_guid(agent_id, self._known[agent_id])
            except Exception as error:
                # Without its text: whoever was handed a GUID may have put it there.
                _log.error("on_guid raised %s for agent %d", type(error).__name__, agent_id)

    def _take_cookie(self, agent_id: int, line: str) -> None:
        """Keep name and value of one ``Set-Cookie`` header; an emptied or outdated one is dropped."""
        pair, *attributes = line.split(";")
        name, equals, value = (part.strip() for part in pair.partition("="))
        cookies = self._cookies.setdefault(agent_id, {})
        ended = any(part.replace(" ", "").lower() in ("max-age=0", "max-age=-1") for part in attributes)
        if not name or not equals or not (name + value).isascii() or not (name + value).isprintable():
            return
        if ended or not value:
            cookies.pop(name, None)
        elif len(line) <= _MAX_COOKIE and (name in cookies or len(cookies) < _MAX_COOKIES):
            cookies[name] = value

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Guids are not pickled; hand them over by a file, or make them again in each process")

    def __repr__(self) -> str:
        kind = f"{len(self._source)} agents" if isinstance(self._source, Mapping) else "from a function"
        return f"Guids(<{kind}>)"


def _fits(guid: str) -> bool:
    """Tell whether a GUID can travel in a header."""
    return bool(guid) and guid.isascii() and guid.isprintable() and not any(char in " ;," for char in guid)


def _check(agent_id: object, guid: object) -> None:
    """Refuse what cannot be an agent or a GUID; the error never repeats the GUID."""
    if isinstance(agent_id, bool) or not isinstance(agent_id, int):
        raise TypeError(f"an agent id must be an int, not {type(agent_id).__name__}")
    if agent_id < _FIRST_AGENT:
        raise ValueError(f"agent ids begin at {_FIRST_AGENT}, not {agent_id}")
    if not isinstance(guid, str):
        raise TypeError(f"the GUID of agent {agent_id} must be text, not {type(guid).__name__}")
    if not _fits(guid):
        raise ValueError(f"the GUID of agent {agent_id} is empty or holds what no header can")
