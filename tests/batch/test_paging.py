"""Where the pages of a chunk are: servers that are honest, cap, count wrongly, move rows, or never end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.batch.paging import Paging

Server = Callable[[int], tuple[list[int], int | None]]
"""Offset -> the rows of a page, and the total it claims."""


def read(
    server: Server, *, limit: int = 100, most: int = 10_000, lanes: int = 1, patience: int = 4000
) -> tuple[list[int], int, Paging]:
    """Read everything with so many pages in flight; the rows in page order, the requests, the paging."""
    paging = Paging(limit, most)
    pages: dict[int, list[int]] = {}
    seen: set[int] = set()
    seen_again: set[int] = set()
    asked: list[int] = []
    requests = 0
    while True:
        while len(asked) < lanes and (page := paging.next()) is not None:
            paging.draw()
            asked.append(page)
        if not asked:
            break
        requests += 1
        assert requests <= patience, "it never ends"
        page, again = asked.pop(0), paging.again
        rows, total = server(paging.offset(page))
        pages[page] = fresh(rows, seen)
        once = len(fresh(rows, seen_again)) if again else None
        paging.took(page, len(rows), len(pages[page]), total, once)
    assert paging.done
    return [row for page in sorted(pages) for row in pages[page]], requests, paging


def fresh(rows: list[int], seen: set[int]) -> list[int]:
    """Rows that were not seen before; they are now."""
    new = [row for row in dict.fromkeys(rows) if row not in seen]
    seen.update(new)
    return new


def honest(rows: int, cap: int, total: Callable[[int], int | None] = lambda rows: rows) -> Server:
    """A server with so many rows that gives at most ``cap`` a page, and claims a total."""
    return lambda offset: (list(range(rows))[offset : offset + cap], total(rows))


@given(
    rows=st.integers(0, 700),
    cap=st.integers(1, 120),
    lanes=st.integers(1, 8),
    claim=st.sampled_from(["right", "none", "more", "fewer"]),
)
def test_every_row_once_whatever_the_count_says(rows: int, cap: int, lanes: int, claim: str) -> None:
    """A cap below the limit, a total that is right, missing or wrong: all rows, each once, in order."""
    # A total that is too small and equal to a capped first page cannot be told from the truth.
    claims: dict[str, Callable[[int], int | None]] = {
        "right": lambda rows: rows,
        "none": lambda rows: None,
        "more": lambda rows: rows + 1 + rows // 2,
        "fewer": lambda rows: rows // 2 if rows // 2 != min(rows, cap) or min(cap, rows) == 100 else None,
    }
    got, requests, paging = read(honest(rows, min(cap, 100), claims[claim]), lanes=lanes)
    assert got == list(range(rows))
    assert paging.problem is None
    stride = max(1, min(cap, 100))
    assert requests <= rows // stride + 2 + (rows // 2 + 1) // stride + lanes


@pytest.mark.parametrize(
    ("rows", "total", "requests"),
    [
        (0, 0, 1),
        (1, 1, 1),
        (99, 99, 1),
        (100, 100, 2),
        (101, 101, 2),
        (250, 250, 3),
        (0, None, 1),
        (99, None, 2),
    ],
)
def test_how_many_requests_an_honest_server_costs(rows: int, total: int | None, requests: int) -> None:
    """One for what fits a page and is known to, one more to see the end where a page comes full."""
    assert read(honest(rows, 100, lambda _: total))[1] == requests


@given(rows=st.integers(101, 600), lanes=st.integers(1, 6), counted=st.booleans())
def test_a_server_that_ignores_the_offset(rows: int, lanes: int, counted: bool) -> None:
    """The same page again: told after one repetition (and those in flight), no row twice."""
    got, requests, paging = read(lambda offset: (list(range(100)), rows if counted else None), lanes=lanes)
    assert got == list(range(100))
    assert paging.problem is not None
    assert "offset" in paging.problem
    assert requests <= 1 + lanes


@given(lanes=st.integers(1, 6))
def test_pages_that_never_end(lanes: int) -> None:
    """New rows for ever: stopped where more rows came than there can be."""
    got, requests, paging = read(
        lambda offset: (list(range(offset, offset + 100)), None), most=1000, lanes=lanes
    )
    assert paging.problem is not None
    assert len(got) == len(set(got)) <= 1000 + 100 * (lanes + 1)
    assert requests <= 11 + lanes


def test_rows_that_keep_moving_are_read_twice_and_told() -> None:
    """Rows are missing though others came twice, at the second reading as well: not to be trusted."""
    pages = {0: list(range(100)), 100: list(range(90, 190)), 200: list(range(200, 250))}
    got, requests, paging = read(lambda offset: (pages.get(offset, []), 250))
    assert len(got) == len(set(got)) == 240
    assert requests == 6
    assert paging.problem is not None
    assert "moved" in paging.problem


def test_rows_that_moved_once_are_found_by_reading_again() -> None:
    """A row vanishes in front of the second page, which hides one behind it: the second reading has all."""
    asked: list[int] = []

    def server(offset: int) -> tuple[list[int], int | None]:
        asked.append(offset)
        rows = list(range(250)) if len(asked) == 1 else list(range(1, 250))
        return rows[offset : offset + 100], len(rows)

    got, requests, paging = read(server)
    assert set(got) >= set(range(1, 250))
    assert len(got) == len(set(got))
    assert (requests, paging.problem) == (6, None)


@given(new=st.integers(1, 99), lanes=st.integers(1, 4))
def test_rows_that_came_meanwhile_are_found_by_reading_again(new: int, lanes: int) -> None:
    """Rows inserted at the front after the first page push others onto the next: all are there in the end."""
    asked: list[int] = []

    def server(offset: int) -> tuple[list[int], int | None]:
        asked.append(offset)
        rows = list(range(240)) if len(asked) == 1 else [*range(-new, 0), *range(240)]
        return rows[offset : offset + 100], len(rows)

    got, _, paging = read(server, lanes=lanes)
    assert sorted(got) == list(range(-new, 240))
    assert paging.problem is None


@given(shrink=st.integers(1, 150), lanes=st.integers(1, 4))
def test_a_total_that_changes_is_read_to_the_end_and_once_more(shrink: int, lanes: int) -> None:
    """Two readings that find the same rows missed none, whatever the total does."""
    totals = iter([300, 300 - shrink, 300 + shrink, *[300] * 20])
    got, _, paging = read(lambda offset: (list(range(300))[offset : offset + 100], next(totals)), lanes=lanes)
    assert got == list(range(300))
    assert paging.problem is None


def test_nothing_is_asked_beside_the_first_page() -> None:
    """The stride is learned from it."""
    paging = Paging(100, 1000)
    assert paging.next() == 0
    paging.draw()
    assert paging.next() is None
    paging.took(0, 40, 40, 200)
    drawn = []
    while (page := paging.next()) is not None:
        paging.draw()
        drawn.append((page, paging.offset(page)))
    assert drawn == [(1, 40), (2, 80), (3, 120), (4, 160)]


def test_a_failed_page_ends_the_chunk_when_the_others_are_in() -> None:
    """No further page is asked; the chunk is done with the last one in flight."""
    paging = Paging(100, 1000)
    paging.draw()
    paging.took(0, 100, 100, 500)
    for _ in range(3):
        paging.draw()
    paging.failed()
    assert (paging.next(), paging.done) == (None, False)
    paging.took(2, 100, 100, 500)
    assert not paging.done
    paging.took(3, 100, 100, 500)
    assert paging.done


@pytest.mark.parametrize("total", [310, None])
def test_a_page_in_the_middle_that_comes_short(total: int | None) -> None:
    """With a total or without: reading goes on behind it, and it is told that rows may be missing."""
    pages = {0: range(100), 100: range(100, 160), 200: range(200, 300), 300: range(300, 310)}
    got, _, paging = read(lambda offset: (list(pages.get(offset, [])), total))
    assert len(got) == 270
    assert paging.problem is not None


def test_everything_at_once_from_a_server_that_knows_no_pages() -> None:
    """Limit and offset ignored: 250 rows for a page of 100, and again: all is there, nothing is wrong."""
    for total in (250, None):
        got, requests, paging = read(lambda offset, total=total: (list(range(250)), total))  # type: ignore[misc]
        assert got == list(range(250))
        assert paging.problem is None
        assert requests <= 2


def test_a_claimed_total_beyond_belief_is_bounded() -> None:
    """A count of 10**12 does not make as many requests."""
    got, requests, _ = read(honest(250, 100, lambda _: 10**12), most=250, lanes=4)
    assert got == list(range(250))
    assert requests <= 7


def test_a_whole_page_of_new_rows_looks_like_an_ignored_offset_and_is_told() -> None:
    """100 rows inserted between two pages of 100: the second page is the first again; no row is invented."""
    asked: list[int] = []

    def server(offset: int) -> tuple[list[int], int | None]:
        asked.append(offset)
        rows = list(range(240)) if len(asked) == 1 else [*range(-100, 0), *range(240)]
        return rows[offset : offset + 100], len(rows)

    got, _, paging = read(server)
    assert got == list(range(100))
    assert paging.problem is not None
