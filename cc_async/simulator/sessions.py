"""Agent sessions on the gateway: who is signed in, with which GUIDs."""

from __future__ import annotations

from .hashing import mix


class Sessions:
    """GUIDs by agent. They stay valid until the agent signs out; rotation adds one and announces it."""

    def __init__(self, seed: int, node: str = "AgentGateway1") -> None:
        self._seed, self._node = seed, node
        self._made = 0
        self._valid: dict[int, list[str]] = {}
        self._announced: dict[int, str] = {}

    def _new(self, agent_id: int) -> str:
        self._made += 1
        bits = mix(self._seed, 71, agent_id, self._made) << 64 | mix(self._seed, 72, agent_id, self._made)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}.{self._node}"

    def sign_in(self, agent_id: int) -> str:
        """Begin a session and return its GUID; one that was there ends."""
        guid = self._new(agent_id)
        self._valid[agent_id] = [guid]
        self._announced.pop(agent_id, None)
        return guid

    def sign_out(self, agent_id: int) -> None:
        """End a session."""
        self._valid.pop(agent_id, None)
        self._announced.pop(agent_id, None)

    def rotate(self, agent_id: int) -> str:
        """Make a new GUID, announced with the agent's next answer; the old ones stay valid."""
        guid = self._new(agent_id)
        self._valid[agent_id].append(guid)
        self._announced[agent_id] = guid
        return guid

    def signed_in(self, agent_id: int) -> bool:
        """Say whether an agent has a session."""
        return agent_id in self._valid

    def accepts(self, agent_id: int, guid: str) -> bool:
        """Say whether a GUID is one of the agent's."""
        return guid in self._valid.get(agent_id, ())

    def take_announcement(self, agent_id: int) -> str | None:
        """Return the GUID that the next answer must carry, once."""
        return self._announced.pop(agent_id, None)

    def guids(self) -> dict[int, str]:
        """Return the newest GUID of every agent."""
        return {agent_id: guids[-1] for agent_id, guids in self._valid.items()}
