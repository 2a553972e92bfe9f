"""The table of agent sessions: paths, and what may be asked twice."""

from __future__ import annotations

from cc_async.contract.agent_endpoints import AGENT_ENDPOINTS
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Host, KeyKind

RESOURCE = "/agentgateway/resource/"
ROWS = {
    "agent_sign_in": ("PUT", "onlineagent/{agent_id}", False),
    "agent_force_sign_in": ("PUT", "onlineagent/{agent_id}/forcelogin", False),
    "agent_sign_out": ("DELETE", "onlineagent/{agent_id}/logout", False),
    "agent_heartbeat": ("POST", "onlineagent/{agent_id}/handshake", True),
    "agent_heartbeat_put": ("PUT", "onlineagent/{agent_id}/heartbeat", True),
    "agent_events": ("GET", "agentevent/{agent_id}", True),
}


def test_each_is_at_its_documented_path_and_only_reads_are_repeated() -> None:
    """A sign-in or sign-out is never sent twice; polls and heartbeats may be."""
    found = {
        name: (row.method, row.path.removeprefix(RESOURCE), row.retryable)
        for name, row in AGENT_ENDPOINTS.items()
    }
    assert found == ROWS
    assert {row.host for row in AGENT_ENDPOINTS.values()} == {Host.GATEWAY}


def test_who_signs_in_has_no_guid_yet() -> None:
    """Everything else is spoken for by the agent's GUID."""
    without = {name for name, row in AGENT_ENDPOINTS.items() if row.needs is not KeyKind.AGENT}
    assert without == {"agent_sign_in", "agent_force_sign_in"}
    assert {AGENT_ENDPOINTS[name].needs for name in without} == {KeyKind.SIGN_IN}


def test_they_are_no_questions() -> None:
    """Nobody can ask them by name, so no stored question signs anybody in."""
    assert not AGENT_ENDPOINTS.keys() & ENDPOINTS.keys()
