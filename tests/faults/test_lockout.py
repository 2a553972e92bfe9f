"""Numbers 29 and 72 at full size: how many requests a wrong, a foreign and a revoked key cost."""

# ruff: noqa: SIM117 - first a server, then a client of it: one line each

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ahead import Ahead

from cc_async import AkSk, Retry
from cc_async.errors import BatchError, CcError, SignatureRejected

from . import answers
from . import behaviours as do
from .checks import ACCESS_KEY, GUID, SECRET_KEY, asking, asking_gateway, checked, failing, until
from .server import FaultServer, Seen, Wire

BEGIN = datetime(2026, 3, 4, 10, tzinfo=UTC)
CONCURRENCY = 64
TEN_AGENTS = dict.fromkeys(range(101, 111), GUID)


async def test_fault_29_2000_queues_at_concurrency_64_with_a_wrong_key() -> None:
    """``signed_in_agents`` of 2 000 queues with a wrong key is one request, not two thousand."""
    async with FaultServer(then=do.status(401)) as server:
        async with asking(server, concurrency=CONCURRENCY, quota=None) as cms:
            error = await failing(cms.signed_in_agents(range(1, 2001)), SignatureRejected, within=4)
            assert error.batch.unanswered is not None
            assert sum(len(failure.keys) for failure in error.batch.failures) == 2000
            assert len(server.requests) == 1


async def test_fault_29_many_callers_with_a_wrong_key() -> None:
    """A hundred callers of three interfaces at once, with a wrong key: still one request."""
    async with FaultServer(then=do.status(401)) as server:
        async with asking(server, concurrency=CONCURRENCY, quota=None) as cms:
            calls: list[Any] = []
            for skill in range(1, 34):
                calls += [
                    cms.skill_states([skill]),
                    cms.skill_call_stats([skill]),
                    cms.signed_in_agents([skill]),
                ]
            ended = await asyncio.gather(*calls, return_exceptions=True)
            for error in ended:
                assert isinstance(error, BaseException)
                checked(error, SignatureRejected)
            assert len(server.requests) == 1


async def test_fault_29_tenant_key_at_a_global_interface_while_pollers_go_on() -> None:
    """A tenant key refused by ``system_indicators`` is one request there; the pollers of that key go on."""

    async def only_tenants(wire: Wire, seen: Seen) -> None:
        await (do.status(401) if seen.path.endswith("cti/sysindex") else do.good)(wire, seen)

    async with FaultServer(then=only_tenants, secrets={ACCESS_KEY: SECRET_KEY}) as server:
        async with asking(server, quota=None) as cms:
            await cms.skill_states([1])
            polled = 0

            async def poll(skill: int) -> None:
                nonlocal polled
                for _ in range(20):
                    found = await cms.skill_states([skill])
                    polled += len(found)

            async def ask_indicators() -> None:
                asked = cms.system_indicators(begin=BEGIN, end=BEGIN + timedelta(days=60), vdns=range(1, 101))
                for _ in range(20):
                    error = await failing(asked, SignatureRejected, within=3)
                    assert "global" in (error.hint or "") or "not sent" in error.message

            await asyncio.gather(*(poll(skill) for skill in range(1, 11)), ask_indicators())
            assert polled == 200
            assert sum(seen.path.endswith("cti/sysindex") for seen in server.requests) == 1


async def test_fault_29_key_revoked_in_mid_run(ahead: Ahead) -> None:
    """A key revoked while 64 requests are under way costs those 64 at most, and one after the pause."""
    revoked = False

    async def until_revoked(wire: Wire, seen: Seen) -> None:
        nonlocal revoked
        revoked = revoked or len(server.requests) > 500
        await wire.pause(0.002)
        await (do.status(401) if revoked else do.good)(wire, seen)

    async with FaultServer(then=until_revoked) as server:
        async with asking(server, concurrency=CONCURRENCY, quota=None, clock=ahead) as cms:
            error = await failing(cms.signed_in_agents(range(1, 2001)), SignatureRejected, within=3)
            arrived = len(error.batch)
            assert 400 < arrived <= 500
            refused = await _settled(server) - arrived
            assert refused <= 1 + CONCURRENCY
            # While the lock holds nothing goes out; then one, alone, to see whether it is over.
            await failing(cms.signed_in_agents(range(1, 2001)), SignatureRejected, within=3, attempts=0)
            assert len(server.requests) - arrived == refused
            ahead.skew += 301
            await failing(cms.signed_in_agents(range(1, 2001)), SignatureRejected, within=3)
            assert len(server.requests) - arrived == refused + 1


async def _settled(server: FaultServer) -> int:
    """Requests the server has seen once it has read what was under way when the key was refused."""
    number = -1
    while number != len(server.requests):
        number = len(server.requests)
        await asyncio.sleep(0.1)
    return number


async def test_fault_29_a_key_that_was_replaced_goes_alone_first() -> None:
    """A new key travels alone until its first 200: if it is wrong as well, that is one more request."""
    async with FaultServer(then=do.status(401)) as server:
        async with asking(server, concurrency=CONCURRENCY, quota=None) as cms:
            for number in range(1, 4):
                await failing(cms.signed_in_agents(range(1, 201)), SignatureRejected, within=3)
                assert len(server.requests) == number
                await cms.replace_auth(AkSk(ACCESS_KEY, f"{SECRET_KEY}{number}"))
            server.then = do.good
            assert len(await cms.signed_in_agents(range(1, 201))) == 200


async def test_fault_29_one_dead_guid_does_not_stop_the_other_agents() -> None:
    """On the gateway a session that is gone is that agent's failure alone."""

    async def one_is_gone(wire: Wire, seen: Seen) -> None:
        gone = seen.path.split("/")[4] == "105"
        await (do.body(answers.gateway({}, "100-006")) if gone else do.good)(wire, seen)

    async with FaultServer(then=one_is_gone) as server, asking_gateway(server, guids=TEN_AGENTS) as gateway:
        with pytest.raises(BatchError) as caught:
            await gateway.agent_call_stats(range(101, 111))
        checked(caught.value, CcError)
        assert len(caught.value.batch) == 9


async def test_fault_29_a_call_that_waits_for_its_next_attempt_ends_too() -> None:
    """The 401 of one call ends another in its retry sleep: at once, told where, its request counted."""
    patient = Retry(attempts=3, base=60.0, cap=60.0)
    async with FaultServer(do.status(500), do.status(401), then=do.good) as server:
        async with asking(server, retry=patient, timeout=None) as cms:
            resting = asyncio.ensure_future(cms.skill_call_stats([1]))
            await until(lambda: cms._core.session is not None and cms._core.session.exchange._resting)
            await failing(cms.skill_states([1]), SignatureRejected, within=2)
            error = await failing(
                resting,
                SignatureRejected,
                within=1,
                endpoint="skill_call_stats",
                host=server.name,
                attempts=1,
            )
            assert error.batch.request_count == 1
            assert len(server.requests) == 2
