"""The quota as the server counts it: never one request over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from waiting import until

from cc_async import CmsClient, GatewayClient, MemoryPacer, Quota
from cc_async.session import events
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock
from cc_async.simulator.quota import most_in_any_window

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]

LATE = 0.5
"""Seconds: client and server share one loop here, so on a busy machine a handler runs so much later than the
50 ms a quota allows for. Where a test is about whose requests are counted together, the server's windows are
shorter by it; what is not counted together overflows them still, as it goes out at once.
"""


class Sent:
    """An observer: when the request of each part was about to go out, by the clock of the server."""

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self.at: dict[str, float] = {}

    def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.RequestSent):
            assert event.part not in self.at
            self.at[event.part] = self._clock.wall()


async def test_concurrent_batches_never_go_over(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Quota(20, per=1.0), three batches of 30 requests at once: 90 in a little more than 4 s, none over.

    None over is promised for requests that arrive within 50 ms of being sent. One that this busy loop takes
    in later counts as if it had come by then, so the promise is held to the letter on any machine.
    """
    clock = LoopClock()
    sim, sent = await open_sim(clock=clock, jitter=0.02), Sent(clock)
    cms = make_cms(sim, quota=Quota(20, per=1.0), observers=[sent])
    began = clock.monotonic()
    asked = (range(first, first + 30) for first in (1, 31, 61))
    batches = await asyncio.gather(*(cms.signed_in_agents(skills) for skills in asked))
    took = clock.monotonic() - began
    assert all(batch.complete for batch in batches)
    assert {each.status for each in sim.requests} == {200}
    assert len(sim.requests) == len(sent.at) == 90
    arrived = [
        min(each.time, sent.at[f"vdn 170, skill {each.body['skillId']}"] + 0.05) for each in sim.requests
    ]
    # Wall seconds as floats are exact to half a microsecond.
    assert most_in_any_window(sorted(arrived), 1.0 - 1e-6) <= 20
    assert 4.0 <= took < 8.0


async def test_clients_that_share_a_pacer_share_the_quota(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Two clients of one key with one pacer: together they stay within it."""
    sim = await open_sim(quota=(20, 1.0 - LATE))
    pacer = MemoryPacer()
    clients = [make_cms(sim, quota=Quota(20, per=1.0), pacer=pacer) for _ in range(2)]
    await asyncio.gather(*(client.signed_in_agents(range(1, 21)) for client in clients))
    assert sim.over_quota == 0
    assert len(sim.requests) == 40


async def test_interfaces_have_a_quota_each(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """A mapping by method name: one interface waits, another does not wait for it."""
    sim = await open_sim(quota={"signed_in_agents": (5, 1.0 - LATE)})
    cms = make_cms(sim, quota={"signed_in_agents": Quota(5, per=1.0), "*": None})
    slow = asyncio.create_task(cms.signed_in_agents(range(1, 11)))
    async with asyncio.timeout(0.8):
        for _ in range(20):
            await cms.skill_states([1])
    assert not slow.done()
    await slow
    assert sim.over_quota == 0


async def test_the_published_quota_of_an_agent(
    open_sim: OpenSim, make_gateway: Callable[..., GatewayClient]
) -> None:
    """5 queries in 2 s per agent: the sixth waits, while other agents are asked."""
    sim = await open_sim()
    gateway = make_gateway(sim)
    first, *rest = sorted(sim.guids)[:8]
    loop = asyncio.get_running_loop()
    began = loop.time()
    six = asyncio.gather(*(gateway.agent_call_stats([first]) for _ in range(6)))
    assert (await gateway.agent_call_stats(rest)).complete
    assert loop.time() - began < 1.0
    await six
    assert loop.time() - began >= 2.0
    assert sim.over_quota == 0


async def test_a_throttle_pauses_everybody_of_that_quota(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """429 with ``Retry-After: 1``: nobody sends to that interface for a second; the others go on."""
    sim = await open_sim()
    cms = make_cms(sim)
    await cms.skill_states([1])
    sim.fail("skill_states", status=429, retry_after=1, times=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with_throttle = asyncio.create_task(cms.skill_states([1]))
    await until(lambda: not (len(sim.requests) < 2 or sim.requests[1].status is None))
    await asyncio.sleep(0.02)
    assert len(await cms.agent_states()) == 40
    assert loop.time() - began < 0.9
    await cms.skill_states([2])
    assert loop.time() - began >= 1.0
    assert (await with_throttle).complete
    assert [each.status for each in sim.requests].count(429) == 1


@pytest.mark.parametrize("given", [None, {"*": None}])
async def test_no_quota_does_not_wait(given: object, open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Without pacing 100 requests go as fast as the server answers."""
    sim = await open_sim()
    cms = make_cms(sim, quota=given)
    async with asyncio.timeout(3):
        await asyncio.gather(*(cms.skill_states([1]) for _ in range(100)))
    assert len(sim.requests) == 100


async def test_an_interface_has_one_quota_however_it_is_called(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """By method, by relative and by absolute path: the server counts one interface."""
    sim = await open_sim(quota=(3, 0.1))
    cms = make_cms(sim, quota=Quota(3, per=0.4))
    await cms.skill_states([1])
    path = "skill/stateinfo"
    params = {"ccId": 1, "vdn": 170, "skillIds": [1]}
    absolute = f"/rest/cmsapp/v1/openapi/{path}"
    calls = [call for _ in range(3) for call in (cms.call(path, params), cms.call(absolute, params))]
    await asyncio.gather(*(cms.skill_states([1]) for _ in range(3)), *calls)
    assert sim.over_quota == 0
