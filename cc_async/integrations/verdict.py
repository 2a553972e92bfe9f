"""Pure: what a chat's answer to a message means: delivered, worth another try, or refused for good."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from cc_async.integrations.chat import Format
from cc_async.session.status import retry_after

Kind = Literal["delivered", "again", "refused"]

_LONGEST_WAIT = 300.0
"""Seconds of ``Retry-After`` that are believed."""
_CODE_FIELDS: Mapping[Format, tuple[str, ...]] = {
    "feishu": ("code", "StatusCode"),
    "dingtalk": ("errcode",),
}
"""These two say in the body what came of it, most of the time with HTTP 200."""
_BUSY: Mapping[Format, frozenset[int]] = {
    "feishu": frozenset({9499, 11232}),
    "dingtalk": frozenset({-1, 130101, 410100}),
}
"""Codes of too many messages, and of a system that is busy."""
_BAD_OR_BUSY = 9499
"""Feishu's code of a bad request, and of too many of them: its words tell which."""
_CODE_HINTS: Mapping[tuple[Format, int], str] = {
    ("feishu", 19001): "is the address still valid?",
    ("feishu", 19021): "the secret (CC_ASYNC_WEBHOOK_SECRET) or this clock is wrong",
    ("feishu", 19022): "the robot does not take messages from this machine's address",
    ("feishu", 19024): "no key word of the robot is in the message: add 'Alert' to them",
    ("dingtalk", 300001): "is the address still valid?",
    ("dingtalk", 310000): "the secret (CC_ASYNC_WEBHOOK_SECRET), the key words or the allowed addresses of "
    "the robot, or this clock are wrong",
}
_HINTS: Mapping[int, str] = {
    400: "is it the right --format?",
    401: "is the address still valid?",
    403: "is the address still valid?",
    404: "is the address still valid?",
    410: "is the address still valid?",
}


@frozen
class Verdict:
    """What came of one try."""

    kind: Kind
    reason: str = ""
    """Why it was not delivered, without anything of the address or of the server's own words."""
    wait: float | None = None
    """Seconds the server asks for before another try."""


def verdict(form: Format, status: int, headers: Mapping[str, str], body: bytes, wall: float) -> Verdict:
    """Judge an answer; ``body`` may be cut off, ``wall`` is epoch seconds."""
    if 200 <= status < 300:
        return _of_body(form, body) if form in _CODE_FIELDS else Verdict("delivered")
    if 300 <= status < 400:
        return Verdict("refused", f"HTTP {status}, a redirect, which is not followed")
    if status in (408, 425, 429) or status >= 500:
        asked = retry_after(headers, wall)
        return Verdict("again", f"HTTP {status}", None if asked is None else min(asked, _LONGEST_WAIT))
    if form in _CODE_FIELDS and (busy := _busy(form, body)) is not None:
        return busy
    hint = _HINTS.get(status)
    return Verdict("refused", f"HTTP {status}{f' - {hint}' if hint else ''}")


def _of_body(form: Format, body: bytes) -> Verdict:
    """The verdict of a chat that answers 200 to everything."""
    code, _ = _said(form, body)
    if code is None:
        return Verdict("again", "HTTP 200 without a result code: not the chat itself?")
    if code == 0:
        return Verdict("delivered")
    if (busy := _busy(form, body)) is not None:
        return busy
    hint = _CODE_HINTS.get((form, code))
    return Verdict("refused", f"code {code}{f' - {hint}' if hint else ''}")


def _busy(form: Format, body: bytes) -> Verdict | None:
    """The verdict of a body that says to come again later; some come with HTTP 400."""
    code, words = _said(form, body)
    if code not in _BUSY[form] or (code == _BAD_OR_BUSY and "bad request" in words):
        return None
    return Verdict("again", f"code {code}: too many messages, or busy", 60.0 if code != -1 else None)


def _said(form: Format, body: bytes) -> tuple[int | None, str]:
    """The code of a body, None where there is none, and its words, which are told to nobody."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(found, dict):
        return None, ""
    code = next((found[name] for name in _CODE_FIELDS[form] if name in found), None)
    words = str(found.get("msg", "")).lower()
    return code if isinstance(code, int) and not isinstance(code, bool) else None, words
