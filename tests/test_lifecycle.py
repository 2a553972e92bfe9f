"""Opening, closing, cancelling: nothing is left behind, nothing hangs."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from waiting import until

from cc_async import AkSk, CallTimeout, ClosedError, CmsClient, GatewayClient
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


SERVER_SIDE = ("RequestHandler", "_accept_connection2")


def others() -> set[asyncio.Task[Any]]:
    """Tasks besides this test and the server's."""
    return {
        task
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task() and not any(name in repr(task) for name in SERVER_SIDE)
    }


async def test_closing_before_anything_was_asked(sim: Simulator) -> None:
    """A client that never opened closes without a word, twice."""
    cms = CmsClient(sim.cms_url, AkSk("ak", "sk"))
    await cms.aclose()
    await cms.aclose()
    with pytest.raises(ClosedError):
        await cms.skills(vdn=1)
    assert sim.requests == []


async def test_use_after_close(sim: Simulator, make_cms: MakeCms, gateway: GatewayClient) -> None:
    """Every way of asking says that the client is closed; ClosedError is a RuntimeError."""
    cms = make_cms(sim)
    async with cms:
        await cms.skill_states([1])
    await gateway.aclose()
    before = len(sim.requests)
    calls: tuple[Callable[[], Awaitable[Any]], ...] = (
        lambda: cms.skill_states([1]),
        lambda: cms.skill_states(),
        lambda: cms.call("vdn/totalagentstate"),
        lambda: cms.ping(),
        lambda: cms.__aenter__(),
        lambda: gateway.agent_call_stats([101]),
    )
    for call in calls:
        with pytest.raises(ClosedError):
            await call()
    assert issubclass(ClosedError, RuntimeError)
    assert len(sim.requests) == before


async def test_use_from_another_loop(sim: Simulator, cms: CmsClient) -> None:
    """A client belongs to the loop of its first use: elsewhere it says so instead of hanging."""
    await cms.skill_states([1])
    found: list[BaseException | None] = []

    def elsewhere() -> None:
        async def ask() -> None:
            await cms.skill_states([1])

        try:
            asyncio.run(ask())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join, 5)
    assert [type(error) for error in found] == [ClosedError]
    assert len(await cms.skill_states([1])) == 1


async def test_calls_under_way_may_end(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """``aclose`` waits for them, up to the grace; a new call is refused meanwhile."""
    sim = await open_sim(latency=0.1)
    cms = make_cms(sim)
    call = asyncio.create_task(cms.signed_in_agents([1, 2, 3]))
    await until(lambda: sim.requests)
    closing = asyncio.create_task(cms.aclose(grace=5))
    await asyncio.sleep(0)
    with pytest.raises(ClosedError):
        await cms.skill_states([1])
    assert (await call).complete
    await closing
    await until(lambda: sim.open_connections == 0)


async def test_calls_that_take_longer_than_the_grace_are_ended(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """They end with ClosedError, with what had arrived, and leave neither task nor connection."""
    sim = await open_sim()
    cms = make_cms(sim)
    await cms.signed_in_agents([1])
    sim.fail("signed_in_agents", delay=5, times=1)
    before = others()
    call = asyncio.create_task(cms.signed_in_agents(range(1, 11)))
    raw = asyncio.create_task(cms.call("vdn/totalagentstate"))
    await until(lambda: len(sim.requests) > 10)
    await cms.aclose(grace=0.1)
    with pytest.raises(ClosedError) as caught:
        await call
    assert len(caught.value.batch.failures) == 1
    await raw
    await until(lambda: sim.open_connections == 0)
    assert others() == before


async def test_a_raw_call_is_ended_as_well(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """``call`` under way when the grace is over ends with ClosedError."""
    sim = await open_sim()
    sim.fail("ping", delay=5, times=1)
    cms = make_cms(sim)
    call = asyncio.create_task(cms.ping())
    await until(lambda: sim.requests)
    await cms.aclose(grace=0)
    with pytest.raises(ClosedError):
        await call


async def test_a_close_that_is_cancelled_closes_all_the_same(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Whoever is cancelled while waiting for the grace leaves no connection and no call behind."""
    sim = await open_sim()
    sim.fail("skill_states", delay=5, times=1)
    cms = make_cms(sim)
    call = asyncio.create_task(cms.skill_states([1]))
    await until(lambda: sim.requests)
    closing = asyncio.create_task(cms.aclose(grace=5))
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    with pytest.raises(ClosedError):
        await call
    await until(lambda: sim.open_connections == 0)


async def test_an_error_in_the_block_does_not_wait(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """An exception on its way out of ``async with`` ends the calls at once."""
    sim = await open_sim()
    sim.fail("skill_states", delay=5, times=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    calls: list[asyncio.Task[Any]] = []

    async def block() -> None:
        async with make_cms(sim) as cms:
            calls.append(asyncio.create_task(cms.skill_states([1])))
            await until(lambda: sim.requests)
            raise KeyError

    with pytest.raises(KeyError):
        await block()
    assert loop.time() - began < 2
    with pytest.raises(ClosedError):
        await calls[0]


async def test_a_cancelled_call_leaves_nothing(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Cancelled with 32 requests under way: no task of ours, no connection in use; the client works on."""
    sim = await open_sim()
    cms = make_cms(sim)
    await cms.skill_states([1])
    before = others()
    sim.set_faults(latency=5.0)
    call = asyncio.create_task(cms.signed_in_agents(range(1, 31)))
    await until(lambda: len(sim.requests) >= 2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert others() == before
    sim.set_faults(latency=0.0)
    await until(lambda: sim.open_connections <= 1)
    assert (await cms.signed_in_agents(range(1, 31))).complete


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.03])
async def test_a_storm_of_cancels_leaves_the_client_whole(
    moment: float, open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """40 calls cancelled at any moment (first request, quota, gate, answers): slots and turns come back."""
    sim = await open_sim(latency=0.004)
    cms = make_cms(sim, concurrency=4)
    before = others()
    calls = [asyncio.create_task(cms.signed_in_agents(range(1, 6))) for _ in range(40)]
    await asyncio.sleep(moment)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert others() == before
    async with asyncio.timeout(5):
        assert (await cms.signed_in_agents(range(1, 31))).complete


async def test_a_deadline_inside_a_retry_leaves_nothing(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The time is over while a retry waits, or while a request is under way: CallTimeout, no task left."""
    sim = await open_sim()
    cms = make_cms(sim)
    await cms.skill_states([1])
    before = others()
    sim.fail("signed_in_agents", status=429, retry_after=1, times=None)
    with pytest.raises((CallTimeout, ExceptionGroup)):
        await cms.signed_in_agents(range(1, 11), timeout=0.3)
    assert others() == before


async def test_a_client_forgotten_in_a_block_that_raises_warns_of_nothing(sim: Simulator) -> None:
    """Closed as it should be, nothing is left for the garbage collector to complain about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with CmsClient(sim.cms_url, AkSk(sim.access_key, sim.secret_key), vdn=170) as cms:
            await cms.skill_states([1, 2])
        del cms
        gc.collect()


async def test_calls_of_many_callers_wait_inside_their_deadline(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """More callers than places: nobody's request times out because others were before it."""
    sim = await open_sim(latency=0.05)
    cms = make_cms(sim, concurrency=2)
    batches = await asyncio.gather(*(cms.skill_states([skill], timeout=5) for skill in range(1, 21)))
    assert all(batch.complete for batch in batches)
    assert sim.open_connections <= 2
