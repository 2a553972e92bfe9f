"""What the doctor says about certificates and TLS: whose, until when, what to pin."""

from __future__ import annotations

import hashlib
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from examined import OpenSim, ending, examined

from cc_async.doctor import Level
from cc_async.simulator import Simulator


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


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that vouches for itself."""
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old-cms")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=1))
    certificate = builder.not_valid_after(now + timedelta(days=90)).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "self.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_a_self_signed_certificate(open_sim: OpenSim, tmp_path: Path) -> None:
    """The norm at bare addresses: named, with the name in it; pinned as printed, the site is well."""
    sim = await open_sim(tls=self_signed(tmp_path), clock=None)
    report = await examined(sim)
    name, said = ending(report)
    assert name == "certificate-self-signed"
    assert "old-cms" in said
    assert "administrator" in said
    assert report.toml.startswith("[sites.here]\nfingerprint = ")
    assert (await examined(sim, **report.settings)).level is Level.OK


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
    name, said = ending(await examined(past))
    assert (name, "and it has expired" in said) == ("certificate-untrusted", True)


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
    report = await examined(sim, cms_url=sim.cms_url.replace("https:", "http:"))
    name, said = ending(report)
    assert name == "tls-wanted"
    assert report.toml == f'[sites.here]\ncms_url = "{sim.cms_url}"\n'
    assert "https://" in said
