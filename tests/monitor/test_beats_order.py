"""Busiest last: the order in which queues are asked, and how their rows get back in order."""

from __future__ import annotations

import random

import pytest

from cc_async import AkSk, Batch, BatchError, CmsClient, Group, Question, Quota, SkillCallStats
from cc_async.monitor.order import Asker, busiest_last, in_order_of, offered
from cc_async.simulator import Simulator


def rows(*ids: int, vdn: int = 170) -> tuple[SkillCallStats, ...]:
    """Rows of these queues, each with ten times its id of offered calls."""
    return tuple(SkillCallStats(skill_id, offered=skill_id * 10, vdn=vdn) for skill_id in ids)


def test_keys_go_by_their_calls_within_each_vdn() -> None:
    """Unknown queues come first, the busiest last; each VDN for itself; a group of all queues is left."""
    question = Question(
        "skill_call_stats", 1, (Group(170, (1, 2, 3, 4)), Group(171, (1, 2)), Group(172, None))
    )
    calls = {(170, 1): 9.0, (170, 3): 5.0, (171, 1): 1.0}
    ordered = busiest_last(question, calls)
    assert [group.keys for group in ordered.groups] == [(2, 4, 3, 1), (2, 1), None]
    assert [group.vdn for group in ordered.groups] == [170, 171, 172]


def test_calls_are_read_from_rows_that_count_them() -> None:
    """Rows without a queue or without a count say nothing about calls."""
    found = offered([*rows(1, 2), SkillCallStats(3, vdn=170), object()])
    assert found == {(170, 1): 10, (170, 2): 20}


def test_rows_and_absent_keys_go_back_in_the_order_of_the_question() -> None:
    """What was asked as 3, 4, 1, 2 and answered without 4 and 1 reads as if it was asked as 1, 2, 3, 4."""
    question = Question("skill_call_stats", 1, (Group(170, (1, 2, 3, 4)),))
    asked = Question("skill_call_stats", 1, (Group(170, (3, 4, 1, 2)),))
    batch = Batch(rows(3, 2), asked, SkillCallStats, absent=(4, 1), key_field="skill_id")
    back = in_order_of(question, batch)
    assert [row.skill_id for row in back] == [2, 3]
    assert back.absent == (1, 4)
    assert back.question == question


def test_rows_of_several_vdns_go_back_in_order() -> None:
    """The same ids in two VDNs are told apart, absent ones too."""
    groups = (Group(170, (1, 2)), Group(171, (1, 2)))
    question = Question("skill_call_stats", 1, groups)
    asked = Question("skill_call_stats", 1, (Group(170, (2, 1)), Group(171, (2, 1))))
    found = (*rows(2), *rows(2, 1, vdn=171))
    batch = Batch(found, asked, SkillCallStats, absent=((170, 1),), key_field="skill_id")
    back = in_order_of(question, batch)
    assert [(row.vdn, row.skill_id) for row in back] == [(170, 2), (171, 1), (171, 2)]
    assert back.absent == ((170, 1),)


def test_a_batch_without_keys_is_left_as_it_is() -> None:
    """Nothing to order by: the same object."""
    batch = Batch.of(rows(2, 1))
    assert in_order_of(Question("skill_call_stats", 1, (Group(170, (1, 2)),)), batch) is batch


@pytest.mark.looptime
async def test_what_arrived_of_a_failed_asking_is_in_order_too() -> None:
    """One part of a question in another order refused: the rest reads in the order of the question."""
    ids = list(range(1, 601))
    async with Simulator(vdns=[], skills_per_vdn=600, agents_per_vdn=40) as sim:
        for skill_id in (1, 300):
            sim.set_skill(sim.vdn, skill_id, offered=500 + skill_id)
        auth = AkSk(sim.access_key, sim.secret_key)
        rng = random.Random(1)
        async with CmsClient(sim.cms_url, auth, vdn=sim.vdn, quota=Quota(1, per=1.0), rng=rng) as cms:
            asker = Asker(cms.skill_call_stats(ids))
            assert asker.planned > 0
            await asker.ask()
            sim.fail("skill_call_stats", code="0300028", times=1)
            with pytest.raises(BatchError) as caught:
                await asker.ask()
        assert sim.requests[-1].body["skillIds"][-2:] == [1, 300]
    found = [row.skill_id for row in caught.value.batch]
    assert 0 < len(found) < 600
    assert found == sorted(found)
