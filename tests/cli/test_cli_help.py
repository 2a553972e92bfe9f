"""Help of every command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
