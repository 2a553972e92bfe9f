"""Keys that are not proven, keys that are refused, and what a request shape costs to learn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from waiting import until

from cc_async import AkSk, CmsClient, MemoryPacer, SignatureRejected, Unsigned
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


class Revocable:
    """A key that is good until it is revoked: from then on it signs with another secret."""

    def __init__(self, sim: Simulator) -> None:
        self._good, self._bad = AkSk(sim.access_key, sim.secret_key), AkSk(sim.access_key, "revoked")
        self.revoked = False

    @property
    def identity(self) -> str:
        return self._good.identity

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        return await (self._bad if self.revoked else self._good).sign(request)

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        await self._good.absorb(request, status, headers)


def wrong(sim: Simulator) -> AkSk:
    """The right access key with a wrong secret."""
    return AkSk(sim.access_key, "not the secret")


def statuses(sim: Simulator) -> dict[int | None, int]:
    """How many requests the server answered with which status."""
    found = [each.status for each in sim.requests]
    return {status: found.count(status) for status in set(found)}


async def test_a_wrong_key_is_one_request(sim: Simulator, make_cms: MakeCms) -> None:
    """32 workers of one call: the first request travels alone, nobody follows it."""
    with pytest.raises(SignatureRejected):
        await make_cms(sim, auth=wrong(sim)).signed_in_agents(range(1, 31))
    assert statuses(sim) == {401: 1}


async def test_a_wrong_key_is_one_request_for_many_callers(sim: Simulator, make_cms: MakeCms) -> None:
    """50 callers of four interfaces at the same time, and one more later: one request."""
    cms = make_cms(sim, auth=wrong(sim), global_auth=None)
    calls = [
        query
        for _ in range(13)
        for query in (cms.skill_states([1]), cms.skill_call_stats([2]), cms.agent_states(), cms.vdns())
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {SignatureRejected}
    with pytest.raises(SignatureRejected, match="not sent"):
        await cms.skills()
    assert statuses(sim) == {401: 1}


async def test_two_clients_with_one_pacer_share_the_lock(sim: Simulator, make_cms: MakeCms) -> None:
    """The lock-out stands in the pacer: the other client does not try the wrong key again."""
    pacer = MemoryPacer()
    for _ in range(2):
        with pytest.raises(SignatureRejected):
            await make_cms(sim, auth=wrong(sim), pacer=pacer).skill_states([1])
    assert statuses(sim) == {401: 1}


async def test_the_right_key_unlocks_at_once(sim: Simulator, make_cms: MakeCms) -> None:
    """``replace_auth`` lifts the lock of the same access key, in every copy; the next request proves it."""
    cms = make_cms(sim, auth=wrong(sim))
    copy = cms.with_options(vdn=1)
    with pytest.raises(SignatureRejected):
        await cms.skill_states([1])
    await cms.replace_auth(AkSk(sim.access_key, sim.secret_key))
    assert len(await copy.skill_states([1, 2])) == 2
    assert statuses(sim) == {401: 1, 200: 1}


async def test_a_lock_ends_and_the_next_one_goes_alone(
    sim: Simulator, make_cms: MakeCms, ahead: object
) -> None:
    """After ``lockout`` seconds one request tries the key again, however many wait."""
    cms = make_cms(sim, auth=wrong(sim), lockout=60.0, clock=ahead)
    for _ in range(2):
        answers = await asyncio.gather(
            *(cms.skill_states([skill]) for skill in range(1, 20)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {SignatureRejected}
        ahead.skew += 61  # type: ignore[attr-defined]
    assert statuses(sim) == {401: 2}


async def test_a_tenant_key_refused_globally_does_not_stop_the_pollers(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """``cti/sysindex`` answers 401 to a tenant key: that interface is locked, the others go on."""
    sim = await open_sim(profile="global_401", latency=0.01)
    cms = make_cms(sim, global_auth=None)
    await cms.skill_states([1])
    pollers = [asyncio.create_task(cms.signed_in_agents(range(1, 31))) for _ in range(3)]
    refused = await asyncio.gather(*(cms.vdns() for _ in range(5)), return_exceptions=True)
    assert {type(answer) for answer in refused} == {SignatureRejected}
    for poller in pollers:
        assert (await poller).complete
    assert len(await cms.skills()) == 30
    assert statuses(sim)[401] <= 5
    with pytest.raises(SignatureRejected, match="not sent"):
        await cms.vdns()


async def test_a_revoked_key_costs_what_was_in_flight(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Revoked in the middle of 400 requests, 16 at a time: at most 16 are refused, then nothing is sent."""
    sim = await open_sim(latency=0.01)
    auth = Revocable(sim)
    cms = make_cms(sim, auth=auth, concurrency=16)
    await cms.signed_in_agents([1])
    pollers = [asyncio.create_task(cms.signed_in_agents(range(1, 31))) for _ in range(13)]
    await until(lambda: not (len(sim.requests) < 60))
    auth.revoked = True
    answers = await asyncio.gather(*pollers, return_exceptions=True)
    refused = statuses(sim)[401]
    assert 1 <= refused <= 16
    ended = [answer for answer in answers if isinstance(answer, SignatureRejected)]
    assert ended
    assert all(isinstance(answer, SignatureRejected) or answer.complete for answer in answers)
    assert all(len(answer.batch.failures) > 0 for answer in ended)
    before = len(sim.requests)
    with pytest.raises(SignatureRejected, match="not sent"):
        await cms.signed_in_agents([1])
    assert len(sim.requests) == before


async def test_a_shape_is_learned_once_per_host(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """A wrapped server, 40 callers of one interface: one request is refused, 40 are answered."""
    sim = await open_sim(profile="wrapped")
    cms = make_cms(sim)
    await asyncio.gather(*(cms.skill_states([skill % 30 + 1]) for skill in range(40)))
    codes = [each.code for each in sim.requests]
    assert (codes.count("0100002"), codes.count("0100000")) == (1, 40)
    await asyncio.gather(*(cms.skill_call_stats([skill % 30 + 1]) for skill in range(40)))
    codes = [each.code for each in sim.requests]
    assert (codes.count("0100002"), codes.count("0100000")) == (1, 80)


@pytest.mark.parametrize(("shape", "profile"), [("flat", "wrapped"), ("wrapped", "documented")])
async def test_a_forced_shape_is_the_only_one(
    shape: str, profile: str, open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """``request_shape`` forces one way of writing: the other is not tried."""
    sim = await open_sim(profile=profile)
    with pytest.raises(ExceptionGroup) as caught:
        await make_cms(sim, request_shape=shape).skill_states([1])
    assert [error.code for error in caught.value.exceptions] == ["0100002"]  # type: ignore[attr-defined]
    assert len(sim.requests) == 1


async def test_a_get_has_no_shape_to_force(sim: Simulator, make_cms: MakeCms) -> None:
    """A raw GET has no body: ``request_shape="wrapped"`` leaves it as it is."""
    cms = make_cms(sim, request_shape="wrapped")
    path = "/rest/cmsapp/v1/openapi/configures/agents/1/170/0/5"
    assert len(await cms.call(path, method="GET")) == 5
