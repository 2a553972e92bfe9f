"""Number 70: whatever goes wrong, no secret is seen, wherever one looks."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cc_async import AkSk, Breaker, Retry, Timeouts
from cc_async.errors import CcError
from cc_async.session.auth import Unsigned
from cc_async.session.guid import Guids
from cc_async.session.secret import Secret

from . import answers
from . import behaviours as do
from .checks import (
    ACCESS_KEY,
    AGENT,
    GUID,
    NEXT_GUID,
    SECRET_KEY,
    SECRETS,
    TOKEN,
    asking,
    asking_gateway,
    no_secret,
    texts_of,
)
from .corpus import BODIES, HTTP
from .server import Behaviour, FaultServer, Seen, Wire

ROOT = Path(__file__).parents[2]
LIMITS: dict[str, Any] = {
    "timeouts": Timeouts(connect=1, read=0.05, attempt=0.2),
    "retry": Retry(attempts=2, base=0.001, throttle_base=0.001, cap=0.001, budget=10**6),
    "breaker": Breaker(failures=10**6, open_for=0.001, longest=0.001),
    "lockout": 0.001,
}


class Bearer:
    """A bearer token, as users write it."""

    identity = "bearer"

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        return {"Authorization": Secret(f"Bearer {TOKEN}")}

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        pass


class Watcher:
    """Keeps every event, and raises at some."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_event(self, event: Any) -> None:
        self.events.append(event)
        if len(self.events) % 7 == 0:
            raise RuntimeError("an observer of bad manners")


async def echo(wire: Wire, seen: Seen) -> None:
    """Send everything back that came, in headers and body, with a status nobody expects."""
    told = "\n".join(f"{name}: {value}" for name, value in seen.headers.items()) + seen.body.decode()
    await wire.write(
        do.http(
            f"{told} {answers.PHONE}".encode(), 400, ("X-Guid", GUID), ("Set-GUID", f"JSESSIONID={NEXT_GUID}")
        )
    )


async def echo_as_failure(wire: Wire, seen: Seen) -> None:
    """Send the caller's headers back as the text of a failure code."""
    sent = " ".join(seen.headers.get(name, "") for name in ("Authorization", "Guid"))
    gateway = seen.path.startswith("/agentgateway")
    text = f"{sent} {answers.PHONE}"
    await do.body(answers.gateway({}, "100-012", text) if gateway else answers.cms_failure("0100003", text))(
        wire, seen
    )


async def bad_rows(wire: Wire, seen: Seen) -> None:
    """Rows that cannot be read, full of phone numbers and GUIDs."""
    row = answers.agent_row(1, workNo=answers.PHONE * 3, name=GUID, status=answers.PHONE + "x")
    await do.body(answers.cms([row, answers.agent_row(1, workNo=GUID)]))(wire, seen)


FAULTS: list[Behaviour] = [
    do.good,
    do.good_with(("Set-GUID", f"JSESSIONID={NEXT_GUID}"), ("Set-Cookie", f"a={NEXT_GUID}")),
    do.good_with(("Set-GUID", f"JSESSIONID={NEXT_GUID} no")),
    echo,
    echo_as_failure,
    bad_rows,
    do.reset,
    do.close,
    do.cut(30),
    do.cut_json(150),
    do.silence,
    do.smuggled(GUID.encode()),
    do.status(302, ("Location", f"https://elsewhere.example/{GUID}?sk={SECRET_KEY}")),
    *(
        do.page(f"<p>{answers.PHONE} {GUID} auth-v2/{ACCESS_KEY}/x</p>", code)
        for code in (200, 401, 403, 404, 418)
    ),
    *(do.status(code) for code in (401, 403, 404, 429, 500, 501)),
    *(do.raw(HTTP[name], close=True) for name in list(HTTP)[::4]),
    *(do.body(BODIES[name]) for name in list(BODIES)[::6]),
]


