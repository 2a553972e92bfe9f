"""Numbers 71 to 75: what users rely on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import attrs
import pytest

from cc_async import AkSk, CmsClient
from cc_async.errors import BatchError, CcError, ServerError, SignatureRejected
from cc_async.simulator import Simulator

from . import behaviours as do
from .checks import ACCESS_KEY, QUICK, SECRET_KEY, asking, checked, cms_for, failing, nothing_left
from .server import FaultServer, Seen, Wire


@pytest.mark.parametrize("fault", [do.status(500), do.reset, do.status(401), do.status(403), do.body(b"{}")])
async def test_fault_71_partial_and_nothing_arrived(fault: Any) -> None:
    """``partial=True`` with nothing at all is an error, never an empty batch that looks well."""
    async with FaultServer(then=fault) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats(range(1, 500), partial=True), CcError, within=4)
        assert error.attempts >= 1


async def test_fault_71_partial_and_something_arrived() -> None:
    """With something it is a batch that says exactly what is missing, and ``retry`` completes it."""

    async def second_half_fails(wire: Wire, seen: Seen) -> None:
        await (do.good if 1 in seen.json["skillIds"] else do.status(500))(wire, seen)

    async with FaultServer(then=second_half_fails) as server, asking(server) as cms:
        batch = await cms.skill_call_stats(range(1, 400), partial=True)
        assert not batch.complete
        failed = {key for failure in batch.failures for key in failure.keys}
        assert failed | {row.skill_id for row in batch} == set(range(1, 400))
        with pytest.raises(BatchError) as caught:
            await cms.skill_call_stats(range(1, 400))
        assert len(caught.value.batch) == len(batch)
        checked(caught.value, ServerError)
        server.then = do.good
        whole = await cms.retry(batch)
        assert [row.skill_id for row in whole] == list(range(1, 400))


async def test_fault_72_a_wrong_key_everywhere() -> None:
    """Twenty clients that share nothing, as in twenty processes, send one request each with a wrong key."""
    async with FaultServer(then=do.status(401)) as server:
        clients = [cms_for(server, concurrency=64) for _ in range(20)]
        calls = [cms.signed_in_agents(range(1, 101)) for cms in clients]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        for error in ended:
            assert isinstance(error, BaseException)
            checked(error, SignatureRejected)
        for cms in clients:
            async with nothing_left(cms):
                pass
        await server.drained()
        assert len(server.requests) == 20


async def test_fault_73_records_cannot_be_changed() -> None:
    """A record handed to two callers cannot be changed by one of them."""
    async with FaultServer(then=do.good) as server, asking(server) as cms:
        for batch in (await cms.skill_call_stats([1]), await cms.signed_in_agents([1])):
            for field in attrs.fields(type(batch[0])):
                with pytest.raises(attrs.exceptions.FrozenInstanceError):
                    setattr(batch[0], field.name, None)
                with pytest.raises(attrs.exceptions.FrozenInstanceError):
                    delattr(batch[0], field.name)
            assert hash(batch[0]) == hash(attrs.evolve(batch[0]))


async def test_fault_74_a_server_whose_end_is_inclusive() -> None:
    """Neighbouring windows share no row, whatever the server thinks of their ends."""
    begin = datetime(2026, 3, 4, 10, tzinfo=UTC)
    hour = timedelta(hours=1)
    async with Simulator(profile="inclusive_end", vdns=[1, 2]) as sim:
        auth = AkSk(sim.global_access_key, sim.global_secret_key)
        async with CmsClient(sim.cms_url, auth, **QUICK) as cms:
            first = await cms.system_indicators(begin=begin, end=begin + hour, vdns=[1, 2])
            second = await cms.system_indicators(begin=begin + hour, end=begin + 2 * hour, vdns=[1, 2])
    keys = [row.key for batch in (first, second) for row in batch]
    assert len(keys) == len(set(keys)) == 2 * 24


async def test_fault_75_rows_of_one_snapshot_taken_apart() -> None:
    """Rows of one batch that were taken 200 s apart say so, each by its server's clock."""
    noon = datetime(2026, 3, 4, 12, tzinfo=UTC)

    async def dated(wire: Wire, seen: Seen) -> None:
        taken = noon + timedelta(seconds=0 if 1 in seen.json["skillIds"] else 200)
        await do.good_with(("Date", format_datetime(taken, usegmt=True)))(wire, seen)

    async with FaultServer(then=dated, secrets={ACCESS_KEY: SECRET_KEY}) as server, asking(server) as cms:
        batch = await cms.skill_call_stats(range(1, 400))
    assert batch[0].sampled_at == noon
    assert batch[-1].sampled_at == noon + timedelta(seconds=200)
    assert {row.sampled_at for row in batch} == {noon, noon + timedelta(seconds=200)}
