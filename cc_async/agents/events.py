"""What happens to an agent, as the gateway tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from cc_async.agents.struck import struck
from cc_async.contract.codes import CtiStatus

_STATES: Mapping[str, CtiStatus] = MappingProxyType(
    {
        "AgentState_Ready": CtiStatus.IDLE,
        "AgentState_CancelNotReady_Success": CtiStatus.IDLE,
        "AgentState_CancelRest_Success": CtiStatus.IDLE,
        "AgentState_CancelWork_Success": CtiStatus.IDLE,
        "AgentState_SetNotReady_Success": CtiStatus.NOT_READY,
        "AgentState_Force_SetNotReady": CtiStatus.NOT_READY,
        "AgentState_SetRest_Success": CtiStatus.REST,
        "AgentState_SetWork_Success": CtiStatus.WRAP_UP,
        "AgentState_Work": CtiStatus.WRAP_UP,
        "AgentEvent_Ringing": CtiStatus.ANSWERING,
        "AgentEvent_Talking": CtiStatus.TALKING,
    }
)


@frozen
class AgentEvent:
    """One event of one agent: a state that changed, a call that rings, is talked, is released.

    Interface: ``GET agentevent/{agentid}``.
    """

    agent_id: int
    kind: str
    """The vendor's name, such as ``AgentEvent_Talking``; new ones come as they are."""
    content: Any = field(default=None, repr=False, hash=False)
    """What the vendor tells about it (``callid``, ``caller`` ...), as it came; None: nothing."""
    received_at: datetime | None = None

    @property
    def state(self) -> CtiStatus | None:
        """The state the agent is in after this event; None where the event says nothing about it."""
        return _STATES.get(self.kind)

    @property
    def call_id(self) -> str | None:
        """Id of the call it is about, or None."""
        found = self.content.get("callid") if isinstance(self.content, Mapping) else None
        return found if isinstance(found, str) and found else None

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, ready for JSON; numbers of callers are in it."""
        at = None if self.received_at is None else self.received_at.astimezone(UTC).isoformat()
        return {
            "agent_id": self.agent_id,
            "kind": self.kind,
            "state": None if self.state is None else int(self.state),
            "content": self.content,
            "received_at": None if at is None else at.removesuffix("+00:00") + "Z",
        }


def read_events(agent_id: int, told: Any, at: datetime, secrets: tuple[str, ...]) -> Iterator[AgentEvent]:
    """Read what a poll brought: nothing, one event, or a list; what is no event is passed over.

    What the agent signed in with (``secrets``) is struck out wherever the server repeats it.
    """
    for each in told if isinstance(told, list) else [told]:
        if not isinstance(each, Mapping):
            continue
        kind = each.get("eventType")
        if kind is not None:
            yield AgentEvent(
                agent_id, struck(str(kind)[:100], secrets), _kept(each.get("content"), secrets), at
            )


def _kept(value: Any, secrets: tuple[str, ...]) -> Any:
    """The content without the secrets."""
    if isinstance(value, str):
        return struck(value, secrets)
    if isinstance(value, Mapping):
        return {key: _kept(each, secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_kept(each, secrets) for each in value]
    return value
