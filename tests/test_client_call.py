"""The raw call: any sister interface, signed, paced and retried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cc_async import ApiError, CallTimeout, CmsClient, NotDeployed, Quota, SignatureRejected
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


async def test_a_relative_path_is_a_post_with_cc_id_and_vdn(sim: Simulator, cms: CmsClient) -> None:
    """The answer is ``resultDesc`` as it came; ``ccId`` and ``vdn`` come from the client unless given."""
    rows = await cms.call("vdn/totalagentstate", {})
    assert len(rows) == 40
    assert set(rows[0]) == {"agentId", "currentState", "currentStateTime", "locationId"}
    await cms.call("vdn/totalagentstate", {"vdn": 2})
    assert [(each.method, each.body) for each in sim.requests] == [
        ("POST", {"ccId": 1, "vdn": 170}),
        ("POST", {"ccId": 1, "vdn": 2}),
    ]


async def test_an_absolute_path_is_taken_as_it_is(sim: Simulator, cms: CmsClient) -> None:
    """Nothing is added to the body of an absolute path."""
    now = int(sim.clock.wall()) * 1000
    body = {
        "ccId": 1, "vdn": 170, "beginDate": now - 10_000, "endDate": now, "isCallIn": "true",
        "limit": 3, "offset": 0,
    }  # fmt: skip
    found = await cms.call("/rest/cmsapp/v2/openapi/vdn/querycalls", body)
    assert (len(found["data"]), found["count"]) == (3, 10)
    assert sim.requests[0].body == body


async def test_a_get_has_no_body(sim: Simulator, cms: CmsClient) -> None:
    """``method="GET"``: the ids are in the path, the signature covers an empty body."""
    path = "/rest/cmsapp/v1/openapi/configures/agents/1/170/0/5"
    rows = await cms.call(path, method="GET")
    assert len(rows) == 5
    assert (sim.requests[0].method, sim.requests[0].body, sim.requests[0].status) == ("GET", None, 200)


async def test_query_parameters_are_signed(sim: Simulator, cms: CmsClient) -> None:
    """The server's signature check covers them; other characters than letters and digits included."""
    path = "/rest/cmsapp/v1/openapi/configures/agents/1/170/0/5"
    await cms.call(path, method="GET", query={"name": "Zoë & co/1", "empty": ""})
    assert sim.requests[0].status == 200
    assert sim.requests[0].query == "empty=&name=Zo%C3%AB%20%26%20co%2F1"


async def test_ping_checks_the_signature(sim: Simulator, make_cms: MakeCms, cms: CmsClient) -> None:
    """``ping`` returns when all is well, and says what is wrong otherwise."""
    await cms.ping()
    assert sim.requests[0].body == {"say": "Hello world!"}
    from cc_async import AkSk

    with pytest.raises(SignatureRejected):
        await make_cms(sim, auth=AkSk(sim.access_key, "wrong")).ping()


async def test_errors_come_bare(sim: Simulator, cms: CmsClient) -> None:
    """One request, one error: no group around it."""
    with pytest.raises(NotDeployed):
        await cms.call("no/such/thing")
    sim.fail("total_agent_state", code="0100003", text="CTI is too old", times=1)
    with pytest.raises(ApiError, match="CTI is too old") as caught:
        await cms.call("vdn/totalagentstate")
    assert caught.value.code == "0100003"


async def test_a_raw_call_is_retried_paced_and_limited(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """503 is asked again, ``quota`` names it by path, ``timeout`` ends it."""
    sim = await open_sim()
    cms = make_cms(sim, quota={"vdn/totalagentstate": Quota(1, per=0.3), "*": None})
    sim.fail("total_agent_state", status=503, times=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await cms.call("vdn/totalagentstate")
    assert loop.time() - began >= 0.3
    assert [each.status for each in sim.requests] == [503, 200]
    sim.fail("ping", delay=5, times=1)
    with pytest.raises(CallTimeout):
        await cms.call("/rest/cmsapp/v1/ping", {"say": "x"}, timeout=0.1)


async def test_a_wrapped_server_is_asked_so_by_raw_calls_too(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The habit of the host holds for interfaces of no table."""
    sim = await open_sim(profile="wrapped")
    cms = make_cms(sim)
    await cms.skill_states([1])
    before = len(sim.requests)
    assert len(await cms.call("vdn/totalagentstate")) == 40
    assert len(sim.requests) == before + 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"returnCode": "0", "description": "ok", "data": [1, 2]}, [1, 2]),
        ({"resultCode": "0100000", "resultDesc": "done"}, "done"),
        ({"resultCode": "0100000", "resultDesc": None}, None),
        ({"resultCode": "0100000", "resultDesc": {"a": 1}}, {"a": 1}),
    ],
)
async def test_answers_of_the_family(
    answer: dict[str, Any], expected: object, sim: Simulator, cms: CmsClient
) -> None:
    """Whatever ``resultDesc`` holds is returned; ``returnCode`` / ``data`` are read where they come."""
    sim.fail("total_agent_state", body=answer, times=1)
    assert await cms.call("vdn/totalagentstate") == expected
