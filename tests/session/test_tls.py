"""Tls: whom to trust, and what a failed handshake is called."""

import asyncio
import contextlib
import datetime
import hashlib
import logging
import socket
import ssl
import warnings
from types import SimpleNamespace

import attrs
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from wires import OK, answers, wire

from cc_async.errors import ConfigError, ConnectError, TlsError
from cc_async.session.timeouts import Timeouts
from cc_async.session.tls import Tls
from cc_async.session.transport import Transport

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def issuer():
    """An issuer nobody knows by itself."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(issuer, tmp_path_factory):
    """The file with the issuer's certificate."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    issuer.cert_pem.write_to_path(str(path))
    return path


def served(issuer, name="127.0.0.1", **when):
    """Make a server's context with a certificate for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(name, **when).configure_cert(context)
    return context


def self_signed(folder):
    """Make a server's context with a certificate that vouches for itself, and its SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cms")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    certificate = builder.sign(key, hashes.SHA256())
    path = folder / "self.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


@contextlib.asynccontextmanager
async def alerting(context, connections):
    """Serve so many connections as servers do in the field: asyncio's own hang up without a TLS alert."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(3)
    server = SimpleNamespace(port=listener.getsockname()[1], requests=[])

    def serve():
        for _ in range(connections):
            plain, _ = listener.accept()
            plain.settimeout(3)
            with context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as tls:
                try:
                    tls.do_handshake()
                    server.requests.append(tls.recv(65536))
                    tls.sendall(OK)
                except ssl.SSLError:
                    tls.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    while tls.recv(65536):
                        pass

    serving = asyncio.ensure_future(asyncio.to_thread(serve))
    try:
        yield server
        await asyncio.wait_for(serving, 5)
    finally:
        listener.close()


async def ask(server, tls, host="127.0.0.1", times=1, **options):
    """Ask the server, and return the status of the last answer."""
    transport = Transport(f"https://{host}:{server.port}", tls=tls, timeouts=Timeouts(3, 3, 3), **options)
    try:
        for _ in range(times):
            reply = await transport.send("GET", "/", "", {}, b"", on_sent=lambda: None)
        return reply.status
    finally:
        await transport.close()


async def refused(server, tls, **options):
    """Ask the server, which must not hear the request, and return the error."""
    with pytest.raises(TlsError) as caught:
        await ask(server, tls, **options)
    assert not caught.value.retryable
    assert isinstance(caught.value, ConnectError)
    assert caught.value.host == f"{options.get('host', '127.0.0.1')}:{server.port}"
    assert server.requests == []
    return caught.value


async def test_a_known_issuer_is_trusted(issuer, ca_file):
    """With the issuer's file the certificate is checked and accepted; several requests share a connection."""
    async with wire(answers(OK), served(issuer)) as server:
        assert await ask(server, Tls(ca_file=ca_file), times=3) == 200
        assert await ask(server, Tls(ca_file=str(ca_file))) == 200
        assert server.connections == 2


async def test_an_unknown_issuer(issuer):
    """By default only the system's issuers are trusted, and the error says how to trust another."""
    async with wire(answers(OK), served(issuer)) as server:
        error = await refused(server, None)
    assert "unknown issuer" in str(error)
    assert "ca_file" in str(error)


async def test_a_self_signed_certificate(tmp_path):
    """A self-signed certificate is called that, and the error says how to pin it."""
    async with wire(answers(OK), self_signed(tmp_path)[0]) as server:
        error = await refused(server, Tls())
    assert "self-signed" in str(error)
    assert "fingerprint" in str(error)


