"""What the doctor says about the way to a server, and about whatever answers in its place."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from examined import PausesPass, ending, site_of

from cc_async.doctor import FIRST_STEPS, Finding, Level, Limits, Patient, Report, Step, examine
from cc_async.session.secret import Secret
from cc_async.settings import Site
from cc_async.simulator import Simulator

SECRET = "5ecret-never-shown"


async def nowhere(url: str, clock: PausesPass | None = None, **given: Any) -> Report:
    """Examine an address that is not a contact center."""
    usual = {"access_key": "AKAK12345", "secret_key": Secret(SECRET), "vdn": 170}
    site = Site(cms_url=url, **(usual | given))
    return await examine(Patient.of(site, clock or PausesPass(), Limits(connect=0.5, answer=2.0)))


@asynccontextmanager
async def answering(status: int, body: str, **headers: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that says the same to everybody; yields its address and what was asked."""
    asked: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        kind = "text/html" if body.startswith("<") else "application/json"
        return web.Response(status=status, text=body, content_type=kind, headers=headers)

    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def test_no_vdn() -> None:
    """Without a VDN nothing can be asked: that is said before anything is opened."""
    name, said = ending(await nowhere("https://cms.invalid:28443", vdn=None))
    assert name == "no-vdn"
    assert "CC_ASYNC_VDN" in said


async def test_the_name_cannot_be_resolved() -> None:
    """A name nobody knows stops at the look-up, with the name in it."""
    report = await nowhere("https://cms.invalid:28443")
    name, said = ending(report)
    assert name in ("dns", "dns-silent")
    assert "cms.invalid" in said
    assert [result.step for result in report.results] == ["settings", "dns"]


async def test_a_closed_port() -> None:
    """A port nobody listens on is refused, and the usual ports are named."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name, said = ending(await nowhere(f"https://127.0.0.1:{port}"))
    assert (name, str(port) in said, "28443" in said) == ("refused", True, True)


async def test_a_black_hole() -> None:
    """A port that swallows every packet costs the connect timeout and sends us to the firewall."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        name, said = ending(await nowhere(f"https://127.0.0.1:{full.getsockname()[1]}"))
        for one in waiting:
            one.close()
    assert name == "black-hole"
    assert "within 0.5 s" in said
    assert "firewall" in said


PAGE = "<html><head><title>Blocked</title></head><body>Your request was blocked. 13912345678</body></html>"
LOCKED = json.dumps(
    {"status": 403, "error": "Forbidden", "message": "The IP address is locked.", "path": "/"}
)
BARE = json.dumps({"status": 403, "error": "Forbidden", "message": "Forbidden", "path": "/"})


@pytest.mark.parametrize(
    ("status", "body", "name", "words"),
    [
        (403, PAGE, "waf-403", ("firewall", "Your request was blocked", "let this machine's address in")),
        (403, LOCKED, "locked", ("locked after too many bad signatures", "wait")),
        (403, BARE, "blocked", ("firewall", "locked", "no permission")),
        (403, '{"message": "blocked by a policy"}', "blocked", ("firewall", "locked", "no permission")),
        (418, PAGE, "waf-418", ("host name", "not the address")),
        (200, PAGE, "not-the-api", ("firewall", "login page")),
        (404, "{}", "wrong-path", ("cms_url", "404")),
        (500, "{}", "server-trouble", ("500",)),
        (429, "{}", "server-trouble", ("429",)),
        (200, '{"hello": 1}', "not-the-api", ("cms_url",)),
    ],
)
async def test_something_else_answers(status: int, body: str, name: str, words: tuple[str, ...]) -> None:
    """Each answer is named with what to do, after one request (two where a path is not known)."""
    async with answering(status, body) as (url, asked):
        report = await nowhere(url)
    found, said = ending(report)
    assert found == name
    for word in words:
        assert word in said
    assert "13912345678" not in json.dumps(report.to_dict())
    assert len(asked) == report.requests == (2 if status == 404 else 1)


async def test_a_redirect_is_not_followed() -> None:
    """Where it leads is told by host alone; nothing is sent there."""
    async with answering(302, "{}", Location="https://login.example.com:8443/sso?token=abc") as (url, asked):
        report = await nowhere(url)
    name, said = ending(report)
    assert name == "redirect"
    assert "login.example.com:8443" in said
    assert "token" not in said
    assert len(asked) == 1


@pytest.mark.parametrize(("scheme", "name"), [("http", "silent"), ("https", "tls-silent")])
async def test_a_server_that_says_nothing(scheme: str, name: str) -> None:
    """It takes the connection and keeps silent: the limit of an answer, or of a handshake, ends the wait."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)  # the system takes connections, and nobody reads them
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        site = Site(cms_url=url, access_key="AKAK12345", secret_key=Secret(SECRET), vdn=170)
        report = await examine(Patient.of(site, PausesPass(), Limits(connect=0.2, answer=0.2)))
    found, said = ending(report)
    assert found == name
    assert "0.2 s" in said or "read timeout" in said


async def test_a_step_has_an_end(sim: Simulator) -> None:
    """Whatever a step waits for, its own limit ends it, and the examination with it."""

    async def stuck(patient: Patient) -> list[Finding]:
        await asyncio.sleep(60)
        return []

    steps = [Step("stuck", "stuck", stuck, seconds=0.1), *FIRST_STEPS]
    report = await examine(Patient.of(site_of(sim), PausesPass()), steps)
    assert ending(report)[0] == "too-slow"
    assert len(report.skipped) == len(FIRST_STEPS)


async def test_hosts_of_others_are_masked_too() -> None:
    """Where a redirect leads, and addresses a firewall tells: neither stands in a masked report."""
    target = "https://login.example.com:8443/"
    for status, body, headers in (
        (302, "{}", {"Location": target}),
        (403, "<p>your address 10.1.2.3</p>", {}),
    ):
        async with answering(status, body, **headers) as (url, _):
            site = Site(cms_url=url, access_key="AKAK12345", secret_key=Secret(SECRET), vdn=170)
            report = await examine(Patient.of(site, PausesPass()), mask_hosts=True)
        shown = json.dumps(report.to_dict())
        assert report.level is Level.PROBLEM
        assert "example.com" not in shown
        assert "10.1.2.3" not in shown
        assert "127.0.0.1" not in shown
