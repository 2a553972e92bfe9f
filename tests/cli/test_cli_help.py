"""Help of every command."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from cc_async.cli.app import app
from cc_async.cli.arranged import EXAMPLES

Run = Callable[..., Any]

HELPS = [
    (),
    ("list",),
    ("list", "vdns"),
    ("list", "skills"),
    ("skill-stats",),
    ("skill-states",),
    ("agents",),
    ("agent-states",),
    ("task-stats",),
    ("indicators",),
    ("agent-stats",),
    ("plan",),
    ("plan", "indicators"),
    ("backfill",),
    ("record",),
    ("worker",),
    ("metrics",),
    ("metrics", "rules"),
    ("metrics", "dashboard"),
    ("metrics", "list"),
    ("simulate",),
    ("demo",),
    ("serve",),
    ("watch",),
    ("alert",),
    ("alert", "try"),
    ("check",),
    ("check", "service-level"),
    ("check", "alerts"),
]


@pytest.mark.parametrize("command", HELPS, ids=[" ".join(each) or "cc-async" for each in HELPS])
def test_help_holds_no_secret(run: Run, environ: dict[str, str], command: tuple[str, ...]) -> None:
    """Help is there for every command, offers no option for a key, and shows no value of the environment."""
    outcome = run(*command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Usage: cc-async" in outcome.out
    assert "--secret" not in outcome.out
    assert "--access" not in outcome.out
    for name in ("CC_ASYNC_SECRET_KEY", "CC_ASYNC_ACCESS_KEY", "CC_ASYNC_GLOBAL_SECRET_KEY"):
        assert environ[name] not in outcome.out


def test_every_command_stands_in_one_group(run: Run) -> None:
    """The first screen has all commands, each once, below the titles of their groups."""
    listed = [name for commands in EXAMPLES.values() for name in commands]
    assert sorted(listed) == sorted(name for name in app if not name.startswith("-"))
    text = run("--help").out
    shown = [line.strip("\u2502 ").split()[0] for line in text.splitlines() if line.startswith("\u2502 ")]
    assert [name for name in shown if name in listed] == listed
    titles = [line.split()[1] for line in text.splitlines() if line.startswith("\u256d")]
    assert titles == ["Start", "Ask", "Watch", "Keep", "Options"]


@pytest.mark.parametrize(
    "example", [line for commands in EXAMPLES.values() for line in commands.values() if line]
)
def test_an_example_can_be_typed(run: Run, example: str) -> None:
    """The example of a command stands in its help, and is one the command understands."""
    words = shlex.split(example.partition(" > ")[0])
    app.parse_args(words[1:], exit_on_error=False, print_error=False)
    assert f"Example: {example}" in " ".join(run(words[1], "--help").out.split())


def test_paragraphs_wrap_where_the_window_ends(run: Run) -> None:
    """No line of a description ends in the middle for want of room in our source."""
    text = run("serve", "--help").out
    paragraph = text.split("\n\n")[2].splitlines()
    assert len(paragraph) > 2
    for line, following in pairwise(paragraph):
        assert len(line.rstrip()) + 1 + len(following.split()[0]) > 100
