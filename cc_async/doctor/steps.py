"""The steps of an examination in their order, each with the requests and the time it may cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from attrs import frozen

from cc_async.doctor import (
    certificate,
    drift,
    envelope,
    first,
    gateway,
    indicators,
    queues,
    reach,
    scope,
    shape,
    signature,
)
from cc_async.doctor.line import OutOfTries, QuotaTooSlow
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, Level, Mask, Report, Result, problem, remark
from cc_async.errors import CcError

Check = Callable[[Patient], Awaitable[Sequence[Finding]]]


@frozen
class Step:
    """One question to the site."""

    name: str
    title: str
    check: Check
    requests: int = 0
    """Requests it sends at the most."""
    seconds: float = 30.0
    """How long it may take, pauses for quotas and between signatures included."""


FIRST_STEPS = (
    Step("settings", "settings", reach.configured),
    Step("dns", "name look-up", reach.resolved),
    Step("tcp", "connection", reach.connected, seconds=60.0),
    Step("tls", "TLS certificate", certificate.trusted, seconds=60.0),
    Step("http", "HTTP", first.answered, requests=2, seconds=70.0),
    Step("clock", "clock", first.in_time),
    Step("signature", "signature", signature.accepted, requests=3, seconds=180.0),
    Step("shape", "request shape", shape.requests, requests=2, seconds=70.0),
)
"""What has to be right before anything else can be."""

STEPS = (
    *FIRST_STEPS,
    Step("global", "global key", scope.overall, requests=1, seconds=40.0),
    Step("isales", "outbound tasks", scope.tasks, requests=2, seconds=70.0),
    Step("queues", "skill queues", queues.counted, requests=5, seconds=200.0),
    Step("agents", "agents", queues.agents, requests=3, seconds=100.0),
    Step("indicators", "system indicators", indicators.rows, requests=2, seconds=70.0),
    Step("pages", "pages", indicators.pages, requests=3, seconds=100.0),
    Step("envelope", "answers", envelope.wrapped),
    Step("fields", "fields", drift.fields),
    Step("gateway", "CC-Gateway", gateway.reached, requests=4, seconds=150.0),
)
"""The whole examination."""


def most_requests(steps: Iterable[Step] = STEPS) -> int:
    """Return how many requests these steps send at the most."""
    return sum(step.requests for step in steps)


async def examine(
    patient: Patient,
    steps: Sequence[Step] = STEPS,
    *,
    mask_hosts: bool = False,
    on_step: Callable[[Step], None] = lambda step: None,
    on_result: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Take one step after the other, and stop behind the first that finds a problem.

    Args:
        patient: the site; its connection is closed at the end.
        steps: which steps, ``STEPS`` or ``FIRST_STEPS``.
        mask_hosts: True leaves host names and addresses out of the report.
        on_step: told before each step.
        on_result: told what each step came to.
    """
    mask = Mask(patient.site, hosts=mask_hosts)
    results: list[Result] = []
    try:
        for step in steps:
            on_step(step)
            result = await _take(step, patient, mask)
            results.append(result)
            on_result(result)
            if result.level is Level.PROBLEM:
                break
    finally:
        await patient.line.close()
    mask.hide(patient.hosts)
    return Report(
        host=mask.text(str(patient.url.authority)),
        results=tuple(results),
        settings={key: _masked(mask, value) for key, value in patient.settings.items()},
        site=patient.site.name,
        skipped=tuple(step.title for step in steps[len(results) :]),
        at_most=most_requests(steps),
    )


def _masked(mask: Mask, value: object) -> object:
    return mask.text(value) if isinstance(value, str) else value


async def _take(step: Step, patient: Patient, mask: Mask) -> Result:
    """Take one step; what it did not expect to hear is a problem, too."""
    line, clock = patient.line, patient.clock
    before, began = line.sent, clock.monotonic()
    line.granted = step.requests
    try:
        async with asyncio.timeout(step.seconds):
            findings = await step.check(patient)
    except QuotaTooSlow as slow:
        findings = [remark("quota", f"not looked at: {slow}", "run it again later")]
    except OutOfTries:
        findings = [_no_more(line.rejected)]
    except CcError as error:
        findings = [problem("no-answer", _said(error), error.hint or "run it again in a while")]
    except TimeoutError:
        text = f"not finished within {step.seconds:g} s"
        findings = [problem("too-slow", text, "look at the server and the way to it, then run it again")]
    mask.hide(patient.hosts)
    shown = tuple(mask.finding(finding) for finding in findings)
    return Result(step.name, step.title, shown, line.sent - before, clock.monotonic() - began)


def _no_more(rejected: int) -> Finding:
    text = f"not looked at: {rejected} signatures were rejected, one more could lock this address"
    return remark("out-of-tries", text, "put right what is named above, then run it again in some minutes")


def _said(error: CcError) -> str:
    where = f"{error.endpoint}: " if error.endpoint else ""
    return f"{where}{error.message}"
