"""An hour in two minutes: the wallboard's server, scraped by a real Prometheus, open in a real browser."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field

from benchmarks import report
from benchmarks.hour import BUCKET, TEN, VDN, Count
from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient
from cc_async.board import Feed, Watched
from cc_async.board.keeping import Keeping
from cc_async.cli.playback import FastLoop
from cc_async.integrations.prometheus import Metrics
from cc_async.monitor import Stitcher
from cc_async.monitor.memory import Memory
from cc_async.serve import Access, Server, make_app
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

QUEUES = 12


@define
class World:
    """What the thread of the contact center and the main thread share."""

    buckets: int
    count: Count = field(factory=Count)
    url: str = ""
    sums: Stitcher = field(factory=Stitcher)
    truth: Counter[int] = field(factory=Counter)
    opened: threading.Event = field(factory=threading.Event)
    over: threading.Event = field(factory=threading.Event)
    seen: threading.Event = field(factory=threading.Event)


async def live(world: World) -> None:
    """Run contact center, feed and server for so many buckets, then until everybody has looked."""
    clock = LoopClock(TEN)
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": QUEUES, "agents_per_vdn": 10 * QUEUES}
    lives: dict[str, Any] = {
        "world": "living",
        "begins": TEN,
        "clock": clock,
        "calls_per_day": 1_000 * QUEUES,
    }
    metrics = Metrics(sums=world.sums)
    async with Simulator(record_requests=False, **size, **lives) as sim:
        auth = AkSk(sim.access_key, sim.secret_key)
        keeping = Keeping(world.sums, Memory())
        async with CmsClient(sim.cms_url, auth, vdn=VDN, observers=[metrics]) as cms:
            watched, listeners = Watched(queues={VDN: None}), (world.count, metrics)
            async with Feed(cms, watched, state=keeping, listeners=listeners) as feed:
                server = Server(make_app(feed, Access(), metrics=metrics.scrape))
                await server.__aenter__()
                world.url = server.url
                world.opened.set()
                until = TEN + world.buckets * BUCKET
                await asyncio.sleep(until - clock.wall())
            # The feed has ended, nothing moves any more; the server stays for those who look.
            for call in sim.world.calls(VDN, TEN, until):
                world.truth[call.skill_id] += 1
            world.over.set()
            await asyncio.to_thread(world.seen.wait)
            await server.__aexit__(None, None, None)


@contextmanager
def prometheus(program: str, url: str) -> Iterator[str]:
    """A Prometheus that scrapes the server every second; its address."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        target = [{"targets": [url.removeprefix("http://")]}]
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "cc", "static_configs": target}],
        }
        (Path(folder) / "prometheus.yml").write_text(json.dumps(config))
        options = (
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        )
        process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def ask(url: str, expression: str) -> dict[str, float]:
    """The values of an expression now, by queue."""
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return {one["metric"].get("skill_id", ""): float(one["value"][1]) for one in found}


@contextmanager
def browser(url: str) -> Iterator[Any]:
    """A browser in front of the wallboard."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for one in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1920,1080"):
        options.add_argument(one)
    with webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver")) as found:
        found.get(url)
        yield found


def run(buckets: int, speed: float, program: str) -> list[Line]:
    """Live through it, and ask everybody what they saw."""
    world = World(buckets)

    def thread() -> None:
        with asyncio.Runner(loop_factory=lambda: FastLoop(speed)) as runner:
            runner.run(live(world))

    running = threading.Thread(target=thread)
    running.start()
    world.opened.wait(30)
    states: Counter[str] = Counter()
    try:
        with prometheus(program, world.url) as scraper, browser(world.url) as page:
            while not world.over.wait(0.5):
                states[page.execute_script("return document.body.dataset.state")] += 1
            time.sleep(3)
            counted = ask(scraper, "cc_async_queue_offered_calls_total")
            scrapes = ask(scraper, "count_over_time(up[1h])").get("", 0.0)
            missed = ask(scraper, "count_over_time((up == 0)[1h:1s])").get("", 0.0)
            resets = sum(ask(scraper, "resets(cc_async_queue_offered_calls_total[1h])").values())
            boards = float(page.execute_script("return document.body.dataset.number"))
            complaints = page.get_log("browser")
            heap = page.execute_script("return performance.memory.usedJSHeapSize") / 2**20
    finally:
        world.seen.set()
        running.join(30)
    sums = {str(key[1]): float(one.offered or 0) for key, one in world.sums.sums.items()}
    true = sum(world.truth.values())
    kept = 100 * sum(counted.values()) / true
    return [
        line("buckets lost", float(world.count.gaps), "buckets", "0", world.count.gaps == 0),
        line("beats that failed", float(world.count.failed), "beats", "0", world.count.failed == 0),
        line("true calls", float(true), "calls"),
        line("calls a Prometheus counted", kept, "%", "98 to 100", 98 <= kept <= 100),
        line("its counters are those of the sums", float(counted == sums), "", "1", counted == sums),
        line("scrapes", scrapes, "scrapes"),
        line("scrapes that failed", missed, "scrapes", "0", missed == 0),
        line("counters that went back", resets, "resets", "0", resets == 0),
        line("number of the last board in the browser", boards, "boards"),
        line("looks at the page: live", float(states["live"]), "looks"),
        line("looks at the page: anything else", float(sum(states.values()) - states["live"]), "looks"),
        line("complaints of the browser", float(len(complaints)), "lines", "0", not complaints),
        line("heap of the page at the end", heap, "MiB"),
    ]


def main(arguments: list[str]) -> int:
    """Run it where a Prometheus and a Chromium are installed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks live", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="of the contact center, a multiple of 5")
    parser.add_argument("--speed", type=float, default=30.0, help="its minutes in one of ours")
    options = parser.parse_args(arguments)
    program = shutil.which("prometheus")
    if program is None or not Path("/usr/bin/chromedriver").exists():
        print("prometheus and chromium-driver are not installed", file=sys.stderr)
        return 1
    lines = run(options.minutes // 5, options.speed, program)
    report.print_table(
        [(f"{options.minutes} minutes at {options.speed:g} times the speed", lines)], smoke=False
    )
    return 0
