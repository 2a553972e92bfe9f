"""An agent's timeline: dated by how long a state has lasted, without holes, gaps told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async import AgentState, CtiStatus
from cc_async.monitor.timeline import Segment, timeline, timelines

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after 10:00."""
    return AT + timedelta(seconds=seconds)


def seen(when: float, cti: int, lasted: int | None, agent_id: int = 101) -> AgentState:
    """A sample: in this state for so long."""
    return AgentState(
        agent_id=agent_id, vdn=170, cti_status=CtiStatus(cti), sampled_at=at(when), state_seconds=lasted,
        state_since=None if lasted is None else at(when - lasted),
    )  # fmt: skip


def plain(segments: tuple[Segment, ...]) -> list[tuple[str | None, float, float]]:
    """Segments as (state, begin, end) in seconds."""
    return [(one.state, (one.begin - AT).total_seconds(), (one.end - AT).total_seconds()) for one in segments]


def test_states_are_dated_by_how_long_they_last() -> None:
    """A poll a minute finds changes to the second."""
    found = timeline([seen(60, 1, 60), seen(120, 5, 35), seen(180, 5, 95), seen(240, 6, 12)])
    # When the talking ended is not known before the wrap-up began, 48 s after it was last seen.
    assert plain(found) == [
        ("idle", 0, 60), (None, 60, 85), ("talking", 85, 180), (None, 180, 228), ("wrap-up", 228, 240),
    ]  # fmt: skip
    assert [one.samples for one in found] == [1, 0, 2, 0, 1]
    assert found[2].seconds == 95


def test_overlapping_samples_are_one_segment() -> None:
    """Samples of one state that disagree by a second or two about its begin are the same state."""
    assert plain(timeline([seen(60, 5, 20), seen(120, 5, 81), seen(180, 5, 139)])) == [("talking", 40, 180)]


def test_what_was_seen_holds_against_what_was_reckoned() -> None:
    """A state reckoned back to before another was seen begins when that was last seen."""
    assert plain(timeline([seen(60, 1, 60), seen(120, 5, 70)])) == [("idle", 0, 60), ("talking", 60, 120)]


def test_left_and_come_back_is_a_gap() -> None:
    """The same state begun anew after it was last seen: something was in between, and nobody knows what."""
    assert plain(timeline([seen(60, 1, 60), seen(120, 1, 15)])) == [
        ("idle", 0, 60), (None, 60, 105), ("idle", 105, 120),
    ]  # fmt: skip


def test_without_a_duration_only_the_moment_is_known() -> None:
    """A sample that does not say how long is a moment; two of them have a gap in between."""
    assert plain(timeline([seen(0, 1, None), seen(60, 1, None)])) == [
        ("idle", 0, 0), (None, 0, 60), ("idle", 60, 60),
    ]  # fmt: skip


def test_close_states_touch() -> None:
    """A hole of less than the tolerance is none."""
    assert plain(timeline([seen(60, 1, 60), seen(120, 5, 58)])) == [("idle", 0, 62), ("talking", 62, 120)]


def test_order_repeats_and_undated_samples_do_not_matter() -> None:
    """Late, repeated and undated samples change nothing."""
    samples = [seen(60, 1, 60), seen(120, 5, 35), seen(180, 6, 3)]
    undated = AgentState(agent_id=101, vdn=170, cti_status=CtiStatus.REST)
    expected = plain(timeline(samples))
    assert plain(timeline([samples[2], undated, *samples[::-1], samples[0]])) == expected


def test_two_agents_are_refused_or_told_apart() -> None:
    """A timeline is of one agent; several have one each."""
    samples = [seen(60, 1, 60), seen(60, 5, 10, agent_id=102)]
    with pytest.raises(ValueError, match="one agent"):
        timeline(samples)
    found = timelines(samples)
    assert plain(found[None, 170, 102]) == [("talking", 50, 60)]
    assert timeline([]) == ()


SAMPLES = st.lists(
    st.tuples(st.integers(0, 5000), st.sampled_from([1, 5, 6, 7]), st.integers(0, 900)), max_size=30
)


@given(SAMPLES)
def test_no_holes_no_overlaps_whatever_comes(samples: list[tuple[int, int, int]]) -> None:
    """Segments follow each other without hole or overlap, in time order; no sample is lost."""
    found = timeline([seen(*one) for one in samples])
    for one, other in pairwise(found):
        assert one.end == other.begin
        assert one.begin <= one.end
        assert one.state is not None or other.state is not None
    if samples:
        assert found[-1].end == at(max(when for when, _, _ in samples))
        assert sum(one.samples for one in found) == len(samples)


@given(
    st.lists(st.tuples(st.sampled_from([1, 5, 6, 7]), st.integers(5, 400)), min_size=2, max_size=12),
    st.data(),
)
def test_a_true_history_is_found_again(history: list[tuple[int, int]], data: st.DataObject) -> None:
    """Sampled truthfully at any moments, every known segment lies within a true stretch of its state."""
    stretches: list[tuple[int, int, int]] = []
    now = 0
    for state, lasts in history:
        if stretches and stretches[-1][0] == state:
            state = 8
        stretches.append((state, now, now + lasts))
        now += lasts
    moments = data.draw(st.lists(st.integers(0, now - 1), min_size=1, max_size=20))
    samples = []
    for moment in moments:
        state, begin, _ = next(one for one in stretches if one[1] <= moment < one[2])
        samples.append(seen(moment, state, moment - begin))
    words = {1: "idle", 5: "talking", 6: "wrap-up", 7: "not ready", 8: "rest"}
    true = [(words[state], begin, end) for state, begin, end in stretches]
    for state, begin, end in plain(timeline(samples, tolerance=0)):
        if state is not None:
            assert any(state == word and first <= begin and end <= last for word, first, last in true)
