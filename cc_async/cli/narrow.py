"""How wide the columns of a table are in a window too narrow for it: headers break, cells stay whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

_NARROWEST = 8
"""Characters that a column of words keeps at least."""


def widest(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[int]:
    """Return how wide each column is where nothing limits it."""
    return [max(map(cell_len, column)) for column in zip(headers, *rows, strict=True)]


def widths(
    headers: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[bool], room: int
) -> list[int] | None:
    """Return a width for each column, one blank between two, or None where even that is too wide.

    A column is as wide as its longest cell and the longest word of its header; those of ``words`` share
    what the others leave, the shortest first.
    """
    longest = [max(header.split(), key=cell_len) for header in headers]
    found = widest(longest, rows)
    left = room - (len(found) - 1) - sum(width for width, word in zip(found, words, strict=True) if not word)
    shared = sorted((number for number, word in enumerate(words) if word), key=found.__getitem__)
    for behind, number in enumerate(shared):
        share = max(left // (len(shared) - behind), _NARROWEST)
        found[number] = min(found[number], share)
        left -= found[number]
    return found if left >= 0 else None
