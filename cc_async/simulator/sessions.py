"""Agent sessions on the gateway: who is signed in, with which GUIDs, on which node, and for how long."""

from __future__ import annotations

import asyncio
from math import inf

import attrs

from .desk import Desk, SignedInDesk
from .hashing import mix

SILENCE = 120.0
"""Seconds without a request after which an agent is signed out."""
RENEWAL = 60.0
"""Seconds after which the answer of a poll or heartbeat brings a new GUID, in dynamic mode."""
GUID_LIFE = 120.0
"""Seconds a GUID lives from the moment it was given, in dynamic mode."""
NODE = "AgentGateway"


@attrs.define(eq=False)
class AgentSession:
    """One agent's session. `node` None: every node knows it. Times are monotonic seconds but the sign-in."""

    agent_id: int
    guid: str
    """The newest one."""
    guids: dict[str, float]
    """Every GUID that was given, and when it dies."""
    node: int | None = None
    seen: float = inf
    """When the last request came; infinite: its own desktop keeps it alive."""
    renewed: float = 0.0
    signed_in_at: float = 0.0
    """Epoch seconds."""
    dynamic: bool = False
    push: bool = False
    """Events are pushed to the caller's address, so polling is the wrong way of getting them."""
    desk: Desk | None = None
    polling: bool = False
    ended: bool = False
    announced: str | None = None
    """The GUID that the next answer must carry."""
    wake: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set when a held poll has to look up."""

    @property
    def kept(self) -> bool:
        """Whether it is kept alive by the agent's own desktop, which nobody sees."""
        return self.seen == inf

    @property
    def signed_in_desk(self) -> SignedInDesk | None:
        """The life of an agent who signed in at the gateway; None for one of the world."""
        return self.desk if isinstance(self.desk, SignedInDesk) else None

    def touch(self, now: float) -> None:
        """Note a request."""
        if not self.kept:
            self.seen = now

    def accepts(self, guid: str, now: float) -> bool:
        """Say whether a GUID is one of this session's and lives."""
        return self.guids.get(guid, -inf) > now

    def end(self) -> None:
        """End it; a held poll is answered."""
        self.ended = True
        self.wake.set()


class Sessions:
    """Every session by agent.

    Sessions of `sign_in` are those of people at work: their own desktops keep them alive, their GUID stays
    until `rotate` adds one. Sessions of `open` came by the gateway, and follow all its rules.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0
        self._open: dict[int, AgentSession] = {}
        self._past: dict[int, frozenset[str]] = {}

    def _new(self, agent_id: int, node: int) -> str:
        self._made += 1
        bits = mix(self._seed, 71, agent_id, self._made) << 64 | mix(self._seed, 72, agent_id, self._made)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}.{NODE}{node}"

    def password(self, agent_id: int) -> str:
        """Return the password of an agent; it opens nothing but this simulator."""
        return f"Pw-{mix(self._seed, 73, agent_id):016x}"

    def sign_in(self, agent_id: int) -> str:
        """Begin the session of a person at work and return its GUID; one that was there ends."""
        self.sign_out(agent_id)
        guid = self._new(agent_id, 1)
        self._open[agent_id] = AgentSession(agent_id, guid, {guid: inf})
        return guid

    def open(
        self,
        desk: SignedInDesk,
        agent_id: int,
        *,
        node: int,
        now: float,
        wall: float,
        dynamic: bool,
        push: bool,
    ) -> AgentSession:
        """Begin a session that came by the gateway; one that was there ends."""
        self.sign_out(agent_id)
        guid = self._new(agent_id, node)
        session = self._open[agent_id] = AgentSession(
            agent_id,
            guid,
            {guid: now + GUID_LIFE if dynamic else inf},
            node=node,
            seen=now,
            renewed=now,
            signed_in_at=wall,
            dynamic=dynamic,
            push=push,
            desk=desk,
        )
        return session

    def sign_out(self, agent_id: int) -> None:
        """End a session."""
        session = self._open.pop(agent_id, None)
        if session is not None:
            self._past[agent_id] = frozenset(session.guids)
            session.end()

    def find(self, agent_id: int, now: float) -> AgentSession | None:
        """Return an agent's session; one that was silent too long has ended."""
        session = self._open.get(agent_id)
        if session is not None and not session.polling and now - session.seen > SILENCE:
            self.sign_out(agent_id)
            return None
        return session

    def was_signed_out(self, agent_id: int, guid: str) -> bool:
        """Say whether a GUID is one of the agent's last session, which is over."""
        return guid in self._past.get(agent_id, ())

    def rotate(self, agent_id: int) -> str:
        """Make a new GUID, announced with the agent's next answer; the old ones stay valid."""
        session = self._open[agent_id]
        session.announced = session.guid = self._new(agent_id, session.node or 1)
        session.guids[session.guid] = inf
        return session.guid

    def renew(self, session: AgentSession, now: float) -> None:
        """After a poll or heartbeat: in dynamic mode a new GUID once the last one is a minute old."""
        if session.dynamic and now - session.renewed >= RENEWAL:
            session.announced = session.guid = self._new(session.agent_id, session.node or 1)
            session.renewed = now
            living = {guid: dies for guid, dies in session.guids.items() if dies > now}
            session.guids = {**living, session.guid: now + GUID_LIFE}

    def wake_all(self) -> None:
        """Let every held poll look up: the clock was moved by hand."""
        for session in self._open.values():
            session.wake.set()

    def guids(self) -> dict[int, str]:
        """Return the newest GUID of every agent; one who fell silent is there until asked about."""
        return {agent_id: session.guid for agent_id, session in self._open.items()}
