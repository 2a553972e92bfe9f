"""Agents who sign in at the gateway: rules of sign-in, events, keep-alive, both kinds of GUID."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from plain_agent import PlainAgent

from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()
pytestmark = pytest.mark.looptime


@contextlib.asynccontextmanager
async def center(**given: Any) -> AsyncIterator[tuple[Simulator, PlainAgent]]:
    """A contact center in virtual time, and an agent who is not signed in yet."""
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": 10, "agents_per_vdn": 40, "clock": LoopClock(NOON)}
    async with Simulator(**(size | given)) as sim, PlainAgent(sim.gateway_url, sim.free_agents[0]) as agent:
        yield sim, agent


async def test_a_whole_working_life() -> None:
    """Sign in, fetch events and statistics for ten minutes, sign out: the events and the counters agree."""
    async with center() as (sim, agent):
        signed_in = await agent.sign_in(sim.password_of(agent.agent_id), "70101", status="4", agenttype="4")
        assert signed_in["retcode"] == "0"
        assert signed_in["result"] | {"loginTime": 0} == {
            "vdnid": 170, "workno": str(agent.agent_id), "mediatype": "TTF", "loginTime": 0,
            "isForceChange": "false",
        }  # fmt: skip
        assert abs(signed_in["result"]["loginTime"] / 1000 - NOON) < 5
        assert set(await agent.follow(600)) == {"0"}
        kinds = [event["eventType"] for event in agent.events]
        assert kinds[:2] == ["AgentOther_InService", "AgentState_Ready"]
        talks = kinds.count("AgentEvent_Talking")
        assert talks >= 2
        assert kinds.count("AgentEvent_Ringing") - talks in (0, 1)
        told = (await agent.statistics())["result"]
        assert told["answernums"] == kinds.count("AgentEvent_Call_Release")
        assert 10 * told["answernums"] <= told["talktime"] <= 600
        assert (await agent.sign_out())["retcode"] == "0"
        assert (await agent.poll())["retcode"] == "100-008"
        assert (await agent.statistics())["retcode"] == "100-006"


async def test_calls_ring_talk_and_end_in_this_order() -> None:
    """Every call is told whole: ringing, talking with both numbers, released, wrap-up, ready again."""
    async with center() as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101")
        await agent.follow(900)
        kinds = [event["eventType"].partition("_")[2] for event in agent.events[2:]]
        turn = ["Ringing", "Talking", "Call_Release", "Work", "Ready"]
        assert kinds == [turn[place % 5] for place in range(len(kinds))]
        assert {event["workNo"] for event in agent.events} == {str(agent.agent_id)}
        ringing = next(event for event in agent.events if event["eventType"] == "AgentEvent_Ringing")
        assert ringing["content"]["called"] == "70101"


async def test_not_ready_takes_no_calls() -> None:
    """Status 3: signed in, not ready, nothing rings; the time counts as busy."""
    async with center() as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3, autoenteridle=False)
        await agent.follow(300)
        assert [event["eventType"] for event in agent.events] == [
            "AgentOther_InService",
            "AgentState_SetNotReady_Success",
        ]
        counts = (await agent.statistics())["result"]
        assert (counts["answernums"], counts["busynums"]) == (0, 1)
        assert abs(counts["busytime"] - 300) <= 11


async def test_a_poll_is_held_ten_seconds_when_nothing_happens() -> None:
    """An empty answer comes after 10 s, an event at once."""
    async with center() as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3)
        loop, took = asyncio.get_running_loop(), []
        for _ in range(3):
            began = loop.time()
            await agent.poll()
            took.append(loop.time() - began)
        assert len(agent.events) == 2
        assert max(took[:2]) < 0.5
        assert 9.9 < took[2] < 10.5


async def test_two_polls_at_once_are_one_too_many() -> None:
    """The second is told 000-007; the first goes on, and one that was given up leaves the way free."""
    async with center() as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3)
        await agent.follow(0.5)
        first = asyncio.create_task(agent.poll())
        await asyncio.sleep(1)
        assert (await agent.poll())["retcode"] == "000-007"
        assert (await first)["retcode"] == "0"
        given_up = asyncio.create_task(agent.poll())
        await asyncio.sleep(1)
        given_up.cancel()
        await asyncio.sleep(1)
        assert (await agent.poll())["retcode"] == "0"


async def test_dynamic_guids_come_every_minute_and_die_after_two() -> None:
    """AUTHMODE 2: a new one with the first poll after 60 s; the old one serves on, and dies at 120 s."""
    async with center() as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3)
        first = agent.guid
        await agent.follow(75)
        second = agent.guid
        assert agent.given == [first, second]
        agent.guid = first
        assert (await agent.statistics())["retcode"] == "0"
        await asyncio.sleep(50)
        assert (await agent.statistics())["retcode"] == "000-003"
        agent.guid = second
        assert (await agent.statistics())["retcode"] == "0"
        assert sim.guids[agent.agent_id] == second
        await agent.follow(1200)
        # Once a minute, at the first answer after it: a poll takes 10 s.
        assert 17 <= len(agent.given) <= 22
        assert len(set(agent.given)) == len(agent.given)


async def test_static_guids_stay() -> None:
    """AUTHMODE 1: the GUID of the sign-in serves for the whole session."""
    async with center(profile="static_guids") as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3)
        assert set(await agent.follow(600)) == {"0"}
        assert len(agent.given) == 1


@pytest.mark.parametrize("older", [False, True])
async def test_push_mode_is_kept_alive_by_heartbeats(older: bool) -> None:
    """Events go to the caller's address: polling is the wrong way, a beat each 30 s keeps and renews."""
    async with center(profile="old_heartbeat" if older else "documented") as (sim, agent):
        pushed = {"callBackUri": "http://127.0.0.1:9/events", "serviceToken": "t0ken"}
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3, **pushed)
        assert (await agent.poll())["retcode"] == "000-001"
        for _ in range(10):
            await asyncio.sleep(30)
            assert (await agent.beat(older=older))["retcode"] == "0"
        assert len(agent.given) == 6
        assert (await agent.statistics())["retcode"] == "0"
        with pytest.raises(KeyError):
            (await agent.beat(older=not older))["retcode"]


