"""Tls: whom to trust, and what a failed handshake means."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cc_async.errors import ConfigError, TlsError

_TRUST = "give Tls(ca_file=...) with the issuer's certificate, or pin it with Tls(fingerprint=...)"
# OpenSSL's X509_V_ERR_* numbers.
_VERIFY = {
    9: ("the certificate is not valid yet", "check the clock of this machine"),
    10: ("the certificate has expired", "the server needs a new one; or pin it with Tls(fingerprint=...)"),
    18: ("the certificate is self-signed", _TRUST),
    19: ("the certificate has an unknown issuer (a self-signed one in the chain)", _TRUST),
    20: ("the certificate has an unknown issuer", _TRUST),
    21: ("the certificate has an unknown issuer", _TRUST),
    62: ("the certificate is for another host", "use the name in it, or give Tls(server_name=...)"),
    64: ("the certificate is for another address", "use the name in it, or give Tls(server_name=...)"),
}

_OLD = "the server should offer TLS 1.2 or newer"
# Pieces of OpenSSL's reasons, the first that fits counts.
_HANDSHAKE = (
    ("CERTIFICATE_REQUIRED", "the server wants a client certificate", "give Tls(client_cert=...)"),
    (
        "HANDSHAKE_FAILURE",
        "the server refuses the handshake: it wants a client certificate, or no cipher of ours",
        "give Tls(client_cert=...) if it wants one",
    ),
    ("UNSUPPORTED_PROTOCOL", "the server speaks no TLS version we accept (1.2 or newer)", _OLD),
    ("PROTOCOL_VERSION", "the server speaks no TLS version we accept (1.2 or newer)", _OLD),
    ("WRONG_VERSION_NUMBER", "the server does not speak TLS on this port", "is it an http:// address?"),
    ("HTTP_REQUEST", "the server does not speak TLS on this port", "is it an http:// address?"),
    ("BAD_CERTIFICATE", "the server does not accept our client certificate", "check Tls(client_cert=...)"),
    ("UNKNOWN_CA", "the server does not accept our client certificate", "check Tls(client_cert=...)"),
    ("UNRECOGNIZED_NAME", "the server does not know this host name", "give Tls(server_name=...)"),
)


def _pin(value: str | None) -> bytes | None:
    """Read a SHA-256 fingerprint: 64 hex digits, colons and blanks allowed."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigError(f"the fingerprint must be text, not {type(value).__name__}")
    digits = re.sub(r"[:\s]", "", value)
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", digits):
        raise ConfigError("the fingerprint must be SHA-256 in 64 hex digits, with or without colons")
    return bytes.fromhex(digits)


def _check_path(_: Any, attribute: Any, value: object) -> None:
    if value is not None and not isinstance(value, (str, Path)):
        raise ConfigError(f"Tls {attribute.name} must be a path, not {type(value).__name__}")


def _check_paths(_: Any, attribute: Any, value: object) -> None:
    paths = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    for path in paths:
        if path is not None and not isinstance(path, (str, Path)):
            raise ConfigError(f"Tls {attribute.name} must be a path, or the pair (certificate, key)")


def _check_name(_: Any, attribute: Any, value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigError(f"Tls {attribute.name} must be a host name")


@frozen
class Tls:
    """How the server's certificate is checked; TLS 1.2 at least, verified by default.

    Args:
        ca_file: PEM file of the issuers to trust, in place of the system's.
        client_cert: PEM file of our own certificate and its key, or the pair (certificate, key).
        fingerprint: SHA-256 of the server's certificate in hex, with or without colons. It is checked in
            place of the issuer (a self-signed certificate is fine); with ``ca_file`` both are checked.
        server_name: name to ask for and to find in the certificate, when it is not the host dialled.
        insecure: True checks nothing at all and logs a warning whenever a client opens.

    Raises:
        ConfigError: a malformed fingerprint, ``insecure`` together with a check; a missing or unreadable
            file when the client is made.
    """

    ca_file: str | Path | None = field(default=None, validator=_check_path)
    client_cert: str | Path | tuple[str | Path, str | Path] | None = field(
        default=None, validator=_check_paths
    )
    fingerprint: str | None = field(default=None, validator=lambda *given: _pin(given[2]))
    server_name: str | None = field(default=None, validator=_check_name)
    insecure: bool = False

    def __attrs_post_init__(self) -> None:
        if self.insecure not in (True, False):
            raise ConfigError("insecure must be True or False")
        if self.insecure and (self.fingerprint or self.ca_file):
            raise ConfigError("insecure=True checks nothing: it excludes ca_file and fingerprint")

    @property
    def pin(self) -> bytes | None:
        """The fingerprint as 32 bytes, or None."""
        return _pin(self.fingerprint)

    def context(self) -> ssl.SSLContext:
        """Build the context.

        Raises:
            ConfigError: a file is missing or is not what it should be.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"cannot use the CA file {str(self.ca_file)!r}: {_reason(error)}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.insecure or (self.fingerprint and not self.ca_file):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_cert is not None:
            pair = self.client_cert if isinstance(self.client_cert, tuple) else (self.client_cert, None)
            try:
                # An empty password: an encrypted key is refused here instead of asking on the terminal.
                context.load_cert_chain(pair[0], pair[1], password="")
            except (OSError, ssl.SSLError) as error:
                text = f"cannot use the client certificate {str(pair[0])!r}: {_reason(error)}"
                raise ConfigError(text) from None
        return context


def _reason(error: OSError) -> str:
    """Say why a file cannot be used."""
    if isinstance(error, ssl.SSLError):
        return "not a PEM file of the right kind, or its key is encrypted or missing"
    return error.strerror or type(error).__name__


def check_pin(pin: bytes, transport: asyncio.BaseTransport | None) -> None:
    """Compare the certificate of a connection with the pinned one.

    Raises:
        TlsError: it is another one, or there is none.
    """
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    certificate = None if tls is None else tls.getpeercert(binary_form=True)
    found = hashlib.sha256(certificate).hexdigest() if certificate else "none"
    if found != pin.hex():
        raise TlsError(
            f"the certificate does not match the fingerprint; the server's is {found}",
            hint="if the server was given a new certificate, check this one by another way, then pin it",
        )


def tls_failure(error: ssl.SSLError) -> TlsError:
    """Return our error for a failed handshake: what is wrong, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = (f"the certificate is not accepted: {error.verify_message}", _TRUST)
        text, hint = _VERIFY.get(error.verify_code, unknown)
        return TlsError(text, hint=hint)
    reason = (error.reason or str(error)).upper().replace(" ", "_")
    for part, text, hint in _HANDSHAKE:
        if part in reason:
            return TlsError(text, hint=hint)
    return TlsError(f"the TLS handshake failed: {error.reason or 'no reason given'}")
