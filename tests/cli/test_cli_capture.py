"""``capture`` from the command line, and the capture played faster than it was."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cc_async.cli import connect
from cc_async.cli.playback import FastLoop, play, replayed
from cc_async.cli.usage import UsageError
from cc_async.session.clock import LoopClock
from cc_async.settings import Site
from cc_async.simulator import Simulator

Run = Callable[..., Any]


def test_a_site_is_written_and_played(run: Run, center: Any, tmp_path: Path) -> None:
    """The file is readable by us alone, says what is in it, and answers the same questions."""
    path = tmp_path / "site.jsonl"
    outcome = run("capture", str(path), "--tasks", center.sim.task_ids[0], "--quota", "none")
    assert (outcome.code, outcome.err) == (0, "")
    assert "skill_states" in outcome.out
    assert os.name != "posix" or stat.S_IMODE(path.stat().st_mode) == 0o600

    async def ask(site: Site) -> tuple[int, int]:
        async with connect.cms_client(site) as cms:
            return len(await cms.skills()), len(await cms.skill_states())

    assert play(path, 1.0, ask) == (60, 60)
    again = run("capture", str(path))
    assert again.code == 2
    assert "is there already" in again.err


def test_what_fails_is_told_and_captured(run: Run, center: Any, tmp_path: Path) -> None:
    """One interface in trouble is exit 3; nothing at all is exit 1, and leaves no file."""
    center.do(lambda: center.sim.fail("agent_states", code="0100002", times=None))
    outcome = run("capture", str(tmp_path / "a.jsonl"), "--quota", "none")
    assert outcome.code == 3
    assert "agent_states" in outcome.err
    dead = run("capture", str(tmp_path / "b.jsonl"), "--cms-url", "http://127.0.0.1:9")
    assert dead.code == 1
    assert not (tmp_path / "b.jsonl").exists()


@pytest.mark.skipif(os.name != "posix", reason="limits of the shell")
def test_a_full_disk_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    """One line that names the file, and what was answered before stays in it, readable up to the cut."""
    path = tmp_path / "c.jsonl"
    command = [sys.executable, "-m", "cc_async", "capture", str(path), "--quota", "none"]
    full = ["sh", "-c", 'ulimit -f 24; exec "$@"', "sh", *command]
    found = subprocess.run(full, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stderr.count("\n")) == (1, 1), found.stderr
    assert f"{path}: File too large" in found.stderr
    with pytest.raises(UsageError, match="cut short: delete it"):
        replayed(path)
    whole = path.read_text("ascii").rpartition("\n")[0]
    path.write_text(whole + "\n", "ascii")
    assert isinstance(replayed(path), Simulator)


def test_simulate_refuses_what_is_no_capture(run: Run, tmp_path: Path) -> None:
    """One line, before anything is opened."""
    (tmp_path / "c.jsonl").write_text("hello\n")
    outcome = run("simulate", "--replay", str(tmp_path / "c.jsonl"))
    assert (outcome.code, outcome.out) == (2, "")
    assert "not a capture" in outcome.err


@pytest.mark.parametrize(
    "wrong", [("--minutes", "-1"), ("--minutes", "9999"), ("--queues", "-1"), ("--tasks", "x")]
)
def test_bad_options_write_nothing(run: Run, tmp_path: Path, wrong: tuple[str, str]) -> None:
    """Refused before anything is opened."""
    outcome = run("capture", str(tmp_path / "c.jsonl"), *wrong)
    assert outcome.code == 2
    assert list(tmp_path.glob("*.jsonl")) == []


def test_a_fast_loop_makes_seconds_shorter() -> None:
    """A minute passes in under a second and a half, for sleeps, timeouts and both clocks alike."""

    async def minute() -> tuple[float, float]:
        clock = LoopClock()
        began, wall = clock.monotonic(), clock.wall()
        await clock.sleep(59.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.sleep(600.0)
        return clock.monotonic() - began, clock.wall() - wall

    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: FastLoop(100.0)) as runner:
        passed, walled = runner.run(minute())
    real = time.monotonic() - began
    assert passed == pytest.approx(real * 100.0, rel=0.2)
    assert passed >= 60.0
    assert walled == pytest.approx(passed, rel=0.01)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), 1e9])
def test_a_speed_that_is_none(tmp_path: Path, speed: float) -> None:
    """Refused as usage; so is a file that is no capture, and one that is not there."""

    async def never(site: Site) -> None:
        raise AssertionError

    with pytest.raises(UsageError, match="--speed"):
        play(tmp_path / "c.jsonl", speed, never)
    with pytest.raises(UsageError, match="No such file"):
        play(tmp_path / "c.jsonl", 20.0, never)
    (tmp_path / "c.jsonl").write_text("hello\n")
    with pytest.raises(UsageError, match="not a capture"):
        play(tmp_path / "c.jsonl", 20.0, never)
