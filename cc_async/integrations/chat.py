"""Pure: an alert as the body each chat takes, so that no name in it can mention, link or format anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from attrs import field, frozen

from cc_async.monitor.alert import Alert

Format = Literal["json", "slack", "teams", "feishu", "dingtalk"]
FORMATS: tuple[Format, ...] = get_args(Format)
SIGNED: frozenset[Format] = frozenset({"feishu", "dingtalk"})
"""Chats whose webhooks may ask for a signature."""

_LONGEST = 600
"""Characters of a line; Slack refuses 3 000, and nobody reads more than a few."""
_LINE_OF_MANY, _MOST_LINES = 160, 20
_SLACK_HEADING = 150
"""Characters; Slack refuses more. An escaped one takes up to five."""
_STILL = "\N{WORD JOINER}"
"""Has no width and breaks no line; behind an @ there is no name for a chat to find any more."""
_HOST = re.compile(r"(?<=\w)\.(?=[^\W\d])")


@frozen(kw_only=True)
class Message:
    """What is posted, apart from how a chat wants it."""

    heading: str
    lines: tuple[str, ...]
    detail: str = ""
    bad: bool = True
    """False: good news."""
    document: Mapping[str, Any] = field(factory=dict, hash=False)
    """All of it for programs, ready for JSON."""


def message_of(alert: Alert) -> Message:
    """What is posted of an alert: its sentence, its rule, when it was told."""
    raised = alert.state == "raised"
    return Message(
        heading=f"{'Alert' if raised else 'Alert over'}: {alert.rule}",
        lines=(str(alert),),
        detail=f"{alert.key}, {alert.at:%Y-%m-%d %H:%M} {alert.at.tzname() or ''}".rstrip(),
        bad=raised,
        document={"version": 1, **alert.to_dict()},
    )


def test_message(text: str) -> Message:
    """A message that shows that posting works."""
    document = {"version": 1, "test": True, "text": text}
    return Message(heading="Alert test", lines=(text,), bad=False, document=document)


def digest(messages: Sequence[Message]) -> Message:
    """Many messages as one: chats slow down or lock out whoever posts more than some 20 a minute."""
    over = sum(not message.bad for message in messages)
    counts = [
        f"{count} {what}" for count, what in ((len(messages) - over, "raised"), (over, "over")) if count
    ]
    told = [
        f"{'' if message.bad else 'over: '}{_cut(line, _LINE_OF_MANY)}"
        for message in messages
        for line in message.lines
    ]
    more = len(told) - _MOST_LINES
    lines = (*told[:_MOST_LINES], *((f"and {more} more",) if more > 0 else ()))
    return Message(heading=f"Alerts: {', '.join(counts)}", lines=lines, bad=over < len(messages))


def payload(message: Message, form: Format) -> dict[str, Any]:
    """The body of one message as a chat takes it; ``json`` is the message itself, for programs."""
    return dict(message.document) if form == "json" else _PAYLOADS[form](message)


def _slack(message: Message) -> dict[str, Any]:
    """An incoming webhook: blocks of plain text, and the line that notifications show.

    Of all characters only & < > mean something to Slack, in plain text too: they begin ``<!channel>``.
    """

    def plain(line: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": _slack_text(line), "emoji": False}

    heading = message.heading
    while len(_slack_text(heading)) > _SLACK_HEADING:
        heading = _cut(heading, len(heading) * 3 // 4)

    return {
        "text": _slack_text(f"{message.heading}: {message.lines[0]}"),
        "blocks": [
            {"type": "header", "text": plain(heading)},
            *({"type": "section", "text": plain(line)} for line in message.lines),
            *([{"type": "context", "elements": [plain(message.detail)]}] if message.detail else []),
        ],
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _slack_text(text: str) -> str:
    return harmless(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(message: Message) -> dict[str, Any]:
    """A Workflows webhook: an Adaptive Card of text runs, which know no Markdown (a TextBlock does)."""

    def run(text: str, **look: Any) -> dict[str, Any]:
        # {{DATE(...)}} is the one thing a card computes.
        shown = harmless(text).replace("{{", "{" + _STILL + "{")
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": shown, **look}]}

    body = [
        run(message.heading, weight="Bolder", color="Attention" if message.bad else "Good"),
        *(run(line) for line in message.lines),
        *([run(message.detail, isSubtle=True, size="Small")] if message.detail else []),
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _feishu(message: Message) -> dict[str, Any]:
    """A custom bot of Feishu or Lark: a card of plain text, in which ``<at>`` and Markdown mean nothing."""

    def plain(text: str) -> dict[str, Any]:
        return {"tag": "plain_text", "content": harmless(text)}

    elements: list[dict[str, Any]] = [{"tag": "div", "text": plain(line)} for line in message.lines]
    if message.detail:
        elements.append({"tag": "note", "elements": [plain(message.detail)]})
    header = {"title": plain(message.heading), "template": "red" if message.bad else "green"}
    card = {"config": {"wide_screen_mode": True}, "header": header, "elements": elements}
    return {"msg_type": "interactive", "card": card}


def _dingtalk(message: Message) -> dict[str, Any]:
    """A group robot: text, not Markdown, and nobody is mentioned."""
    lines = (message.heading, *message.lines, message.detail)
    return {
        "msgtype": "text",
        "text": {"content": "\n".join(harmless(line) for line in lines if line)},
        "at": {"atMobiles": [], "atUserIds": [], "isAtAll": False},
    }


_PAYLOADS: Mapping[Format, Callable[[Message], dict[str, Any]]] = {
    "slack": _slack,
    "teams": _teams,
    "feishu": _feishu,
    "dingtalk": _dingtalk,
}


def harmless(text: str) -> str:
    """One line of a bounded length in which no chat finds a mention or makes a link of an address."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    line = _cut(line, _LONGEST)
    line = line.replace("@", "@" + _STILL).replace("://", ":" + _STILL + "//")
    return _HOST.sub("." + _STILL, line)


def _cut(line: str, longest: int) -> str:
    return line if len(line) <= longest else line[: longest - 1] + "…"


def signature(form: Format, secret: str, wall: float) -> dict[str, str]:
    """``timestamp`` and ``sign`` of a chat that signs; Feishu takes them in the body, DingTalk in the query.

    Feishu's key is the timestamp and the secret, over nothing; DingTalk's key is the secret, over both.
    ``wall`` is epoch seconds.
    """
    if form == "feishu":
        stamp = str(int(wall))
        digest = hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    elif form == "dingtalk":
        stamp = str(int(wall * 1000))
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    else:
        raise ValueError(f"{form} knows no signature")
    return {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
