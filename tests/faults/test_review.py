"""Ways in which keys, agents and pauses could hurt one another, each found once and held since."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from cc_async import (
    AkSk,
    BatchError,
    CmsClient,
    MemoryPacer,
    Quota,
    Retry,
    SessionLost,
    SignatureRejected,
    Unsigned,
)
from cc_async.simulator import Simulator

from . import behaviours as do
from .checks import asking, asking_gateway, cms_for, until
from .server import FaultServer, Seen, Wire

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


class Key:
    """A credential that is rotated: the same name, another secret."""

    identity = "ak-rotated"

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        return {"Authorization": self._secret}

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        pass


async def test_a_call_that_waits_goes_on_with_the_new_key() -> None:
    """The secret is rotated while a call waits for its quota: the old one is not sent, nothing is locked."""
    signed: list[str] = []

    async def answer(wire: Wire, seen: Seen) -> None:
        signed.append(seen.headers["authorization"])
        await do.good(wire, seen)

    async with FaultServer(then=answer) as server:
        cms = cms_for(server, auth=Key("old"), quota=Quota(1, per=0.3))
        try:
            await cms.skill_states([1])
            waiting = asyncio.ensure_future(cms.skill_states([1]))
            await until(lambda: cms.health.calls)
            await cms.replace_auth(Key("new"))
            assert (await waiting).complete
            assert signed == ["old", "new"]
            assert cms.health.locked_until == {}
        finally:
            await cms.aclose()


async def test_an_old_answer_does_not_prove_a_new_key(sim: Simulator, make_cms: MakeCms) -> None:
    """A good answer to the old key comes after a mistyped new one: that costs one request all the same."""
    cms = make_cms(sim, quota=None)
    await cms.signed_in_agents([1])
    sim.fail("skills", delay=0.2, times=1)
    old = asyncio.ensure_future(cms.skills())
    await until(lambda: cms.health.in_flight)
    await cms.replace_auth(AkSk(sim.access_key, "mistyped"))
    await old
    with pytest.raises(SignatureRejected):
        await cms.signed_in_agents(range(1, 60))
    assert [request.status for request in sim.requests].count(401) == 1


async def test_clients_of_one_pacer_trust_and_doubt_together(sim: Simulator, make_cms: MakeCms) -> None:
    """A tenant key that one client proved is not locked whole by another's global interface."""
    sim.use_profile("global_401")
    pacer = MemoryPacer()
    one, other = make_cms(sim, pacer=pacer, global_auth=None), make_cms(sim, pacer=pacer, global_auth=None)
    await one.skills()
    with pytest.raises(SignatureRejected):
        await other.vdns()
    assert (await one.skills()).complete


async def test_one_dead_guid_with_401_concerns_one_agent() -> None:
    """HTTP 401 for an agent's GUID is that agent's lost session: the others are asked, nothing is locked."""
    async with (
        FaultServer(do.status(401), then=do.good) as server,
        asking_gateway(server, concurrency=1) as gateway,
    ):
        with pytest.raises(BatchError) as caught:
            await gateway.agent_call_stats([101])
        assert [type(error) for error in caught.value.exceptions] == [SessionLost]
        assert (await gateway.agent_call_stats([101])).complete


@pytest.mark.looptime
async def test_a_throttle_of_the_gateway_pauses_all_agents() -> None:
    """503 with Retry-After is about the whole system, not about the agent who got it."""
    busy = do.status(503, ("Retry-After", "5"))
    async with FaultServer(then=busy) as server:
        async with asking_gateway(server, concurrency=1, timeout=4, retry=Retry(attempts=1)) as gateway:
            with pytest.raises((BatchError, TimeoutError)):
                await gateway.agent_call_stats([101])
            with pytest.raises((BatchError, TimeoutError)):
                await gateway.agent_call_stats([101])
        assert len(server.requests) == 1


async def test_no_permission_proves_the_key() -> None:
    """A vendor code for "not allowed" came to a signature that was good: later requests travel together."""
    refusal = do.body(b'{"resultCode": "0101001", "resultDesc": "no"}')
    async with FaultServer(then=refusal) as server, asking(server, concurrency=8) as cms:
        with pytest.raises(BatchError):
            await cms.signed_in_agents([1])
        session = cms._core.session
        assert session is not None
        credential = (
            "credential",
            session.host,
            session.credentials[next(iter(session.credentials))].identity,
        )
        assert session.exchange.probation.is_proven(credential)


@pytest.mark.looptime
async def test_a_throttled_interface_does_not_hold_up_an_unproven_key() -> None:
    """One interface says "wait 3 s" to a fresh key: another is answered at once."""
    async with FaultServer(do.status(429, ("Retry-After", "3")), then=do.good) as server:
        cms = cms_for(server, timeout=None)
        try:
            slow = [asyncio.ensure_future(cms.skill_states([n])) for n in (1, 2)]
            await until(lambda: server.requests)
            began = asyncio.get_running_loop().time()
            await cms.skill_call_stats([1])
            assert asyncio.get_running_loop().time() - began < 2.0
            for one in slow:
                one.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        finally:
            await cms.aclose(grace=0)


async def test_a_date_beyond_the_calendar_is_no_date() -> None:
    """A Date header of the year 10000 costs nothing: our own clock is used."""
    odd = do.good_with(("Date", "Fri, 31 Dec 9999 23:59:59 -2300"))
    async with FaultServer(then=odd) as server, asking(server) as cms:
        assert (await cms.skill_states([1])).complete
        assert cms.health.clock_offset is None
