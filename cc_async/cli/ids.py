"""Ids as people type them: ``1-2000,2105``, names of skill queues where they are known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from cc_async.cli.usage import UsageError

_RANGE = re.compile(r"([0-9]{1,9})\s*-\s*([0-9]{1,9})")
_MOST = 1_000_000
"""Ids one option may spell: a slip of the finger must not fill the memory."""


def parse_ids(text: str, what: str) -> list[int | str]:
    """Read ``1-3,7,Sales`` as ``[1, 2, 3, 7, "Sales"]``; what is no number or range is a name.

    Raises UsageError.
    """
    found: list[int | str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if not part:
            raise UsageError(f"{what}: an id is missing in {_short(text)}", hint="write 1-2000,2105")
        if match := _RANGE.fullmatch(part):
            first, last = int(match[1]), int(match[2])
            if first > last:
                raise UsageError(f"{what}: {part} runs backwards", hint=f"write {last}-{first}")
            if last - first >= _MOST - len(found):
                raise UsageError(f"{what}: more than {_MOST:,} ids")
            found.extend(range(first, last + 1))
        elif part.isascii() and part.isdigit() and len(part) <= 9:
            found.append(int(part))
        else:
            found.append(part)
    return found


def parse_numbers(text: str | None, what: str) -> list[int] | None:
    """Read ids that have no names; None stays None. Raises UsageError."""
    if text is None:
        return None
    ids = parse_ids(text, what)
    for one in ids:
        if isinstance(one, str):
            raise UsageError(f"{what}: {_short(one)} is not an id", hint="write 1-2000,2105")
    return [one for one in ids if isinstance(one, int)]


def parse_tasks(text: str) -> list[str]:
    """Read task ids, which are text of digits; raises UsageError."""
    tasks = [piece.strip() for piece in text.split(",")]
    for task in tasks:
        if not (task.isascii() and task.isdigit()):
            raise UsageError(f"tasks: {_short(task)} is not a task id", hint="write 1122104910,1122104911")
    return tasks


def resolve(ids: Iterable[int | str], names: Iterable[tuple[int, str]]) -> list[int]:
    """Put the id of the skill queue in place of its name, letter case aside; raises UsageError."""
    known: dict[str, list[int]] = {}
    for number, name in names:
        known.setdefault(name.strip().casefold(), []).append(number)
    return [one if isinstance(one, int) else _by_name(one, known) for one in ids]


def _by_name(name: str, known: dict[str, list[int]]) -> int:
    """Return the one skill queue of that name."""
    numbers = known.get(name.casefold(), [])
    if len(numbers) == 1:
        return numbers[0]
    if numbers:
        listed = ", ".join(map(str, numbers[:5]))
        raise UsageError(f"skills: {_short(name)} is the name of {len(numbers)} queues", hint=f"ids {listed}")
    close = difflib.get_close_matches(name.casefold(), known, 1)
    hint = f"did you mean {_short(close[0])}?" if close else "cc-async list skills shows the names"
    raise UsageError(f"skills: no skill queue is named {_short(name)}", hint=hint)


def _short(text: str) -> str:
    """Quote what was typed, cut to a readable length."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
