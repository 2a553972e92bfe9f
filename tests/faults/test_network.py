"""Numbers 1 to 13: the network and TLS."""

# ruff: noqa: SIM117 - first a server, then a client of it: one line each

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from cc_async import AkSk, Breaker, CmsClient, Timeouts, Tls
from cc_async.errors import CircuitOpen, ConfigError, ConnectError, TlsError

from . import behaviours as do
from .checks import ACCESS_KEY, QUICK, SECRET_KEY, asking, cms_for, failing, no_secret, nothing_left, until
from .server import BlackHole, FaultServer, Wire


class Names(AbstractResolver):
    """Resolves every name to the addresses it was given, or to nothing."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        if not self.addresses:
            raise OSError(None, "no such name")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


async def test_fault_01_dns_fails() -> None:
    """A name that cannot be resolved is a ConnectError after three look-ups."""
    names = Names()
    async with aiohttp.TCPConnector(resolver=names, use_dns_cache=False) as connector:
        auth = AkSk(ACCESS_KEY, SECRET_KEY)
        cms = CmsClient("https://cms.invalid:1", auth, vdn=170, connector=connector, **QUICK)
        async with nothing_left(cms):
            error = await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=3)
    assert names.asked == 3
    assert "cannot be resolved" in error.message
    assert error.retryable


async def test_fault_02_dead_ipv6_live_ipv4() -> None:
    """An IPv6 address that swallows everything does not keep us from the IPv4 one."""
    async with FaultServer(then=do.good) as server:
        with BlackHole("::1", server.port):
            async with aiohttp.TCPConnector(resolver=Names("::1", "127.0.0.1")) as connector:
                auth = AkSk(ACCESS_KEY, SECRET_KEY)
                cms = CmsClient(
                    f"http://localhost:{server.port}",
                    auth,
                    vdn=170,
                    connector=connector,
                    host=server.name,
                    **{**QUICK, "timeouts": Timeouts(connect=2, read=1, attempt=3)},
                )
                async with nothing_left(cms):
                    batch = await cms.skill_call_stats([1, 2])
    assert [row.skill_id for row in batch] == [1, 2]
    assert batch.request_count == 1


async def test_fault_03_refused() -> None:
    """A closed port is tried three times, and the breaker opens after its number of failures."""
    async with FaultServer(then=do.good) as server:
        cms = cms_for(server, breaker=Breaker(failures=6, open_for=60))
        async with nothing_left(cms):
            await server.stop()
            for _ in range(2):
                error = await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=3)
                assert "refused" in error.message
            opened = await failing(cms.skill_call_stats([1]), CircuitOpen, within=0.5, attempts=0)
    assert opened.retry_after is not None
    assert 0 < opened.retry_after <= 66
    assert server.counters.connections == 0


async def test_fault_04_syn_black_hole() -> None:
    """A host that answers no SYN costs the connect timeout of each attempt, no more."""
    with BlackHole() as hole:
        auth = AkSk(ACCESS_KEY, SECRET_KEY)
        limits = Timeouts(connect=0.1, read=20, attempt=30)
        options = {**QUICK, "timeouts": limits, "timeout": 60, "rng": random.Random(1)}
        cms = CmsClient(f"http://127.0.0.1:{hole.port}", auth, vdn=170, **options)
        async with nothing_left(cms):
            error = await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=3)
    assert "connect timeout" in error.message
    assert error.hint is not None


@pytest.mark.parametrize("end", [do.reset, do.close], ids=["reset", "close"])
async def test_fault_05_and_07_connection_ends_at_reuse(end: Any) -> None:
    """A kept connection that ends as we write to it costs one more request, and nothing of the budget."""
    async with FaultServer(do.good, end, then=do.good, secrets={ACCESS_KEY: SECRET_KEY}) as server:
        async with asking(server) as cms:
            await cms.skill_call_stats([1])
            budget = cms._core.budget.left
            batch = await cms.skill_call_stats([2])
            assert [row.skill_id for row in batch] == [2]
            assert batch.request_count == 2
            assert cms._core.budget.left >= budget
    assert len(server.requests) == 3
    assert [(seen.connection, seen.number) for seen in server.requests] == [(1, 1), (1, 2), (2, 1)]


async def test_fault_05_reset_on_a_fresh_connection_is_no_free_retry() -> None:
    """On a connection of its own a reset is a failure like others: three attempts, paid from the budget."""
    async with FaultServer(then=do.reset) as server:
        async with asking(server) as cms:
            await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=3)
            assert cms._core.budget.left < 500
    assert len(server.requests) == 3


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("by_reset", [False, True])
async def test_fault_06_cut_inside_the_body(by_reset: bool, chunked: bool) -> None:
    """An answer cut off in its body is asked again, and comes whole the second time."""
    broken = do.cut(40, by_reset=by_reset, chunked=chunked)
    async with FaultServer(broken, then=do.good) as server, asking(server) as cms:
        batch = await cms.skill_call_stats([1, 2])
        assert [row.skill_id for row in batch] == [1, 2]
        assert batch.request_count == 2


async def test_fault_06_cut_every_time() -> None:
    """Cut off each time, it is an error that says so."""
    async with FaultServer(then=do.cut(40)) as server, asking(server) as cms:
        error = await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=3)
        assert "cut off" in error.message
        assert error.part == "vdn 170, skill 1"


@pytest.fixture
def authority() -> trustme.CA:
    """An authority nobody knows."""
    return trustme.CA()


class Handshakes(ssl.SSLContext):
    """A server's side of TLS that counts the clients that say hello."""

    count = 0

    @classmethod
    def of(cls, certificate: trustme.LeafCert) -> Handshakes:
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        context.sni_callback = lambda *_: context._hello()
        return context

    def _hello(self) -> None:
        self.count += 1


