"""Line 4: long answers row by row; how fast, how much of the latency is hidden, in how much memory."""

from __future__ import annotations

import asyncio
import time

from benchmarks import archive, by_hand, canned, lab, work
from benchmarks.by_hand import ACCESS_KEY, SECRET_KEY
from benchmarks.floor import ways as floor_ways
from benchmarks.memory import Watched, question, read_stream, watched
from benchmarks.report import Line, line
from cc_async import AkSk, CmsClient

RATE, GROWTH, TIMES = 300_000, 5.0, 25.0
LATENCY = 0.02
"""Seconds."""


def client(url: str, concurrency: int = work.WORKERS) -> CmsClient:
    """A client without quota or time limit."""
    auth = AkSk(ACCESS_KEY, SECRET_KEY)
    return CmsClient(url, auth, quota=None, timeout=None, concurrency=concurrency)


def pages_of(hours: int) -> work.Work:
    """The requests of the same rows, a page each."""
    bodies = (archive.body(*divmod(page, canned.PERIODS_A_DAY)) for page in range(12 * hours))
    asks = (work.Ask("POST", canned.INDICATORS_PATH, body) for body in bodies)
    return work.Work("pages", tuple(asks), len(archive.VDNS))


async def fast(server: lab.Server, days: int, rounds: int) -> list[Line]:
    """Rows a second on the clock on the wall, beside bare aiohttp, our own batch and the work by hand."""
    job = pages_of(24 * days)
    rows = days * archive.ROWS_A_DAY
    async with (
        client(server.url) as cms,
        floor_ways(server, (job,)) as bare,
        by_hand.ways(server, (job,)) as hand,
    ):

        async def stream() -> int:
            found, _ = await read_stream(question(cms, 24 * days), lambda count: None)
            assert found == rows
            return found

        async def batch() -> int:
            found = await question(cms, 24 * days)
            assert len(found) == rows
            return rows

        async def floor() -> int:
            return await bare[job.name]() * job.records

        async def by_hands() -> int:
            return await hand[job.name]() * job.records

        ways: dict[str, lab.Way] = {"stream": stream, "batch": batch, "floor": floor, "by hand": by_hands}
        taken = await lab.alternate(ways, rounds, time.perf_counter)
        share = await lab.server_share(server, floor)
    rate = {name: lab.Spread.of([1e6 / one for one in each]) for name, each in taken.items()}
    ratio = lab.Spread.of([slow / ours for slow, ours in zip(taken["by hand"], taken["stream"], strict=True)])
    name, mine = f"{rows:,} rows".replace(",", " "), rate["stream"]
    return [
        line(f"{name}: floor, bytes of its pages", rate["floor"], "rows/s"),
        line(f"{name}: by hand, all of them gathered", rate["by hand"], "rows/s"),
        line(f"{name}: awaited, one batch", rate["batch"], "rows/s"),
        line(f"{name}: stream", mine, "rows/s", "at least 300 000", mine.median >= RATE),
        line(f"{name}: by hand / stream", ratio, "x"),
        line(f"{name}: the server's share of its core", share, "%", "below 100: no limit"),
    ]


async def hidden(server: lab.Server, days: int, alone: int, rounds: int) -> list[Line]:
    """How many times faster than one request after another; ``alone``: hours asked so."""
    server.ask(f"/delay/{LATENCY}")
    async with client(server.url) as many, client(server.url, 1) as single:

        async def together() -> int:
            return (await read_stream(question(many, 24 * days), lambda rows: None))[0]

        async def in_turn() -> int:
            return (await read_stream(question(single, alone), lambda rows: None))[0]

        taken = await lab.alternate({"one": in_turn, "many": together}, rounds, time.perf_counter)
    server.ask("/delay/0")
    server.ask("/forget")
    times = lab.Spread.of([slow / fast for slow, fast in zip(taken["one"], taken["many"], strict=True)])
    rate = {name: lab.Spread.of([1e6 / one for one in each]) for name, each in taken.items()}
    name = f"answers after {LATENCY * 1000:g} ms"
    return [
        line(f"{name}: one after another", rate["one"], "rows/s"),
        line(f"{name}: {work.WORKERS} in flight", rate["many"], "rows/s"),
        line(f"{name}: times faster", times, "x", f"at least {TIMES:g}", times.median >= TIMES),
    ]


def remembered(found: Watched) -> list[Line]:
    """Memory and tasks of one long stream, in a process of its own."""
    name = f"{found.rows:,} rows".replace(",", " ")
    rate = found.rows / found.seconds
    return [
        line(f"{name}: memory grows by", found.growth, "MiB", "below 5", found.growth < GROWTH),
        line(f"{name}: took", found.seconds, "s"),
        line(f"{name}: stream, memory watched", rate, "rows/s", "at least 300 000", rate >= RATE),
        line(f"{name}: tasks at the most", float(found.tasks), "tasks"),
    ]


def run(smoke: bool) -> list[Line]:
    """115 200 rows again and again, then a million once."""
    with lab.canned_server() as server:
        days, rounds = (1, 1) if smoke else (4, 9)
        lines = asyncio.run(fast(server, days, rounds))
        lines += asyncio.run(hidden(server, days, 1 if smoke else 4, 1 if smoke else 5))
        for length in (2,) if smoke else (4, 35):
            lines += remembered(watched(server.url, "stream", length))
        batch = watched(server.url, "await", 2 if smoke else 35)
    name = f"{batch.rows:,} rows".replace(",", " ")
    return [*lines, line(f"{name}: awaited as one batch, memory grows by", batch.growth, "MiB")]
