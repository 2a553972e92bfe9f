"""What a session is given: every mistake is said before anything is sent, and nothing given is repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cc_async import AgentEvent, AgentStatus, CtiStatus, GatewayClient
from cc_async.agents.events import read_events
from cc_async.agents.inbox import MOST, Inbox
from cc_async.agents.who import read_sign_in
from cc_async.errors import SessionLost

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {"password": "s3cret-one", "phone": "7010199"}
PUSH = {"callback_uri": "https://desk.example.com/events", "service_token": "t0ken"}


@pytest.mark.parametrize(
    ("agent_id", "given", "kind", "says"),
    [
        (100, {}, ValueError, "101"),
        (0, {}, ValueError, "101"),
        (-5, {}, ValueError, "101"),
        ("101", {}, TypeError, "agent"),
        (True, {}, TypeError, "agent"),
        (101.0, {}, TypeError, "agent"),
        (101, {"password": ""}, ValueError, "password is missing"),
        (101, {"password": None}, TypeError, "password must be text"),
        (101, {"password": b"bytes"}, TypeError, "password must be text"),
        (101, {"password": "x" * 33}, ValueError, "at most 32"),
        (101, {"password": "a\r\nb"}, ValueError, "printable"),
        (101, {"phone": ""}, ValueError, "phone is missing"),
        (101, {"phone": 70101}, TypeError, "phone must be text"),
        (101, {"phone": "7" * 25}, ValueError, "at most 24"),
        (101, {"phone": "７０"}, ValueError, "ASCII"),
        (101, {"status": 7}, ValueError, "3 (not ready)"),
        (101, {"status": "3"}, TypeError, "status"),
        (101, {"status": True}, TypeError, "status"),
        (101, {"enter_idle": "yes"}, TypeError, "enter_idle"),
        (101, {"force": 1}, TypeError, "force"),
        (101, {"auto_answer": "no"}, TypeError, "auto_answer"),
        (101, {"release_phone": 0}, TypeError, "release_phone"),
        (101, {"agent_type": "4"}, TypeError, "agent_type"),
        (101, {"callback_uri": PUSH["callback_uri"]}, ValueError, "go together"),
        (101, {"service_token": "t0ken"}, ValueError, "go together"),
        (101, {**PUSH, "callback_uri": "ftp://x"}, ValueError, "http(s)"),
        (101, {**PUSH, "callback_uri": "http://x y"}, ValueError, "http(s)"),
        (101, {**PUSH, "service_token": "a b"}, ValueError, "letters"),
        (101, {**PUSH, "service_token": "x" * 51}, ValueError, "50"),
        (101, {**PUSH, "service_token": 5}, TypeError, "text"),
        (101, {"grace": -1}, ValueError, "grace must be a positive"),
        (101, {"grace": 0}, ValueError, "grace must be a positive"),
        (101, {"grace": "5"}, TypeError, "grace must be seconds"),
        (101, {"grace": None}, TypeError, "grace must be seconds"),
        (101, {"resume": "no"}, TypeError, "resume"),
    ],
)
def test_wrong_arguments(agent_id: Any, given: dict[str, Any], kind: type[Exception], says: str) -> None:
    """TypeError or ValueError with a sentence, at once: no loop runs, so nothing can have been sent."""
    client = GatewayClient("https://gw.example.com:8043", {})
    with pytest.raises(kind) as caught:
        client.agent_session(agent_id, **(GOOD | given))
    assert type(caught.value) is kind
    assert says in str(caught.value)
    for secret in (given.get("password"), given.get("phone"), given.get("service_token")):
        assert not (isinstance(secret, str) and len(secret) > 3 and secret in str(caught.value))


def test_a_password_and_a_phone_are_needed() -> None:
    """Leaving them out is a mistake that names them."""
    client = GatewayClient("https://gw.example.com:8043", {})
    with pytest.raises(TypeError, match="password"):
        client.agent_session(101, phone="70101")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="phone"):
        client.agent_session(101, password="x")  # type: ignore[call-arg]


@pytest.mark.parametrize("connections", [0, -1, True, "5", 10_001])
def test_connections_are_counted(connections: Any) -> None:
    """From 1 to ten thousand."""
    with pytest.raises((TypeError, ValueError), match="agent_connections"):
        GatewayClient("https://gw.example.com:8043", {}, agent_connections=connections)


def sign_in(**given: Any) -> Any:
    """What a session signs in with."""
    usual: dict[str, Any] = {"status": 3, "enter_idle": False, "agent_type": 4, "force": False}
    usual |= {"auto_answer": None, "release_phone": None}
    return read_sign_in(101, **{**usual, "callback_uri": None, "service_token": None, **GOOD, **given})


def test_what_is_sent_and_what_is_secret() -> None:
    """Wire names of the vendor; numbers as numbers, nothing that was not given."""
    who = sign_in(status=AgentStatus.IDLE, auto_answer=False, **PUSH)
    assert {name: value for name, value in who.params.items() if value is not None} == {
        "password": "s3cret-one", "phonenum": "7010199", "autoanswer": False, "autoenteridle": False,
        "agenttype": 4, "status": 4, "callBackUri": PUSH["callback_uri"], "serviceToken": "t0ken",
    }  # fmt: skip
    assert set(who.secrets) == {"s3cret-one", "7010199", "t0ken"}
    assert not [secret for secret in who.secrets if secret in repr(who)]


@pytest.mark.parametrize(
    ("told", "kinds"),
    [
        (None, []),
        ("", []),
        ([], []),
        (7, []),
        ({}, []),
        ({"eventType": None}, []),
        ({"eventType": "AgentState_Ready", "workNo": "101", "content": None}, ["AgentState_Ready"]),
        ([{"eventType": "A"}, "nothing", {"eventType": "B"}], ["A", "B"]),
        ({"eventType": "AgentNews_OfTomorrow", "more": 1}, ["AgentNews_OfTomorrow"]),
        ({"eventType": 12}, ["12"]),
        ({"eventType": "x" * 500}, ["x" * 100]),
    ],
)
def test_events_in_every_form(told: Any, kinds: list[str]) -> None:
    """Nothing, one or several; new kinds are kept, what is no event harms nobody."""
    assert [event.kind for event in read_events(101, told, AT, ())] == kinds


def test_an_event_shows_what_it_is() -> None:
    """State and call from the vendor's names; the content in ``to_dict``, in no repr."""
    content = {"callid": "1456401416-3", "caller": "13912345678"}
    (event,) = read_events(101, {"eventType": "AgentEvent_Talking", "content": content}, AT, ())
    assert (event.state, event.call_id) == (CtiStatus.TALKING, "1456401416-3")
    assert "13912345678" not in repr(event)
    assert event.to_dict() == {
        "agent_id": 101, "kind": "AgentEvent_Talking", "state": 5, "content": content,
        "received_at": "2026-03-04T12:00:00Z",
    }  # fmt: skip
    assert hash(event) == hash(AgentEvent(101, "AgentEvent_Talking", None, AT))