@pytest.fixture
def handshakes(authority: trustme.CA) -> Handshakes:
    """A certificate that is good for the address, from an authority nobody knows."""
    return Handshakes.of(authority.issue_cert("127.0.0.1"))


@pytest.fixture
async def tls_server(handshakes: Handshakes) -> AsyncIterator[FaultServer]:
    """A server with that certificate."""
    async with FaultServer(then=do.good, tls=handshakes) as server:
        yield server


async def test_fault_08_untrusted_certificate(tls_server: FaultServer, handshakes: Handshakes) -> None:
    """A certificate nobody vouches for ends the whole batch at once: one handshake, nothing sent."""
    async with asking(tls_server) as cms:
        error = await failing(cms.signed_in_agents(range(1, 50)), TlsError, within=3, attempts=1)
        assert "unknown issuer" in error.message or "self-signed" in error.message
        assert not error.retryable
    assert tls_server.requests == []
    assert handshakes.count == 1


async def test_fault_08_wrong_host(authority: trustme.CA, tmp_path: Any) -> None:
    """A certificate for another name is a TlsError that says so, without a retry."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    handshakes = Handshakes.of(authority.issue_cert("elsewhere.example"))
    async with FaultServer(then=do.good, tls=handshakes) as server:
        async with asking(server, tls=Tls(ca_file=tmp_path / "ca.pem")) as cms:
            error = await failing(cms.skill_call_stats([1]), TlsError, within=3, attempts=1)
            assert "another" in error.message
    assert handshakes.count == 1


async def test_fault_09_fingerprint_does_not_match(tls_server: FaultServer) -> None:
    """Another certificate than the pinned one is final, and nothing was sent to it."""
    async with asking(tls_server, tls=Tls(fingerprint="00" * 32)) as cms:
        error = await failing(cms.skill_call_stats([1]), TlsError, within=3, attempts=1)
        assert "fingerprint" in error.message
    assert tls_server.requests == []


PROTOCOL_VERSION_ALERT = bytes.fromhex("15 0301 0002 02 46")
HELLO_OF_TLS_1_1 = bytes.fromhex("16 0302 002a 02 000026 0302") + bytes(32) + bytes.fromhex("00 0035 00")


@pytest.mark.parametrize("said", [PROTOCOL_VERSION_ALERT, HELLO_OF_TLS_1_1], ids=["alert", "hello"])
async def test_fault_10_tls_below_1_2(said: bytes) -> None:
    """A server that cannot do TLS 1.2, or insists on 1.1, is refused for good, whatever is trusted."""
    hellos = 0

    async def old(wire: Wire) -> None:
        nonlocal hellos
        await wire.reader.read(65536)
        hellos += 1
        await wire.write(said)
        await wire.reader.read(65536)
        wire.close()

    async with FaultServer(then=do.good, greet=old) as server:
        auth = AkSk(ACCESS_KEY, SECRET_KEY)
        cms = CmsClient(f"https://{server.name}", auth, vdn=170, tls=Tls(insecure=True), **QUICK)
        async with nothing_left(cms, server):
            error = await failing(cms.skill_call_stats([1]), TlsError, within=3, attempts=1)
        assert "no TLS version we accept (1.2 or newer)" in error.message
    assert hellos == 1


async def test_fault_11_handshake_stalls() -> None:
    """A port that accepts and never shakes hands costs the connect timeout."""

    async def stall(wire: Wire) -> None:
        await wire.reader.read(1)
        while await wire.reader.read(65536):
            pass

    async with FaultServer(then=do.good, greet=stall) as server:
        limits = Timeouts(connect=0.1, read=20, attempt=30)
        auth = AkSk(ACCESS_KEY, SECRET_KEY)
        cms = CmsClient(f"https://{server.name}", auth, vdn=170, **{**QUICK, "timeouts": limits})
        async with nothing_left(cms, server):
            error = await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=3)
        assert "connect timeout" in error.message
    assert server.requests == []


async def test_fault_12_plain_http_to_another_machine() -> None:
    """Plain http is refused before any I/O, unless it stays on this machine or is allowed."""
    auth = AkSk(ACCESS_KEY, SECRET_KEY)
    with pytest.raises(ConfigError, match="plain http") as caught:
        CmsClient("http://cms.example.com:28080", auth)
    no_secret(caught.value)
    CmsClient("http://cms.example.com:28080", auth, allow_http=True)
    CmsClient("http://127.0.0.1:28080", auth)


async def test_fault_13_proxy_wants_a_password() -> None:
    """407 from a proxy is final; the password given for it is shown nowhere."""
    async with FaultServer(then=do.status(407, ("Proxy-Authenticate", "Basic"))) as proxy:
        auth = AkSk(ACCESS_KEY, SECRET_KEY)
        for base_url in ("https://cms.example.com", "http://localhost:9"):
            cms = CmsClient(base_url, auth, vdn=170, proxy=f"http://joe:{SECRET_KEY}@{proxy.name}", **QUICK)
            async with nothing_left(cms):
                error = await failing(cms.skill_call_stats([1]), ConnectError, within=3, attempts=1)
            assert error.code == "407"
            assert not error.retryable
            no_secret(cms, cms._core.transport)
        await until(lambda: proxy.counters.open == 0)
    assert len(proxy.requests) == 2
