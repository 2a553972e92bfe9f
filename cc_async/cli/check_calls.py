"""The checks of shares: service level, lost calls, outbound connects; which calls, and from how many on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from attrs import frozen
from cyclopts import Group, Parameter

from cc_async import CmsClient, SkillCallStats
from cc_async.cli import run
from cc_async.cli.check_run import Ask
from cc_async.cli.plugin import Limits, Perf, Result, Status, percent, unknown
from cc_async.cli.usage import UsageError
from cc_async.monitor import figures, figures_agents
from cc_async.monitor.figure import Figure
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import SkillSums

_SEEN = 0.5
"""Share of the time that must have been seen of closed minutes."""

Below = Literal["ok", "unknown"]


@Parameter(name="*", group=Group("Window", sort_key=5))
@dataclass(frozen=True)
class Volume:
    """Which calls are judged, and from how many on."""

    window: Literal["current", "closed"] | None = None
    """current: the 5 minutes that run, of which an early look sees little. closed: those that are over, seen
    by earlier runs. Default: closed with --state, else current."""
    state: Annotated[Path | None, Parameter(name="--state")] = None
    """File between the runs, one for each check; run every minute, or the last calls are missed."""
    minutes: int = 5
    """Closed minutes judged together: 5, 10... 60."""
    minimum: int = 20
    """Calls offered from which on it is judged."""
    below: Below = "ok"
    """Status under the minimum. ok: a quiet night is no trouble, and missing data is UNKNOWN anyway."""

    def closed(self) -> Path | None:
        """The state file where closed minutes are judged; raises UsageError."""
        if self.minimum < 0:
            raise UsageError("--minimum must be 0 or more")
        if self.minutes not in range(5, 61, 5):
            raise UsageError(f"--minutes must be 5, 10... 60, not {self.minutes}")
        if self.window == "closed" and self.state is None:
            raise UsageError("--window closed needs --state", hint="give a file of its own to each check")
        return None if self.window == "current" else self.state


@Parameter(name="*", group=Group("Window", sort_key=5))
@dataclass(frozen=True)
class Attempts:
    """From how many attempts on an outbound task is judged."""

    minimum: int = 50
    """Attempts from which on it is judged."""
    below: Below = "ok"
    """Status under the minimum."""


@frozen(kw_only=True)
class _Share:
    """A share of some whole, as the checks of ratios tell it."""

    name: str
    label: str
    what: str
    """What the part is, behind the percentage."""
    of: str
    """What the whole is."""
    held: Limits
    minimum: int
    below: Below
    least: float | None = 0.0

    def result(self, figure: Figure, counts: Mapping[str, int | None], when: str) -> Result:
        """Judge a figure; ``counts`` are the part and the whole, in this order."""
        part, whole = counts.values()
        if whole is None or part is None:
            return unknown(self.name, f"the server did not say ({', '.join(counts)})")
        perf = tuple(Perf(label=label, value=count or 0) for label, count in reversed(tuple(counts.items())))
        if whole < max(self.minimum, 1):
            status = Status.OK if self.below == "ok" else Status.UNKNOWN
            text = f"{whole:,} {self.of}, {when}: too few to judge (minimum {self.minimum:,})"
            return Result(name=self.name, status=status, text=text, perf=perf)
        if figure.value is None:
            return unknown(self.name, figure.why_not or "there is no figure")
        text = f"{percent(figure.value, self.held)} {self.what} ({part:,} of {whole:,}), {when}"
        # No most: in one window more may be connected than offered.
        first = Perf(label=self.label, value=figure.value, unit="%", limits=self.held, least=self.least)
        return Result(name=self.name, status=self.held.status(figure.value), text=text, perf=(first, *perf))


def service_level(held: Limits, skills: str | None, volume: Volume) -> Ask:
    """Connected in 20 s, of offered."""
    share = _Share(
        name="SERVICELEVEL", label="service_level", what="in 20 s", of="offered", held=held,
        minimum=volume.minimum, below=volume.below,
    )  # fmt: skip
    return _calls(share, skills, volume, figures.service_level, "connected_in_20s")


def lost_rate(held: Limits, skills: str | None, volume: Volume) -> Ask:
    """Lost, of offered; below 0 where calls of before are connected, so it has no least."""
    share = _Share(
        name="LOSTRATE", label="lost_rate", what="lost", of="offered", held=held, minimum=volume.minimum,
        below=volume.below, least=None,
    )  # fmt: skip
    return _calls(share, skills, volume, figures.lost_rate, "lost")


def _calls(
    share: _Share, skills: str | None, volume: Volume, judge: Callable[[Any], Figure], part: str
) -> Ask:
    """A share of the offered calls of some queues, added up before it is divided."""
    path = volume.closed()

    async def ask(cms: CmsClient) -> Result:
        ids = await run.skill_ids(cms, skills)
        rows: Sequence[Any] = await run.built(lambda: cms.skill_call_stats(skill_ids=ids))
        if not rows:
            return unknown(share.name, "no queue answered: are there such queues? cc-async list skills")
        when = "current 5 minutes"
        if path is not None:
            rows = await _closed(rows, path, volume.minutes)
            when = f"last {volume.minutes} closed minutes"
        figure = judge(rows)
        if path is not None and (figure.coverage or 0.0) < _SEEN and not _known_quiet(rows):
            seen = f"{(figure.coverage or 0.0) * 100:.0f} % of the {when} was seen"
            return unknown(share.name, f"{seen}: run it every minute")
        return share.result(figure, {part: _sum(rows, part), "offered": _sum(rows, "offered")}, when)

    return ask


async def _closed(rows: Sequence[SkillCallStats], path: Path, minutes: int) -> tuple[SkillSums, ...]:
    """The sums of closed minutes of the queues of these rows, which are entered into the state."""
    stitcher = Stitcher(state_file=path)
    await stitcher.take(rows)
    asked = {(row.vdn, row.skill_id) for row in rows}
    return tuple(each for key, each in stitcher.rolling(minutes).items() if key in asked)


def _known_quiet(rows: Sequence[SkillSums]) -> bool:
    """True where nothing was offered in minutes that were seen: a figure has no coverage then."""
    seen = sum(row.coverage for row in rows) / len(rows) if rows else 0.0
    return seen >= _SEEN and not any(row.offered for row in rows)


def _sum(rows: Iterable[Any], name: str) -> int | None:
    known = [count for row in rows if (count := getattr(row, name)) is not None]
    return sum(known) if known else None


def outbound(held: Limits, tasks: list[str], volume: Attempts) -> Ask:
    """Succeeded, of succeeded and failed attempts of all tasks."""
    share = _Share(
        name="OUTBOUNDCONNECT", label="connect_rate", what="connected", of="attempts", held=held,
        minimum=volume.minimum, below=volume.below,
    )  # fmt: skip

    async def ask(cms: CmsClient) -> Result:
        rows = await run.built(lambda: cms.task_stats(task_ids=tasks))
        done, failed = _sum(rows, "succeeded"), _sum(rows, "failed")
        attempts = None if done is None or failed is None else done + failed
        when = f"{len(rows):,} task{'' if len(rows) == 1 else 's'}"
        return share.result(
            figures_agents.outbound_connect_rate(rows), {"succeeded": done, "attempts": attempts}, when
        )

    return ask
