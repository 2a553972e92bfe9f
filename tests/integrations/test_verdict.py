"""What an answer of a chat means, chat by chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cc_async.integrations.chat import FORMATS, Format
from cc_async.integrations.verdict import verdict

NOW = 1_700_000_000.0


def judged(form: Format, status: int, body: Any = b"", **headers: str) -> tuple[str, float | None]:
    """Kind and wait of an answer."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = verdict(form, status, {name.replace("_", "-"): one for name, one in headers.items()}, text, NOW)
    return found.kind, found.wait


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, "refused"), (307, "refused"), (400, "refused"), (403, "refused"), (404, "refused"),
     (410, "refused"), (408, "again"), (425, "again"), (429, "again"), (500, "again"), (503, "again")],
)  # fmt: skip
def test_statuses(form: Format, status: int, kind: str) -> None:
    """What may be better later is tried again; what is wrong with the request or the address is not."""
    assert judged(form, status) == (kind, None)


def test_retry_after_is_believed_up_to_five_minutes() -> None:
    """Seconds or a date; nobody waits a day for a chat."""
    assert judged("slack", 429, Retry_After="7") == ("again", 7.0)
    assert judged("slack", 503, Retry_After="Tue, 14 Nov 2023 22:13:50 GMT") == ("again", 30.0)
    assert judged("slack", 429, Retry_After="86400") == ("again", 300.0)
    assert judged("slack", 429, Retry_After="soon") == ("again", None)


@pytest.mark.parametrize("form", ["json", "slack", "teams"])
def test_chats_that_answer_by_status(form: Format) -> None:
    """Any 2xx is a delivery, whatever the body: Slack says ok, Teams 202 and nothing."""
    assert judged(form, 200, b"ok") == judged(form, 202) == judged(form, 204) == ("delivered", None)
    assert judged(form, 200, {"code": 19021}) == ("delivered", None)


@pytest.mark.parametrize(
    ("form", "body", "expected"),
    [
        ("feishu", {"StatusCode": 0, "StatusMessage": "success", "code": 0, "msg": "success"}, "delivered"),
        ("feishu", {"StatusCode": 0}, "delivered"),
        ("feishu", {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}, "refused"),
        ("feishu", {"code": 19024, "msg": "Key Words Not Found"}, "refused"),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, "again"),
        ("feishu", {"code": 9499, "msg": "too many request"}, "again"),
        ("feishu", {"code": 9499, "msg": "Bad Request"}, "refused"),
        ("dingtalk", {"errcode": 0, "errmsg": "ok"}, "delivered"),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, "refused"),
        ("dingtalk", {"errcode": 400101}, "refused"),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, "again"),
        ("dingtalk", {"errcode": -1, "errmsg": "system busy"}, "again"),
    ],
)
def test_chats_that_answer_200_to_everything(form: Format, body: dict[str, Any], expected: str) -> None:
    """The code in the body decides."""
    assert judged(form, 200, body)[0] == expected


def test_busy_is_busy_with_any_status() -> None:
    """Some of their doors say too many with HTTP 400: an alert is not lost for that."""
    assert judged("feishu", 400, {"code": 11232, "msg": "frequency limited"}) == ("again", 60.0)
    assert judged("dingtalk", 403, {"errcode": 130101}) == ("again", 60.0)
    assert judged("feishu", 400, {"code": 9499, "msg": "Bad Request"}) == ("refused", None)
    assert judged("slack", 400, {"code": 11232}) == ("refused", None)


@pytest.mark.parametrize(
    ("form", "code", "told"),
    [("feishu", 19021, "secret"), ("feishu", 19022, "address"), ("feishu", 19024, "key word"),
     ("dingtalk", 310000, "key words")],
)  # fmt: skip
def test_what_a_robot_refuses_is_told_with_what_to_do(form: Format, code: int, told: str) -> None:
    """Signature, address and key words are checks of their own at Feishu, and one code at DingTalk."""
    name = "code" if form == "feishu" else "errcode"
    assert told in verdict(form, 200, {}, json.dumps({name: code}).encode(), NOW).reason


@pytest.mark.parametrize("form", ["feishu", "dingtalk"])
@pytest.mark.parametrize(
    "body", [b"", b"ok", b"<html>", b"[0]", b'{"x": 1}', b"\xff", b"[" * 100_000, b'{"code": true}']
)
def test_a_200_without_a_code_is_no_delivery(form: Format, body: bytes) -> None:
    """A login page of a proxy is not the chat: it is tried again."""
    assert judged(form, 200, body)[0] == "again"


def test_reasons_repeat_nothing_of_the_server() -> None:
    """What a server writes could hold the address it was asked at."""
    body = {"code": 19021, "msg": "https://open.example/hook/secret-token"}
    for status in (200, 302, 404, 500):
        found = verdict(
            "feishu", status, {"Location": "https://x/secret-token"}, json.dumps(body).encode(), NOW
        )
        assert "secret-token" not in found.reason
    assert "CC_ASYNC_WEBHOOK_SECRET" in verdict("feishu", 200, {}, json.dumps(body).encode(), NOW).reason
