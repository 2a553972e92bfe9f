"""CC-Gateway, where it is configured: the way there, and what a few agents' GUIDs are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio.to_thread
from yarl import URL

from cc_async.doctor.certificate import shake_hands
from cc_async.doctor.patient import Patient
from cc_async.doctor.reach import reach
from cc_async.doctor.report import Finding, Level, note, ok, remark
from cc_async.errors import BatchError, CcError
from cc_async.gateway import GatewayClient
from cc_async.session.retry import Retry

_AGENTS = 4
_IDLE = "100-007"


async def reached(patient: Patient) -> Sequence[Finding]:
    """Look at the gateway as at the first server; it is the second, so what is wrong there is a remark."""
    site = patient.site
    if site.gateway_url is None:
        return [ok("gateway", "not configured: agent call statistics are not asked")]
    url = URL(site.gateway_url)
    host, port = url.raw_host or "", url.port or 443
    patient.hosts.add(host)
    if site.proxy is None:
        found = list(await reach(patient, host, port, "the gateway: "))
        if _sound(found) and url.scheme == "https":
            found += await shake_hands(patient, host, port, site.tls)
        if not _sound(found):
            return [_milder(finding) for finding in found]
    else:
        found = [ok("gateway", "behind the proxy")]
    if site.guids_file is None:
        return [*found, note("no-guids", "no guids_file is set: no agent was asked")]
    return [*found, *await _asked(patient)]


def _sound(found: Sequence[Finding]) -> bool:
    return all(finding.level is not Level.PROBLEM for finding in found)


def _milder(finding: Finding) -> Finding:
    """Everything else works, so it is not the end."""
    if finding.level is not Level.PROBLEM:
        return finding
    return remark(f"gateway-{finding.name}", finding.text, finding.advice)


async def _asked(patient: Patient) -> list[Finding]:
    """Ask for the first agents that have a GUID, once each."""
    guids = (await anyio.to_thread.run_sync(patient.site.gateway_arguments))["guids"]
    agents = sorted(guids)[:_AGENTS]
    errors: list[BaseException] = []
    for agent in agents:
        patient.line.granted -= 1
        patient.line.sent += 1
        errors += await _ask(patient, agent, guids)
    return _judged(errors, len(agents))


async def _ask(patient: Patient, agent: int, guids: Mapping[int, str]) -> Sequence[BaseException]:
    """Ask for one agent, and return what went wrong.

    On a connection of its own: what finds a kept one closed is sent twice, and was granted once.
    """
    arguments = patient.site.gateway_arguments(guids=False)
    one = {"guids": {agent: guids[agent]}, "retry": Retry(attempts=1), "timeout": patient.limits.answer}
    client = GatewayClient(**{**arguments, **one})
    try:
        await client.agent_call_stats([agent], brief=True)
    except BatchError as error:
        return error.exceptions
    except CcError as error:
        return [error]
    finally:
        await client.aclose(grace=0)
    return []


def _judged(errors: Sequence[BaseException], asked: int) -> list[Finding]:
    """Sum up what the agents were answered."""
    known = [error for error in errors if isinstance(error, CcError)]
    idle = [error for error in known if error.code == _IDLE]
    rest = [error for error in known if error.code != _IDLE]
    found = [ok("gateway-agents", f"{asked - len(known)} of {asked} agents answered")]
    if idle:
        text = f"agents who are not in a call are answered {_IDLE}: an expected outcome, not a fault"
        found.append(note("idle-agents-refused", text))
    if rest:
        first = rest[0]
        advice = first.hint or "look at the sessions of these agents"
        found.append(remark("gateway-agents-refused", f"{len(rest)} agents: {first.message}", advice))
    return found
