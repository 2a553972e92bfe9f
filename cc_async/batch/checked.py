"""Pure: a question made by hand or read from a text, held to the rules of arguments before any I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from cc_async.batch.ids import AGENT, CC_ID, SKILL, VDN, read_id, read_ids, read_task_ids, read_window
from cc_async.batch.remainder import windows_of
from cc_async.contract.spec import Endpoint, Group, IdArray, OneByOne, Question, Window, Windows


def checked(question: Question, endpoint: Endpoint[Any]) -> Question:
    """The same question, every part of it read as an argument would be.

    Raises:
        TypeError: an id, an instant or a key of a wrong type.
        ValueError: out of range, keys where none belong, two windows that share a row.
    """
    check_cc_id(question, endpoint)
    if isinstance(endpoint.split, Windows):
        if question.groups:
            raise ValueError(f"{endpoint.name} is asked for a time, not for groups of keys")
        windows = tuple(_window(window) for window in windows_of(question))
        if not windows:
            raise ValueError(f"{endpoint.name} is asked for a time: give begin and end, or windows")
        _check_apart(windows)
        if question.windows:
            return evolve(question, windows=windows)
        return evolve(question, begin=windows[0].begin, end=windows[0].end, vdns=windows[0].vdns)
    if windows_of(question) or question.vdns is not None:
        raise ValueError(f"{endpoint.name} is not asked for a time or a list of VDNs")
    groups: dict[int | None, Group] = {}
    for group in question.groups:
        mine = Group(_vdn(group, endpoint), _keys(group, endpoint))
        known = groups.get(mine.vdn, mine)
        # The keys of one interface are all ints or all texts: a type checker cannot see that.
        together: Any = None
        if known.keys is not None and mine.keys is not None:
            together = tuple(dict.fromkeys((*known.keys, *mine.keys)))
        groups[mine.vdn] = Group(mine.vdn, together)
    return evolve(question, groups=tuple(groups.values()))


def check_cc_id(question: Question, endpoint: Endpoint[Any]) -> None:
    """Raise ValueError when the interface needs a call center and the question names none."""
    if question.cc_id is not None:
        read_id(question.cc_id, CC_ID)
    elif "ccId" in endpoint.scope and not endpoint.cc_id_optional:
        raise ValueError(f"{endpoint.name} needs a call center: give cc_id= (1 to 65535)")


def _vdn(group: Group, endpoint: Endpoint[Any]) -> int | None:
    if "vdn" in endpoint.scope:
        return read_id(group.vdn, VDN)
    if group.vdn is not None:
        raise ValueError(f"{endpoint.name} is not asked by VDN")
    return None


def _keys(group: Group, endpoint: Endpoint[Any]) -> tuple[int, ...] | tuple[str, ...] | None:
    if not isinstance(endpoint.split, IdArray | OneByOne):
        if group.keys is not None:
            raise ValueError(f"{endpoint.name} is not asked by key")
        return None
    if endpoint.key == "skill_id":
        return None if group.keys is None else read_ids(group.keys, SKILL)
    if group.keys is None:
        raise ValueError(f"{endpoint.name} needs its keys: nobody can look them up")
    return read_task_ids(group.keys) if endpoint.key == "task_id" else read_ids(group.keys, AGENT)


def _window(window: Window) -> Window:
    begin, end = read_window(window.begin, window.end)
    return Window(begin, end, None if window.vdns is None else read_ids(window.vdns, VDN))


def _check_apart(windows: Iterable[Window]) -> None:
    """Two windows that share a row would bring it twice."""
    earlier: list[Window] = []
    for window in sorted(windows, key=lambda one: one.begin):
        earlier = [one for one in earlier if one.end > window.begin]
        for one in earlier:
            if one.vdns is None or window.vdns is None or not set(one.vdns).isdisjoint(window.vdns):
                raise ValueError(
                    f"two windows of the question share the time from {window.begin.isoformat()}"
                )
        earlier.append(window)
