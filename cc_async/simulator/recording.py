"""A capture file read: what was asked, when, and what was answered."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

VERSION = 1
_PAGING = ("limit", "offset")
_DATES = ("beginDate", "endDate")
_TYPED = (*_PAGING, "taskId")
_GOOD = frozenset({"0100000", "0", "0200000", "0300012"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
Shape = tuple[bool, tuple[str, ...]]


@attrs.frozen(eq=False)
class Asked:
    """The parameters of a request, apart from how they were written; made with `of`."""

    params: Mapping[str, Any]
    shape: Shape
    """Whether they stood in queryParam, and of what type paging and task ids were."""
    text: str
    """Every parameter as text, so that 1 and "1" are the same question."""
    about: frozenset[tuple[str, str]]
    """Whom it is about: nothing of another VDN, queue or task may be answered for it."""

    @classmethod
    def of(cls, params: Mapping[str, Any], shape: Shape) -> Asked:
        """Look at parameters once, since they are compared often."""
        text = str(sorted((name, str(value)) for name, value in params.items()))
        about = frozenset(
            (name, str(value))
            for name, value in params.items()
            if not isinstance(value, list) and name not in (*_PAGING, *_DATES)
        )
        return cls(params, shape, text, about)


def asked(body: object) -> Asked:
    """Take a request apart."""
    inner = body.get("queryParam") if isinstance(body, dict) else None
    params = inner if isinstance(inner, dict) else body if isinstance(body, dict) else {}
    types = tuple(type(params[name]).__name__ for name in _TYPED if name in params)
    return Asked.of(params, (isinstance(inner, dict), types))


@attrs.frozen(eq=False)
class Pair:
    """One exchange of the site."""

    time: float
    """Seconds since the capture began."""
    request: Asked
    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None
    text: str

    @property
    def code(self) -> str | None:
        """The result code, as text."""
        folded = {name.strip().lower(): value for name, value in (self.body or {}).items()}
        return None if folded.get("resultcode") is None else str(folded["resultcode"])

    @property
    def good(self) -> bool:
        """Whether it holds an answer."""
        return self.status == 200 and self.code in _GOOD


@attrs.frozen(eq=False)
class Recording:
    """A whole file."""

    began: float
    """Epoch seconds."""
    cc_id: int
    vdn: int
    pairs: Mapping[str, tuple[Pair, ...]]
    """By path, in order."""

    @property
    def task_ids(self) -> tuple[str, ...]:
        """The tasks that were asked for."""
        found = (pair.request.params.get("taskId") for pairs in self.pairs.values() for pair in pairs)
        return tuple(dict.fromkeys(str(task) for task in found if task is not None))


def load(file: str | os.PathLike[str]) -> Recording:
    """Read a capture file; raises OSError and ValueError."""
    path = Path(file)
    lines = path.read_text("utf-8").splitlines()
    header = _object(path, 1, lines[0]) if lines else {}
    if header.get("cc_async_capture") != VERSION:
        raise ValueError(f"{path}: not a capture of version {VERSION}")
    found: dict[str, list[Pair]] = {}
    for number, line in enumerate(lines[1:], 2):
        document = _object(path, number, line)
        try:
            found.setdefault(str(document["path"]), []).append(_pair(document))
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path}: line {number} is no pair of request and answer") from None
    pairs = {name: tuple(each) for name, each in found.items()}
    try:
        return Recording(float(header["began"]), int(header["cc_id"]), int(header["vdn"] or 1), pairs)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path}: the header lacks began, cc_id or vdn") from None


def _pair(document: Mapping[str, Any]) -> Pair:
    body = document.get("body")
    return Pair(
        time=float(document["t"]),
        request=asked(document.get("params")),
        status=int(document["status"]),
        headers={str(name): str(value) for name, value in dict(document.get("headers") or {}).items()},
        body=body if isinstance(body, dict) else None,
        text=str(document.get("text", "")),
    )


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: line {number} is not a JSON object")
    return found


def is_date(value: object) -> bool:
    """Whether a value is an instant as sysindex writes it."""
    return isinstance(value, str) and _DATE.fullmatch(value) is not None
