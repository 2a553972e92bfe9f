"""CC-Gateway: every agent asked with its own GUID, and what becomes of an agent that cannot be asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import truth

from cc_async import (
    BatchError,
    CmsClient,
    GatewayClient,
    GatewayError,
    Guids,
    NotSignedIn,
    Question,
    Retry,
    SessionLost,
    Throttled,
)
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeGateway = Callable[..., GatewayClient]


def some(sim: Simulator, count: int = 5) -> list[int]:
    """Agents who are signed in, the highest id first."""
    return sorted(sim.guids, reverse=True)[:count]


async def test_each_agent_is_asked_with_its_own_guid(sim: Simulator, gateway: GatewayClient) -> None:
    """One GET per agent, its GUID in the header, rows in the order asked."""
    agents = some(sim)
    batch = await gateway.agent_call_stats(agents)
    assert [attrs.asdict(row, recurse=False) for row in batch] == truth.agent_call_stats(sim, agents)
    assert {each.path.split("/")[4]: each.headers["Guid"] for each in sim.requests} == {
        str(agent): sim.guids[agent] for agent in agents
    }
    assert {each.method for each in sim.requests} == {"GET"}
    assert batch.request_count == 5


async def test_brief_asks_the_recommended_interface(sim: Simulator, gateway: GatewayClient) -> None:
    """``brief=True``: three counters, the others None, never 0."""
    agents = some(sim)
    batch = await gateway.agent_call_stats(agents, brief=True)
    expected = truth.agent_call_stats(sim, agents, brief=True)
    assert [attrs.asdict(row, recurse=False) for row in batch] == expected
    assert {each.path.rsplit("/", 1)[1] for each in sim.requests} == {"statisticsEx"}
    assert {row.rest_count for row in batch} == {None}


async def test_full_and_brief_are_counted_together(open_sim: OpenSim, make_gateway: MakeGateway) -> None:
    """The published limits are on an agent's and a system's queries, whichever way they are asked."""
    sim = await open_sim(agent_quota=(5, 2.0), gateway_quota=(15_000, 2.0))
    client = make_gateway(sim)
    [agent] = some(sim, 1)
    asked = [client.agent_call_stats([agent], brief=number % 2 == 0) for number in range(12)]
    assert all(batch.complete for batch in await asyncio.gather(*asked))
    assert sim.over_quota == 0
    assert len(sim.requests) == 12
    assert client.health.quota_used["agent_call_stats"][0] >= 2


async def test_a_new_guid_is_used_from_then_on(sim: Simulator, make_gateway: MakeGateway) -> None:
    """``Set-GUID`` on any answer: kept for that agent, told to ``on_guid``, sent with the next request."""
    told: list[tuple[int, str]] = []
    first, second = some(sim, 2)
    gateway = make_gateway(sim, on_guid=lambda agent, guid: told.append((agent, guid)))
    await gateway.agent_call_stats([first, second])
    new = sim.rotate_guid(first)
    await gateway.agent_call_stats([first])
    await gateway.agent_call_stats([first, second])
    assert told == [(first, new)]
    assert {each.headers["Guid"] for each in sim.requests[-2:]} == {new, sim.guids[second]}


async def test_on_guid_outlives_the_guids(sim: Simulator, make_gateway: MakeGateway) -> None:
    """After ``replace_auth``, by the client or by a copy, it is still told of new GUIDs."""
    told: list[tuple[int, str]] = []
    (agent,) = some(sim, 1)
    gateway = make_gateway(sim, on_guid=lambda agent, guid: told.append((agent, guid)))
    expected = []
    for client in (gateway, gateway.with_options(timeout=5.0)):
        await client.replace_auth(dict(sim.guids))
        expected.append((agent, sim.rotate_guid(agent)))
        await client.agent_call_stats([agent])
    assert told == expected


async def test_guids_from_a_function(sim: Simulator, make_gateway: MakeGateway) -> None:
    """It is asked for each agent; None means that nobody knows one, and nothing is sent."""
    asked: list[int] = []

    async def guid_of(agent_id: int) -> str | None:
        asked.append(agent_id)
        return sim.guids.get(agent_id) if agent_id % 2 else None

    odd, even = (next(agent for agent in some(sim, 20) if agent % 2 == rest) for rest in (1, 0))
    batch = await make_gateway(sim, guids=guid_of).agent_call_stats([odd, even], partial=True)
    assert [row.agent_id for row in batch] == [odd]
    assert [type(failure.error) for failure in batch.failures] == [NotSignedIn]
    assert sorted(asked) == sorted([odd, even])
    assert len(sim.requests) == 1


async def test_guids_may_be_an_auth_of_the_caller(sim: Simulator, make_gateway: MakeGateway) -> None:
    """``Guids`` made by hand does as well; what it learns stays with it."""
    (agent,) = some(sim, 1)
    guids = Guids({agent: sim.guids[agent]})
    assert len(await make_gateway(sim, guids=guids).agent_call_stats([agent])) == 1
    assert len(await make_gateway(sim, guids=guids).agent_call_stats([agent])) == 1


async def test_an_idle_agent_is_an_expected_failure(open_sim: OpenSim, make_gateway: MakeGateway) -> None:
    """100-007 is asked once more, then reported for that agent; the others have their rows."""
    sim = await open_sim(profile="idle_agents_refused")
    agents = some(sim, 15)
    in_call = [agent for agent in agents if sim.world.in_a_call(sim.vdn, agent, sim.clock.wall())]
    assert in_call
    gateway = make_gateway(sim, retry=Retry(base=0.0), quota=None)
    with pytest.raises(BatchError) as caught:
        await gateway.agent_call_stats(agents)
    batch = caught.value.batch
    assert [row.agent_id for row in batch] == in_call
    assert {failure.keys[0] for failure in batch.failures} == set(agents) - set(in_call)
    assert {(failure.attempts, failure.error.code) for failure in batch.failures} == {(2, "100-007")}
    assert all(isinstance(failure.error, GatewayError) for failure in batch.failures)
    assert batch.request_count == len(in_call) + 2 * (len(agents) - len(in_call)) == len(sim.requests)


@pytest.mark.parametrize(
    ("code", "kind", "requests"),
    [
        ("100-006", NotSignedIn, 1),
        ("100-008", SessionLost, 1),
        ("000-003", SessionLost, 1),
        ("000-002", GatewayError, 1),
        ("100-003", GatewayError, 1),
        ("000-004", GatewayError, 3),
        ("100-007", GatewayError, 2),
        ("000-007", Throttled, 3),
        ("999-999", GatewayError, 1),
    ],
)
async def test_codes_of_the_gateway(
    code: str, kind: type[Exception], requests: int, sim: Simulator, make_gateway: MakeGateway
) -> None:
    """Each code is its own error with the code in it, asked again only where the documents say so."""
    sim.fail("agent_call_stats", code=code, times=None)
    (agent,) = some(sim, 1)
    gateway = make_gateway(sim, retry=Retry(base=0.0, throttle_base=0.0), quota=None)
    with pytest.raises(BatchError) as caught:
        await gateway.agent_call_stats([agent])
    (error,) = caught.value.exceptions
    assert isinstance(error, kind)
    assert error.code == code
    assert len(sim.requests) == requests


async def test_other_guids_from_now_on(sim: Simulator, make_gateway: MakeGateway) -> None:
    """``replace_auth`` holds in every copy."""
    (agent,) = some(sim, 1)
    gateway = make_gateway(sim, guids={})
    copy = gateway.with_options(timeout=5)
    with pytest.raises(BatchError):
        await copy.agent_call_stats([agent])
    await gateway.replace_auth(sim.guids)
    assert len(await copy.agent_call_stats([agent])) == 1


async def test_no_guid_in_any_text(
    sim: Simulator, make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in an error, a repr or a log, even when the server repeats it."""
    caplog.set_level(logging.DEBUG)
    (agent,) = some(sim, 1)
    guid = sim.guids[agent]
    gateway = make_gateway(sim, retry=Retry(attempts=1))
    sim.fail("agent_call_stats", status=400, body=f"<html>{guid} is unknown</html>", times=1)
    with pytest.raises(BatchError) as caught:
        await gateway.agent_call_stats([agent])
    texts = [str(caught.value), repr(caught.value), repr(caught.value.exceptions), repr(vars(gateway))]
    texts += [repr(caught.value.batch), caplog.text]
    assert not [text for text in texts if guid in text or guid.split(".")[0] in text]


async def test_each_client_asks_its_own_host(cms: CmsClient, gateway: GatewayClient) -> None:
    """A question of the other host is refused, and the message says what can be asked."""
    with pytest.raises(ValueError, match="agent_call_stats"):
        gateway.ask(Question("skill_states"))
    with pytest.raises(ValueError, match="skill_states"):
        cms.ask(Question("agent_call_stats"))


async def test_a_gateway_question_survives_json(sim: Simulator, gateway: GatewayClient) -> None:
    """Written, read and asked again; the brief one stays brief."""
    agents = some(sim, 2)
    for brief in (False, True):
        query: Any = gateway.agent_call_stats(agents, brief=brief)
        again = gateway.ask(Question.from_json(query.question.to_json()))
        assert await again == await query
    assert len(sim.requests) == 8


async def test_agents_above_the_newest_bound_are_asked(
    sim: Simulator, gateway: GatewayClient, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning; whether the server knows the id is the server's business."""
    gateway.agent_call_stats([1_000_000])
    gateway.agent_call_stats([1_000_001])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
