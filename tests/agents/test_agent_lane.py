"""Many sessions: polls on a lane of their own, everybody visited in time, none too many."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Any

import aiohttp
import pytest
from offices import Office, office

from benchmarks.sessions import working_time
from cc_async import ConfigError, GatewayClient, Guids, Quota
from cc_async.session.auth import Unsigned

pytestmark = pytest.mark.looptime


async def enter(it: Office, count: int, stack: contextlib.AsyncExitStack, **given: Any) -> list[Any]:
    """Sign so many agents in."""
    return [await stack.enter_async_context(it.session(agent_id, **given)) for agent_id in it.agents[:count]]


@pytest.mark.looptime(noop_cycles=3)
async def test_five_hundred_agents_in_dynamic_mode() -> None:
    """Five minutes, five to a connection: none lost, none left, no quota exceeded, none away for a minute."""
    found = await working_time(500, 5, latency=0.0, connections=100, every=3)
    assert (found.lost, found.left, found.over_quota, found.failed) == (0, 0, 0, 0)
    assert found.rows == 500 * 2
    assert found.tally.throttled == 0
    assert found.tally.longest_absence <= 60
    assert found.guids >= 500 * 2  # a new one at every other visit
    assert found.tally.sent["agent_sign_in"] == found.tally.sent["agent_sign_out"] == 500


async def test_held_polls_keep_nothing_from_questions() -> None:
    """Twenty held polls beside a client of two requests at once: statistics are answered at once."""
    async with office(concurrency=2, agent_connections=20) as it, contextlib.AsyncExitStack() as stack:
        await enter(it, 20, stack)
        await asyncio.sleep(5)
        loop = asyncio.get_running_loop()
        began = loop.time()
        batch = await it.gateway.agent_call_stats(it.agents[:20])
        assert len(batch) == 20
        assert loop.time() - began < 1


async def test_sessions_take_turns_on_few_connections() -> None:
    """Ten on two connections: each is asked within a minute, no GUID dies, nobody is lost."""
    async with office(agent_connections=2) as it, contextlib.AsyncExitStack() as stack:
        sessions = await enter(it, 10, stack)
        await asyncio.sleep(900)
        assert [session.lost for session in sessions] == [None] * 10
        for agent_id in it.agents[:10]:
            moments = [each.time for each in it.asked("agent_events") if each.path.endswith(f"/{agent_id}")]
            assert max(b - a for a, b in itertools.pairwise(moments)) <= 60
        assert len(await it.gateway.agent_call_stats(it.agents[:10])) == 10


async def test_more_than_can_be_visited_are_refused() -> None:
    """Five take turns on one connection; the sixth is refused before anything is sent, until one leaves."""
    async with office(agent_connections=1) as it, contextlib.AsyncExitStack() as stack:
        sessions = await enter(it, 5, stack)
        before = len(it.verbs())
        with pytest.raises(ConfigError, match=r"5 sessions.*agent_connections"):
            await it.session(it.agents[5]).__aenter__()
        assert len(it.verbs()) == before
        pushed = {"callback_uri": "http://127.0.0.1:9/events", "service_token": "t0ken"}
        async with it.session(it.agents[6], **pushed):
            pass
        await sessions[0].aclose()
        async with it.session(it.agents[5]):
            pass


async def test_a_quota_of_the_users_own_bounds_the_sessions() -> None:
    """Polls obey it: at 4 in 60 s nobody can keep four agents."""
    async with office(quota={"agent_events": Quota(4, per=60.0)}) as it, contextlib.AsyncExitStack() as stack:
        sessions = await enter(it, 3, stack)
        with pytest.raises(ConfigError, match="3 sessions"):
            await it.session(it.agents[3]).__aenter__()
        await asyncio.sleep(600)
        assert len(it.asked("agent_events")) <= 4 * 11
        assert [session.lost for session in sessions] == [None] * 3


async def test_one_session_an_agent() -> None:
    """A second one of the same client is refused before anything is sent, copies of the client included."""
    async with office() as it:
        async with it.session():
            for gateway in (it.gateway, it.gateway.with_options(timeout=5)):
                again = gateway.agent_session(it.agent, password=it.sim.password_of(it.agent), phone="70101")
                with pytest.raises(ValueError, match="has a session of this client already"):
                    await again.__aenter__()
            assert it.verbs() == ["sign_in"]
        async with it.session():
            pass


async def test_a_connector_of_the_callers_is_shared_fairly() -> None:
    """Polls take what questions leave of it; where nothing is left, a session is refused."""
    async with office() as it:
        for size, refused in ((8, True), (12, False), (0, False)):
            connector = aiohttp.TCPConnector(limit=size)
            gateway = GatewayClient(it.sim.gateway_url, {}, concurrency=8, connector=connector)
            async with gateway:
                session = gateway.agent_session(
                    it.agent, password=it.sim.password_of(it.agent), phone="70101"
                )
                if refused:
                    with pytest.raises(ConfigError, match="connector"):
                        await session.__aenter__()
                else:
                    async with session:
                        await asyncio.sleep(30)
                        assert len(await gateway.agent_call_stats([it.agent])) == 1
            await connector.close()


class Own:
    """An Auth that a caller has written."""

    identity = "own"

    async def sign(self, request: Unsigned) -> dict[str, str]:
        return {}

    async def absorb(self, request: Unsigned, status: int, headers: Any) -> None:
        pass


async def test_an_auth_of_the_callers_takes_no_guids() -> None:
    """A session needs GUIDs the client looks after: refused, and not swapped away under an open one."""
    async with office(guids=Own()) as it:
        with pytest.raises(ConfigError, match="mapping"):
            await it.session().__aenter__()
        await it.gateway.replace_auth(Guids({}))
        async with it.session():
            with pytest.raises(ConfigError, match="sessions are open"):
                await it.gateway.replace_auth(Own())
        await it.gateway.replace_auth(Own())
        with pytest.raises(ConfigError, match="mapping"):
            await it.session().__aenter__()
        assert it.verbs() == ["sign_in", "sign_out"]
