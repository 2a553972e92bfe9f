"""One question becomes chunks: what is asked is asked once, in order, within every limit."""

import json
import time
from collections.abc import Sequence
from itertools import count, islice

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.split import SplitOptions, split
from cc_async.contract.endpoints import (
    agent_call_stats,
    agent_states,
    signed_in_agents,
    skill_call_stats,
    system_indicators,
    task_stats,
    vdns,
)
from cc_async.contract.spec import Group, IdArray, Question

ITEMS = SplitOptions(array_limit="items")


def asking(*groups: tuple[int | None, Sequence | None], cc_id: int | None = 1) -> Question:
    """A question of these keys by VDN."""
    return Question(
        "any", cc_id, tuple(Group(vdn, None if keys is None else tuple(keys)) for vdn, keys in groups)
    )


def text_length(array: Sequence[int]) -> int:
    """Characters of the array as JSON writes it."""
    return len(json.dumps(list(array), separators=(",", ":")))


def fewest(ids: Sequence[int], limit: int, items: int) -> int:
    """The fewest runs that cover the list in order, found by trying every last run (no greed)."""
    best = [0]
    for stop in range(1, len(ids) + 1):
        starts = (
            start for start in range(stop) if stop - start <= items and text_length(ids[start:stop]) <= limit
        )
        best.append(min(best[start] for start in starts) + 1)
    return best[-1]


def test_two_thousand_skills_are_nine_requests() -> None:
    """The sum of the contract: 2 000 sorted ids fit into nine arrays of 1 000 characters."""
    chunks = list(split(asking((170, range(1, 2001))), skill_call_stats))
    assert len(chunks) == 9
    assert [key for chunk in chunks for key in chunk.keys] == list(range(1, 2001))
    assert max(text_length(chunk.request.params["skillIds"]) for chunk in chunks) <= 1000


def test_the_item_limit_alone_is_an_option() -> None:
    """Read as 1 000 items, 2 001 ids are three requests."""
    chunks = list(split(asking((170, range(1, 2002))), skill_call_stats, ITEMS))
    assert [len(chunk.keys) for chunk in chunks] == [1000, 1000, 1]


ids_in_any_order = st.lists(st.integers(1, 200_000), unique=True, max_size=120)


@given(ids_in_any_order, st.integers(8, 60), st.integers(1, 12))
def test_every_key_once_in_order_and_no_array_over_its_limits(ids: list[int], limit: int, items: int) -> None:
    """Both limits hold on the text really sent; nothing is lost, doubled or moved; indexes count up."""
    endpoint = evolve(skill_call_stats, split=IdArray("skillIds", max_items=items, max_characters=limit))
    chunks = list(split(asking((170, ids)), endpoint))
    assert [key for chunk in chunks for key in chunk.keys] == ids
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert list(chunk.request.params["skillIds"]) == list(chunk.keys)
        assert len(chunk.keys) <= items
        assert text_length(chunk.keys) <= limit


@given(
    st.lists(st.integers(1, 200_000), unique=True, max_size=40).map(sorted),
    st.integers(8, 40),
    st.integers(1, 9),
)
def test_sorted_ids_take_the_fewest_requests(ids: list[int], limit: int, items: int) -> None:
    """No other cut of the sorted list needs fewer arrays (dynamic programming tries them all)."""
    endpoint = evolve(skill_call_stats, split=IdArray("skillIds", max_items=items, max_characters=limit))
    assert len(list(split(asking((170, ids)), endpoint))) == fewest(ids, limit, items)


def test_an_array_may_be_filled_to_the_last_character() -> None:
    """1 000 characters are allowed, 1 001 are not."""
    # 249 ids of 3 digits: 249 * 3 + 248 commas + 2 brackets = 997; with "12" in front: 1 000.
    full = [12, *range(100, 349)]
    assert text_length(full) == 1000
    assert len(list(split(asking((170, full)), skill_call_stats))) == 1
    over = [123, *range(200, 449)]
    assert text_length(over) == 1001
    assert len(list(split(asking((170, over)), skill_call_stats))) == 2


@pytest.mark.parametrize("digits", [999, 5000])
def test_an_id_that_fits_nowhere_fails_before_the_first_chunk(digits: int) -> None:
    """The error comes from the call itself, so that nothing has been sent."""
    with pytest.raises(ValueError, match="fits into no skillIds array"):
        split(asking((170, [1, 10 ** (digits - 1)])), skill_call_stats)


def test_the_longest_id_that_fits_is_asked() -> None:
    """998 digits and two brackets are 1 000 characters."""
    (chunk,) = split(asking((170, [10**997])), skill_call_stats)
    assert text_length(chunk.keys) == 1000


def test_a_million_ids_are_cut_in_under_a_second() -> None:
    """0.3 s was measured; the text of the arrays is never built."""
    question = asking((170, range(1, 1_000_001)))
    began = time.process_time()
    keys = sum(len(chunk.keys) for chunk in split(question, skill_call_stats))
    assert keys == 1_000_000
    assert time.process_time() - began < 1.0


