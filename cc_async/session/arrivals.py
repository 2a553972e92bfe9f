"""Arrivals: how a sign-in speaks to CC-Gateway, without a GUID, and brings one back."""

from __future__ import annotations

from collections.abc import Mapping

from cc_async.session.auth import Unsigned
from cc_async.session.guid import Guids


class Arrivals:
    """The Auth of sign-ins: sends no GUID, and keeps what the answer brings until it is judged.

    A refused sign-in must leave the GUID alone that the agent may have from elsewhere; so nothing is taken
    over before ``accept``. ``guids`` may be exchanged while a sign-in is under way: its GUID goes to the new.
    """

    __slots__ = ("_answers", "guids")

    def __init__(self, guids: Guids) -> None:
        self.guids = guids
        self._answers: dict[int, Mapping[str, str]] = {}

    @property
    def identity(self) -> str:
        """That of the agents: what locks them stops their sign-ins too."""
        return self.guids.identity

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        """Return no header: who signs in has no GUID yet, and old cookies would lead to the old node."""
        return {}

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        """Keep the headers of the answer."""
        if request.agent_id is not None:
            self._answers[request.agent_id] = headers

    def accept(self, agent_id: int) -> bool:
        """The sign-in worked: take over its GUID and cookies; False when the answer brought no GUID."""
        return self.guids.signed_in(agent_id, self._answers.pop(agent_id, {}))

    def drop(self, agent_id: int) -> None:
        """The sign-in did not work."""
        self._answers.pop(agent_id, None)
