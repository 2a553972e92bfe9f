"""The count that fits a record: never too low, little too high, the same after it was written and read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cc_async.session.book import LEASE
from cc_async.session.quota import FLIGHT
from cc_async.session.standing import Standing
from cc_async.session.tally import SIZE, Tally

PERS = st.sampled_from([0.1, 1.0, 5.0, 300.0])
STEPS = st.lists(st.tuples(st.floats(0.0, 3.0), st.sampled_from("gglldr")), max_size=60)


@given(PERS, st.floats(0.0, 1e7), STEPS)
def test_it_never_counts_too_few_and_hardly_too_many(
    per: float, start: float, steps: list[tuple[float, str]]
) -> None:
    """Against the exact ends of the slots, written and read again at every step."""
    tally, now = Tally(), start
    leases: list[tuple[int, float]] = []
    ends: list[float] = []
    for pause, what in steps:
        now += pause * per / 3
        tally.refresh(now, per)
        if what == "g":
            leases.append((tally.grant(now, 1), now + LEASE + per))
        elif what == "l" and leases:
            tally.land(leases.pop(0)[0], now + per)
            ends.append(now + per)
        elif what == "d" and leases:
            tally.drop(leases.pop(0)[0])
        elif what == "r" and leases:
            tally.drop(leases.pop(0)[0])
            leases.append((tally.grant(now, 1), now + LEASE + per))
        data = tally.pack(now)
        assert len(data) == SIZE
        tally = Tally.unpack(data)
        tally.refresh(now, per)
        leased = [end for _, end in leases if end > now]
        # A step of a lease is a 32nd of it; one of a landed slot half a percent of the window.
        late = sum(end > now - (per + FLIGHT) / 150 for end in ends)
        assert sum(end > now for end in ends) + len(leased) <= tally.counted
        assert tally.counted <= late + len(leases)
    tally.refresh(now + 1.1 * (per + LEASE + FLIGHT), per)
    assert tally.counted == 0


@given(st.integers(1, 100), st.floats(0.0, 1e6))
def test_another_window_keeps_what_is_counted(count: int, now: float) -> None:
    """A quota that changes its ``per`` changes the steps, not the count."""
    tally = Tally()
    tally.refresh(now, 1.0)
    tally.grant(now, count)
    tally.count(now + 1.0, count)
    tally.refresh(now, 7.0)
    assert tally.counted == 2 * count


def test_rivals_are_those_who_asked_lately_and_got_too_few() -> None:
    """Others only, for half a second to a second."""
    tally = Tally()
    for token in (1, 2, 3):
        tally.still_asking(100.0, token, asking=True)
    tally.still_asking(100.1, 3, asking=False)
    assert tally.rivals(100.2, 1) == 1
    assert tally.rivals(100.2, 7) == 2
    assert tally.rivals(100.6, 1) == 1
    assert tally.rivals(101.6, 1) == 0


def test_a_standing_is_read_as_it_was_written() -> None:
    """With a reason that is too long for its place, and umlauts at the cut."""
    standing = Standing(1.0, 2.0, 3.0, 4.0, 2**63, 5.0, 6, doubted=True, reason="ä" * 100)
    again = Standing.unpack(standing.pack())
    assert again.reason == "ä" * 64
    again.reason = standing.reason
    assert again == standing