def test_chunks_are_made_when_they_are_drawn() -> None:
    """The first of a million chunks is there without the others."""
    question = asking((170, range(1, 1_000_001)))
    began = time.process_time()
    first = list(islice(split(question, signed_in_agents), 2))
    assert [chunk.keys for chunk in first] == [(1,), (2,)]
    assert time.process_time() - began < 0.1


def test_one_request_per_key_in_the_body() -> None:
    """The key travels under its wire name and comes back in the rows through fill."""
    chunk = list(split(asking((170, ["12", "13"])), task_stats))[1]
    assert chunk.request.params == {"ccId": 1, "vdn": 170, "taskId": "13"}
    assert chunk.request.fill == {"cc_id": 1, "vdn": 170, "task_id": "13"}
    assert (chunk.vdn, chunk.keys, chunk.part) == (170, ("13",), "vdn 170, task 13")


def test_one_request_per_key_in_the_path() -> None:
    """An agent's number stands in the path, and the request knows whose it is."""
    (chunk,) = split(asking((None, [101]), cc_id=None), agent_call_stats)
    assert chunk.request.path == "/agentgateway/resource/calldata/101/statistics"
    assert (dict(chunk.request.params), dict(chunk.request.fill)) == ({}, {"agent_id": 101})
    assert (chunk.request.agent_id, chunk.part) == (101, "agent 101")


def test_a_whole_vdn_is_one_chunk() -> None:
    """Rows that are not asked for by key: one chunk per VDN; the list of VDNs has no VDN itself."""
    chunks = list(split(asking((170, None), (171, None)), agent_states))
    assert [chunk.request.params for chunk in chunks] == [{"ccId": 1, "vdn": 170}, {"ccId": 1, "vdn": 171}]
    assert [chunk.keys for chunk in chunks] == [(), ()]
    (chunk,) = split(asking((None, None)), vdns)
    assert chunk.request.params == {"ccId": 1}
    assert chunk.request.fill == {"cc_id": 1}


def test_the_call_center_may_be_left_to_the_server() -> None:
    """Without a ccId none is sent."""
    (chunk,) = split(asking((170, [7]), cc_id=None), skill_call_stats)
    assert chunk.request.params == {"vdn": 170, "skillIds": (7,)}


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        ([7], "vdn 170, skill 7"),
        (range(1, 223), "vdn 170, skills 1..222"),
        ([3, 1, 9], "vdn 170, 3 skills from 3 to 9"),
    ],
)
def test_the_part_says_what_is_asked(keys: Sequence[int], part: str) -> None:
    """Errors name the part: a run by its ends, scattered ids by their number."""
    (chunk,) = split(asking((170, keys)), skill_call_stats)
    assert chunk.part == part


def test_no_keys_are_no_chunks() -> None:
    """An empty list asks nothing; it never means all."""
    assert list(split(asking((170, [])), skill_call_stats)) == []
    assert list(split(asking((170, [])), signed_in_agents)) == []
    assert list(split(asking(), skill_call_stats)) == []


@pytest.mark.parametrize("endpoint", [skill_call_stats, signed_in_agents])
def test_keys_that_are_not_known_yet_cannot_be_split(endpoint) -> None:
    """All keys of a VDN must have been looked up first."""
    with pytest.raises(ValueError, match="vdn 170 are not known yet"):
        split(asking((170, None)), endpoint)


def test_a_time_question_without_a_time_cannot_be_split() -> None:
    """It fails at once, not at the first chunk."""
    with pytest.raises(ValueError, match="give begin and end"):
        split(asking(), system_indicators)


def test_several_vdns_are_drawn_in_turn_and_keep_their_place() -> None:
    """A small VDN does not wait for a large one, yet the answer keeps the question's order."""
    question = asking((170, range(1, 1001)), (171, [5, 6]), (172, range(1, 501)))
    plain = list(split(question, skill_call_stats))
    drawn = list(split(question, skill_call_stats, fair=True))
    assert sorted(drawn, key=lambda chunk: chunk.index) == plain
    assert [chunk.vdn for chunk in drawn] == [170, 171, 172, 170, 172, 170, 170]


@given(st.lists(st.integers(0, 6), max_size=5), st.booleans())
def test_drawing_in_turn_loses_nothing(sizes: list[int], fair: bool) -> None:
    """Whatever the VDNs hold, every chunk comes once, and the indexes have no hole."""
    question = asking(*((vdn, range(1, size + 1)) for vdn, size in zip(count(1), sizes, strict=False)))
    drawn = list(split(question, signed_in_agents, fair=fair))
    expected = [(vdn, key) for vdn, size in zip(count(1), sizes, strict=False) for key in range(1, size + 1)]
    ordered = sorted(drawn, key=lambda chunk: chunk.index)
    assert [(chunk.vdn, chunk.keys[0]) for chunk in ordered] == expected
    assert [chunk.index for chunk in ordered] == list(range(len(expected)))
