"""The first answer: is it the interface that answers, and how far apart are the clocks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from yarl import URL

from cc_async.doctor.certificate import peek
from cc_async.doctor.line import PING, Answer
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok, problem, remark
from cc_async.errors import (
    AddressBlocked,
    CcError,
    ConnectError,
    DecodeError,
    NotDeployed,
    NotTheApi,
    ProtocolError,
    RequestTimeout,
    SignatureRejected,
    TlsError,
)

_LOCKED = re.compile(rb"\block(ed)?\b")  # a lock, and nothing that is blocked
CLOSE = 2.0
"""Seconds two clocks may differ before it is worth a word: the header has whole seconds."""
_NOISE = 30.0
"""Seconds from which a difference is worth a remark."""


async def answered(patient: Patient) -> Sequence[Finding]:
    """Ask the server's own ping (where there is none: for the skill queues) and see who answers."""
    try:
        answer = await patient.line.ask(PING, {"say": "Hello world!"})
        if isinstance(answer.error, NotDeployed):
            # An older server without ping, or a wrong base URL: an interface that all have tells them apart.
            answer = await patient.line.ask("skills", patient.scope())
    except (ConnectError, ProtocolError) as error:
        return [await _no_answer(patient, error)]
    except RequestTimeout as error:
        text = f"the port is open, and nothing comes back: {error.message}"
        advice = (
            "a firewall that reads along, an overloaded server, or another service on that port: "
            "check the port in cms_url, ask the operator"
        )
        return [problem("silent", text, advice)]
    patient.first = answer
    return [_judged(patient, answer)]


async def _no_answer(patient: Patient, error: CcError) -> Finding:
    """Tell a TLS port that was spoken to in plain http from other trouble."""
    if isinstance(error, TlsError):
        return problem("tls", error.message, error.hint or "look at the certificate")
    url = patient.url
    if url.scheme == "http" and patient.site.proxy is None:
        seen = await peek(url.raw_host or "", url.port or 80, patient.limits.connect)
        if seen is not None:
            return _https_wanted(patient)
    advice = error.hint or "look at the server, and at what stands between here and there"
    return problem("no-answer", error.message, advice)


def _https_wanted(patient: Patient) -> Finding:
    wanted = patient.url.with_scheme("https").with_port(patient.url.port)
    patient.settings["cms_url"] = str(wanted)
    text = f"port {patient.url.port} speaks TLS, and cms_url says http://"
    return problem("tls-wanted", text, "write https:// in cms_url (below)")


def _judged(patient: Patient, answer: Answer) -> Finding:
    """Say who answered."""
    error, status = answer.error, answer.reply.status
    match error:
        case SignatureRejected():
            return ok("http", "the interface answers, and rejects the signature (HTTP 401)")
        case AddressBlocked():
            return blocked(answer)
        case NotDeployed():
            advice = "check cms_url: host, port, and whether a path belongs behind them"
            return problem("wrong-path", "the server knows none of the paths (HTTP 404)", advice)
        case NotTheApi() if status == 418:
            text = f"a firewall answers in place of the server (HTTP 418): {error.message}"
            advice = "write the host name into cms_url, not the address; else ask who runs the firewall"
            return problem("waf-418", text, advice)
        case NotTheApi() if 300 <= status <= 399:
            patient.hosts.add(_host_of(answer.reply.headers.get("Location", "")))
            advice = "write the address it leads to into cms_url, if that is the monitoring server"
            return problem("redirect", error.message, advice)
        case NotTheApi():
            advice = "a firewall, a login page or another server is there: check cms_url, ask who runs it"
            return problem("not-the-api", error.message, advice)
        case CcError() if status != 200:
            if status == 400 and patient.url.scheme == "http" and b"https" in answer.reply.body.lower():
                return _https_wanted(patient)
            advice = error.hint or "the server has trouble of its own: wait, or ask its operator"
            return problem("server-trouble", error.message, advice)
        case DecodeError():
            return problem("not-the-api", error.message, "check cms_url: is the monitoring server there?")
    return ok("http", "the interface answers (HTTP 200)")


def _host_of(location: str) -> str:
    """Return the host a redirect leads to; empty when it names none."""
    try:
        return URL(location).raw_host or ""
    except ValueError:
        return ""


def blocked(answer: Answer) -> Finding:
    """Tell the three causes of a 403 apart, as far as the answer shows them."""
    said = answer.error.message if answer.error is not None else ""
    body = answer.reply.body.lstrip()
    lower = body[:2000].lower()
    three = "the causes: a firewall or address list, this address locked after bad signatures, no permission"
    if body[:1] == b"<":
        text = f"a firewall or an address list turns us away: {said}"
        return problem("waf-403", text, f"ask the operator to let this machine's address in ({three})")
    if _LOCKED.search(lower):
        text = f"this address is locked after too many bad signatures: {said}"
        advice = (
            f"stop everything that uses a wrong key, wait until the lock ends, then run this again ({three})"
        )
        return problem("locked", text, advice)
    advice = "ask the operator which: is the address let in, is it locked, may this key use monitoring"
    return problem("blocked", f"{said}; {three}", advice)


async def in_time(patient: Patient) -> Sequence[Finding]:
    """Compare our clock with the Date of the first answer: signatures carry the time."""
    offset = None if patient.first is None else patient.first.offset
    if offset is None:
        return [note("no-date", "the server does not say what time it is")]
    if abs(offset) <= CLOSE:
        return [ok("clock", "the clocks agree")]
    text = f"our clock is {abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} the server's"
    if abs(offset) < _NOISE:
        return [note("clock-off", text)]
    return [remark("clock-off", text, "set this machine's clock (NTP): signatures carry the time")]