@pytest.mark.parametrize("content", [None, "text", {"callid": ""}, {"callid": 7}, [1]])
def test_an_event_without_a_call(content: Any) -> None:
    """Whatever the content is, there is no call id then."""
    assert AgentEvent(101, "AgentEvent_Talking", content).call_id is None


def test_what_was_signed_in_with_is_struck_out_of_events() -> None:
    """A server that repeats the phone, the token or the password tells it to nobody."""
    told = {
        "eventType": "X",
        "content": {"called": "7010199", "more": ["s3cret-one", {"a": "to 7010199"}], "n": 5},
    }
    (event,) = read_events(101, told, AT, ("7010199", "s3cret-one"))
    assert event.content == {"called": "***", "more": ["***", {"a": "to ***"}], "n": 5}


async def test_a_slow_reader_loses_the_oldest() -> None:
    """A thousand events wait; each one more costs the oldest, which is counted and told once."""
    inbox = Inbox()
    told = [inbox.put(AgentEvent(101, str(number))) for number in range(MOST + 3)]
    assert told == [True] * MOST + [False, True, True]
    assert inbox.dropped == 3
    inbox.finish(SessionLost("gone"))
    inbox.finish()
    read = [(await inbox.get()).kind for _ in range(MOST)]
    assert read == [str(number) for number in range(3, MOST + 3)]
    for _ in range(2):
        with pytest.raises(SessionLost):
            await inbox.get()
