"""Agent sessions on CC-Gateway: signed in, kept alive, their events, signed out."""

from __future__ import annotations

from cc_async.agents.events import AgentEvent
from cc_async.agents.session import AgentSession

__all__ = ["AgentEvent", "AgentSession"]
