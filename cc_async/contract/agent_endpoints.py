"""The table's second part: what an agent session on CC-Gateway is made of. No questions, so no methods."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve

from cc_async.contract.envelopes import GATEWAY
from cc_async.contract.spec import Endpoint, Host, KeyKind, Quota, Whole

_ONLINE = "/agentgateway/resource/onlineagent/{agent_id}"


def _of_session(name: str, method: str, path: str, **more: Any) -> Endpoint[Any]:
    """One row: spoken for by the agent's GUID, its answer one object, raw."""
    usual: dict[str, Any] = {
        "record": object,
        "envelope": GATEWAY,
        "split": Whole(),
        "scope": (),
        "needs": KeyKind.AGENT,
    }
    return Endpoint(name=name, host=Host.GATEWAY, method=method, path=path, **(usual | more))


# Asking these twice is not harmless: a sign-in that was lost on its way back may have worked.
sign_in = _of_session("agent_sign_in", "PUT", _ONLINE, needs=KeyKind.SIGN_IN, retryable=False)
force_sign_in = _of_session(
    "agent_force_sign_in", "PUT", _ONLINE + "/forcelogin", needs=KeyKind.SIGN_IN, retryable=False
)
sign_out = _of_session("agent_sign_out", "DELETE", _ONLINE + "/logout", retryable=False)

heartbeat = _of_session("agent_heartbeat", "POST", _ONLINE + "/handshake")
heartbeat_put = _of_session("agent_heartbeat_put", "PUT", _ONLINE + "/heartbeat")
"""As older servers have it."""

events = _of_session(
    "agent_events",
    "GET",
    "/agentgateway/resource/agentevent/{agent_id}",
    envelope=evolve(GATEWAY, data=("event",)),
    # Not published: what pauses of 200 ms come to. With it, 000-007 pauses that agent and nobody else.
    agent_quota=Quota(10, per=2.0),
)
events_once = evolve(events, retryable=False)
"""The same where several agents share a connection: trying again is the keeper's, on another one."""

AGENT_ENDPOINTS: Mapping[str, Endpoint[Any]] = MappingProxyType(
    {
        endpoint.name: endpoint
        for endpoint in (sign_in, force_sign_in, sign_out, heartbeat, heartbeat_put, events)
    }
)
"""Every interface of agent sessions by name: the names of quotas, errors and events."""