async def test_silence_signs_out() -> None:
    """120 s without a request end the session; any request, statistics too, counts."""
    async with center(profile="static_guids") as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3)
        for _ in range(3):
            await asyncio.sleep(115)
            assert (await agent.statistics())["retcode"] == "0"
        await asyncio.sleep(125)
        assert (await agent.beat())["retcode"] == "100-008"
        assert agent.agent_id not in sim.guids


async def test_people_at_work_are_not_signed_out() -> None:
    """Agents signed in from the start have a desktop of their own: neither silence nor time ends them."""
    async with center() as (sim, _):
        agent_id, guid = next(iter(sim.guids.items()))
        await asyncio.sleep(3600)
        async with PlainAgent(sim.gateway_url, agent_id) as person:
            person.guid = guid
            assert (await person.statistics())["retcode"] == "0"
            await person.follow(900)
            assert person.events
            assert {event["workNo"] for event in person.events} == {str(agent_id)}


async def test_who_is_signed_in_is_not_signed_in_again_except_by_force() -> None:
    """100-002, the session untouched; by force it ends, its GUID and its held poll with it."""
    async with center() as (sim, first), PlainAgent(sim.gateway_url, first.agent_id) as second:
        password = sim.password_of(first.agent_id)
        await first.sign_in(password, "70101", status=3)
        await first.follow(0.5)
        assert (await second.sign_in(password, "70101"))["retcode"] == "100-002"
        assert second.guid == ""
        held = asyncio.create_task(first.poll())
        await asyncio.sleep(1)
        assert (await second.sign_in(password, "70101", force=True))["retcode"] == "0"
        assert (await held)["retcode"] == "100-008"
        assert (await first.poll())["retcode"] == "000-003"
        assert (await second.statistics())["retcode"] == "0"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"password": None}, "100-001"),
        ({"password": "x" * 33}, "100-001"),
        ({"phonenum": ""}, "100-001"),
        ({"phonenum": "7" * 25}, "100-001"),
        ({"status": "9"}, "100-001"),
        ({"autoenteridle": "perhaps"}, "100-001"),
        ({"callBackUri": "http://127.0.0.1/x"}, "100-001"),
        ({"serviceToken": "t0ken"}, "100-001"),
        ({"callBackUri": "file:///x", "serviceToken": "t0ken"}, "100-001"),
        ({"agenttype": 7}, "100-012"),
        ({"password": "wrong"}, "100-004"),
    ],
)
async def test_sign_ins_that_are_refused(body: dict[str, Any], code: str) -> None:
    """Each wrong parameter has its code, and nobody is signed in."""
    async with center() as (sim, agent):
        sent = {"password": sim.password_of(agent.agent_id), "phonenum": "70101", **body}
        answer = await agent.request("PUT", f"/onlineagent/{agent.agent_id}", sent)
        assert (answer["retcode"], agent.guid) == (code, "")
        assert agent.agent_id not in sim.guids


async def test_the_balancer_goes_by_its_cookie() -> None:
    """The GUID names the node; without the cookie a request lands on one that knows no such session."""
    async with center() as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3)
        assert agent.guid.rpartition(".")[2] in ("AgentGateway1", "AgentGateway2")
        assert [(await agent.statistics())["retcode"] for _ in range(4)] == ["0"] * 4
        agent.forget_cookies()
        codes = {(await agent.statistics())["retcode"] for _ in range(2)}
        assert "000-003" in codes


async def test_wrong_methods_and_paths() -> None:
    """404 for a path of nobody, 405 for a wrong method, as the web server says it."""
    async with center() as (sim, _), aiohttp.ClientSession() as http:
        resource = f"{sim.gateway_url}/agentgateway/resource"
        for method, path, status in (
            ("POST", "/onlineagent/101", 405),
            ("GET", "/onlineagent/101/logout", 405),
            ("GET", "/onlineagent/101/sing", 404),
            ("PUT", "/onlineagent/101/heartbeat", 404),
        ):
            async with http.request(method, resource + path) as answer:
                assert answer.status == status


async def test_the_sign_in_does_not_count_against_the_overload_control() -> None:
    """The published numbers are those of the statistics alone."""
    async with center() as (sim, agent):
        await agent.sign_in(sim.password_of(agent.agent_id), "70101", status=3)
        for _ in range(10):
            assert (await agent.beat())["retcode"] == "0"
        codes = [(await agent.statistics())["retcode"] for _ in range(6)]
        assert codes == ["0"] * 5 + ["000-007"]
