"""A capture file read: what was asked and when; each answer is left in the file until it is wanted."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import msgspec

from .rows import rows_of

VERSION = 1
_PAGING = ("limit", "offset")
_DATES = ("beginDate", "endDate")
_TYPED = (*_PAGING, "taskId")
_GOOD = frozenset({"0100000", "0", "0200000", "0300012"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_HEADER_MOST, _LINE_MOST = 2**16, 2**26
"""Bytes of a line: what is longer was written by something else."""
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
    code: str | None
    """The result code, as text."""
    file: Path
    offset: int
    """Where its line stands in the file: days of answers fit into no memory."""

    @property
    def good(self) -> bool:
        """Whether it holds an answer."""
        return self.status == 200 and self.code in _GOOD

    def read(self) -> Answer:
        """Read the answer; raises OSError and ValueError when the file is no longer what it was."""
        with self.file.open("rb") as lines:
            lines.seek(self.offset)
            line = msgspec.json.decode(lines.readline(_LINE_MOST), type=_Line)
        body = msgspec.json.decode(line.body)
        return Answer(line.status, line.headers or {}, body if isinstance(body, dict) else None, line.text)


@attrs.frozen(eq=False)
class Answer:
    """What the site answered."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None
    """The JSON object, or None when it was none."""
    text: str

    @property
    def rows(self) -> list[Any]:
        """Its rows, wherever they stand."""
        return rows_of(self.body or {})


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


class _Line(msgspec.Struct):
    """A line as it is written; the answer in it stays unread."""

    t: float
    path: str
    status: int
    params: msgspec.Raw = msgspec.Raw(b"null")
    headers: dict[str, str] | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")
    text: str = ""


class _Header(msgspec.Struct):
    began: float
    cc_id: int
    vdn: int | None


def load(file: str | os.PathLike[str]) -> Recording:
    """Read a capture file line by line; raises OSError and ValueError."""
    path = Path(file).absolute()
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path}: not a plain file")
    found: dict[str, list[Pair]] = {}
    with path.open("rb") as lines:
        header = _header(path, lines.readline(_HEADER_MOST))
        for name, pair in _pairs(path, lines):
            found.setdefault(name, []).append(pair)
    pairs = {name: tuple(each) for name, each in found.items()}
    return Recording(header.began, header.cc_id, header.vdn or 1, pairs)


def _header(path: Path, line: bytes) -> _Header:
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    version = document.get("cc_async_capture") if isinstance(document, dict) else None
    if type(version) is not int:
        raise ValueError(f"{path}: not a capture: cc-async capture writes one")
    if version != VERSION:
        text = "a newer cc_async wrote it: update this one" if version > VERSION else "capture it again"
        raise ValueError(f"{path}: a capture of version {version}, and this reads {VERSION}; {text}")
    try:
        return msgspec.convert(document, _Header)
    except msgspec.ValidationError:
        raise ValueError(f"{path}: the header lacks began, cc_id or vdn") from None


def _pairs(path: Path, lines: BinaryIO) -> Iterator[tuple[str, Pair]]:
    """Read the lines behind the header; the same question, asked beat by beat, is kept once."""
    questions: dict[bytes, Asked] = {}
    offset, number = lines.tell(), 1
    while line := lines.readline(_LINE_MOST):
        number += 1
        try:
            read = msgspec.json.decode(line, type=_Line)
            written = bytes(read.params)
            if written not in questions:
                questions[written] = asked(msgspec.json.decode(written))
            code = _code(read.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{path}: line {number} {_fault(line, error)}") from None
        yield read.path, Pair(read.t, questions[written], read.status, code, path, offset)
        offset += len(line)


def _fault(line: bytes, error: Exception) -> str:
    """Say what is wrong with a line."""
    if not line.endswith(b"\n"):
        return "is cut short: delete it, the lines before it are whole"
    if isinstance(error, msgspec.ValidationError) and line.lstrip()[:1] == b"{":
        return "is no pair of request and answer"
    return "is not a JSON object"


def _code(body: msgspec.Raw) -> str | None:
    """Return the code of an answer of either server, as text, without reading the rest."""
    if not bytes(body).startswith(b"{"):
        return None
    for name, value in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items():
        if name.strip().lower() in ("resultcode", "retcode"):
            code = msgspec.json.decode(value)
            return None if code is None else str(code)
    return None


def is_date(value: object) -> bool:
    """Whether a value is an instant as sysindex writes it."""
    return isinstance(value, str) and _DATE.fullmatch(value) is not None
