"""What ``serve`` and ``watch`` share: the options of a board, and the feed they make."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Annotated

from attrs import frozen
from cyclopts import Group, Parameter

from cc_async import CmsClient
from cc_async.board import Feed, Watched
from cc_async.board.feed import TICK
from cc_async.board.keeping import Keeping
from cc_async.cli.ids import parse_numbers, parse_tasks
from cc_async.cli.run import skill_ids
from cc_async.cli.times import parse_duration, parse_zone
from cc_async.cli.usage import UsageError
from cc_async.monitor.listener import Listener
from cc_async.monitor.rules import DEFAULTS, Rule
from cc_async.monitor.rules_file import load_rules
from cc_async.monitor.sums import SkillKey
from cc_async.settings import Site

_FLAG = Parameter(negative="", show_default=False)


@Parameter(name="*", group=Group("Board", sort_key=4))
@dataclass(frozen=True)
class BoardOptions:
    """What is shown, and how often it is asked."""

    skills: str | None = None
    """Ids and names of queues such as 1-2000,2105,Sales; all of the VDN when left out."""
    vdns: str | None = None
    """Several VDNs such as 170,171, with all their queues; the one of --vdn when left out."""
    tasks: str | None = None
    """Outbound tasks to show, such as 1122104910,1122104911."""
    every: str = "5s"
    """How often calls waiting are asked; calls, agents and tasks have a rhythm of their own."""
    rules: Path | None = None
    """TOML file of alert rules; the usual rules around the clock when left out."""
    state: Path | None = None
    """Folder that keeps sums and alerts over a restart; one process each."""
    indicators: Annotated[bool, _FLAG] = False
    """Ask system indicators too, for the totals of VDNs (global access key only)."""
    show_agents: Annotated[bool, _FLAG] = False
    """Show who the agents are, by number."""
    tz: str | None = None
    """Time zone of alerts, such as Europe/Berlin (default: that of the rules, else UTC)."""


@frozen
class Chosen:
    """The options, read and checked; nothing was asked yet."""

    options: BoardOptions
    vdns: tuple[int, ...]
    tasks: tuple[str, ...]
    every: float
    rules: tuple[Rule, ...]

    async def feed(
        self,
        cms: CmsClient,
        *,
        listeners: Iterable[Listener] = (),
        keeping: Keeping | None = None,
        names: MutableMapping[SkillKey, str] | None = None,
        tick: float = TICK,
    ) -> Feed:
        """The feed; names of queues among the ids cost a request. Raises UsageError, CcError."""
        found = await skill_ids(cms.with_options(vdn=self.vdns[0]), self.options.skills)
        queues = {vdn: None if found is None else tuple(found) for vdn in self.vdns}
        return Feed(
            cms,
            Watched(queues=queues, tasks=self.tasks, every=self.every, indicators=self.options.indicators),
            rules=self.rules,
            state=self.options.state if keeping is None else keeping,
            names=names,
            listeners=listeners,
            show_agents=self.options.show_agents,
            zone=parse_zone(self.options.tz) or UTC,
            tick=tick,
        )


def chosen(options: BoardOptions, site: Site) -> Chosen:
    """Read the options; raises UsageError and ConfigError before anything is asked."""
    vdns = parse_numbers(options.vdns, "--vdns") or ([] if site.vdn is None else [site.vdn])
    if not vdns:
        raise UsageError("which VDN?", hint="give --vdn 170, or several with --vdns 170,171")
    if options.skills is not None and len(vdns) > 1:
        raise UsageError("--skills are those of one VDN", hint="leave --vdns out and give --vdn")
    parse_zone(options.tz)
    return Chosen(
        options,
        tuple(dict.fromkeys(vdns)),
        () if options.tasks is None else tuple(parse_tasks(options.tasks)),
        _every(options.every),
        DEFAULTS if options.rules is None else load_rules(options.rules),
    )


def _every(text: str) -> float:
    try:
        seconds = parse_duration(text).total_seconds()
    except UsageError:
        seconds = 0.0
    if not 1 <= seconds <= 300:
        raise UsageError(f"--every: {text!r} is not from 1s to 300s", hint="write 5s or 1m")
    return seconds