async def test_an_expired_certificate(issuer, ca_file):
    """A certificate whose time is over is called expired."""
    context = served(issuer, not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    async with wire(answers(OK), context) as server:
        assert "expired" in str(await refused(server, Tls(ca_file=ca_file)))


async def test_a_certificate_from_the_future(issuer, ca_file):
    """A certificate that is not valid yet points at our clock."""
    context = served(issuer, not_before=NOW + DAY, not_after=NOW + 9 * DAY)
    async with wire(answers(OK), context) as server:
        error = await refused(server, Tls(ca_file=ca_file))
    assert "not valid yet" in str(error)
    assert "clock" in str(error)


@pytest.mark.parametrize(("host", "words"), [("127.0.0.1", "another address"), ("localhost", "another host")])
async def test_a_certificate_for_another_host(issuer, ca_file, host, words):
    """A certificate for another name is called that, and server_name gets over it."""
    async with wire(answers(OK), served(issuer, "cms.example.com")) as server:
        error = await refused(server, Tls(ca_file=ca_file), host=host)
        assert words in str(error)
        assert "server_name" in str(error)
        assert await ask(server, Tls(ca_file=ca_file, server_name="cms.example.com"), host=host) == 200


@pytest.mark.parametrize(
    "form", [str.lower, str.upper, lambda h: ":".join(h[i : i + 2] for i in range(0, 64, 2))]
)
async def test_a_pinned_certificate(tmp_path, form):
    """A self-signed certificate with the pinned fingerprint is accepted, however the digits are written."""
    context, found = self_signed(tmp_path)
    async with wire(answers(OK), context) as server:
        assert await ask(server, Tls(fingerprint=form(found)), times=2) == 200


async def test_another_certificate_than_the_pinned_one(tmp_path):
    """A wrong pin is final, shows the server's fingerprint, and no byte of the request is sent."""
    context, found = self_signed(tmp_path)
    async with wire(answers(OK), context) as server:
        error = await refused(server, Tls(fingerprint="ab" * 32))
    assert "does not match" in str(error)
    assert found in str(error)


async def test_a_pin_is_checked_on_every_connection(tmp_path):
    """A server that changes its certificate between two connections is noticed."""
    (one, found), folder = self_signed(tmp_path), tmp_path / "two"
    folder.mkdir()
    two, _ = self_signed(folder)
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    contexts = iter([one, two])
    one.sni_callback = lambda sock, name, context: setattr(sock, "context", next(contexts))
    async with wire(answers(closing), one) as server:
        with pytest.raises(TlsError, match="does not match"):
            await ask(server, Tls(fingerprint=found), host="localhost", times=2)
        assert len(server.requests) == 1


async def test_a_pin_and_an_issuer_are_both_checked(issuer, ca_file, tmp_path):
    """With an issuer's file and a pin both must fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = issuer.issue_cert("127.0.0.1")
    certificate.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    found = hashlib.sha256(der).hexdigest()
    async with wire(answers(OK), context) as server:
        assert await ask(server, Tls(ca_file=ca_file, fingerprint=found)) == 200
        server.requests.clear()
        assert "does not match" in str(await refused(server, Tls(ca_file=ca_file, fingerprint="00" * 32)))
    own, found = self_signed(tmp_path)
    async with wire(answers(OK), own) as server:
        assert "self-signed" in str(await refused(server, Tls(ca_file=ca_file, fingerprint=found)))


async def test_insecure_checks_nothing_and_says_so(tmp_path, caplog):
    """insecure=True accepts anything, with one warning for each client that opens."""
    async with wire(answers(OK), self_signed(tmp_path)[0]) as server:
        for opened in (1, 2):
            with caplog.at_level(logging.WARNING, logger="cc_async"):
                assert await ask(server, Tls(insecure=True), times=3) == 200
            assert [r.getMessage() for r in caplog.records].count(
                f"127.0.0.1:{server.port}: the server's certificate is not checked (insecure=True)"
            ) == opened


async def test_an_old_tls_version(issuer, ca_file):
    """A server that speaks TLS 1.1 at the most is refused with that reason."""
    context = served(issuer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with alerting(context, 1) as server:
        assert "TLS version" in str(await refused(server, Tls(ca_file=ca_file)))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate(issuer, ca_file, tmp_path, version):
    """A server that wants a client certificate is told apart, gets one, and may refuse it."""
    context = served(issuer)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version
    issuer.configure_trust(context)
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    issuer.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(str(ours))
    trustme.CA().issue_cert("client").private_key_and_cert_chain_pem.write_to_path(str(theirs))
    async with alerting(context, 3) as server:
        assert "client certificate" in str(await refused(server, Tls(ca_file=ca_file)))
        assert await ask(server, Tls(ca_file=ca_file, client_cert=ours)) == 200
        server.requests.clear()
        error = await refused(server, Tls(ca_file=ca_file, client_cert=theirs))
        assert "does not accept our client certificate" in str(error)


async def test_a_context_of_the_caller(issuer):
    """A caller's own SSLContext is used as it is."""
    context = ssl.create_default_context()
    issuer.configure_trust(context)
    async with wire(answers(OK), served(issuer)) as server:
        assert await ask(server, context) == 200


async def test_a_connection_with_tls_closes_cleanly(issuer, ca_file):
    """close leaves no connection of many open, and nothing to complain about."""
    async with wire(answers(OK), served(issuer)) as server:
        transport = Transport(f"https://127.0.0.1:{server.port}", tls=Tls(ca_file=ca_file))
        await asyncio.gather(
            *(transport.send("GET", "/", "", {}, b"", on_sent=lambda: None) for _ in range(5))
        )
        await transport.close()
        await server.all_gone()
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fingerprint": "abc"}, "64 hex digits"),
        ({"fingerprint": "zz" * 32}, "64 hex digits"),
        ({"fingerprint": ""}, "64 hex digits"),
        ({"fingerprint": 5}, "must be text"),
        ({"fingerprint": "ab" * 20}, "SHA-256"),
        ({"ca_file": 5}, "ca_file"),
        ({"insecure": True, "ca_file": "ca.pem"}, "insecure"),
        ({"insecure": True, "fingerprint": "ab" * 32}, "insecure"),
        ({"insecure": "yes"}, "insecure"),
        ({"server_name": ""}, "server_name"),
        ({"server_name": 5}, "server_name"),
        ({"client_cert": 5}, "client_cert"),
        ({"client_cert": ("a", "b", "c")}, "client_cert"),
    ],
)
def test_arguments_that_cannot_work(given, words):
    """What cannot be meant is refused at once."""
    with pytest.raises(ConfigError, match=words):
        Tls(**given)


def test_files_are_looked_at_before_any_io(tmp_path):
    """A missing file, no certificate in it, a locked key: ConfigError when the client is made."""
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hunter2"),
        )
        + trustme.CA().cert_pem.bytes()
    )
    for tls, words in (
        (Tls(ca_file=tmp_path / "missing.pem"), "No such file"),
        (Tls(ca_file=tmp_path), "CA file"),
        (Tls(ca_file=text), "not a PEM file"),
        (Tls(client_cert=tmp_path / "missing.pem"), "No such file"),
        (Tls(client_cert=(text, text)), "not a PEM file"),
        (Tls(client_cert=locked), "encrypted"),
    ):
        with pytest.raises(ConfigError, match=words):
            Transport("https://cms.example.com", tls=tls)


def test_the_default_checks_everything():
    """By default certificates and names are checked, and TLS below 1.2 is off."""
    context = Tls().context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_tls_is_a_frozen_value():
    """Tls compares by value and does not change."""
    assert Tls(fingerprint="ab" * 32) == Tls(fingerprint="ab" * 32)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Tls().insecure = True
