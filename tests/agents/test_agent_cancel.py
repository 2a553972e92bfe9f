"""A cancel at any moment leaves nobody half signed in, and no task behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from offices import Office, office, tasks_of_sessions

from cc_async import CcError, ConnectError, GatewayError, SessionLost
from cc_async.agents.through import begun, carried_through, to_its_end

pytestmark = pytest.mark.looptime
SLOW = {"sim_latency": 0.4}
GivenUp = Callable[[Office, float], Awaitable[Any]]


async def work(it: Office) -> None:
    """Sign in, ask, read an event, sign out."""
    async with it.session() as session:
        await it.gateway.agent_call_stats([it.agent])
        async for _ in session:
            await asyncio.sleep(1)
            break


def in_asyncio(it: Office, after: float) -> Awaitable[Any]:
    """The work, given up by ``asyncio.timeout``."""

    async def run() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(after):
                await work(it)

    return run()


def in_anyio(it: Office, after: float) -> Awaitable[Any]:
    """The work, given up by a cancel scope of anyio, which cancels again and again."""

    async def run() -> None:
        with anyio.move_on_after(after):
            await work(it)

    return run()


def twice(it: Office, after: float) -> Awaitable[Any]:
    """The work in a task that is cancelled, and cancelled again while it signs out."""

    async def run() -> None:
        task = asyncio.create_task(work(it))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.sleep(0.1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return run()


@pytest.mark.parametrize("given_up", [in_asyncio, in_anyio, twice])
async def test_no_moment_leaves_anybody_signed_in(given_up: GivenUp) -> None:
    """Given up before, during and after each request: the gateway has nobody, the loop has nothing."""
    async with office(**SLOW) as it:
        for tenth in range(1, 36):
            await given_up(it, tenth / 10)
            assert it.agent not in it.sim.guids, f"after {tenth / 10} s"
            assert not tasks_of_sessions()
            assert not it.gateway._lane._open
        verbs = it.verbs()
        assert verbs.count("sign_in") == verbs.count("sign_out") == 35


async def test_a_sign_in_given_up_is_awaited_and_undone() -> None:
    """Its answer comes after the cancel: with the GUID it brings the agent is signed out."""
    async with office() as it:
        it.sim.fail("agent_sign_in", delay=2.0, times=1)
        task = asyncio.create_task(work(it))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert it.verbs() == ["sign_in", "sign_out"]
        assert [each.code for each in it.asked("agent_sign_in", "agent_sign_out")] == ["0", "0"]
        assert it.agent not in it.sim.guids


async def test_the_wait_for_a_sign_in_given_up_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A gateway that does not answer is waited for ``grace`` seconds, and nobody is signed out blindly."""
    async with office() as it:
        it.sim.fail("agent_sign_in", delay=30.0, times=1)
        loop, session = asyncio.get_running_loop(), it.session(grace=1.5)
        task = asyncio.create_task(session.__aenter__())
        await asyncio.sleep(0.5)
        began = loop.time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 1.4 < loop.time() - began < 2.0
        assert it.verbs() == ["sign_in"]
        assert not tasks_of_sessions()
    assert "given up without an answer" in caplog.text


async def test_signing_out_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A sign-out without an answer ends after ``grace``, and is told."""
    async with office() as it:
        loop = asyncio.get_running_loop()
        async with it.session(grace=1.0):
            it.sim.fail("agent_sign_out", delay=30.0, times=1)
            began = loop.time()
        assert 0.9 < loop.time() - began < 1.5
        assert it.verbs() == ["sign_in", "sign_out"]
        assert not tasks_of_sessions()
    assert "not signed out within 1 s" in caplog.text


async def test_an_error_of_the_block_signs_out_and_goes_on() -> None:
    """The caller's own error is not swallowed."""
    async with office() as it:
        with pytest.raises(ZeroDivisionError):
            async with it.session():
                raise ZeroDivisionError
        assert it.verbs() == ["sign_in", "sign_out"]


async def test_closing_the_client_signs_out() -> None:
    """A client that closes before its sessions signs their agents out; whoever reads is told."""
    async with office() as it:
        session = await it.session().__aenter__()
        reading = asyncio.create_task(_read(session))
        await asyncio.sleep(5)
        await it.gateway.aclose()
        with pytest.raises(CcError, match="closed"):
            await reading
        assert it.agent not in it.sim.guids
        await session.__aexit__(None, None, None)
        assert it.verbs() == ["sign_in", "sign_out"]


async def _read(session: Any) -> None:
    async for _ in session:
        pass


