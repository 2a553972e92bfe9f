"""Number 70 for sessions: password, phone, token and GUIDs are seen nowhere, whatever the gateway answers."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from typing import Any

import pytest

from cc_async import AgentSession
from cc_async.agents.who import read_sign_in
from cc_async.errors import CcError

from . import answers
from . import behaviours as do
from .checks import GUID, NEXT_GUID, asking_gateway, texts_of
from .server import Behaviour, FaultServer, Seen, Wire

AGENT = 101
PASSWORD, PHONE, TOKEN = "Never$how-Th1s", "70171", "tokenNeverShow9"
HIDDEN = (PASSWORD, PHONE, TOKEN, GUID, NEXT_GUID, GUID.split(".")[0], NEXT_GUID.split(".")[0])
PUSH = {"callback_uri": "http://127.0.0.1:9/events", "service_token": TOKEN}
BRINGS = ("Set-GUID", f"JSESSIONID={GUID}"), ("Set-Cookie", f"node={NEXT_GUID}")


def all_that_was_sent(seen: Seen) -> str:
    """Everything the client said, and what it must not say to others."""
    told = " ".join(f"{name}: {value}" for name, value in seen.headers.items())
    token = "" if seen.method == "GET" else TOKEN  # who polls has none
    return f"{told} {seen.body.decode()} {PASSWORD} phone {PHONE}, {token} {GUID}"


async def as_page(wire: Wire, seen: Seen) -> None:
    """Send it back as the page of a firewall."""
    await wire.write(do.http(all_that_was_sent(seen).encode(), 400, *BRINGS))


def as_code(code: str) -> Behaviour:
    """Send it back as the message of a failure code."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.write(do.http(answers.gateway({}, code, all_that_was_sent(seen)), 200, *BRINGS))

    return behave


async def as_text(wire: Wire, seen: Seen) -> None:
    """Send it back as something that is no JSON object."""
    await wire.write(do.http(json.dumps([all_that_was_sent(seen)]).encode()))


async def as_event(wire: Wire, seen: Seen) -> None:
    """Send it back as the kind and the content of an event."""
    content = {"called": PHONE, "all": [all_that_was_sent(seen)]}
    event = {"eventType": f"AgentEvent_{PHONE}_{PASSWORD}", "workNo": "101", "content": content}
    await asyncio.sleep(0.01)
    await wire.write(do.http(json.dumps({"message": "", "retcode": "0", "event": event}).encode()))


async def good_sign_in(wire: Wire, seen: Seen) -> None:
    """Sign in, with a login time of nobody's."""
    await wire.write(do.http(answers.gateway({"workno": PHONE, "loginTime": PHONE + "x"}), 200, *BRINGS))


def by_method(put: Behaviour, get: Behaviour, delete: Behaviour) -> Behaviour:
    """Behave by the method of a request; heartbeats as polls."""
    ways: dict[str, Behaviour] = {"PUT": put, "GET": get, "POST": get, "DELETE": delete}

    async def behave(wire: Wire, seen: Seen) -> None:
        way = get if seen.path.endswith("/heartbeat") else ways[seen.method]
        await way(wire, seen)

    return behave


class Watcher:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_event(self, event: Any) -> None:
        self.events.append(event)


def hidden(*things: object) -> None:
    """None of it in a text, repr, pickle or traceback with locals of these."""
    for text in texts_of(things):
        for secret in HIDDEN:
            if secret in text:
                at = text.index(secret)
                pytest.fail(f"{secret[:5]}... is shown: {text[max(0, at - 300) : at + 40]}")