async def test_fault_70_no_secret_in_anything_that_can_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """Logs at DEBUG, errors, reprs, pickles, tracebacks with locals, events: none of them shows a secret."""
    caplog.set_level(logging.DEBUG, logger="aiohttp")
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    watcher, errors = Watcher(), 0
    try:
        for fault in FAULTS:
            async with FaultServer(then=fault) as server:
                async with asking(server, observers=[watcher], **LIMITS) as cms:
                    for query in (cms.signed_in_agents([1, 2], timeout=1), cms.ping(timeout=1)):
                        errors += await looked_at(query, cms)
                async with asking(server, auth=Bearer(), observers=[watcher], **LIMITS) as cms:
                    errors += await looked_at(cms.skill_states([1], timeout=1), cms)
                async with asking_gateway(server, observers=[watcher], **LIMITS) as gateway:
                    errors += await looked_at(gateway.agent_call_stats([AGENT], timeout=1), gateway)
    finally:
        loop.set_debug(False)
    assert errors > 2 * len(FAULTS)
    assert len(watcher.events) > 8 * len(FAULTS)
    no_secret(*watcher.events)
    assert "asyncio" in {record.name for record in caplog.records}, "the log was not looked at"
    assert not [secret for secret in SECRETS if secret in caplog.text]


async def looked_at(asked: Any, client: Any) -> int:
    """Ask and look at what comes, error or answer; return how many errors there were."""
    core = client._core
    try:
        found = await asked
    except CcError as error:
        no_secret(error)
        return 1
    no_secret(client, core, core.session, core.transport, *core.session.credentials.values())
    no_secret(found, *(found or ()))
    return 0


def test_fault_70_credentials_are_not_pickled() -> None:
    """A key or a GUID that is pickled by accident refuses, or is not in the pickle."""
    for credential in (AkSk(ACCESS_KEY, SECRET_KEY), Guids({AGENT: GUID}), Secret(SECRET_KEY)):
        no_secret(repr(credential))
        try:
            pickled = pickle.dumps(credential)
        except TypeError as error:
            no_secret(error.args)
        else:
            assert not [secret for secret in SECRETS if secret.encode() in pickled]


def test_fault_70_the_check_itself_finds_secrets() -> None:
    """The check of these tests sees a secret in a local variable and in a cause, so its silence counts."""

    def leaks() -> None:
        hidden = f"Bearer {TOKEN}"
        raise ValueError(len(hidden))

    with pytest.raises(ValueError) as caught:
        leaks()
    assert any(TOKEN in text for text in texts_of([caught.value]))
    with pytest.raises(pytest.fail.Exception):
        no_secret(GUID)


async def test_fault_70_nothing_in_the_process_list_or_the_help() -> None:
    """The command has its secrets from the environment: neither its arguments nor its help show them."""
    async with FaultServer(then=do.late(0.3)) as server:
        environ = {
            **os.environ,
            "CC_ASYNC_CMS_URL": server.url,
            "CC_ASYNC_ACCESS_KEY": ACCESS_KEY,
            "CC_ASYNC_SECRET_KEY": SECRET_KEY,
            "CC_ASYNC_VDN": "170",
            "CC_ASYNC_CC_ID": "1",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "cc_async", "skill-stats", "--skills", "1"]
        found = await asyncio.to_thread(_run, [*command], environ, server)
        shown = await asyncio.to_thread(_run, [*command, "--help"], environ, None)
    no_secret(found, shown)
    assert "skill" in shown
    assert len(server.requests) == 1


def _run(command: list[str], environ: dict[str, str], server: FaultServer | None) -> str:
    """Run a command; return all it printed and, while it waited for the server, how it was called."""
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    called = ""
    asked = threading.Event()
    while server is not None and not server.requests and process.poll() is None:
        asked.wait(0.01)
    listed = Path(f"/proc/{process.pid}/cmdline")
    if server is not None and listed.exists():
        called = listed.read_text()
        assert "skill-stats" in called
    return called + process.communicate(timeout=20)[0]
