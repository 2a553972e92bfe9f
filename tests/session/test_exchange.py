"""One attempt over a real socket: what is sent, what is learned, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from waiting import until

from cc_async import (
    AkSk,
    CmsClient,
    HttpError,
    RequestTimeout,
    Retry,
    SignatureRejected,
    Timeouts,
    Unsigned,
)
from cc_async.simulator import Simulator

MakeCms = Any
ONCE = Retry(attempts=1)


class Listening:
    """An ``Auth`` that signs as ``AkSk`` does and writes down both halves."""

    def __init__(self, key: AkSk) -> None:
        self.key = key
        self.signed: list[Unsigned] = []
        self.heard: list[tuple[int, str | None]] = []

    @property
    def identity(self) -> str:
        return self.key.identity

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        self.signed.append(request)
        return await self.key.sign(request)

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        self.heard.append((status, headers.get("content-type")))


async def test_what_is_signed_is_what_is_sent(sim: Simulator, make_cms: MakeCms) -> None:
    """Method, path, host, body and content type as signed are those that arrive; the body is minified."""
    auth = Listening(AkSk(sim.access_key, sim.secret_key))
    await make_cms(sim, auth=auth).skill_states([1, 2])
    (unsigned,), (arrived,) = auth.signed, sim.requests
    assert (unsigned.method, unsigned.path, unsigned.host) == ("POST", arrived.path, arrived.headers["Host"])
    assert unsigned.body == b'{"ccId":1,"vdn":170,"skillIds":[1,2]}'
    assert arrived.headers["Content-Type"] == unsigned.content_type == "application/json;charset=UTF-8"
    assert arrived.headers["Content-Length"] == str(len(unsigned.body))
    assert "Transfer-Encoding" not in arrived.headers


async def test_the_body_is_written_once(sim: Simulator, make_cms: MakeCms) -> None:
    """Every attempt signs the same bytes, not bytes of the same value."""
    auth = Listening(AkSk(sim.access_key, sim.secret_key))
    sim.fail("skill_states", status=503, times=2)
    await make_cms(sim, auth=auth, retry=Retry(base=0.0)).skill_states([1])
    assert len(auth.signed) == 3
    assert len({id(unsigned.body) for unsigned in auth.signed}) == 1


async def test_every_answer_is_absorbed(sim: Simulator, make_cms: MakeCms) -> None:
    """A new GUID may come on any answer: good ones, errors, and pages of a firewall."""
    auth = Listening(AkSk(sim.access_key, sim.secret_key))
    cms = make_cms(sim, auth=auth, retry=ONCE)
    sim.fail("skill_states", status=500, times=1)
    sim.fail("skill_states", status=404, body="<html>login</html>", times=1)
    sim.fail("skill_states", code="0100003", times=1)
    for _ in range(4):
        await asyncio.gather(cms.skill_states([1]), return_exceptions=True)
    assert [status for status, _ in auth.heard] == [500, 404, 200, 200]
    assert auth.heard[1][1] == "text/html;charset=UTF-8"


async def test_rows_are_of_the_servers_time(sim: Simulator, cms: CmsClient) -> None:
    """``sampled_at`` is the Date of the answer: the server stands in March 2026, whatever our clock says."""
    (row,) = await cms.skill_states([1])
    assert row.sampled_at == datetime(2026, 3, 4, 12, 4, 59, tzinfo=UTC)


async def test_a_401_says_how_far_our_clock_is_off(sim: Simulator, make_cms: MakeCms, ahead: Any) -> None:
    """The signature carries the time: the error names the difference, when it is sent and when it is not."""
    ahead.off = sim.clock.wall() - ahead.wall() + 500
    cms = make_cms(sim, auth=AkSk(sim.access_key, "wrong"), clock=ahead)
    with pytest.raises(SignatureRejected, match=r"our clock is (499|500|501) s ahead of the server"):
        await cms.skill_states([1])
    with pytest.raises(SignatureRejected, match=r"our clock is (499|500|501) s ahead of the server"):
        await cms.skill_states([1])
    assert len(sim.requests) == 1


async def test_an_attempt_has_a_time_of_its_own(sim: Simulator, make_cms: MakeCms) -> None:
    """RequestTimeout after ``Timeouts.attempt``; it is repeated, and nothing stays under way."""
    sim.fail("skill_states", delay=5, times=1)
    cms = make_cms(sim, timeouts=Timeouts(attempt=0.2), retry=Retry(base=0.0))
    assert (await cms.skill_states([1])).request_count == 2
    sim.fail("skill_states", delay=5, times=1)
    once = make_cms(sim, timeouts=Timeouts(attempt=0.2), retry=ONCE)
    with pytest.raises(ExceptionGroup) as caught:
        await once.skill_states([1])
    (error,) = caught.value.exceptions
    assert isinstance(error, RequestTimeout)
    assert isinstance(error, TimeoutError)
    assert "0.2 s" in str(error)


async def test_silence_is_told_apart_from_slowness(sim: Simulator, make_cms: MakeCms) -> None:
    """No byte for ``Timeouts.read`` seconds ends the attempt before its own time."""
    sim.fail("skill_states", delay=5, times=1)
    cms = make_cms(sim, timeouts=Timeouts(read=0.2, attempt=4.0), retry=ONCE)
    with pytest.raises(ExceptionGroup) as caught:
        await cms.skill_states([1])
    (error,) = caught.value.exceptions
    assert isinstance(error, RequestTimeout)
    assert "read timeout" in str(error)


async def test_a_401_ends_what_runs_with_the_same_key_at_that_interface(
    sim: Simulator, make_cms: MakeCms
) -> None:
    """Requests under way elsewhere, or with another key, are left alone."""
    cms = make_cms(sim)
    await asyncio.gather(cms.skill_states([1]), cms.skill_call_stats([1]), cms.vdns())
    before = len(sim.requests)
    sim.fail("skill_states", delay=3, times=2)
    sim.fail("skill_call_stats", delay=0.3, times=1)
    same = [asyncio.create_task(cms.skill_states([skill])) for skill in (1, 2)]
    other = asyncio.create_task(cms.skill_call_stats([1]))
    await until(lambda: len(sim.requests) == before + 3)
    sim.fail("skill_states", status=401, times=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(SignatureRejected):
        await cms.skill_states([3])
    for task in same:
        with pytest.raises(SignatureRejected, match="ended"):
            await task
    assert loop.time() - began < 1
    assert (await other).complete


async def test_no_header_of_ours_is_in_an_error(sim: Simulator, make_cms: MakeCms) -> None:
    """A server that echoes what it got does not get our signature into our error."""
    auth = Listening(AkSk(sim.access_key, sim.secret_key))
    cms = make_cms(sim, auth=auth, retry=ONCE)
    await cms.skill_states([1])
    sent = sim.requests[0].headers["Authorization"]
    sim.fail("skill_states", status=400, body=f"<html>bad header {sent}</html>", times=1)
    with pytest.raises(ExceptionGroup) as caught:
        await cms.skill_states([1])
    (error,) = caught.value.exceptions
    assert isinstance(error, HttpError)
    assert "bad header" in str(error)
    assert sent not in str(error)
    assert sim.access_key not in str(error)
