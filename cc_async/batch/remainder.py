"""Pure: what is left of a question after some parts failed, and which rows a question covers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any

from attrs import evolve

from cc_async.batch.chunk import INSTANT, Chunk
from cc_async.contract.spec import Group, Question, Window


def question_of(chunk: Chunk[Any], question: Question) -> Question:
    """The part of the question that this chunk asks, as a question of its own."""
    if chunk.window is None:
        return evolve(question, groups=(Group(chunk.vdn, chunk.keys or None),))
    begin, end = chunk.window
    return evolve(question, begin=begin, end=end, vdns=chunk.vdns, windows=())


def remainder(question: Question, parts: Iterable[Question]) -> Question | None:
    """One question that asks exactly these parts of another, in its order; None when there are none."""
    parts = tuple(parts)
    if not parts:
        return None
    if question.groups:
        return evolve(question, groups=_groups(question, parts))
    windows = _touching(_same_time([window for part in parts for window in windows_of(part)]))
    if len(windows) == 1:
        only = windows[0]
        return evolve(question, begin=only.begin, end=only.end, vdns=only.vdns, windows=())
    return evolve(question, begin=None, end=None, vdns=None, windows=tuple(windows))


def windows_of(question: Question) -> tuple[Window, ...]:
    """The stretches of time a question asks for."""
    if question.windows or question.begin is None or question.end is None:
        return question.windows
    return (Window(question.begin, question.end, question.vdns),)


def _groups(question: Question, parts: Iterable[Question]) -> tuple[Group, ...]:
    keys: dict[int | None, list[Any] | None] = {}
    for group in (group for part in parts for group in part.groups):
        known = keys.setdefault(group.vdn, [])
        if group.keys is None or known is None:
            keys[group.vdn] = None
        else:
            known.extend(group.keys)
    return tuple(
        Group(group.vdn, None if (left := keys[group.vdn]) is None else tuple(left))
        for group in question.groups
        if group.vdn in keys
    )


def _same_time(windows: Iterable[Window]) -> list[Window]:
    """Windows of one and the same time become one, of all their VDNs."""
    by_time: dict[tuple[datetime, datetime], tuple[int, ...] | None] = {}
    for window in windows:
        span = (window.begin, window.end)
        known = by_time.get(span, ())
        # None is all VDNs: it stays all, whatever else is asked of the same time.
        by_time[span] = None if known is None or window.vdns is None else known + window.vdns
    return [Window(begin, end, vdns) for (begin, end), vdns in by_time.items()]


def _touching(windows: Iterable[Window]) -> list[Window]:
    """Windows of the same VDNs that touch in time become one."""
    joined: list[Window] = []
    for window in windows:
        last = joined[-1] if joined else None
        if last is not None and last.end == window.begin and last.vdns == window.vdns:
            joined[-1] = evolve(last, end=window.end)
        else:
            joined.append(window)
    return joined


def covers(question: Question | None, key_field: str | None) -> Callable[[Any], bool]:
    """A test for rows: is this a row the question asks for?"""
    if question is None:
        return lambda row: False
    if not question.groups:
        return _covers_time(windows_of(question))
    groups = {g.vdn: None if g.keys is None else frozenset(g.keys) for g in question.groups}
    key, group_of = attrgetter(key_field or "key"), group_reader(question)

    def covered(row: Any) -> bool:
        vdn = group_of(row)
        return vdn in groups and ((keys := groups[vdn]) is None or key(row) in keys)

    return covered


def vdn_of(row: Any) -> int | None:
    """The VDN of a row; agents' call statistics belong to none."""
    vdn: int | None = getattr(row, "vdn", None)
    return vdn


def group_reader(question: Question) -> Callable[[Any], int | None]:
    """A reader of the VDN whose group a row belongs to.

    Agents and the list of VDNs are asked without a VDN, whatever VDN their rows name.
    """
    return vdn_of if any(group.vdn is not None for group in question.groups) else lambda row: None


def _covers_time(windows: tuple[Window, ...]) -> Callable[[Any], bool]:
    instant = attrgetter(INSTANT)
    plain = [(w.begin, w.end, None if w.vdns is None else frozenset(w.vdns)) for w in windows]

    def covered(row: Any) -> bool:
        at, vdn = instant(row), vdn_of(row)
        return any(begin <= at < end and (vdns is None or vdn in vdns) for begin, end, vdns in plain)

    return covered
