"""The measuring bench: cores, the canned server, alternated rounds, medians with their spread."""

from __future__ import annotations

import contextlib
import gc
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from attrs import frozen


@frozen
class Spread:
    """A median and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The median and quartiles of some measurements; of a single one, itself three times."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high)


def cores() -> tuple[int, int] | None:
    """A core for the client and another for the server, or None where processes cannot be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[-1], allowed[0]) if len(allowed) > 1 else None


@contextlib.contextmanager
def pinned() -> Iterator[int | None]:
    """Keep this process on the client's core meanwhile; gives the server's core, or None."""
    pair = cores()
    if pair is None:
        yield None
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {pair[0]})
    try:
        yield pair[1]
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """The canned server's process, as seen from here."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"

    def ask(self, path: str) -> Any:
        """Ask the server about itself, or tell it something; blocks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextlib.contextmanager
def canned_server(*, first: bool = False) -> Iterator[Server]:
    """A canned server in a process of its own, and this process pinned to another core.

    ``first``: where that is allowed it runs before others, as a server on a machine of its own would.
    """
    with pinned() as core:
        command = [sys.executable, "-m", "benchmarks.server"]
        if core is not None:
            command += ["--core", str(core)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            if first:
                with contextlib.suppress(PermissionError):
                    os.setpriority(os.PRIO_PROCESS, process.pid, -10)
            try:
                yield Server(int(process.stdout.readline()))
            finally:
                process.terminate()


def optional(name: str) -> Any:
    """A package that is shown where it is installed, or None."""
    try:
        return import_module(name)
    except ImportError:
        return None


async def server_share(server: Server, way: Way) -> float:
    """How busy the server's core is, in percent, while one round is asked."""
    before, began = server.ask("/cpu")["cpu"], time.perf_counter()
    await way()
    wall = time.perf_counter() - began
    return 100.0 * float(server.ask("/cpu")["cpu"] - before) / wall


Way = Callable[[], Awaitable[int]]
"""One round of one way of doing the work; returns how many operations it did."""


async def alternate(
    ways: Mapping[str, Way], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Run the ways in turn, ``rounds`` times each; CPU microseconds of this process per operation.

    The first round warms up (connections, caches) and does not count. With another ``clock``, such as
    ``time.perf_counter``, it is that one's microseconds.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            gc.collect()
            began = clock()
            operations = await way()
            spent = (clock() - began) * 1e6 / operations
            if number:
                taken[name].append(spent)
    return taken


def alternate_calls(
    ways: Mapping[str, Callable[[], object]], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """As ``alternate``, for plain functions: each is repeated for about ``seconds`` a round."""
    repeats = {name: _repeats(way, seconds) for name, way in ways.items()}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            gc.collect()
            began = time.process_time()
            for _ in range(repeats[name]):
                way()
            taken[name].append((time.process_time() - began) * 1e6 / repeats[name])
    return taken


def _repeats(way: Callable[[], object], seconds: float) -> int:
    way()
    began = time.process_time()
    way()
    return max(1, int(seconds / max(time.process_time() - began, 1e-7)))
