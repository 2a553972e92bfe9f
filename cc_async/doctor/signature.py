"""The signature: does the server accept it, and if not, which documented variant does it want."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from yarl import URL

from cc_async.doctor.first import blocked
from cc_async.doctor.line import PING, Answer, OutOfTries
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, ok, problem, remark
from cc_async.errors import AddressBlocked, ApiError, NoPermission, NotDeployed, SignatureRejected
from cc_async.settings import Site

_FAR = 30.0
"""Seconds of difference from which the clock is the first suspect."""
_ALL_HEADERS = ("content-length", "content-type", "host")


@frozen
class Variant:
    """One way of signing that documents or ports know."""

    name: str
    what: str
    changes: Mapping[str, Any]
    """Keys of the site's table."""


def variants(site: Site) -> Iterator[Variant]:
    """Return what else the server may want, most likely first; what is set already is the other way round."""
    line = not site.empty_query_line
    yield Variant(
        "empty-query-line" if line else "no-query-line",
        f"{'an empty' if line else 'no'} line where a request has no query",
        {"empty_query_line": line},
    )
    other = _other_host(site)
    if other is not None:
        yield Variant("signed-host", f"the host {other} in place of the one dialled", {"host": other})
    newer = not site.milliseconds
    yield Variant(
        "newer-signature" if newer else "older-signature",
        f"time in {'milli' if newer else ''}seconds, {', '.join(_ALL_HEADERS) if newer else 'host'} signed",
        {"milliseconds": newer, "signed_headers": _ALL_HEADERS if newer else ("host",)},
    )


def _other_host(site: Site) -> str | None:
    """Return the Host header with the port if it has none, without it if it has one."""
    url = URL(site.cms_url or "")
    name, port = url.host_subcomponent or "", url.port
    if site.host is not None:
        bare, _, digits = site.host.rpartition(":")
        return bare if digits.isdigit() and bare else f"{site.host}:{port}"
    return f"{name}:{port}" if url.is_default_port() else name


async def accepted(patient: Patient) -> Sequence[Finding]:
    """Look at the first answer; after a 401 try the variants, few and far apart."""
    first = patient.first
    if first is None or not isinstance(first.error, SignatureRejected):
        return [ok("signature", f"accepted: {_described(patient.site)}")]
    tried = [_described(patient.site)]
    offset = first.offset or 0.0
    if abs(offset) >= _FAR:
        # Only to see whether it is the clock: the library signs with the machine's own.
        patient.line.ahead = offset
        answer = await _try(patient)
        if (stop := _locked(answer)) is not None:
            return [stop]
        if answer is not None and _accepted(answer):
            text = f"accepted when signed with the server's time: our clock is {abs(offset):.0f} s off"
            return [problem("clock", text, "set this machine's clock (NTP), then run this again")]
        tried.append("the server's time")
    before = patient.site
    for variant in variants(before):
        await patient.line.use(evolve(before, **variant.changes))
        answer = await _try(patient)
        if answer is None:
            break
        if (stop := _locked(answer)) is not None:
            return [stop]
        if _accepted(answer):
            return [await _adopt(patient, variant, answer)]
        tried.append(variant.what)
    await patient.line.use(before)
    return [_rejected(tried)]


async def _try(patient: Patient) -> Answer | None:
    """Ask once more; None when one more rejected signature could lock the address."""
    first = patient.first
    try:
        if first is not None and first.endpoint.name == "skills":  # a server without ping
            return await patient.line.ask("skills", patient.scope())
        return await patient.line.ask(PING, {"say": "Hello world!"})
    except OutOfTries:
        return None


def _accepted(answer: Answer) -> bool:
    """True when the signature was accepted, whatever the server thinks of the rest; False when rejected.

    A path that is missing behind a 401 was looked for, so that signature was good. Anything else (a firewall,
    a server in trouble) says nothing about it, and is raised.
    """
    if isinstance(answer.error, SignatureRejected):
        return False
    if not isinstance(answer.error, ApiError | NoPermission | NotDeployed):
        answer.checked()
    return True


def _locked(answer: Answer | None) -> Finding | None:
    if answer is None or not isinstance(answer.error, AddressBlocked):
        return None
    return blocked(answer)


async def _adopt(patient: Patient, variant: Variant, answer: Answer) -> Finding:
    """Go on with a variant that was accepted."""
    patient.first = answer
    await patient.change(**variant.changes)
    shown = {
        name: list(value) if isinstance(value, tuple) else value for name, value in variant.changes.items()
    }
    patient.settings.update(shown)
    ahead, patient.line.ahead = patient.line.ahead, 0.0
    if ahead:
        text = f"accepted with {variant.what} and the server's time: our clock is {abs(ahead):.0f} s off"
        return problem(
            "clock", text, "set this machine's clock (NTP) and the settings below, then run this again"
        )
    advice = "set what is below; the library signs as documented unless told otherwise"
    return remark(variant.name, f"accepted with {variant.what}", advice)


def _rejected(tried: Sequence[str]) -> Finding:
    text = f"rejected {len(tried)} times (HTTP 401), signed with: {'; '.join(tried)}"
    advice = (
        "check that access key and secret key belong together and to this server, without blanks; "
        "a locked or deleted key looks the same; wait some minutes before the next run"
    )
    return problem("key-rejected", text, advice)


def _described(site: Site) -> str:
    """Say how a site signs."""
    time = "milliseconds" if site.milliseconds else "seconds"
    line = ", empty query line" if site.empty_query_line else ""
    host = f" ({site.host})" if site.host else ""
    return f"time in {time}, {', '.join(site.signed_headers)} signed{host}{line}"
