"""The server's certificate: is it trusted, whose is it, until when, and which fingerprint could be pinned."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import warnings
from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from cc_async.doctor.patient import Patient
from cc_async.doctor.reach import is_address
from cc_async.doctor.report import Finding, note, ok, problem, remark
from cc_async.errors import TlsError
from cc_async.session.envelope import cleaned
from cc_async.session.tls import Tls, check_pin, tls_failure

_SOON = 30
"""Days before its end from which a certificate is remarked on."""
_PIN = "compare the fingerprint with the server's administrator, then set it as fingerprint (below)"
_ADVICE = {
    9: ("certificate-not-yet-valid", "check the clock of this machine"),
    10: ("certificate-expired", f"the server needs a new certificate; until then: {_PIN}"),
    18: ("certificate-self-signed", f"{_PIN}, or set ca_file to a PEM file of it"),
    19: ("certificate-untrusted", f"set ca_file to a PEM file of its issuer, or {_PIN}"),
    20: ("certificate-untrusted", f"set ca_file to a PEM file of its issuer, or {_PIN}"),
    21: ("certificate-untrusted", f"set ca_file to a PEM file of its issuer, or {_PIN}"),
    62: ("certificate-other-host", f"write one of its names into cms_url, or {_PIN}"),
    64: ("certificate-other-host", f"write one of its names into cms_url, or {_PIN}"),
}
"""By OpenSSL's number of what was wrong: the name of the finding, and what to do."""


@frozen
class Certificate:
    """What a certificate says."""

    fingerprint: str
    """SHA-256 in hex."""
    names: tuple[str, ...] = ()
    issuer: str = ""
    ends: datetime | None = None

    def __str__(self) -> str:
        parts = [f"for {', '.join(self.names[:4])}" if self.names else "without a name"]
        if self.issuer:
            parts.append(f"issued by {self.issuer}")
        if self.ends is not None:
            parts.append(f"valid until {self.ends:%Y-%m-%d}")
        return ", ".join([*parts, f"SHA-256 {self.fingerprint}"])


async def trusted(patient: Patient) -> Sequence[Finding]:
    """Shake hands as the library does; where that fails, once more without checks, to see what is there."""
    site, url = patient.site, patient.url
    if url.scheme == "http":
        return [_plain(url.raw_host or "")]
    if site.proxy is not None:
        return [ok("tls", "checked behind the proxy, with the first request")]
    host, port = url.raw_host or "", url.port or 443
    return await shake_hands(patient, host, port, site.tls)


async def shake_hands(patient: Patient, host: str, port: int, tls: Tls | None) -> Sequence[Finding]:
    """Judge the certificate at a port."""
    limit = patient.limits.connect
    try:
        version, der = await _handshake(host, port, (tls or Tls()).context(), limit, tls)
    except ssl.SSLCertVerificationError as error:
        return [await _untrusted(patient, host, port, error)]
    except ssl.SSLError as error:
        return [_no_tls(port, error)]
    except TlsError as error:
        seen = await peek(host, port, limit)
        patient.hosts.update(seen.names if seen else ())
        return [
            problem("fingerprint-differs", error.message, f"{error.hint}; the certificate there is {seen}")
        ]
    except TimeoutError:
        text = f"the TLS handshake does not end within {limit:g} s"
        return [problem("tls-silent", text, "something between here and the server swallows it: a firewall?")]
    except OSError:
        if await _speaks_old_tls(host, port, limit):
            return [_old("the server speaks no TLS version we accept (1.2 or newer)")]
        text = "the server ends the connection in the TLS handshake"
        advice = (
            "is it plain http on this port? or a firewall that wants the host name in place of the address?"
        )
        return [problem("tls-refused", text, advice)]
    certificate = read(der)
    patient.hosts.update(certificate.names)
    return _good(certificate, version, patient.clock.wall(), pinned=tls is not None and tls.pin is not None)


def _good(certificate: Certificate, version: str, now: float, *, pinned: bool) -> list[Finding]:
    """Report a certificate that was accepted, and how long it will be."""
    how = "pinned" if pinned else "trusted"
    found = [ok("tls", f"{version}, certificate {how}: {certificate}")]
    if certificate.ends is not None:
        days = (certificate.ends.timestamp() - now) / 86_400
        if pinned and days < 0:
            found.append(note("certificate-expired", "it has expired; the pinned fingerprint is what counts"))
        elif not pinned and days < _SOON:
            text = f"the certificate ends in {days:.0f} days"
            found.append(remark("certificate-ends-soon", text, "ask for a new one in time"))
    return found


