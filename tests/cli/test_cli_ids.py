"""Ids as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.cli.ids import parse_ids, parse_numbers, parse_tasks, resolve
from cc_async.cli.usage import UsageError


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("7", [7]),
        ("1-3", [1, 2, 3]),
        ("1-3,7", [1, 2, 3, 7]),
        (" 1 - 3 , 7 ", [1, 2, 3, 7]),
        ("5-5", [5]),
        ("7,7", [7, 7]),
        ("Sales", ["Sales"]),
        ("1,Sales Berlin,3", [1, "Sales Berlin", 3]),
        ("24-hour hotline", ["24-hour hotline"]),
        ("１-３", ["１-３"]),
    ],
)
def test_ids_ranges_and_names(text: str, ids: list[int | str]) -> None:
    """Numbers and ranges become numbers, everything else is a name."""
    assert parse_ids(text, "--skills") == ids


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "an id is missing"),
        ("1,,2", "an id is missing"),
        ("1,", "an id is missing"),
        ("9-3", "9-3 runs backwards - write 3-9"),
        ("1-999999999", "more than 1,000,000 ids"),
        ("1-600000,1-600000", "more than 1,000,000 ids"),
    ],
)
def test_what_is_no_list_of_ids(text: str, says: str) -> None:
    """A slip of the finger is told with what to write, and never fills the memory."""
    with pytest.raises(UsageError) as caught:
        parse_ids(text, "--skills")
    assert says in str(caught.value)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 50)), min_size=1, max_size=20))
def test_every_spelling_of_ranges_gives_the_ids_it_spells(spans: list[tuple[int, int]]) -> None:
    """Whatever ranges are written, the ids are those of the ranges in their order."""
    text = ",".join(f"{first}-{first + more}" if more else str(first) for first, more in spans)
    expected = [number for first, more in spans for number in range(first, first + more + 1)]
    assert parse_ids(text, "x") == expected


def test_numbers_only() -> None:
    """Where there are no names, a word is refused; no text stays no list."""
    assert parse_numbers("1-2,5", "--vdns") == [1, 2, 5]
    assert parse_numbers(None, "--vdns") is None
    with pytest.raises(UsageError, match="--vdns: 'Sales' is not an id"):
        parse_numbers("1,Sales", "--vdns")


def test_tasks_stay_text() -> None:
    """Task ids keep their leading zeros; anything but digits is refused."""
    assert parse_tasks("0112, 34") == ["0112", "34"]
    for text in ("", "1,", "12a", "１２", "-5"):
        with pytest.raises(UsageError, match="is not a task id"):
            parse_tasks(text)


NAMES = [(3, "Sales"), (4, "Billing"), (5, "twice"), (6, "Twice "), (7, "")]


def test_names_become_ids() -> None:
    """A name gives its queue's id in place, letter case and blanks aside."""
    assert resolve([9, "sales", "BILLING"], NAMES) == [9, 3, 4]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Sale", "no skill queue is named 'Sale' - did you mean 'sales'?"),
        ("xyzzy", "no skill queue is named 'xyzzy' - cc-async list skills"),
        ("twice", "'twice' is the name of 2 queues - ids 5, 6"),
        ("x" * 900, "xxx..."),
    ],
)
def test_names_that_are_not_one_queue(name: str, says: str) -> None:
    """An unknown or shared name is told with the way out, in one short line."""
    with pytest.raises(UsageError) as caught:
        resolve([name], NAMES)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 200
