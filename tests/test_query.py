"""Query: every way asyncio takes a coroutine, and the ways a coroutine cannot be used but a query can."""

from __future__ import annotations

import asyncio
import gc
import inspect
import warnings
import weakref
from collections.abc import Awaitable, Callable, Coroutine

import pytest
from waiting import until

from cc_async import AkSk, Batch, CallTimeout, CmsClient, SkillState
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


async def test_gather(sim: Simulator, cms: CmsClient) -> None:
    """``gather`` takes queries as they are."""
    states, stats = await asyncio.gather(cms.skill_states([1]), cms.skill_call_stats([1, 2]))
    assert (len(states), len(stats), len(sim.requests)) == (1, 2, 2)


async def test_gather_of_one_query_twice_asks_once(sim: Simulator, cms: CmsClient) -> None:
    """The same object is one awaitable to gather: one request, the same batch twice."""
    query = cms.skill_states([1])
    first, second = await asyncio.gather(query, query)
    assert first is second
    assert len(sim.requests) == 1


async def test_wait_for(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """``wait_for`` gives the batch, or ends the query when its time is over."""
    sim = await open_sim()
    cms = make_cms(sim)
    assert len(await asyncio.wait_for(cms.skill_states([1]), 5)) == 1
    sim.fail("skill_states", delay=5, times=1)
    with pytest.raises(TimeoutError) as caught:
        await asyncio.wait_for(cms.skill_states([1]), 0.05)
    assert not isinstance(caught.value, CallTimeout)
    assert len(await cms.skill_states([1])) == 1


async def test_task_group(sim: Simulator, cms: CmsClient) -> None:
    """``TaskGroup.create_task`` takes a query as its coroutine."""
    async with asyncio.TaskGroup() as group:
        one = group.create_task(cms.skill_states([1]))
        two = group.create_task(cms.skill_states([1, 2]))
    assert (len(one.result()), len(two.result())) == (1, 2)


async def test_awaiting_again_asks_again(sim: Simulator, cms: CmsClient) -> None:
    """Each await is a question of its own: the second one sees what changed."""
    query = cms.skill_states([1])
    before = await query
    sim.set_skill(170, 1, offered=50, calls_waiting=33)
    after = await query
    assert after[0].calls_waiting == 33 != before[0].calls_waiting
    assert len(sim.requests) == 2


async def test_two_tasks_at_the_same_time(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """One query given to two tasks, and awaited beside them: three askings, each with its own answer."""
    sim = await open_sim(latency=0.03)
    query = make_cms(sim).skill_states([1])
    tasks = [asyncio.create_task(query) for _ in range(2)]
    batches = [await query, *[await task for task in tasks]]
    assert len({id(batch) for batch in batches}) == 3
    assert all(batch.complete for batch in batches)
    assert len(sim.requests) == 3


async def test_one_of_two_tasks_is_cancelled(open_sim: OpenSim, make_cms: MakeCms) -> None:
    """The other one goes on."""
    sim = await open_sim(latency=0.05)
    query = make_cms(sim).skill_states([1])
    first, second = asyncio.create_task(query), asyncio.create_task(query)
    await until(lambda: sim.requests)
    first.cancel()
    assert (await second).complete
    assert first.cancelled()


async def test_cancelled_before_it_began(sim: Simulator, cms: CmsClient) -> None:
    """A task cancelled before its first step sends nothing; the query can be asked later."""
    query = cms.skill_states([1])
    task = asyncio.create_task(query)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sim.requests == []
    assert (await query).complete


async def test_never_awaited_does_nothing_and_does_not_warn(sim: Simulator, cms: CmsClient) -> None:
    """A query that is thrown away leaves no "never awaited" behind."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cms.skill_states([1])
        gc.collect()
    assert [str(each.message) for each in caught if "never awaited" in str(each.message)] == []
    assert sim.requests == []


async def test_close_ends_what_is_under_way(sim: Simulator, cms: CmsClient) -> None:
    """``close`` ends a run that was stepped by hand, as that of a coroutine does, and may be repeated."""
    await cms.ping()  # the connection is there: the step below sends and waits for the answer
    query = cms.skill_states([1])
    query.send(None)
    query.close()
    query.close()
    assert (await query).complete
    assert sim.open_connections == 1


async def test_throw_into_a_query_that_has_not_begun(cms: CmsClient) -> None:
    """There is nothing to unwind: the exception comes back, given as an object, a class or both."""
    query = cms.skill_states([1])
    with pytest.raises(KeyError):
        query.throw(KeyError("x"))
    with pytest.raises(KeyError):
        query.throw(KeyError)
    with pytest.raises(KeyError, match="y"):
        query.throw(KeyError, KeyError("y"))


async def test_a_query_is_a_coroutine_by_abc_and_a_question_by_value(cms: CmsClient) -> None:
    """It compares by identity; its question compares by value; its repr names the interface only."""
    one, two = cms.skill_states([1]), cms.skill_states([1])
    assert isinstance(one, Coroutine)
    assert asyncio.iscoroutine(one)
    assert not inspect.iscoroutinefunction(one)
    assert one != two
    assert one.question == two.question
    assert len({one, two}) == 2
    assert repr(one) == "<Query skill_states>"


def test_outside_of_a_loop_it_can_be_made_and_planned() -> None:
    """Making and planning need no loop; stepping one says what is missing."""
    cms = CmsClient("https://cms.example.com:28443", AkSk("ak", "sk"), vdn=1)
    query = cms.skill_states(range(1, 2001))
    assert (query.plan().chunks, query.plan().requests) == (9, 9)
    with pytest.raises(RuntimeError):
        query.send(None)


async def test_shield_and_as_completed(sim: Simulator, cms: CmsClient) -> None:
    """``shield``, ``as_completed`` and ``wait`` (through tasks) work as with any coroutine."""
    batch: Batch[SkillState] = await asyncio.shield(cms.skill_states([1]))
    assert len(batch) == 1
    queries = [cms.skill_states([1]), cms.skill_states([1, 2])]
    sizes = [len(await answer) for answer in asyncio.as_completed(queries)]
    assert sorted(sizes) == [1, 2]
    assert len(sim.requests) == 3


async def test_runs_of_many_tasks_are_forgotten(sim: Simulator, cms: CmsClient) -> None:
    """A query asked by a hundred tasks keeps none of them alive."""
    query = cms.skill_states([1])

    async def crowd() -> list[weakref.ref[asyncio.Task[Batch[SkillState]]]]:
        tasks = [asyncio.create_task(query) for _ in range(100)]
        await asyncio.gather(*tasks)
        return [weakref.ref(task) for task in tasks]

    tasks = await crowd()
    await asyncio.sleep(0.01)
    gc.collect()
    assert len(sim.requests) == 100
    assert [task for task in tasks if task() is not None] == []
