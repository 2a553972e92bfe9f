"""The gateway of a replay: call statistics as they were captured, agent by agent."""

from __future__ import annotations

from typing import Any

from .gateway import Gateway, statistics_of
from .player import Player, told
from .recording import Pair, Recording
from .sessions import AgentSession
from .shapes import Reply
from .site import Site

_Asked = tuple[int, str]
"""Agent and interface."""


def agents_of(recording: Recording) -> tuple[int, ...]:
    """Return the agents whose call statistics were captured."""
    return tuple(dict.fromkeys(agent_id for agent_id, _ in _captured(recording)))


def _captured(recording: Recording) -> dict[_Asked, tuple[Pair, ...]]:
    found: dict[_Asked, tuple[Pair, ...]] = {}
    for path, pairs in recording.pairs.items():
        asked = statistics_of(path)
        if asked is not None:
            found[asked] = pairs
    return found


class ReplayGateway(Gateway):
    """Sessions and GUIDs are this simulator's own; only what was captured is answered for those agents."""

    def __init__(self, player: Player, site: Site, *given: Any) -> None:
        super().__init__(site, *given)
        self._player = player
        self._captured = _captured(player.recording)
        self._agents = frozenset(agents_of(player.recording))

    def _statistics(self, session: AgentSession, *, brief: bool) -> Reply:
        if session.agent_id not in self._agents:
            return super()._statistics(session, brief=brief)
        pairs = self._captured.get(
            (session.agent_id, "agent_call_stats_brief" if brief else "agent_call_stats")
        )
        if pairs is None:
            return told(self.coded("000-002", "", 200), "never captured")
        return self._player.reply(self._player.of_now(pairs), "exact")

    def _poll(self, session: AgentSession) -> Reply:
        if session.agent_id in self._agents:
            return told(self.coded("000-001", "", 200), "never captured")
        return super()._poll(session)
