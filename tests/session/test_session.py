"""One send over a real socket: the order of its steps, its retries, what it gives back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from waiting import until

from cc_async import AkSk, CircuitOpen, ClosedError, NoPermission, Quota, Retry, ServerError, Throttled
from cc_async.clients.core import Core
from cc_async.clients.setup import Setup
from cc_async.contract.agent_endpoints import AGENT_ENDPOINTS
from cc_async.contract.endpoints import ENDPOINTS, skill_states, task_stats
from cc_async.contract.spec import Endpoint, KeyKind
from cc_async.errors import ApiError
from cc_async.session.call import Call
from cc_async.session.quotas import Quotas
from cc_async.session.request import Page, Request
from cc_async.session.session import Session
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
FREE = Quotas(None)


class Sender:
    """A session of one contact center, asked request by request."""

    def __init__(self, sim: Simulator, **setup: Any) -> None:
        key = AkSk(sim.access_key, sim.secret_key)
        self.core = Core(
            Setup(**({"base_url": sim.cms_url, "credentials": dict.fromkeys(KeyKind, key)} | setup))
        )
        self.session: Session = self.core.open()

    async def send(self, skill: int = 1, *, timeout: float | None = None, quotas: Quotas = FREE) -> Page[Any]:
        """Ask the state of one queue."""
        return await self.of(skill_states, {"skillIds": [skill]}, timeout=timeout, quotas=quotas)

    async def of(
        self,
        endpoint: Endpoint[Any],
        params: dict[str, Any],
        *,
        timeout: float | None = None,
        quotas: Quotas = FREE,
        fill: dict[str, Any] | None = None,
    ) -> Page[Any]:
        """Ask an interface."""
        call: Call = self.core.begin(endpoint.name, timeout)
        request = Request(
            endpoint, {"ccId": 1, "vdn": 170, **params}, fill or {}, endpoint.path, part="the only part"
        )
        try:
            return await self.session.send(request, call, quotas)
        finally:
            self.core.end(call)


@pytest.fixture
async def sender(sim: Simulator) -> Any:
    """A session that retries without waiting."""
    sender = Sender(sim, retry=Retry(base=0.0, throttle_base=0.0))
    yield sender
    await sender.core.aclose(0)


async def test_a_failed_attempt_is_repeated_and_paid_back(sim: Simulator, sender: Sender) -> None:
    """503 twice, then the answer: three attempts; the last retry is paid back, the first one is not."""
    await sender.send()
    sim.fail("skill_states", status=503, times=2)
    page = await sender.send()
    assert (page.attempts, page.received) == (3, 1)
    assert [each.status for each in sim.requests] == [200, 503, 503, 200]
    assert sender.session.budget.left == 500 - 14


async def test_the_attempts_end_and_the_error_says_where(sim: Simulator, sender: Sender) -> None:
    """Three attempts, then the error, with interface, part, host and attempts."""
    sim.fail("skill_states", status=500, times=None)
    with pytest.raises(ServerError) as caught:
        await sender.send()
    error = caught.value
    assert (error.endpoint, error.part, error.attempts) == ("skill_states", "the only part", 3)
    assert error.host == sim.cms_url.partition("//")[2]
    assert len(sim.requests) == 3


@pytest.mark.parametrize(
    ("code", "requests"), [("0100001", 2), ("0100999", 2), ("0100003", 1), ("0300028", 1)]
)
async def test_codes_that_may_be_asked_again(
    code: str, requests: int, sim: Simulator, sender: Sender
) -> None:
    """0100001 and 0100999 once more; every other code never."""
    sim.fail("skill_states", code=code, text="no", times=None)
    with pytest.raises(ApiError) as caught:
        await sender.send()
    assert (caught.value.code, len(sim.requests)) == (code, requests)


async def test_no_data_is_an_empty_answer(sim: Simulator, sender: Sender) -> None:
    """0300012 is no error."""
    page = await sender.of(task_stats, {"taskId": "77"}, fill={"task_id": "77"})
    assert (list(page.rows), page.attempts) == ([], 1)


async def test_no_permission_is_final(sim: Simulator, sender: Sender) -> None:
    """0101003: once, and the key stays unlocked for everything else."""
    sim.fail("skill_states", code="0101003", times=1)
    with pytest.raises(NoPermission):
        await sender.send()
    assert (await sender.send()).received == 1
    assert len(sim.requests) == 2


async def test_a_stale_connection_costs_nothing_of_the_budget(sim: Simulator, sender: Sender) -> None:
    """A kept connection that is cut before the answer: sent again at once, free of charge."""
    await sender.send()
    sim.fail("skill_states", disconnect=True, times=1)
    assert (await sender.send()).received == 1
    assert sender.session.budget.left == 500
    assert len(sim.requests) == 3


async def test_every_attempt_is_signed_anew(sim: Simulator) -> None:
    """The second signature carries the time of the second attempt."""
    sender = Sender(sim)
    sim.fail("skill_states", status=429, retry_after=1, times=1)
    await sender.send()
    first, second = (each.headers["Authorization"] for each in sim.requests)
    assert first != second
    assert first.split("/")[2] < second.split("/")[2]
    await sender.core.aclose(0)


async def test_a_wait_beyond_the_time_left_fails_at_once(sim: Simulator, sender: Sender) -> None:
    """Retry-After: 30 with 2 s left: the throttle is the answer, now."""
    sim.fail("skill_states", status=429, retry_after=30, times=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(Throttled) as caught:
        await sender.send(timeout=2.0)
    assert loop.time() - began < 1
    assert caught.value.retry_after == 30
    assert len(sim.requests) == 1


async def test_an_open_breaker_takes_no_slot(sim: Simulator) -> None:
    """After five failures nothing is sent and no quota is used; the error says since why."""
    sender = Sender(sim, retry=Retry(attempts=1))
    quotas = Quotas(Quota(100, per=60))
    sim.fail("skill_states", status=500, times=None)
    for _ in range(5):
        with pytest.raises(ServerError):
            await sender.send(quotas=quotas)
    key = (sender.session.host, AkSk(sim.access_key, "x").identity, "skill_states")
    assert sender.session.pacer.used(key) == (5, 100)
    with pytest.raises(CircuitOpen, match="500"):
        await sender.send(quotas=quotas)
    assert sender.session.pacer.used(key) == (5, 100)
    assert len(sim.requests) == 5
    await sender.core.aclose(0)


async def test_a_used_up_budget_opens_the_breaker(sim: Simulator) -> None:
    """A retry nobody can pay for is not made, and the host is left alone."""
    sender = Sender(sim, retry=Retry(budget=20, base=0.0))
    sim.fail("skill_states", status=500, times=None)
    with pytest.raises(ServerError) as caught:
        await sender.send()
    assert caught.value.attempts == 2
    with pytest.raises(CircuitOpen):
        await sender.send()
    await sender.core.aclose(0)


async def test_the_breaker_closes_after_one_probe(sim: Simulator, ahead: Any) -> None:
    """When its time is over one request goes; its success lets everybody go, with a full budget."""
    sender = Sender(sim, retry=Retry(attempts=1), clock=ahead, rng=random.Random(1))
    sim.fail("skill_states", status=500, times=5)
    for _ in range(5):
        with pytest.raises(ServerError):
            await sender.send()
    ahead.skew += 2
    sim.set_faults(latency=0.05)
    answers = await asyncio.gather(*(sender.send() for _ in range(5)), return_exceptions=True)
    good = [answer for answer in answers if isinstance(answer, Page)]
    assert good
    assert len(sim.requests) == 5 + len(good)
    sim.set_faults(latency=0.0)
    assert (await sender.send()).received == 1
    assert sender.session.budget.left == 500
    await sender.core.aclose(0)


async def test_a_cancelled_send_gives_its_slot_back(sim: Simulator) -> None:
    """Cancelled at the gate, before anything went out: quota and gate are as they were."""
    sender = Sender(sim, concurrency=1)
    quotas = Quotas(Quota(10, per=60))
    await sender.send(quotas=quotas)
    key = (sender.session.host, AkSk(sim.access_key, "x").identity, "skill_states")
    sim.fail("skill_states", delay=5, times=1)
    first = asyncio.create_task(sender.send(quotas=quotas))
    await until(lambda: len(sim.requests) == 2)
    others = [asyncio.create_task(sender.send(quotas=quotas)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert sender.session.pacer.used(key) == (5, 10)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert sender.session.pacer.used(key) == (2, 10)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (sender.session.gate.in_use, sender.session.exchange.in_flight) == (0, 0)
    assert sender.session.pacer.used(key) == (2, 10)
    await sender.core.aclose(0)


async def test_a_pause_that_came_at_the_gate_is_kept(sim: Simulator) -> None:
    """Whoever has a slot and stands at the gate goes back to the pacer when a throttle came meanwhile."""
    sender = Sender(sim, concurrency=1, retry=Retry(attempts=1))
    await sender.send()
    sim.fail("skill_states", status=429, retry_after=1, delay=0.1, times=1)
    loop = asyncio.get_running_loop()
    first = asyncio.create_task(sender.send())
    await until(lambda: len(sim.requests) == 2)
    second = asyncio.create_task(sender.send())
    with pytest.raises(Throttled):
        await first
    throttled = loop.time()
    assert (await second).received == 1
    assert loop.time() - throttled >= 0.95
    await sender.core.aclose(0)


async def test_a_closed_transport_says_so(sim: Simulator) -> None:
    """A send that is still waiting when the client closes ends with ClosedError, not with aiohttp's."""
    sender = Sender(sim)
    await sender.core.transport.close()
    with pytest.raises(ClosedError):
        await sender.send()


def test_every_interface_has_a_credential() -> None:
    """The tables need no key that a client does not know."""
    tables = [*ENDPOINTS.values(), *AGENT_ENDPOINTS.values()]
    assert {endpoint.needs for endpoint in tables} == set(KeyKind)
