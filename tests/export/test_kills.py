"""The kill benchmark, five kills of it: real processes, a real SIGKILL."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.kills import survive


async def test_five_kills_in_a_row(tmp_path: Path) -> None:
    """A backfill killed five times at random ends with every row once, and never asks what was done."""
    found = await survive(5, random.Random(7), tmp_path, days=30, vdns=3)
    assert found.kills == 5
    assert found.rows == found.folders * 30 * 288 * 3 > 0
    assert (found.lost, found.double, found.damaged) == (0, 0, 0)
    assert (found.asked_again, found.idle_requests) == (0, 0)
