"""Options of the commands that write files, and what they stand for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from cc_async.cli import builds
from cc_async.cli.run import Build
from cc_async.cli.times import parse_duration, parse_zone
from cc_async.cli.usage import UsageError
from cc_async.export import Privacy, Target
from cc_async.export.formats import check_format
from cc_async.export.privacy import check_agents

KEY_VARIABLE = "CC_ASYNC_HASH_KEY"

Directory = Annotated[Path, Parameter(help="Folder of the files; made where it is not there.")]
Since = Annotated[str, Parameter(help="How far back the very first sync goes.")]
Reread = Annotated[str, Parameter(help="How much is read again; late rows take the place of earlier ones.")]
Settle = Annotated[str, Parameter(help="How old 5 minutes must be before they are asked.")]
Interfaces = Annotated[str, Parameter(help="Any of skill-stats,skill-states,agents,agent-states,task-stats.")]
Every = Annotated[str, Parameter(help="Time between two polls.")]
Workers = Annotated[
    str | None,
    Parameter(help="Let workers do it, over this Redis: redis://host:6379/0, or env (CC_ASYNC_REDIS_URL)."),
]
StandBy = Annotated[
    str | None,
    Parameter(help="Redis that says who records: redis://host:6379/0, or env (CC_ASYNC_REDIS_URL)."),
]
TakeOver = Annotated[str, Parameter(help="Time within which a stand-by takes over from one that died.")]
Lasting = Annotated[str | None, Parameter(help="Stop after this time, such as 8h.")]
Verify = Annotated[
    bool, Parameter(negative="", help="Read every part again; without a time, do nothing else.")
]


@Parameter(name="*", group=Group("Files", sort_key=6))
@dataclass(frozen=True)
class Files:
    """How files are written; a folder keeps the choices of its first run."""

    format: str = "parquet"
    """parquet, jsonl or csv."""
    date_zone: str = "UTC"
    """Time zone of the dates in date=YYYY-MM-DD, such as Europe/Berlin."""
    agents: str = "drop"
    """Names, numbers and phones of agents: drop, hash (keyed) or keep."""
    hash_key_file: Path | None = None
    """File with the secret key of --agents hash (default: CC_ASYNC_HASH_KEY)."""
    moved: Annotated[bool, Parameter(negative="")] = False
    """The contact center of the folder has a new address: go on under it."""


@Parameter(name="*", group=Group("Polled", sort_key=4))
@dataclass(frozen=True)
class Polled:
    """What is polled."""

    skills: str | None = None
    """Skill queues of skill-stats, skill-states and agents; all of the VDN when left out."""
    tasks: str | None = None
    """Task ids of task-stats."""


def target(directory: Path, files: Files) -> Target:
    """The folder with its choices; raises UsageError or ConfigError."""
    zone = parse_zone(files.date_zone)
    utc = zone is None or zone.key == "UTC"
    agents = check_agents(files.agents)
    key = _key(files.hash_key_file) if agents == "hash" else b""
    dates = UTC if utc or zone is None else zone
    return Target(directory, check_format(files.format), dates, Privacy(agents, key), moved=files.moved)


def _key(path: Path | None) -> bytes:
    if path is None:
        return os.environ.get(KEY_VARIABLE, "").encode()
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"--hash-key-file: {path}: {error.strerror}") from None


def builds_of(interfaces: str, polled: Polled, *, partial: bool) -> list[Build]:
    """The questions of the interfaces named, as the commands of these names ask them; raises UsageError."""
    made = []
    for name in dict.fromkeys(piece.strip() for piece in interfaces.split(",")):
        if name == "skill-stats":
            made.append(builds.skill_stats(polled.skills, partial=partial))
        elif name == "skill-states":
            made.append(builds.skill_states(polled.skills, partial=partial))
        elif name == "agents":
            made.append(builds.agents(polled.skills, partial=partial))
        elif name == "agent-states":
            made.append(builds.agent_states(partial=partial))
        elif name == "task-stats":
            if polled.tasks is None:
                raise UsageError("task-stats needs --tasks", hint="such as 1122104910,1122104911")
            made.append(builds.task_stats(polled.tasks, partial=partial))
        else:
            hint = "skill-stats, skill-states, agents, agent-states, task-stats"
            raise UsageError(f"{name!r} cannot be recorded", hint=hint)
    return made


def span(text: str, option: str) -> timedelta:
    """Read a duration of an option; raises UsageError."""
    try:
        return parse_duration(text)
    except UsageError:
        raise UsageError(f"{option}: {text!r} is no duration", hint="write 10s, 90m, 24h or 1d12h") from None
