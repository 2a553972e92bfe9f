"""Is there a way to the server: what is configured, the name, the port."""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import socket
from collections.abc import Sequence

from yarl import URL

from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok, problem
from cc_async.session.resolver import aside

_MOST_ADDRESSES = 4
_MAY_FAIL = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)


async def configured(patient: Patient) -> Sequence[Finding]:
    """Say what was understood of the settings."""
    site = patient.site
    if site.vdn is None:
        return [problem("no-vdn", "no VDN is set", 'set vdn (CC_ASYNC_VDN, or "vdn = 170" in the file)')]
    also = " and a global one" if site.global_access_key and site.global_secret_key else ""
    shown = (site.access_key or "")[:4]
    told = f"{patient.url}, cc_id {site.cc_id}, vdn {site.vdn}, access key {shown}...{also}"
    return [ok("settings", told)]


async def resolved(patient: Patient) -> Sequence[Finding]:
    """Look up the name of the server, or of the proxy in front of it."""
    host, port, what = target(patient)
    if is_address(host):
        return [ok("dns", f"{what}{host} is an address, there is no name to look up")]
    try:
        found = await look_up(host, port, patient.limits.connect)
    except TimeoutError:
        text = f"no answer to the look-up of {host} within {patient.limits.connect:g} s"
        return [
            problem("dns-silent", text, "check the DNS servers of this machine, and the VPN if there is one")
        ]
    except socket.gaierror as error:
        text = f"the name {host} cannot be resolved ({(error.strerror or 'no reason given').lower()})"
        advice = "check how cms_url is written, the DNS of this machine, and the VPN if there is one"
        return [problem("dns", text, advice)]
    patient.hosts.update(found)
    return [ok("dns", f"{what}{host} is {', '.join(found[:_MOST_ADDRESSES])}")]


async def connected(patient: Patient) -> Sequence[Finding]:
    """Open a TCP connection to each address until one answers."""
    host, port, what = target(patient)
    return await reach(patient, host, port, what)


async def reach(patient: Patient, host: str, port: int, what: str) -> Sequence[Finding]:
    """Open a TCP connection to a host."""
    limit = patient.limits.connect
    try:
        addresses = [host] if is_address(host) else await look_up(host, port, limit)
    except (TimeoutError, socket.gaierror):
        text = f"{what}the name {host} cannot be resolved"
        return [problem("dns", text, "check how the URL is written, and the DNS of this machine")]
    failed: list[tuple[str, str]] = []
    for address in addresses[:_MOST_ADDRESSES]:
        reason = await _try(address, port, limit)
        if reason is None:
            dead = ", ".join(other for other, _ in failed)
            text = f"{what}port {port} of {address} answers"
            if not failed:
                return [ok("tcp", text)]
            return [ok("tcp", text), note("dead-address", f"{dead} did not; every connection tries it first")]
        failed.append((address, reason))
    return [_unreachable(what, port, failed, limit)]


def _unreachable(what: str, port: int, failed: list[tuple[str, str]], limit: float) -> Finding:
    """Name why no address answered, the most telling reason first."""
    reasons = {reason for _, reason in failed}
    addresses = ", ".join(address for address, _ in failed)
    if "refused" in reasons:
        text = f"{what}{addresses} refuses connections to port {port}"
        advice = "check the port (28080 and 28443 are usual) and whether the server is running"
        return problem("refused", text, advice)
    if "silent" in reasons:
        text = f"{what}{addresses} does not answer on port {port} within {limit:g} s"
        advice = "a firewall or an address list drops us: ask the operator to let this machine's address in"
        return problem("black-hole", text, advice)
    text = f"{what}there is no way to {addresses}, port {port} ({', '.join(sorted(reasons))})"
    return problem("unreachable", text, "check the network, the route and the VPN of this machine")


async def _try(address: str, port: int, limit: float) -> str | None:
    """Return None for a connection that opens, else the reason."""
    try:
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return "unreachable" if error.errno in _MAY_FAIL else (error.strerror or "failed").lower()
    writer.transport.abort()
    return None


async def look_up(host: str, port: int, limit: float) -> list[str]:
    """Return the addresses of a name; raises TimeoutError and socket.gaierror."""
    ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    async with asyncio.timeout(limit):
        found = await aside(ask)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def target(patient: Patient) -> tuple[str, int, str]:
    """Return host and port that are connected to, and what to call them: a proxy stands in front."""
    if patient.site.proxy is None:
        return _place(patient.url, "")
    return _place(URL(str(patient.site.proxy)), "the proxy ")


def _place(url: URL, what: str) -> tuple[str, int, str]:
    return url.raw_host or "", url.port or 443, what


def is_address(host: str) -> bool:
    """True for an IP address in place of a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
