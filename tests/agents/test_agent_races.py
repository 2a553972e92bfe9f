"""What happens at the same moment: cancels at every step, other GUIDs, a client that closes, a hung poll."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Any

import pytest
from offices import Office, office, tasks_of_sessions
from stepping import Steps

from cc_async import CcError, ClosedError, Guids, SessionLost

pytestmark = pytest.mark.looptime
PUSH = {"callback_uri": "http://127.0.0.1:9/events", "service_token": "t0ken"}


async def work(it: Office) -> None:
    """Sign in, read an event, sign out."""
    async with it.session() as session:
        await anext(aiter(session))


@pytest.mark.looptime(noop_cycles=3)
@pytest.mark.parametrize("again", [None, 1, 7])
async def test_no_step_leaves_anybody_signed_in(again: int | None) -> None:
    """Cancelled at the first, the second ... the last step of all tasks, then a second time while it ends."""
    async with office(sim_agents_per_vdn=4) as it:
        await work(it)
        for step in itertools.count(1):
            steps = Steps(step) if again is None else Steps(step, step + again)
            finished = await steps.run(work(it))
            assert it.agent not in it.sim.guids, f"cancelled at step {step}"
            assert not tasks_of_sessions()
            assert not it.gateway._lane._open
            if finished and steps.count < step:
                break
        assert step > 20
        verbs = it.verbs()
        assert verbs.count("sign_in") == verbs.count("sign_out")


async def test_other_guids_while_an_agent_signs_in() -> None:
    """``replace_auth`` under a sign-in: the GUID it brings is the session's, and signs the agent out."""
    async with office() as it:
        it.sim.fail("agent_sign_in", delay=2.0, times=1)
        entering = asyncio.create_task(it.session().__aenter__())
        await asyncio.sleep(1)
        await it.gateway.replace_auth(Guids({}))
        session = await entering
        await asyncio.sleep(100)
        assert session.lost is None
        assert len(await it.gateway.agent_call_stats([it.agent])) == 1
        await session.aclose()
        assert it.agent not in it.sim.guids
        assert it.verbs() == ["sign_in", "sign_out"]


@pytest.mark.parametrize("interface", ["agent_sign_in", "agent_sign_out"])
async def test_other_guids_send_nothing_twice(interface: str) -> None:
    """A 401 to what went out before ``replace_auth`` is no reason to send it again with the new ones."""
    async with office() as it:
        it.sim.fail(interface, delay=2.0, status=401, times=1)

        async def run() -> None:
            async with it.session():
                pass

        running = asyncio.create_task(run())
        await asyncio.sleep(1)
        await it.gateway.replace_auth(Guids({}))
        with contextlib.suppress(CcError):
            await running
        assert len(it.asked(interface)) == 1


async def test_a_client_that_closes_while_an_agent_signs_in() -> None:
    """The answer is waited for, and the agent signed out."""
    async with office() as it:
        it.sim.fail("agent_sign_in", delay=2.0, times=1)
        entering = asyncio.create_task(it.session().__aenter__())
        await asyncio.sleep(1)
        await it.gateway.aclose()
        session = await entering
        with pytest.raises(ClosedError):
            await anext(aiter(session))
        assert it.agent not in it.sim.guids
        assert not tasks_of_sessions()


async def test_a_client_that_closes_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """A sign-in without an answer is given up after ``grace``; who waits for a turn is not signed in."""
    async with office(sim_agents_per_vdn=400) as it:
        async with it.session():
            pass
        it.sim.fail("agent_sign_in", delay=30.0, times=None)
        entering = [
            asyncio.create_task(it.session(agent_id, grace=1.0).__aenter__()) for agent_id in it.agents[:70]
        ]
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        await it.gateway.aclose()
        assert asyncio.get_running_loop().time() - began < 3
        await asyncio.wait(entering)
        assert {type(each.exception()) for each in entering} == {ClosedError}
        assert it.verbs() == ["sign_in", "sign_out"] + ["sign_in"] * 64


