"""A captured site as a fixture, in a project of a user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from anyio import to_thread
from test_capture_replay import captured

from cc_async.simulator import SteppedClock

ROOT = Path(__file__).parent.parent.parent
LOOP = ("-o", "asyncio_default_fixture_loop_scope=function")

CONFTEST = """
import pytest_asyncio

from cc_async.simulator import Simulator

pytest_plugins = ["cc_async.testing"]

@pytest_asyncio.fixture
async def cc_simulator():
    async with Simulator.replay("berlin.jsonl") as sim:
        yield sim
"""
TESTS = """
import pytest

@pytest.mark.asyncio
async def test_our_queues(cms):
    assert len(await cms.skill_states()) == 30
"""


async def test_a_captured_site_is_a_fixture(open_sim: Any, tmp_path: Path) -> None:
    """What README shows works in a project of its own."""
    sim = await open_sim(clock=SteppedClock(1_772_625_750.0))
    await captured(sim, tmp_path / "berlin.jsonl")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    found = await to_thread.run_sync(run, tmp_path)
    assert "1 passed" in found.stdout, found.stdout + found.stderr


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """pytest in that project."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *LOOP],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
