"""Agents without faces: alerts and changes that name nobody, unless the board was told to show agents."""

from __future__ import annotations

import secrets
from hashlib import blake2b

from attrs import evolve, field, frozen

from cc_async.monitor.alert import Alert
from cc_async.monitor.changes import AgentChange, Change


@frozen
class Privacy:
    """What of agents may leave the process."""

    show_agents: bool = False
    _salt: bytes = field(factory=lambda: secrets.token_bytes(16), repr=False)
    """Agent ids are few: without a secret a digest of one is found by trying them all."""

    def alert(self, alert: Alert) -> Alert:
        """The alert, told of "an agent" where it is about one."""
        if self.show_agents or not alert.key.startswith("agent/"):
            return alert
        known = blake2b(alert.id.encode(), key=self._salt, digest_size=8).hexdigest()
        return evolve(alert, id=f"{alert.rule}/agent/{known}", key="agent", name="an agent")

    def change(self, change: Change) -> Change | None:
        """The change; None where it is about an agent."""
        return None if isinstance(change, AgentChange) and not self.show_agents else change
