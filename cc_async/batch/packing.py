"""Pure: where a list of ids is cut so that every array stays within its limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cc_async.contract.spec import IdArray

ArrayLimit = Literal["characters", "items"]
Keys = tuple[int, ...] | tuple[str, ...]


def spans(keys: Keys, rule: IdArray, limit: ArrayLimit) -> Iterator[tuple[int, int]]:
    """Where an id array is cut, as (start, stop): as many keys as fit, in the order given.

    The text of the array is never built: a key costs its digits and one comma.
    """
    if limit == "items":
        for start in range(0, len(keys), rule.max_items):
            yield start, min(start + rule.max_items, len(keys))
        return
    # "[1,2,3]": two brackets, and a comma for every key but one; so 1 + the sum of (digits + 1).
    room, max_items = rule.max_characters - 1, rule.max_items
    if 0 < len(keys) <= max_items and len(keys) * (_widest(keys) + 1) <= room:
        yield 0, len(keys)  # the usual question fits into one request: no step of Python per key
        return
    start = used = 0
    for at, key in enumerate(keys):
        width = len(str(key)) + 1
        used += width
        if used > room or at - start == max_items:
            yield start, at
            start, used = at, width
    if keys:
        yield start, len(keys)


def check_fits(keys: Keys, rule: IdArray) -> None:
    """Raise ``ValueError`` when one of the ids alone is longer than an array may be."""
    digits = rule.max_characters - 2
    # Compared as numbers: Python refuses to write out an int of more than 4 300 digits.
    if any(isinstance(key, int) and key >= 10**digits for key in _largest(keys)):
        raise ValueError(f"an id of more than {digits} digits fits into no {rule.param} array")


def _widest(keys: Keys) -> int:
    """Characters of the longest id, as a number: text sorts by its letters, so it is looked at one by one."""
    return max(map(len, map(str, keys))) if isinstance(keys[0], str) else len(str(max(keys)))


def _largest(keys: Keys) -> tuple[int | str, ...]:
    return (max(keys),) if keys else ()
