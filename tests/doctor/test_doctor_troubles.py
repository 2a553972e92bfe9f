"""What the doctor says about trouble before any interface answers, and that it never makes it worse."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from examined import PausesPass, examined, site_of

from cc_async.doctor import FIRST_STEPS, Finding, Level, Limits, Patient, Report, Step, examine
from cc_async.errors import ConfigError
from cc_async.session.secret import Secret
from cc_async.settings import Site
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
SECRET = "5ecret-never-shown"


def ending(report: Report) -> tuple[str, str]:
    """The problem a report ends with: its name, and all it says."""
    last = report.results[-1].findings[-1]
    assert report.level is last.level is Level.PROBLEM
    assert last.advice
    return last.name, f"{last.text} {last.advice}"


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


# Certificates


def context_of(issuer: trustme.CA, name: str = "127.0.0.1", **when: Any) -> ssl.SSLContext:
    """A server's context with a certificate of this issuer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(name, **when).configure_cert(context)
    return context


@pytest.fixture
def issuer() -> trustme.CA:
    """An issuer nobody knows by itself."""
    return trustme.CA()


@pytest.fixture
def ca_file(issuer: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate."""
    path = tmp_path / "ca.pem"
    issuer.cert_pem.write_to_path(str(path))
    return path


def der_of(certificate: trustme.LeafCert) -> bytes:
    """The certificate itself, without those of its issuers."""
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())


async def test_an_unknown_issuer_and_then_its_fingerprint(issuer: trustme.CA, open_sim: OpenSim) -> None:
    """The certificate is shown with names, end and SHA-256; pinned as printed, the site is well."""
    certificate = issuer.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    sim = await open_sim(tls=context, clock=None)
    report = await examined(sim)
    name, said = ending(report)
    assert name == "certificate-untrusted"
    assert "127.0.0.1" in said
    assert "fingerprint" in said
    assert report.settings == {"fingerprint": hashlib.sha256(der_of(certificate)).hexdigest()}
    assert sim.requests == []
    again = await examined(sim, **report.settings)
    assert again.level is Level.OK


async def test_a_trusted_certificate(issuer: trustme.CA, ca_file: Path, open_sim: OpenSim) -> None:
    """With the issuer's file all is well; one that ends soon is remarked on, an expired one is the end."""
    now = datetime.now(UTC)
    sim = await open_sim(tls=context_of(issuer), clock=None)
    assert (await examined(sim, ca_file=ca_file)).level is Level.OK
    soon = await open_sim(tls=context_of(issuer, not_after=now + timedelta(days=9, hours=1)), clock=None)
    report = await examined(soon, ca_file=ca_file)
    assert [(one.name, "9 days" in one.text) for one in report.findings if one.level] == [
        ("certificate-ends-soon", True)
    ]
    past = await open_sim(tls=context_of(issuer, not_after=now - timedelta(days=1)), clock=None)
    name, said = ending(await examined(past, ca_file=ca_file))
    assert name == "certificate-expired"
    assert f"{now - timedelta(days=1):%Y-%m-%d}" in said


async def test_a_certificate_for_another_host(issuer: trustme.CA, ca_file: Path, open_sim: OpenSim) -> None:
    """The names that stand in it are shown."""
    sim = await open_sim(tls=context_of(issuer, "cms.example.com"), clock=None)
    name, said = ending(await examined(sim, ca_file=ca_file))
    assert name == "certificate-other-host"
    assert "cms.example.com" in said


async def test_a_fingerprint_that_does_not_fit(issuer: trustme.CA, open_sim: OpenSim) -> None:
    """Another certificate than the pinned one is final, and nothing new is offered for pinning."""
    sim = await open_sim(tls=context_of(issuer), clock=None)
    report = await examined(sim, fingerprint="ab" * 32)
    assert ending(report)[0] == "fingerprint-differs"
    assert report.settings == {}


async def test_old_tls(issuer: trustme.CA, ca_file: Path, open_sim: OpenSim) -> None:
    """A server that ends at TLS 1.1 is told apart."""
    context = context_of(issuer)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    sim = await open_sim(tls=context, clock=None)
    name, said = ending(await examined(sim, ca_file=ca_file))
    assert name == "old-tls"
    assert "1.2" in said


async def test_https_to_a_plain_port(sim: Simulator) -> None:
    """A port of plain http that is spoken to in TLS is called that."""
    name, said = ending(await examined(sim, cms_url=sim.cms_url.replace("http:", "https:")))
    assert name == "not-tls"
    assert "http://" in said


async def test_plain_http_to_a_tls_port(issuer: trustme.CA, open_sim: OpenSim) -> None:
    """And the reverse."""
    sim = await open_sim(tls=context_of(issuer), clock=None)
    name, said = ending(await examined(sim, cms_url=sim.cms_url.replace("https:", "http:")))
    assert name == "tls-wanted"
    assert "https://" in said


# What answers

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


@pytest.mark.parametrize(("scheme", "name"), [("http", "no-answer"), ("https", "tls-silent")])
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


# Signatures


async def test_a_wrong_key_stays_below_the_lock_out(open_sim: OpenSim) -> None:
    """Four rejected signatures, ten seconds apart, and the address is still let in afterwards."""
    sim = await open_sim(clock=None)
    sim.set_faults(lockout_after=5)
    clock = PausesPass()
    report = await examined(sim, clock, secret_key=Secret(SECRET))
    name, said = ending(report)
    assert name == "key-rejected"
    assert "belong together" in said
    assert [each.status for each in sim.requests] == [401] * 4
    assert [round(pause) for pause in clock.pauses if pause > 1] == [10, 10, 10]
    assert len({each.headers["Authorization"].split("/")[3] for each in sim.requests}) == 2
    assert (await examined(sim)).level is Level.OK


async def test_it_stops_at_once_when_the_address_gets_locked(open_sim: OpenSim) -> None:
    """A server that locks after two is not asked again."""
    sim = await open_sim(clock=None)
    sim.set_faults(lockout_after=2)
    report = await examined(sim, secret_key=Secret(SECRET))
    assert ending(report)[0] == "locked"
    assert [each.status for each in sim.requests] == [401, 401, 403]


async def test_a_wrong_global_key_costs_one(open_sim: OpenSim) -> None:
    """Its rejection is a remark, after one request more; the rest is looked at."""
    sim = await open_sim(clock=None)
    report = await examined(sim, global_secret_key=Secret(SECRET))
    assert "global-key-rejected" in {finding.name for finding in report.findings}
    assert [each.status for each in sim.requests].count(401) == 1
    assert report.skipped == ()


@pytest.mark.parametrize("seconds", [600.0, -600.0])
async def test_the_clock_is_off_where_it_matters(open_sim: OpenSim, seconds: float) -> None:
    """Ten minutes off at a server with a window: the clock is named, not the key, after two requests."""
    sim = await open_sim(clock=None, timestamp_window=120.0)
    report = await examined(sim, PausesPass(ahead=seconds))
    name, said = ending(report)
    assert name == "clock"
    assert "NTP" in said
    assert "600 s" in said or "599 s" in said or "601 s" in said
    assert [each.status for each in sim.requests] == [401, 200]


async def test_a_wrong_key_and_a_wrong_clock(open_sim: OpenSim) -> None:
    """The server's time is tried in place of one of the variants: four rejections all the same."""
    sim = await open_sim(clock=None, timestamp_window=120.0)
    report = await examined(sim, PausesPass(ahead=600.0), secret_key=Secret(SECRET))
    name, said = ending(report)
    assert name == "key-rejected"
    assert "the server's time" in said
    assert [each.status for each in sim.requests] == [401] * 4


async def test_the_clock_is_off_where_it_does_not_matter(open_sim: OpenSim) -> None:
    """Without a window it is a remark."""
    sim = await open_sim(clock=None)
    report = await examined(sim, PausesPass(ahead=600.0))
    assert {finding.name for finding in report.findings if finding.level is Level.REMARK} == {"clock-off"}


async def test_parameters_that_do_not_exist(sim: Simulator) -> None:
    """A VDN the server does not know is named, with the call center."""
    name, said = ending(await examined(sim, vdn=4999))
    assert name == "parameters-refused"
    assert "4999" in said


# The report


async def test_the_report_can_be_mailed(open_sim: OpenSim, tmp_path: Path) -> None:
    """No whole key, no name, no phone number, no GUID, and no host where that is wanted."""
    sim = await open_sim(profile="extra_fields", clock=None)
    guids = tmp_path / "guids.json"
    guids.touch(mode=0o600)
    guids.write_text(json.dumps(sim.guids))
    where = {"gateway_url": sim.gateway_url, "guids_file": guids}
    shown = json.dumps((await examined(sim, **where)).to_dict())
    team = sim.world.team(sim.vdn)
    people = [team.agent(index) for index in range(team.size)]
    queues = [sim.world.skill_name(sim.vdn, skill) for skill in sim.world.skill_ids(sim.vdn)]
    secrets = [sim.secret_key, sim.global_secret_key, sim.access_key, sim.global_access_key]
    for private in (*secrets, *sim.guids.values(), *queues, *(f'"{one.name}"' for one in people)):
        assert private not in shown
    assert not [one.phone_number for one in people if one.phone_number in shown]
    assert sim.access_key[:4] in shown
    assert sim.access_key[:5] not in shown
    assert "127.0.0.1" in shown
    assert "127.0.0.1" not in json.dumps((await examined(sim, mask_hosts=True, **where)).to_dict())


async def test_the_first_steps_alone(sim: Simulator) -> None:
    """What ``init`` takes: up to the request shape, and no more requests than said."""
    report = await examine(Patient.of(site_of(sim), PausesPass()), FIRST_STEPS)
    assert [result.step for result in report.results][-1] == "shape"
    assert len(sim.requests) <= report.at_most


async def test_a_site_no_client_could_be_made_of() -> None:
    """Plain http to another machine is refused before anything is opened."""
    with pytest.raises(ConfigError):
        Patient.of(
            Site(cms_url="http://cms.example.com", access_key="a", secret_key=Secret("s"), vdn=1),
            PausesPass(),
        )
