"""Payloads of the chats: their documented form, and names that try to do something."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from cc_async.integrations.chat import (
    FORMATS,
    Format,
    Message,
    digest,
    harmless,
    message_of,
    payload,
    signature,
)
from cc_async.integrations.chat import (
    test_message as message_of_a_test,
)
from cc_async.monitor.alert import Alert

TEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
RAISED = Alert(
    id="sl/queue/170/7/20260304T100000Z",
    rule="service level",
    measure="service_level",
    key="queue/170/7",
    name="Billing",
    value=0.61,
    threshold=0.8,
    since=TEN,
    at=TEN,
    evidence={"connected_in_20s": 14, "offered": 23},
)
CLEARED = evolve(RAISED, state="cleared", ended="fine", value=0.9)
SENTENCE = "Billing: 61 % in 20 s (14 of 23), under 80 % since 10:00 UTC"
HOSTILE = [
    "<!channel>",
    "<@U024BE7LH>",
    "<https://evil.example|Click>",
    "@all",
    "@15012345678",
    '<at user_id="all">everyone</at>',
    "<at id=all></at>",
    "**bold** _it_ [Click](https://evil.example/x)",
    "{{DATE(2017-02-14T06:00:00Z, SHORT)}}",
    "www.evil.example",
    "&lt;!channel&gt;",
    "line\nbreak\r\n# heading",
    "‮right to left​",
    '","text":"owned',
]


def texts(found: Any) -> Iterator[str]:
    """Every text of a payload that stands for people."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name not in ("type", "tag", "$schema", "contentType", "msg_type", "msgtype", "template"):
                yield from texts(value)
    elif isinstance(found, list):
        for value in found:
            yield from texts(value)
    elif isinstance(found, str):
        yield found


def test_json_is_the_alert_itself() -> None:
    """Programs get every field and the sentence, nothing changed."""
    found = payload(message_of(RAISED), "json")
    assert found == {"version": 1, **RAISED.to_dict()}
    assert found["text"] == SENTENCE
    assert Alert.from_dict({name: one for name, one in found.items() if name != "version"}) == RAISED


def test_slack() -> None:
    """A fallback line and blocks of plain text; nothing is linked or unfolded."""
    found = payload(message_of(RAISED), "slack")
    assert found["text"] == f"Alert: service level: {SENTENCE}"
    assert [block["type"] for block in found["blocks"]] == ["header", "section", "context"]
    header, section, context = found["blocks"]
    assert header["text"] == {"type": "plain_text", "text": "Alert: service level", "emoji": False}
    assert section["text"] == {"type": "plain_text", "text": SENTENCE, "emoji": False}
    assert context["elements"][0]["text"] == "queue/170/7, 2026-03-04 10:00 UTC"
    assert (found["link_names"], found["unfurl_links"], found["unfurl_media"]) == (False, False, False)


def test_teams() -> None:
    """A message with one Adaptive Card, of text runs only, red while it rings and green afterwards."""
    found = payload(message_of(RAISED), "teams")
    [attachment] = found["attachments"]
    card = attachment["content"]
    assert found["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    heading, sentence, _ = (block["inlines"][0] for block in card["body"])
    assert (heading["text"], heading["color"]) == ("Alert: service level", "Attention")
    assert sentence == {"type": "TextRun", "text": SENTENCE}
    over = payload(message_of(CLEARED), "teams")["attachments"][0]["content"]["body"][0]["inlines"][0]
    assert (over["text"], over["color"]) == ("Alert over: service level", "Good")


def test_feishu() -> None:
    """An interactive card in which every text is plain."""
    found = payload(message_of(RAISED), "feishu")
    assert found["msg_type"] == "interactive"
    card = found["card"]
    assert card["header"] == {
        "title": {"tag": "plain_text", "content": "Alert: service level"},
        "template": "red",
    }
    assert card["elements"][0] == {"tag": "div", "text": {"tag": "plain_text", "content": SENTENCE}}
    assert card["elements"][1]["elements"][0]["tag"] == "plain_text"
    assert payload(message_of(CLEARED), "feishu")["card"]["header"]["template"] == "green"


def test_dingtalk() -> None:
    """Text of three lines that mentions nobody."""
    found = payload(message_of(RAISED), "dingtalk")
    assert found["msgtype"] == "text"
    assert found["text"]["content"].split("\n") == [
        "Alert: service level",
        SENTENCE,
        "queue/170/7, 2026-03-04 10:00 UTC",
    ]
    assert found["at"] == {"atMobiles": [], "atUserIds": [], "isAtAll": False}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "json"])
