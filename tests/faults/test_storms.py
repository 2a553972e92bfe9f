"""Numbers 62 and 69: storms of cancels, and long outages."""

# ruff: noqa: SIM117 - first a server, then a client of it: one line each

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from cc_async import AkSk, Breaker, CmsClient, Quota, Retry, Timeouts
from cc_async.errors import CallTimeout, CcError, Throttled
from cc_async.session.events import Event, RequestSent

from . import behaviours as do
from .checks import ACCESS_KEY, SECRET_KEY, asking, check_idle, failing, nothing_left, own_tasks, until
from .server import FaultServer, Seen, Wire

CANCELS = 600


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_fault_62_storm_of_cancels(seed: int) -> None:
    """Six hundred calls cancelled at random moments leave no slot, place, connection or task behind."""
    rng = random.Random(seed)

    async def moody(wire: Wire, seen: Seen) -> None:
        await wire.pause(rng.random() * 0.01)
        mood = rng.random()
        if mood < 0.6:
            await do.good(wire, seen)
        elif mood < 0.7:
            await do.cut(20)(wire, seen)
        elif mood < 0.8:
            wire.reset()
        elif mood < 0.9:
            await do.status(429, ("Retry-After", "0"))(wire, seen)
        else:
            await wire.pause(0.05)
            await do.good(wire, seen)

    options: dict[str, Any] = {
        "concurrency": 8,
        "quota": Quota(40, per=0.05),
        "breaker": Breaker(failures=1_000_000),
        "retry": Retry(attempts=3, base=0.005, throttle_base=0.005, budget=1_000_000),
        "timeouts": Timeouts(1, 1, 1),
    }
    async with FaultServer(then=moody) as server, asking(server, **options) as cms:
        ended = {"cancelled": 0, "answered": 0, "failed": 0}

        async def one(number: int) -> None:
            asked = (
                cms.skill_call_stats(range(1, 300))
                if number % 5
                else cms.signed_in_agents(range(1, 12), partial=True)
            )
            task = asyncio.ensure_future(asked)
            await asyncio.sleep(rng.random() * 0.05)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                ended["cancelled"] += 1
            except CcError:
                ended["failed"] += 1
            else:
                ended["answered"] += 1

        for wave in range(6):
            await asyncio.gather(*(one(wave * 100 + n) for n in range(CANCELS // 6)))
        assert sum(ended.values()) == CANCELS
        assert ended["cancelled"] > 100, ended
        check_idle(cms)
        server.then = do.good
        assert len(await cms.skill_call_stats(range(1, 300))) == 299
        assert server.counters.connections < CANCELS * 2


async def test_fault_62_a_deadline_inside_a_retry_sleep() -> None:
    """A call whose time is over while it waits for its next attempt ends then, not after the wait."""
    slow = Retry(attempts=3, base=30, throttle_base=30, cap=30)
    async with FaultServer(then=do.status(500)) as server:
        async with asking(server, retry=slow, rng=Half(), timeout=16) as cms:
            # The wait would be 15 s: within the time left, so it begins; a shorter call gives up at once.
            asked = asyncio.ensure_future(cms.skill_states([1], timeout=0.2))
            await failing(asked, CcError, within=0.5, attempts=1)
            cut = asyncio.ensure_future(cms.skill_states([1]))
            await until(lambda: len(server.requests) == 2)
            cut.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cut


class Half(random.Random):
    """Jitter that is always one half."""

    def random(self) -> float:
        return 0.5


async def test_fault_62_one_caller_of_a_look_up_gone() -> None:
    """Several callers wait for one look-up of the queues; one of them gives up; the others are served."""

    async def slowly(wire: Wire, seen: Seen) -> None:
        await wire.pause(0.05)
        if seen.path.endswith("configures/skills"):
            rows = b'[{"id":1,"mediaType":5,"name":"a"},{"id":2,"mediaType":5,"name":"b"}]'
            await do.body(b'{"resultCode":"0100000","resultDesc":' + rows + b"}")(wire, seen)
        else:
            await do.good(wire, seen)

    async with FaultServer(then=slowly) as server, asking(server) as cms:
        calls = [asyncio.ensure_future(cms.skill_states()) for _ in range(5)]
        await until(lambda: server.requests)
        calls[0].cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert [len(each) for each in ended[1:]] == [2, 2, 2, 2]
        assert sum(seen.path.endswith("configures/skills") for seen in server.requests) <= 2


POLLERS = 200
OUTAGE = 1800.0
EVERY = 20.0
GROUPS = 10
"""How many moments of those 20 s they are spread over."""


@pytest.mark.looptime
@pytest.mark.parametrize("outage", ["refused", "503", "silent"])
async def test_fault_69_server_down_for_half_an_hour(outage: str) -> None:
    """200 pollers, 30 minutes of outage: under 200 requests or connects in it, and no rush on return.

    Without the breaker it would be 18 000 polls of three attempts each. The breaker lets one probe through
    every 30 s at the longest, about 65, and the first moments cost what was under way: 85 connects refused,
    65 answers of 503, 49 requests never answered when this was written.
    """
    loop, attempts = asyncio.get_running_loop(), Attempts()
    async with FaultServer(then=do.good) as server:
        cms = CmsClient(
            server.url,
            AkSk(ACCESS_KEY, SECRET_KEY),
            vdn=170,
            rng=random.Random(5),
            quota=Quota(50, per=1.0),
            timeout=30,
            observers=[attempts],
        )
        async with nothing_left(cms):
            down = asyncio.Event()
            served = 0

            async def poll(number: int) -> None:
                nonlocal served
                await asyncio.sleep(number % GROUPS * EVERY / GROUPS)
                while not down.is_set():
                    began = loop.time()
                    try:
                        await cms.skill_states([number + 1])
                        served += 1
                    except CcError:
                        pass
                    await asyncio.sleep(max(0.0, began + EVERY - loop.time()))

            pollers = [asyncio.create_task(poll(number)) for number in range(POLLERS)]
            await asyncio.sleep(60)
            before = attempts.number
            assert before > POLLERS * 2
            await _outage(server, outage)
            assert attempts.number - before < 200
            back, healthy = len(server.requests), served
            # A probe may just have begun to wait for a server that was still silent.
            await asyncio.sleep(120)
            arrivals = [seen.at for seen in server.requests[back:]]
            assert served - healthy > POLLERS * 2, "they did not come back"
            assert _most_within(arrivals, 1.0) <= 50
            down.set()
            await asyncio.gather(*pollers)
        await server.drained()
        assert own_tasks() == {asyncio.current_task()}


async def _outage(server: FaultServer, kind: str) -> None:
    """Let it happen, for its time."""
    if kind == "refused":
        await server.stop()
        await asyncio.sleep(OUTAGE)
        await server.__aenter__()
        return
    server.then = do.status(503) if kind == "503" else do.silence
    await asyncio.sleep(OUTAGE)
    server.then = do.good


class Attempts:
    """Counts what is sent, or tried to."""

    def __init__(self) -> None:
        self.number = 0

    def on_event(self, event: Event) -> None:
        self.number += isinstance(event, RequestSent)


def _most_within(times: list[float], seconds: float) -> int:
    return max((sum(t <= each < t + seconds for each in times) for t in times), default=0)


@pytest.mark.looptime
async def test_fault_69_a_throttling_server_pauses_everybody() -> None:
    """``Retry-After: 60`` given to one caller holds all callers of that quota for those 60 s."""
    loop = asyncio.get_running_loop()
    async with FaultServer(then=do.good) as server:
        cms = CmsClient(server.url, AkSk(ACCESS_KEY, SECRET_KEY), vdn=170, rng=random.Random(5), timeout=300)
        async with nothing_left(cms):
            await cms.skill_states([1])
            server.script[:] = [do.status(429, ("Retry-After", "60"))]
            first = asyncio.create_task(_states(cms, 1))
            await until(lambda: not server.script)
            began = loop.time()
            others = [asyncio.create_task(_states(cms, n)) for n in range(2, 60)]
            await asyncio.sleep(59)
            assert len(server.requests) == 2
            await asyncio.gather(first, *others)
            times = [seen.at for seen in server.requests[2:]]
            assert min(times) - began >= 59.9
            assert _most_within(times, 1.0) <= 10
            short = await failing(_throttled(server, cms), Throttled, within=3)
            assert short.retry_after == 60
        await server.drained()


async def _states(cms: CmsClient, skill: int) -> Any:
    return await cms.skill_states([skill])


async def _throttled(server: FaultServer, cms: CmsClient) -> Any:
    await asyncio.sleep(0.5)
    server.script[:] = [do.status(429, ("Retry-After", "60"))]
    return await cms.skill_states([1], timeout=5)


async def test_fault_62_a_timeout_of_the_caller_is_the_callers() -> None:
    """``asyncio.timeout`` around a call cancels it: a TimeoutError that is not ours, and nothing left."""
    async with FaultServer(then=do.silence) as server, asking(server, timeouts=Timeouts(1, 9, 9)) as cms:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await cms.skill_states([1])
        assert not isinstance(caught.value, CallTimeout)
        check_idle(cms)
