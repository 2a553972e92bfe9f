"""The table: paths, shapes, quotas, and the raw endpoint that cannot be led astray."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.contract.endpoints import CMS_PREFIX, ENDPOINTS, raw_endpoint
from cc_async.contract.spec import Host, KeyKind, Quota

PATHS = {
    "skill_call_stats": "/rest/cmsapp/v1/openapi/skill/currentcallstateinfo",
    "system_indicators": "/rest/cmsapp/v1/openapi/cti/sysindex",
    "task_stats": "/rest/cmsapp/v1/openapi/fromisales/realstatistic",
    "signed_in_agents": "/rest/cmsapp/v1/openapi/skill/agentbyconfigedskill",
    "skills": "/rest/cmsapp/v1/openapi/configures/skills",
    "vdns": "/rest/cmsapp/v1/openapi/configures/vdns",
    "skill_states": "/rest/cmsapp/v1/openapi/skill/stateinfo",
    "agent_states": "/rest/cmsapp/v1/openapi/vdn/totalagentabstractex3",
    "agent_call_stats": "/agentgateway/resource/calldata/{agent_id}/statistics",
    "agent_call_stats_brief": "/agentgateway/resource/calldata/{agent_id}/statisticsEx",
}


def test_every_interface_is_at_its_documented_path() -> None:
    """Ten interfaces; the monitoring server is asked by POST, the gateway by GET."""
    assert {name: endpoint.path for name, endpoint in ENDPOINTS.items()} == PATHS
    for endpoint in ENDPOINTS.values():
        assert endpoint.method == ("POST" if endpoint.host is Host.CMS else "GET")


def test_every_cms_interface_is_tried_flat_then_wrapped() -> None:
    """The wrapped request is a habit of a whole server; variants come after both."""
    for endpoint in ENDPOINTS.values():
        wrapped = [shape.wrapped for shape in endpoint.shapes]
        if endpoint.host is Host.GATEWAY:
            assert wrapped == [False]
        else:
            assert wrapped[:2] == [False, True]
            assert wrapped == [False, True] * (len(wrapped) // 2)
            assert not endpoint.shapes[0].as_text | endpoint.shapes[0].as_number
    assert ENDPOINTS["system_indicators"].shapes[2].as_text == {"limit", "offset"}
    assert ENDPOINTS["task_stats"].shapes[3].as_number == {"taskId"}


def test_published_limits_are_in_the_table() -> None:
    """The gateway's overload control, and the two interfaces that want the global key."""
    for name in ("agent_call_stats", "agent_call_stats_brief"):
        assert ENDPOINTS[name].quota == Quota(15_000, per=2.0)
        assert ENDPOINTS[name].agent_quota == Quota(5, per=2.0)
    wanting = {name for name, endpoint in ENDPOINTS.items() if endpoint.needs is KeyKind.GLOBAL}
    assert wanting == {"system_indicators", "vdns"}


def test_raw_paths_are_relative_or_absolute() -> None:
    """A relative path lies under the interface's folder, an absolute one stays as it is."""
    assert raw_endpoint("vdn/totalagentstate").path == CMS_PREFIX + "vdn/totalagentstate"
    ping = raw_endpoint("/rest/cmsapp/v2/openapi/vdn/querycalls", method="GET")
    assert ping.path == "/rest/cmsapp/v2/openapi/vdn/querycalls"
    assert len(ping.shapes) == 1


BAD = [
    "",
    "/",
    "//evil.example.com/x",
    "..",
    "../x",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    "a b",
    "a\r\nHost: x",
    "a\n",
    "a?b=1",
    "a#b",
    "a%2e%2e",
    "a\\b",
    "http://x/y",
    "a@b",
    "ａ/b",
    "/..",
    ".hidden",
    "a/\u202eb",
]


@pytest.mark.parametrize("path", BAD)
def test_raw_paths_cannot_leave_their_place(path: str) -> None:
    """No climbing, no second host, no query, no header smuggled in."""
    with pytest.raises(ValueError, match="not a path"):
        raw_endpoint(path)


@given(st.text())
def test_any_accepted_path_is_plain(path: str) -> None:
    """Whatever is accepted holds harmless characters only and no dot segment."""
    try:
        accepted = raw_endpoint(path).path
    except ValueError:
        return
    assert accepted.isascii()
    assert not set(accepted) & set("?#%\\ \r\n\t@:;")
    assert not {"", ".", ".."} & set(accepted.split("/")[1:])


def test_raw_methods_are_post_and_get() -> None:
    """Nothing that could change anything on the server."""
    with pytest.raises(ValueError, match="POST or GET"):
        raw_endpoint("x", method="DELETE")
    with pytest.raises(TypeError):
        raw_endpoint(7)  # type: ignore[arg-type]
