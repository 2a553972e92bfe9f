"""A Question as text: compact, versioned, without secrets; everything is checked on the way in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Group, OneByOne, Question, Window

VERSION = 1
_MOST_IDS = 1_000_000
_LARGEST_ID = 2**63 - 1
_FIELDS = frozenset({"v", "interface", "cc_id", "groups", "vdns", "begin", "end", "windows"})


def to_json(question: Question) -> str:
    """Return the question as one line of JSON.

    Ids are written as text in runs, ``"1-2000,2105"``, in the order of the question; task ids as a list.
    Instants are ISO 8601 in UTC. What is None is left out.

    Raises TypeError when an instant has no time zone.
    """
    groups = [_clean({"vdn": group.vdn, "keys": _keys_text(group.keys)}) for group in question.groups]
    body = {
        "v": question.version,
        "interface": question.interface,
        "cc_id": question.cc_id,
        "groups": groups or None,
        **_window_body(question),
        "windows": [_clean(_window_body(window)) for window in question.windows] or None,
    }
    return json.dumps(_clean(body), separators=(",", ":"))


def from_json(text: str) -> Question:
    """Read what ``to_json`` wrote.

    Raises ValueError when it is no question of a version and an interface known here, or a value is wrong;
    TypeError when ``text`` is not text.
    """
    if not isinstance(text, str):
        raise TypeError(f"a question is read from str, not {type(text).__name__}")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not a question: this is not JSON") from None
    if not isinstance(body, dict):
        raise ValueError("not a question: a JSON object is wanted")
    version = body.get("v")
    if version != VERSION or isinstance(version, bool) or not isinstance(version, int):
        raise ValueError(
            f"question of version {_shown(version)}, but this release reads version {VERSION}: "
            "update cc_async here, or write the question anew"
        )
    if unknown := sorted(body.keys() - _FIELDS):
        raise ValueError(f"not a question of version {VERSION}: unknown field {_shown(unknown[0])}")
    interface = body.get("interface")
    if not isinstance(interface, str) or interface not in ENDPOINTS:
        raise ValueError(f"unknown interface {_shown(interface)}; there are {', '.join(ENDPOINTS)}")
    room = _Room()
    begin, end, vdns = _stretch(body, room)
    return Question(
        interface=interface,
        cc_id=_number(body, "cc_id"),
        groups=tuple(_group(item, interface, room) for item in _list(body, "groups")),
        vdns=vdns,
        begin=begin,
        end=end,
        version=VERSION,
        windows=tuple(_window(item, room) for item in _list(body, "windows")),
    )


class _Room:
    """Counts the ids of one question: a few characters such as ``1-9999999`` must not fill the memory."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MOST_IDS

    def take(self, ids: int) -> None:
        self._left -= ids
        if self._left < 0:
            raise ValueError(f"a question may hold at most {_MOST_IDS} ids: write several questions")


def _clean(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _keys_text(keys: tuple[int, ...] | tuple[str, ...] | None) -> str | list[str] | None:
    if keys is None:
        return None
    texts = [key for key in keys if isinstance(key, str)]
    return texts or _runs(tuple(key for key in keys if isinstance(key, int)))


def _runs(ids: tuple[int, ...]) -> str:
    """``(1, 2, 3, 7)`` as ``1-3,7``; the order is kept, so only ascending neighbours join."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in _pairs(ids))


def _pairs(ids: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    if not ids:
        return
    first = last = ids[0]
    for one in ids[1:]:
        if one != last + 1:
            yield first, last
            first = one
        last = one
    yield first, last


def _instant_text(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    if instant.utcoffset() is None:
        raise TypeError("an instant of a question needs a time zone")
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _window_body(stretch: Question | Window) -> dict[str, Any]:
    return {
        "begin": _instant_text(stretch.begin),
        "end": _instant_text(stretch.end),
        "vdns": None if stretch.vdns is None else _runs(stretch.vdns),
    }


def _stretch(
    body: Mapping[str, Any], room: _Room
) -> tuple[datetime | None, datetime | None, tuple[int, ...] | None]:
    """Begin, end and VDNs of a question or of one of its windows."""
    begin, end = _instant(body, "begin"), _instant(body, "end")
    if begin is not None and end is not None and end < begin:
        raise ValueError("question whose end is before its begin")
    return begin, end, None if body.get("vdns") is None else _ids(body["vdns"], "vdns", room)


def _window(item: Any, room: _Room) -> Window:
    if not isinstance(item, dict) or item.keys() - {"begin", "end", "vdns"}:
        raise ValueError("a window of a question must be an object of begin, end and vdns")
    begin, end, vdns = _stretch(item, room)
    if begin is None or end is None:
        raise ValueError("a window of a question must have a begin and an end")
    return Window(begin, end, vdns)


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{name} of a question must be a list")
    return value or []


def _group(item: Any, interface: str, room: _Room) -> Group:
    if not isinstance(item, dict) or item.keys() - {"vdn", "keys"}:
        raise ValueError("a group of a question must be an object of vdn and keys")
    keys = item.get("keys")
    vdn = _number(item, "vdn")
    if keys is None:
        return Group(vdn)
    if _text_keys(interface):
        # An empty tuple is written as "", whatever the kind of key.
        if keys == "":
            return Group(vdn, ())
        if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
            raise ValueError(f"keys of {interface} must be a list of texts")
        room.take(len(keys))
        return Group(vdn, tuple(keys))
    return Group(vdn, _ids(keys, "keys", room))


def _text_keys(interface: str) -> bool:
    split = ENDPOINTS[interface].split
    return isinstance(split, OneByOne) and split.param == "taskId"


def _ids(value: Any, name: str, room: _Room) -> tuple[int, ...]:
    """``1-3,7`` as ``(1, 2, 3, 7)``, as long as there is room."""
    if not isinstance(value, str):
        raise ValueError(f'{name} of a question must be text such as "1-2000,2105"')
    ids: list[int] = []
    for run in value.split(",") if value else ():
        first_text, dash, last_text = run.partition("-")
        first = _id(first_text, name)
        last = _id(last_text, name) if dash else first
        if last < first:
            raise ValueError(f"{name} of a question hold a run that goes down: {_shown(run)}")
        room.take(last - first + 1)
        ids.extend(range(first, last + 1))
    return tuple(ids)


def _id(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LARGEST_ID):
        raise ValueError(f"{name} of a question hold something that is no id: {_shown(text)}")
    return int(text)


def _number(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_ID:
        raise ValueError(f"{name} of a question must be a whole number, not {_shown(value)}")
    return value


def _instant(body: Mapping[str, Any], name: str) -> datetime | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
        if instant.utcoffset() is not None:
            return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(
        f"{name} of a question must be an ISO 8601 instant with a time zone, not {_shown(value)}"
    )


def _shown(value: Any) -> str:
    return repr(value)[:60]