def test_a_hostile_name_does_nothing(form: Format, name: str) -> None:
    """No mention, no link, no markup, no computed text, no line and no field of its own."""
    plain = payload(message_of(RAISED), form)
    found = payload(message_of(evolve(RAISED, name=name)), form)
    assert shape(found) == shape(plain)
    for text in texts(found):
        assert "@a" not in text
        assert "@1" not in text
        assert "://" not in text
        assert "www.e" not in text
        assert "evil.e" not in text
        assert all(char.isprintable() or char == "\n" for char in text.replace("\N{WORD JOINER}", ""))
        if form == "teams":
            assert "{{" not in text
        if form == "slack":
            assert "<" not in text
            assert ">" not in text
            assert text.count("&") == sum(text.count(one) for one in ("&amp;", "&lt;", "&gt;"))
    if form == "dingtalk":
        assert found["text"]["content"].count("\n") == 2


def shape(found: Any) -> Any:
    """A payload with its texts left out: a name may not change anything else."""
    if isinstance(found, dict):
        return {name: shape(value) for name, value in found.items()}
    return [shape(value) for value in found] if isinstance(found, list) else type(found)


def test_a_name_without_end_is_cut() -> None:
    """A payload stays under the limits of the chats, whatever a name is made of."""
    for form in FORMATS[1:]:
        found = payload(message_of(evolve(RAISED, name="<&>" * 5000, rule="&" * 500)), form)
        assert len(json.dumps(found)) < 12_000
    slack = payload(message_of(evolve(RAISED, name="&" * 5000, rule="&" * 500)), "slack")
    assert len(slack["blocks"][0]["text"]["text"]) <= 150
    assert len(slack["blocks"][1]["text"]["text"]) <= 3000


def test_harmless_text_is_still_read_the_same() -> None:
    """What people write in names stays as it is, figures as well."""
    for text in ("Billing & Co", "Störungsannahme 7", "5.2 % of 1,000", "账单查询", "A/B (new)"):
        assert harmless(text) == text


def test_many_messages_become_one() -> None:
    """Counts in the heading, a line each up to twenty, the rest counted; bad while one of them is."""
    raised = [message_of(evolve(RAISED, name=f"Queue {number}")) for number in range(30)]
    found = digest([*raised, message_of(CLEARED)])
    assert found.heading == "Alerts: 30 raised, 1 over"
    assert len(found.lines) == 21
    assert found.lines[0].startswith("Queue 0: 61 %")
    assert found.lines[-1] == "and 11 more"
    assert found.bad
    over = digest([message_of(CLEARED)] * 6)
    assert (over.heading, over.bad) == ("Alerts: 6 over", False)
    assert over.lines[0].startswith("over: Billing: ")
    for form in FORMATS[1:]:
        assert len(json.dumps(payload(digest(raised), form))) < 20_000


def test_a_test_message_says_that_it_is_one() -> None:
    """For programs a flag, for people a heading."""
    message = message_of_a_test("here I am")
    assert payload(message, "json") == {"version": 1, "test": True, "text": "here I am"}
    assert "Alert test" in payload(message, "dingtalk")["text"]["content"]


# Made with: printf '' | openssl dgst -sha256 -hmac "$(printf '1700000000\nSECabc')" -binary | base64
FEISHU_SIGN = "XprR1de+0SSBnwWyU/4k6x2TL+Q2SJlM5NNEdAv7MWg="
# Made with: printf '1700000000000\nSECabc' | openssl dgst -sha256 -hmac SECabc -binary | base64
DINGTALK_SIGN = "jcUpW0QmtKduN03n4JqQ0PBosVjqnM8gU7fIIvsDmCM="


def test_signatures() -> None:
    """Seconds and a key of both for Feishu; milliseconds and the secret as the key for DingTalk."""
    assert signature("feishu", "SECabc", 1_700_000_000.4) == {"timestamp": "1700000000", "sign": FEISHU_SIGN}
    assert signature("dingtalk", "SECabc", 1_700_000_000.0) == {
        "timestamp": "1700000000000",
        "sign": DINGTALK_SIGN,
    }
    with pytest.raises(ValueError, match="slack knows no signature"):
        signature("slack", "x", 0.0)


def test_a_message_without_a_detail_has_no_empty_line() -> None:
    """Chats refuse empty texts."""
    message = Message(heading="a", lines=("b",))
    for form in FORMATS[1:]:
        assert "" not in list(texts(payload(message, form)))