def _plain(host: str) -> Finding:
    """Plain http has no certificate."""
    if host == "localhost" or (is_address(host) and host.startswith(("127.", "::1"))):
        return ok("tls", "plain http on this machine: no certificate to check")
    text = "plain http: everything can be read and changed on the way"
    return remark("plain-http", text, "use https if the server has it (28443 is its usual port)")


async def _untrusted(patient: Patient, host: str, port: int, error: ssl.SSLCertVerificationError) -> Finding:
    """Say what is wrong with a certificate, and whose it is."""
    seen = await peek(host, port, patient.limits.connect)
    name, advice = _ADVICE.get(error.verify_code, ("certificate-untrusted", _PIN))
    text = tls_failure(error).message
    if seen is None:
        return problem(name, text, advice)
    patient.hosts.update(seen.names)
    if name != "certificate-not-yet-valid":
        patient.settings["fingerprint"] = seen.fingerprint
    ended = seen.ends is not None and seen.ends.timestamp() < patient.clock.wall()
    also = ", and it has expired" if ended and name != "certificate-expired" else ""
    return problem(name, f"{text}{also}; it is {seen}", advice)


def _no_tls(port: int, error: ssl.SSLError) -> Finding:
    """Name a handshake that failed before any certificate was judged."""
    failure = tls_failure(error)
    if "does not speak TLS" in failure.message:
        advice = "write http:// in cms_url and set allow_http = true, or find the https port (28443 is usual)"
        return problem("not-tls", f"port {port} does not speak TLS: plain http", advice)
    if "TLS version" in failure.message:
        return _old(failure.message)
    return problem("tls", failure.message, failure.hint or "look at the server's TLS settings")


def _old(text: str) -> Finding:
    advice = "the server or the balancer before it must offer TLS 1.2; there is nothing to set here"
    return problem("old-tls", text, advice)


async def _speaks_old_tls(host: str, port: int, limit: float) -> bool:
    """Some old servers end a handshake without a word: try it with the versions they know."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        version, _ = await _handshake(host, port, context, limit)
    except (OSError, TimeoutError):
        return False
    return version in ("TLSv1", "TLSv1.1")


async def _handshake(
    host: str, port: int, context: ssl.SSLContext, limit: float, tls: Tls | None = None
) -> tuple[str, bytes]:
    """Return the TLS version and the certificate; raises ssl.SSLError, TlsError, TimeoutError, OSError."""
    async with asyncio.timeout(limit):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        if tls is not None and tls.pin is not None:
            check_pin(tls.pin, writer.transport)
        made = writer.get_extra_info("ssl_object")
        return str(made.version()), made.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()


async def peek(host: str, port: int, limit: float) -> Certificate | None:
    """Read the certificate without trusting it; None when there is none to be had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _, der = await _handshake(host, port, context, limit)
    except (OSError, TimeoutError):
        return None
    return read(der)


def read(der: bytes) -> Certificate:
    """Read a certificate; without the package cryptography only its fingerprint."""
    fingerprint = hashlib.sha256(der).hexdigest()
    try:
        from cryptography import x509
    except ImportError:
        return Certificate(fingerprint)
    common = x509.NameOID.COMMON_NAME
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old certificates are odd in many ways
            found = x509.load_der_x509_certificate(der)
            names = [str(name.value) for name in found.subject.get_attributes_for_oid(common)]
            issuer = [str(name.value) for name in found.issuer.get_attributes_for_oid(common)]
            ends = found.not_valid_after_utc
            try:
                also = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            except x509.ExtensionNotFound:
                also = None
    except ValueError:
        return Certificate(fingerprint)
    if also is not None:
        names = [*also.get_values_for_type(x509.DNSName)]
        names += [str(address) for address in also.get_values_for_type(x509.IPAddress)]
    return Certificate(
        fingerprint, tuple(cleaned(name, 80) for name in names), cleaned(" ".join(issuer), 80), ends
    )
