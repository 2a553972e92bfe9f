"""What the tests of the doctor hold in hand: a site, and a clock whose pauses pass at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cc_async.doctor import Level, Limits, Patient, Report, examine
from cc_async.session.clock import LoopClock
from cc_async.session.secret import Secret
from cc_async.settings import Site
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]


class PausesPass:
    """The loop's clock, but for sleeps: they pass at once and are written down."""

    def __init__(self, ahead: float = 0.0) -> None:
        self._loop = LoopClock()
        self._ahead = ahead
        self._slept = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self._loop.monotonic() + self._slept

    def wall(self) -> float:
        return self._loop.wall() + self._slept + self._ahead

    async def sleep(self, seconds: float) -> None:
        self._slept += seconds
        self.pauses.append(seconds)


def site_of(sim: Simulator, **given: Any) -> Site:
    """The site of a contact center with both of its keys."""
    usual: dict[str, Any] = {
        "name": "here",
        "cms_url": sim.cms_url,
        "access_key": sim.access_key,
        "secret_key": Secret(sim.secret_key),
        "global_access_key": sim.global_access_key,
        "global_secret_key": Secret(sim.global_secret_key),
        "cc_id": sim.cc_id,
        "vdn": sim.vdn,
    }
    return Site(**(usual | given))


async def examined(
    sim: Simulator, clock: PausesPass | None = None, *, mask_hosts: bool = False, **given: Any
) -> Report:
    """Examine a contact center as a user would, with the id of a real task."""
    site = site_of(sim, **given)
    patient = Patient.of(
        site, clock or PausesPass(), Limits(connect=2.0, answer=5.0), task_id=sim.task_ids[0]
    )
    return await examine(patient, mask_hosts=mask_hosts)


def told(report: Report) -> dict[str, str]:
    """What is not simply well: names of findings with their text."""
    return {finding.name: finding.text for finding in report.findings if finding.level > 0}


def ending(report: Report) -> tuple[str, str]:
    """The problem a report ends with: its name, and all it says."""
    last = report.results[-1].findings[-1]
    assert report.level is last.level is Level.PROBLEM
    assert last.advice
    return last.name, f"{last.text} {last.advice}"
