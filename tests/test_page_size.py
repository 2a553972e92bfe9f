"""``page_size="learn"``: asked once what the host gives, remembered per host and interface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import truth
from waiting import until

from cc_async import BatchError, CmsClient, Quota, RequestTimeout, Timeouts
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]

BEGIN = datetime(2026, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def limits(sim: Simulator) -> list[int]:
    """The limits that were asked for, in order."""
    return [int(each.body.get("queryParam", each.body)["limit"]) for each in sim.requests]


async def indicators(cms: CmsClient, vdns: tuple[int, ...] = (1, 2, 3), days: int = 1, **given: Any) -> Any:
    """Some days of some VDNs."""
    return await cms.system_indicators(begin=BEGIN - (days - 1) * DAY, end=BEGIN + DAY, vdns=vdns, **given)


def whole(batch: Any, sim: Simulator, vdns: tuple[int, ...] = (1, 2, 3), days: int = 1) -> bool:
    """True when the batch holds exactly the rows of the contact center, each once."""
    expected = truth.system_indicators(sim, BEGIN - (days - 1) * DAY, BEGIN + DAY, vdns)
    got = sorted((row.vdn, row.interval_start) for row in batch)
    return got == sorted((row["vdn"], row["interval_start"]) for row in expected)


async def test_a_host_that_gives_a_thousand(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """One request of 100 teaches the shape, one of 1000 the size; from then on it is 1000."""
    sim = await open_sim(profile="page_1000")
    cms = make_cms(sim, page_size="learn")
    batch = await indicators(cms)
    assert whole(batch, sim)
    assert (limits(sim), batch.request_count) == ([100, 1000], 2)
    assert len(await indicators(cms, days=3)) == 2592
    assert limits(sim)[2:] == [1000] * 3


async def test_a_host_that_refuses_is_asked_for_the_documented_size(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """0100002 costs one request, once; the page that was answered already is not asked again."""
    sim = await open_sim(profile="documented")
    cms = make_cms(sim, page_size="learn")
    batch = await indicators(cms)
    assert whole(batch, sim)
    assert (limits(sim), batch.request_count) == ([100, 1000, *[100] * 8], 10)
    again = await indicators(cms)
    assert (limits(sim)[10:], again.request_count) == ([100] * 9, 9)


async def test_a_plan_offers_no_page_the_host_is_known_to_refuse(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Before the lesson 1000 rows a page are a chance; after it, what the host gave is the plan."""
    from attrs import evolve

    from cc_async.simulator.profiles import PROFILES

    for profile, given in (
        (PROFILES["documented"], 100),
        (evolve(PROFILES["capped_50"], page_max=500), 500),
        (PROFILES["page_1000"], 1000),
    ):
        sim = await open_sim(profile=profile)
        cms, fixed = make_cms(sim, page_size="learn"), make_cms(sim, page_size=100)
        query = cms.system_indicators(begin=BEGIN - 9 * DAY, end=BEGIN + DAY, vdns=(1, 2, 3))
        before = query.plan()
        assert (before.requests, before.other and before.other.page_size) == (87, 1000)
        await indicators(cms)
        after = query.plan()
        assert after.requests == -(-10 * 288 * 3 // given)
        assert (after.other and after.other.page_size) == (None if given == 100 else 100)
        fixed._core.memory.page_sizes.update(cms._core.memory.page_sizes)
        other = fixed.system_indicators(begin=BEGIN - 9 * DAY, end=BEGIN + DAY, vdns=(1, 2, 3)).plan().other
        assert (other and other.page_size) == (None if given == 100 else given)


async def test_a_refusal_when_the_shape_is_known(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Then 1000 is asked first, and the refused request is counted."""
    sim = await open_sim(profile="documented")
    cms = make_cms(sim, page_size="learn")
    assert len(await indicators(cms, (1,), days=1, partial=True)) == 288
    cms._core.memory.page_sizes.clear()
    before = len(sim.requests)
    batch = await indicators(cms, (1,))
    assert limits(sim)[before:] == [1000, 100, 100, 100]
    assert batch.request_count == 4


@pytest.mark.parametrize("profile", ["capped_50", "indicators_list"])
async def test_a_host_that_caps_is_remembered_with_what_it_gives(
    profile: str, open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """Fewer rows than asked although there are more: told by the total, or by the rows behind them."""
    from cc_async.simulator.profiles import PROFILES

    kind = PROFILES["capped_50"] if profile == "capped_50" else None
    if kind is None:
        from attrs import evolve

        kind = evolve(PROFILES["indicators_list"], page_max=50, over_page="cap")
    sim = await open_sim(profile=kind)
    cms = make_cms(sim, page_size="learn")
    assert whole(await indicators(cms), sim)
    assert cms._core.memory.page_sizes == {"system_indicators": 50}
    before = len(sim.requests)
    assert whole(await indicators(cms), sim)
    assert set(limits(sim)[before:]) == {50}


async def test_a_host_that_ignores_the_limit(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """More rows than asked for: nothing is lost, nothing comes twice."""
    sim = await open_sim(profile="limit_ignored")
    cms = make_cms(sim, page_size="learn")
    assert whole(await indicators(cms), sim)
    assert whole(await indicators(cms, days=2), sim, days=2)


async def test_the_wrapped_shape_is_learned_first(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Shape and size are both refused with 0100002: they are found out one after the other."""
    sim = await open_sim(profile="wrapped")
    cms = make_cms(sim, page_size="learn")
    batch = await indicators(cms)
    assert whole(batch, sim)
    assert limits(sim).count(1000) == 1
    assert batch.request_count == len(sim.requests)


async def test_a_small_question_learns_nothing(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Where 100 rows are enough, 1000 would bring no more."""
    sim = await open_sim(profile="page_1000")
    cms = make_cms(sim, page_size="learn")
    await cms.system_indicators(begin=BEGIN, end=BEGIN + timedelta(hours=8), vdns=[1])
    assert limits(sim) == [100]
    assert cms._core.memory.page_sizes == {}


async def test_the_first_question_learns_alone(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Questions that begin together, by copies too, wait for the one lesson."""
    sim = await open_sim(profile="page_1000")
    cms = make_cms(sim, page_size="learn")
    copy = cms.with_options(vdn=1)
    batches = await asyncio.gather(indicators(cms), indicators(copy), indicators(cms, days=2))
    assert [len(batch) for batch in batches] == [864, 864, 1728]
    assert limits(sim) == [100, 1000, 1000, 1000, 1000]


async def test_a_first_page_that_fails_teaches_nothing(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The question fails as any other; who waited for the lesson learns instead."""
    sim = await open_sim(profile="page_1000")
    cms = make_cms(sim, page_size="learn", timeouts=Timeouts(attempt=0.1))
    assert len(await indicators(cms)) == 864
    cms._core.memory.page_sizes.clear()
    sim.fail("system_indicators", delay=1, times=3)
    asked = len(sim.requests)
    first = asyncio.create_task(indicators(cms, days=2))
    await until(lambda: len(sim.requests) > asked)
    second = asyncio.create_task(indicators(cms))
    with pytest.raises(BatchError) as caught:
        await first
    assert [type(error) for error in caught.value.exceptions] == [RequestTimeout]
    assert len(await second) == 864
    assert limits(sim)[asked:] == [1000] * 4
    assert cms._core.memory.page_sizes == {"system_indicators": 1000}


async def test_the_plan_follows_the_lesson(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Before it the documented size is counted and the other told; afterwards it is what was learned."""
    sim = await open_sim(profile="page_1000")
    cms = make_cms(sim, page_size="learn", quota=Quota(10, per=1.0))
    query = cms.system_indicators(begin=BEGIN, end=BEGIN + 31 * DAY, vdns=range(1, 301))
    assert "26,784 requests in 93 chunks" in str(query.plan())
    assert "44.6 minutes; at 1,000 rows a page 2,697 requests, 4.48 minutes" in str(query.plan())
    await indicators(cms)
    assert "4.48 minutes; at 100 rows a page 26,784 requests, 44.6 minutes" in str(query.plan())


async def test_agents_are_documented_with_a_thousand(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """Where the largest size is the documented one, there is nothing to learn."""
    sim = await open_sim(agents_per_vdn={170: 1500, 1: 1, 2: 1, 3: 1})
    assert len(await make_cms(sim, page_size="learn").agent_states()) == 1500
    assert limits(sim) == [1000, 1000]


@pytest.mark.parametrize(
    ("value", "error"), [("teach", ValueError), (0, ValueError), (None, TypeError), (True, TypeError)]
)
def test_other_values_are_refused(value: Any, error: type[Exception]) -> None:
    """Before anything is sent, by the constructor and by ``with_options``."""
    from cc_async import AkSk

    client = CmsClient("https://cms.invalid", AkSk("a", "s"), page_size="learn")
    with pytest.raises(error, match="page_size"):
        client.with_options(page_size=value)
    with pytest.raises(error, match="page_size"):
        CmsClient("https://cms.invalid", AkSk("a", "s"), page_size=value)
