"""What agents sign in with at the command line: from the environment or a hidden prompt, never shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from cc_async import AgentSession, GatewayClient
from cc_async.batch.ids import AGENT, read_id
from cc_async.cli.connect import at_terminal, typed
from cc_async.cli.text import in_options, visible
from cc_async.cli.usage import UsageError

_PASSWORD, _PHONE = "CC_ASYNC_AGENT_PASSWORD", "CC_ASYNC_AGENT_PHONE"


class SignIns:
    """Passwords and phones; one phone is for one agent."""

    def __init__(self, phone: str | None) -> None:
        self._phone = phone

    def sessions(self, client: GatewayClient, agent_ids: Sequence[int], **given: Any) -> list[AgentSession]:
        """Make the sessions, asking for what the environment does not hold; ids are looked at before.

        Raises UsageError.
        """
        try:
            return self._sessions(client, agent_ids, given)
        except (TypeError, ValueError) as error:
            raise UsageError(visible(in_options(str(error)), longest=300)) from None

    def _sessions(
        self, client: GatewayClient, agent_ids: Sequence[int], given: dict[str, Any]
    ) -> list[AgentSession]:
        ids = list(dict.fromkeys(read_id(agent_id, AGENT) for agent_id in agent_ids))
        phone = self._phone or os.environ.get(_PHONE)
        if phone and len(ids) > 1:
            raise UsageError("one phone cannot serve several agents", hint=f"leave out --phone and {_PHONE}")
        return [
            client.agent_session(
                agent_id,
                password=os.environ.get(_PASSWORD) or _asked("password", agent_id, f"set {_PASSWORD}"),
                phone=phone or _asked("phone", agent_id, f"give --phone, or set {_PHONE}"),
                **given,
            )
            for agent_id in ids
        ]


def _asked(what: str, agent_id: int, hint: str) -> str:
    """Ask at the terminal, unseen; raises UsageError where nobody can be asked."""
    if not at_terminal():
        raise UsageError(f"the {what} of agent {agent_id} is not set", hint=hint)
    return typed(f"{what} of agent {agent_id}: ", what, hint)