FAULTS: list[Behaviour] = [
    as_page, as_text, as_code("100-001"), as_code("100-002"), as_code("000-003"), as_code("100-007"),
    as_code("000-007"), do.close, do.cut(40), do.silence, do.status(401), do.status(403), do.status(503),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_fault_70_no_secret_of_a_sign_in_that_fails(
    fault: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    """Error, its causes and locals, its pickle, the events and the log: nothing of what was sent."""
    caplog.set_level(logging.DEBUG)
    watcher = Watcher()
    async with (
        FaultServer(then=by_method(fault, do.good, do.good)) as server,
        asking_gateway(server, observers=[watcher]) as gateway,
    ):
        session = gateway.agent_session(AGENT, password=PASSWORD, phone=PHONE, **PUSH)
        with pytest.raises(CcError) as caught:
            await session.__aenter__()
        hidden(caught.value, session, gateway, vars(session), vars(gateway), *watcher.events)
        sent = [seen for seen in server.requests if seen.method == "PUT"]
        assert len(sent) == 1
        assert PASSWORD in sent[0].body.decode()
    assert watcher.events
    assert not [secret for secret in HIDDEN if secret in caplog.text]


@pytest.mark.looptime
@pytest.mark.parametrize("push", [{}, PUSH], ids=["polling", "push"])
@pytest.mark.parametrize("fault", [as_page, as_event, as_code("000-003"), as_code("000-002"), as_text])
async def test_fault_70_no_secret_of_a_session(
    fault: Behaviour, push: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Events read, the error it is lost with, the warnings about its end: nothing there either."""
    caplog.set_level(logging.DEBUG)
    watcher, told = Watcher(), list[Any]()
    async with (
        FaultServer(then=by_method(good_sign_in, fault, fault)) as server,
        asking_gateway(server, observers=[watcher]) as gateway,
    ):
        async with gateway.agent_session(AGENT, password=PASSWORD, phone=PHONE, grace=1, **push) as session:
            told += await read(session)
            hidden(session, session.lost, vars(session), gateway, *told)
        hidden(*watcher.events)
        assert {seen.method for seen in server.requests} >= {"PUT", "POST" if push else "GET"}
    assert told
    assert not [secret for secret in HIDDEN if secret in caplog.text]


async def read(session: AgentSession) -> list[Any]:
    """Two events, or the error in their place; where neither comes (push mode), five minutes of it."""
    told: list[Any] = [session]
    try:
        async with asyncio.timeout(300):
            async for event in session:
                told += [event, pickle.dumps(event), event.to_dict()]
                if len(told) > 6:
                    break
    except TimeoutError:
        pass
    except CcError as error:
        told.append(error)
    return told


async def test_fault_70_no_secret_of_a_sign_in_that_is_cancelled() -> None:
    """The cancel passes every frame that knows the body: printed with their locals they show nothing."""
    reached = asyncio.Event()

    async def late(wire: Wire, seen: Seen) -> None:
        reached.set()
        await asyncio.sleep(0.5)
        await good_sign_in(wire, seen)

    async with (
        FaultServer(then=by_method(late, do.good, do.good)) as server,
        asking_gateway(server) as gateway,
    ):
        session = gateway.agent_session(AGENT, password=PASSWORD, phone=PHONE, grace=0.1, **PUSH)
        task = asyncio.create_task(session.__aenter__())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        del task
        hidden(session)
        found = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        hidden("".join(found.format()))


def test_fault_70_what_holds_them_is_not_pickled() -> None:
    """A password that is pickled by accident refuses."""
    who = read_sign_in(
        AGENT, password=PASSWORD, phone=PHONE, status=3, enter_idle=False, agent_type=4, force=False,
        auto_answer=None, release_phone=None, callback_uri=None, service_token=None,
    )  # fmt: skip
    with pytest.raises(TypeError) as caught:
        pickle.dumps(who)
    hidden(who, str(caught.value))


def test_fault_70_the_check_of_sessions_finds_secrets() -> None:
    """It sees one in a local variable, so its silence counts."""

    def leaks() -> None:
        kept = f"{PHONE}!"
        raise ValueError(len(kept))

    with pytest.raises(ValueError) as caught:
        leaks()
    with pytest.raises(pytest.fail.Exception):
        hidden(caught.value)
