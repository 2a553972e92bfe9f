"""Service level of closed minutes: what single runs with a state file between them make of a day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from cc_async import CmsClient
from cc_async.cli.check_calls import Volume, service_level
from cc_async.cli.plugin import Result, Status, limits
from cc_async.simulator import Simulator

NOON = 1_772_625_600.0
"""2026-03-04 12:00 UTC."""


@define
class Wall:
    """The simulator's clock: the wall is where a test puts it."""

    now: float = NOON

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
async def look(
    open_sim: Callable[..., Awaitable[Simulator]], make_cms: Callable[..., CmsClient], tmp_path: Path
) -> Callable[..., Awaitable[Result]]:
    """One run of the check, so many seconds past noon, when so many calls were offered and in time."""
    clock = Wall()
    sim = await open_sim(clock=clock)
    cms = make_cms(sim)

    async def run(past_noon: float, offered: int, fast: int, **given: Any) -> Result:
        clock.now = NOON + past_noon
        sim.set_skill(170, 7, offered=offered, connected=offered, connected_in_20s=fast)
        volume = Volume(**({"state": tmp_path / "check.json"} | given))
        held = limits("0.85", "0.8", low=True, unit="%")
        return await service_level(held, "7", volume)(cms)

    return run


async def test_the_last_closed_minutes_are_judged(look: Callable[..., Awaitable[Result]]) -> None:
    """A run a minute: UNKNOWN before the first end, then the whole bucket and not the one that has begun."""
    assert (await look(60, 20, 20)).status is Status.UNKNOWN
    for minute in (120, 180, 240):
        await look(minute, minute, minute // 2)
    await look(280, 280, 140)
    found = await look(310, 1, 1)
    assert found.status is Status.CRITICAL
    assert found.text == "50 % in 20 s (140 of 280), last 5 closed minutes"
    await look(580, 100, 100)
    found = await look(610, 0, 0, minutes=10)
    assert found.text == "63 % in 20 s (240 of 380), last 10 closed minutes"


async def test_minutes_that_were_hardly_seen_are_unknown(look: Callable[..., Awaitable[Result]]) -> None:
    """A run every 5 minutes at the wrong moment sees the beginning of each bucket only, and is told so."""
    await look(70, 20, 20)
    found = await look(370, 20, 20)
    assert found.status is Status.UNKNOWN
    assert found.text == "23 % of the last 5 closed minutes was seen: run it every minute"


async def test_a_quiet_queue_that_was_seen_is_no_missing_data(look: Callable[..., Awaitable[Result]]) -> None:
    """Nothing offered in minutes that were watched: OK, and too few to judge."""
    await look(100, 0, 0)
    await look(280, 0, 0)
    found = await look(310, 0, 0)
    assert found.status is Status.OK
    assert found.text == "0 offered, last 5 closed minutes: too few to judge (minimum 20)"


async def test_current_minutes_beside_a_state(look: Callable[..., Awaitable[Result]]) -> None:
    """--window current judges what runs now, whatever else is given."""
    found = await look(60, 20, 17, window="current")
    assert (found.status, found.text) == (Status.OK, "85 % in 20 s (17 of 20), current 5 minutes")