async def test_a_session_closed_while_it_signs_in() -> None:
    """Given up after ``grace``: the answer that comes later is undone, and whoever entered is told."""
    async with office() as it:
        it.sim.fail("agent_sign_in", delay=5.0, times=1)
        session = it.session(grace=1.0)
        entering = asyncio.create_task(session.__aenter__())
        await asyncio.sleep(1)
        await session.aclose()
        with pytest.raises(ClosedError, match=f"agent {it.agent}"):
            await entering
        assert it.verbs() == ["sign_in", "sign_out"]
        assert it.agent not in it.sim.guids


async def test_a_client_that_closes_while_an_agent_signs_out() -> None:
    """The sign-out under way is waited for: it would be cut off with the connections."""
    async with office() as it:
        session = await it.session().__aenter__()
        it.sim.fail("agent_sign_out", delay=2.0, times=1)
        leaving = asyncio.create_task(session.aclose())
        await asyncio.sleep(1)
        await it.gateway.aclose()
        assert leaving.done()
        assert it.agent not in it.sim.guids
        assert it.verbs() == ["sign_in", "sign_out"]


async def test_a_lost_session_leaves_the_agent_to_its_source() -> None:
    """Once it is over, the GUID of the person who took the place is used again, and nothing is kept."""
    people: dict[int, str] = {}
    async with office(guids=people) as it:
        async with it.session() as session:
            people[it.agent] = it.sim.sign_in(it.agent)
            with pytest.raises(SessionLost):
                async for _ in session:
                    pass
        (row,) = await it.gateway.agent_call_stats([it.agent])
        assert row.signed_in_at is None
        assert it.verbs() == ["sign_in"]
        assert people[it.agent] == it.sim.guids[it.agent]


async def test_a_poll_that_hangs_starves_nobody() -> None:
    """Five on one connection, a poll a minute without an answer: everybody is asked within 60 s."""
    async with office(agent_connections=1) as it, contextlib.AsyncExitStack() as stack:
        agents = it.agents[:5]
        sessions = [await stack.enter_async_context(it.session(each)) for each in agents]
        for _ in range(12):
            it.sim.fail("agent_events", delay=600.0, times=1)
            await asyncio.sleep(64)
        assert [session.lost for session in sessions] == [None] * 5
        for agent_id in agents:
            moments = [each.time for each in it.asked("agent_events") if each.path.endswith(f"/{agent_id}")]
            assert max(b - a for a, b in itertools.pairwise(moments)) <= 60
        await it.gateway.agent_call_stats(agents)


async def test_a_far_gateway_is_no_hung_one() -> None:
    """Two seconds on the way there: polls of a full lane are waited for, and GUIDs are renewed."""
    async with office(agent_connections=1, sim_latency=2.0) as it, contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(it.session(each)) for each in it.agents[:5]]
        await asyncio.sleep(600)
        assert [session.lost for session in sessions] == [None] * 5
        assert len(await it.gateway.agent_call_stats(it.agents[:5])) == 5


async def test_heartbeats_keep_time_on_a_slow_gateway() -> None:
    """One every 30 s, however long the answers take."""
    async with office() as it, it.session(**PUSH):
        it.sim.fail("agent_heartbeat", delay=4.0, times=None)
        await asyncio.sleep(301)
        moments = [each.time for each in it.asked("agent_heartbeat")]
        assert len(moments) == 10
        assert {round(b - a, 1) for a, b in itertools.pairwise(moments)} == {30.0}


async def test_sessions_that_came_and_went_leave_nothing() -> None:
    """What came and went, lost sessions too, is not in the client's memory any more."""
    async with office(sim_agents_per_vdn=400) as it:
        for turn in range(2):
            sessions = [it.session(each) for each in it.agents[:40]]
            await asyncio.gather(*(session.__aenter__() for session in sessions))
            await asyncio.sleep(15)
            if turn == 1:
                for each in it.agents[:20]:
                    it.sim.sign_out(each)
                await asyncio.sleep(15)
            await asyncio.gather(*(session.aclose() for session in sessions))
        guids: Any = it.gateway._lane.arrivals.guids
        kept = [
            name for name in Guids.__slots__ if name not in ("_source", "_on_guid") and getattr(guids, name)
        ]
        assert kept == []
        assert not it.gateway._lane.arrivals._answers
        assert not it.gateway._core.signed_in_at
