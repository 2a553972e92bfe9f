"""The pictures of the wallboard: an hour of a pretend contact center, then its browser and its terminal."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import looptime

from cc_async import AkSk, CmsClient
from cc_async.board import Board, Feed, Watched
from cc_async.cli.watch import draw
from cc_async.serve import Access, Server, make_app
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

MORNING = datetime(2026, 3, 4, 9, 2, tzinfo=UTC).timestamp()
HOUR = 3_600.0
PLOTS = Path(__file__).parent / "plots"


@asynccontextmanager
async def center(start: float, state: Path, queues: int) -> AsyncIterator[tuple[Simulator, Feed]]:
    """A contact center that lives since half past seven, and the feed of its board."""
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": queues, "agents_per_vdn": 12 * queues}
    world: dict[str, Any] = {"world": "living", "begins": MORNING - 1.5 * HOUR, "clock": LoopClock(start)}
    async with Simulator(seed=4, calls_per_day=1100 * queues, record_requests=False, **world, **size) as sim:
        sim.incident("queue loses its agents", at=MORNING + 0.7 * HOUR, skill_id=2)
        sim.incident("arrivals multiply", at=MORNING + 0.6 * HOUR, vdn=sim.vdn, times=1.15)
        auth = AkSk(sim.access_key, sim.secret_key)
        watched = Watched(queues={sim.vdn: None}, tasks=tuple(sim.task_ids[:2]))
        async with CmsClient(sim.cms_url, auth, vdn=sim.vdn) as cms, Feed(cms, watched, state=state) as feed:
            yield sim, feed


async def an_hour(state: Path, queues: int) -> None:
    """Live through an hour, so that there is a trend to show."""
    async with center(MORNING, state, queues):
        await asyncio.sleep(HOUR)


async def settled(feed: Feed) -> Board:
    """The first board on which everything has come, names too."""
    async with feed.boards() as boards:
        async for board in boards:
            if board.begun and board.queues[0].name != "queue 1":
                return board
    raise RuntimeError("the feed ended")


async def shown(
    state: Path, queues: int, out: Path, terminal: Path, size: tuple[int, int], seconds: float
) -> None:
    """Serve the board on this machine and photograph it; draw the one of the terminal beside it."""
    async with (
        center(MORNING + HOUR, state, queues) as (_, feed),
        Server(make_app(feed, Access())) as server,
    ):
        board = await settled(feed)
        draw(board, UTC, terminal)
        await asyncio.to_thread(photograph, server.url, out, size, seconds)


def photograph(url: str, out: Path, size: tuple[int, int], seconds: float) -> None:
    """One picture by a browser without a window."""
    import time

    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for one in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(one)
    service = webdriver.ChromeService("/usr/bin/chromedriver")
    with webdriver.Chrome(options, service) as browser:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
        )
        browser.get(url)
        time.sleep(seconds)
        browser.save_screenshot(str(out))


def main(arguments: list[str]) -> int:
    """Draw the pictures of the README, or one of any size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks wallboard", description=__doc__)
    parser.add_argument("--queues", type=int, default=7)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long the page has run")
    parser.add_argument("--out", type=Path, default=PLOTS / "wallboard.png")
    parser.add_argument(
        "--terminal", type=Path, default=PLOTS / "watch.svg", help="SVG file of the terminal's board"
    )
    options = parser.parse_args(arguments)
    width, height = (int(one) for one in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(an_hour(state, options.queues))
        asyncio.run(
            shown(state, options.queues, options.out, options.terminal, (width, height), options.seconds)
        )
    return 0
