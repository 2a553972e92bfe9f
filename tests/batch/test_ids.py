"""What callers pass as ids and times is checked whole, before anything is sent."""

import time
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.ids import AGENT, CC_ID, SKILL, VDN, above, read_id, read_ids, read_task_ids, read_window


class Indexable:
    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


@pytest.mark.parametrize("bad", [True, 3.0, "12", "１０", "../x", b"7", None, object(), [1]])
def test_an_id_of_another_type_is_a_type_error(bad: object) -> None:
    """Whatever is no int (a bool included) is refused, alone and among good ids."""
    with pytest.raises(TypeError, match="skill id"):
        read_id(bad, SKILL)
    with pytest.raises(TypeError, match="skill id"):
        read_ids([1, bad, 2], SKILL)


@pytest.mark.parametrize("bad", ["12", b"12", bytearray(b"12"), 7, Indexable(7), None, 3.5])
def test_something_else_than_a_list_of_ids_is_a_type_error(bad: object) -> None:
    """A bare text or a single number where ids are wanted is refused, never taken apart."""
    with pytest.raises(TypeError, match="list or another iterable"):
        read_ids(bad, SKILL)


@pytest.mark.parametrize(
    ("bad", "told"),
    [(7, r"\[7\]"), ("12", r"\[\.\.\.\]"), (["12"], r"int\('12'\)"), ([3.0], "without the fraction")],
)
def test_the_message_says_what_to_write(bad: object, told: str) -> None:
    """A likely mistake is answered with the way out."""
    with pytest.raises(TypeError, match=told):
        read_ids(bad, SKILL)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(CC_ID, 1, 65_535), (VDN, 1, 5_000), (SKILL, 1, 10_000), (AGENT, 101, 999_999)],
)
def test_below_the_range_is_refused_and_above_it_is_told(kind, low: int, high: int) -> None:
    """The documented lower bound holds; above the newest upper bound an id is accepted and reported."""
    assert read_ids([low, high], kind) == (low, high)
    assert above([low, high], kind) is None
    assert read_ids([high + 2, high + 1], kind) == (high + 2, high + 1)
    assert above([low, high + 2, high + 1], kind) == high + 2
    with pytest.raises(ValueError, match=f"below {low}"):
        read_ids([high, low - 1], kind)
    with pytest.raises(ValueError, match=f"below {low}"):
        read_ids([Indexable(low - 1)], kind)


def test_no_ids_are_no_ids() -> None:
    """An empty list stays empty: it never means all."""
    assert read_ids([], SKILL) == ()
    assert read_task_ids([]) == ()
    assert above([], SKILL) is None


def test_an_iterable_is_read_once() -> None:
    """A generator is enough, and what has __index__ becomes a plain int."""
    got = read_ids((Indexable(n) for n in (5, 3, 5)), SKILL)
    assert got == (5, 3)
    assert [type(n) for n in got] == [int, int]


@given(st.lists(st.integers(1, 50)))
def test_duplicates_are_asked_once_in_the_place_of_the_first(ids: list[int]) -> None:
    """Order is kept, every id comes once."""
    once: list[int] = []
    for number in ids:
        if number not in once:
            once.append(number)
    assert read_ids(iter(ids), SKILL) == tuple(once)


def test_a_million_ids_take_well_under_a_second() -> None:
    """Reading ids is no bottleneck: 0.2 s was measured, 1 s is allowed."""
    began = time.process_time()
    assert len(read_ids(range(1, 1_000_001), SKILL)) == 1_000_000
    assert time.process_time() - began < 1.0


def test_task_ids_are_text_of_digits() -> None:
    """Up to 30 digits, leading zeros kept, duplicates asked once."""
    assert read_task_ids(iter(["1122104910", "007", "1122104910", "9" * 30])) == (
        "1122104910",
        "007",
        "9" * 30,
    )


def test_a_task_id_as_number_is_a_type_error_with_the_way_out() -> None:
    """Task ids are text; a number is told how to be written."""
    with pytest.raises(TypeError, match='task ids are text, not int 12; write "12"'):
        read_task_ids([12])
    with pytest.raises(TypeError, match=r"task ids are text, not bool True$"):
        read_task_ids([True])
    with pytest.raises(TypeError, match="list or another iterable"):
        read_task_ids("1122104910")


@pytest.mark.parametrize("bad", ["", "9" * 31, "12a", "１２", "1 2", "-1", "1.0", "../x", "1\n"])
def test_a_task_id_of_other_characters_is_a_value_error(bad: str) -> None:
    """Only the digits 0 to 9, 1 to 30 of them."""
    with pytest.raises(ValueError, match="task id"):
        read_task_ids([bad])


def test_a_window_becomes_utc() -> None:
    """Any time zone will do; the change of clocks is no special case; microseconds stay."""
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2024, 3, 31, 1, 30, tzinfo=berlin)
    end = datetime(2024, 3, 31, 3, 30, 0, 5, tzinfo=berlin)
    assert read_window(begin, end) == (
        datetime(2024, 3, 31, 0, 30, tzinfo=UTC),
        datetime(2024, 3, 31, 1, 30, 0, 5, tzinfo=UTC),
    )
    assert [moment.tzinfo for moment in read_window(begin, end)] == [UTC, UTC]


def test_equal_ends_are_an_empty_window() -> None:
    """No time is no rows, not an error, even when both ends are written in different zones."""
    begin = datetime(2024, 5, 1, 12, tzinfo=UTC)
    end = datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert read_window(begin, end) == (begin, begin)


def test_a_naive_datetime_is_a_type_error_that_says_how_to_make_it_aware() -> None:
    """Nobody guesses a time zone."""
    aware = datetime(2024, 5, 1, tzinfo=UTC)
    with pytest.raises(TypeError, match=r"end has no time zone: use datetime.*tzinfo=UTC"):
        read_window(aware, aware.replace(tzinfo=None))
    with pytest.raises(TypeError, match="begin must be a datetime"):
        read_window("2024-05-01", aware)
    with pytest.raises(TypeError, match="begin must be a datetime"):
        read_window(aware.date(), aware)


def test_impossible_windows_are_value_errors() -> None:
    """The end before the begin, and instants that no arithmetic can reach, fail before any I/O."""
    aware = datetime(2024, 5, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="before begin"):
        read_window(aware, aware - timedelta(microseconds=1))
    for edge in (
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))),
    ):
        with pytest.raises(ValueError, match="edge of the calendar"):
            read_window(aware, edge)
    with pytest.raises(ValueError, match="edge of the calendar"):
        read_window(datetime.min.replace(tzinfo=UTC), aware)


def test_what_is_passed_by_mistake_is_cut_in_the_message() -> None:
    """A megabyte of text passed as ids does not become a megabyte of message."""
    with pytest.raises(TypeError) as caught:
        read_ids(["x" * 1_000_000], SKILL)
    assert len(str(caught.value)) < 200