@pytest.mark.parametrize("interface", ["agent_sign_in", "agent_force_sign_in"])
@pytest.mark.parametrize("failure", [{"disconnect": True}, {"status": 503}, {"status": 429}, {"body": b""}])
async def test_a_sign_in_goes_out_once(interface: str, failure: dict[str, Any]) -> None:
    """Whatever becomes of the answer, neither we nor aiohttp send it again."""
    async with office() as it:
        it.sim.fail(interface, times=None, **failure)
        with pytest.raises(CcError) as caught:
            await it.session(force="force" in interface).__aenter__()
        assert caught.value.attempts == 1
        assert len(it.asked(interface)) == 1
        assert not it.gateway._lane._open


@pytest.mark.parametrize("failure", [{"disconnect": True}, {"status": 503}, {"code": "100-007"}])
async def test_a_sign_out_goes_out_once(failure: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """It is told, not repeated: the gateway signs the agent out after 120 s of silence."""
    async with office() as it:
        async with it.session():
            it.sim.fail("agent_sign_out", times=None, **failure)
        assert len(it.asked("agent_sign_out")) == 1
        await asyncio.sleep(125)
        it.sim.clear_failures()
        async with it.session():
            pass
    assert "signing out failed" in caplog.text


async def test_a_sign_in_that_is_refused_by_status() -> None:
    """401 is no lost session here, and the agent's other requests are not locked by it."""
    async with office() as it:
        it.sim.fail("agent_sign_in", status=401, times=1)
        with pytest.raises(GatewayError, match="refuses the sign-in") as caught:
            await it.session().__aenter__()
        assert not isinstance(caught.value, SessionLost)
        async with it.session():
            pass


async def test_verbs_travel_on_connections_of_their_own() -> None:
    """A kept connection may just be closing: then nobody knows whether a sign-in arrived."""
    async with office() as it:
        async with it.session():
            await asyncio.sleep(30)
        closing = [each.headers.get("Connection") for each in it.asked("agent_sign_in", "agent_sign_out")]
        assert closing == ["close", "close"]
        assert {each.headers.get("Connection") for each in it.asked("agent_events")} == {None}


async def test_a_session_is_used_once() -> None:
    """Entering again, or reading before entering, is a mistake with a sentence."""
    async with office() as it:
        session = it.session()
        with pytest.raises(RuntimeError, match="enter the session first"):
            await anext(session)  # type: ignore[call-overload]
        async with session:
            pass
        with pytest.raises(RuntimeError, match="used once"):
            await session.__aenter__()


async def test_what_is_undone_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    """An undo that raises is told, and the cancel goes on."""

    async def works() -> int:
        await asyncio.sleep(1)
        return 7

    async def fails() -> None:
        raise ConnectError("no way")

    task = asyncio.create_task(carried_through(works(), fails, 5.0))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_work_comes_to_its_end() -> None:
    """Its own error is raised, and a cancel waits for the end of it."""

    async def fails() -> None:
        raise ConnectError("no way")

    with pytest.raises(ConnectError):
        await to_its_end(begun(fails()))
    done = asyncio.Event()

    async def sets() -> None:
        await asyncio.sleep(0.5)
        done.set()

    task = asyncio.create_task(to_its_end(begun(sets())))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()


async def test_many_who_leave_at_once_have_the_patience_they_need() -> None:
    """Three hundred sign out together, a second each and 128 at a time: none is given up after a second."""
    async with office(sim_agents_per_vdn=1200, agent_connections=60) as it:
        sessions = [it.session(agent_id, grace=1.5) for agent_id in it.agents[:300]]
        await asyncio.gather(*(session.__aenter__() for session in sessions))
        assert set(it.agents[:300]) <= set(it.sim.guids)
        it.sim.set_faults(latency=1.0)
        await asyncio.gather(*(session.aclose() for session in sessions))
        assert not set(it.agents[:300]) & set(it.sim.guids)


async def test_who_waits_to_sign_in_just_goes_away() -> None:
    """Of two hundred, given up while 64 are signing in, the others have sent nothing."""
    async with office(sim_agents_per_vdn=1200, agent_connections=60) as it:
        async with it.session():
            pass  # the first request of all travels alone
        it.sim.set_faults(latency=2.0)
        tasks = [asyncio.create_task(it.session(agent_id).__aenter__()) for agent_id in it.agents[:200]]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        assert it.verbs()[2:] == ["sign_in"] * 64 + ["sign_out"] * 64
        assert not set(it.agents) & set(it.sim.guids)
