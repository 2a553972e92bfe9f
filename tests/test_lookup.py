"""Groups that ask for every queue: looked up together, failing apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from cc_async import BatchError, CmsClient
from cc_async.simulator import Faults, Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


async def test_a_failed_look_up_is_a_failure_of_its_vdn(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The other VDNs are asked all the same, and ``retry`` asks what is left."""
    sim = await open_sim(skills_per_vdn={170: 3, 2: 4})
    sim.fail("skills", code="0300028", times=1)
    cms = make_cms(sim)
    batch = await cms.skill_states(by_vdn={170: [1, 2, 3], 2: None}, partial=True)
    assert {(row.vdn, row.skill_id) for row in batch} == {(170, 1), (170, 2), (170, 3)}
    assert [failure.vdn for failure in batch.failures] == [2]
    whole = await cms.retry(batch)
    assert whole.complete
    assert [(row.vdn, row.skill_id) for row in whole] == [
        (170, 1),
        (170, 2),
        (170, 3),
        (2, 1),
        (2, 2),
        (2, 3),
        (2, 4),
    ]


async def test_a_stream_tells_a_failed_look_up_too(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The rows of the other VDN come first, then the error."""
    sim = await open_sim(skills_per_vdn={170: 3, 2: 4})
    sim.fail("skills", code="0300028", times=1)
    got = []
    with pytest.raises(BatchError, match="1 parts failed"):
        async with make_cms(sim).skill_states(by_vdn={170: [1, 2, 3], 2: None}).stream() as rows:
            async for row in rows:
                got.append(row)
    assert [row.skill_id for row in got] == [1, 2, 3]


async def test_nothing_looked_up_is_an_error_even_with_partial(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Never an empty batch that looks right."""
    sim = await open_sim()
    sim.fail("skills", code="0300028", times=None)
    with pytest.raises(BatchError):
        await make_cms(sim).skill_states(by_vdn={1: None, 2: None}, partial=True)


async def test_look_ups_travel_together(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Thirty VDNs are looked up side by side: several requests are under way at once."""
    sim = await open_sim(vdns=range(1, 40), faults=Faults(latency=0.05))
    most = 0

    class Count:
        def on_event(self, event: object) -> None:
            nonlocal most
            most = max(most, cms.health.in_flight)

    cms = make_cms(sim, quota=None, observers=[Count()])
    await cms.skills(vdn=1)  # key and shape are proven
    batch = await cms.skill_states(by_vdn=dict.fromkeys(range(2, 32)))
    assert batch.complete
    assert most > 8
