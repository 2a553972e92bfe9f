"""The two plots of the README: throughput against concurrency, memory against rows."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import floor, lab
from benchmarks.memory import Watched, question, read_stream, watched
from benchmarks.stream import LATENCY, client, pages_of

FOLDER = Path(__file__).parent / "plots"
OURS, OTHER, QUIET = "#0b6e4f", "#c8553d", "#8a8a8a"
_STYLE = {
    "svg.hashsalt": "cc_async",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}


async def rates(server: lab.Server, concurrencies: Sequence[int], rounds: int) -> list[tuple[float, float]]:
    """Rows a second of the stream and of bare aiohttp, for each number of requests in flight."""
    server.ask(f"/delay/{LATENCY}")
    found = []
    for count in concurrencies:
        hours = 2 * count  # so that each reading takes half a second, if it is as fast as it can be
        job = pages_of(hours)
        async with client(server.url, count) as cms, floor.ways(server, (job,), workers=count) as bare:
            mine, theirs = [], []
            for number in range(rounds + 1):
                began = time.perf_counter()
                rows, _ = await read_stream(question(cms, hours), lambda rows: None)
                between = time.perf_counter()
                pages = await bare[job.name]()
                if number:
                    mine.append(rows / (between - began))
                    theirs.append(pages * job.records / (time.perf_counter() - between))
        found.append((statistics.median(mine), statistics.median(theirs)))
    server.ask("/delay/0")
    server.ask("/forget")
    return found


def throughput(pyplot: Any, server: lab.Server, path: Path, smoke: bool) -> None:
    """Draw how many rows a second come with so many requests in flight."""
    concurrencies = (1, 4) if smoke else (1, 2, 4, 8, 16, 32, 64, 128)
    found = asyncio.run(rates(server, concurrencies, 1 if smoke else 5))
    mine, bare = [one for one, _ in found], [one for _, one in found]
    figure, axes = pyplot.subplots(figsize=(7.2, 3.8), layout="constrained")
    ideal = [mine[0] * count / concurrencies[0] for count in concurrencies]
    axes.plot(concurrencies, ideal, color=QUIET, linestyle=":", label="as many times as one")
    axes.plot(concurrencies, bare, color=OTHER, marker="s", label="bare aiohttp, bytes only")
    axes.plot(concurrencies, mine, color=OURS, marker="o", linewidth=2, label="cc_async stream, typed rows")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(concurrencies, [str(count) for count in concurrencies])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace(",", " "))
    axes.set_xlabel("requests in flight")
    axes.set_ylabel("rows a second")
    axes.set_title(f"Pages of 100 rows, answers after {LATENCY * 1000:g} ms, one core", loc="left")
    axes.legend(frameon=False)
    save(pyplot, figure, path)


def memory(pyplot: Any, server: lab.Server, path: Path, smoke: bool) -> None:
    """Draw how memory grows with the rows read."""
    lengths = (1, 2) if smoke else (1, 5, 10, 20, 35)
    batches = [watched(server.url, "await", days) for days in lengths]
    stream = watched(server.url, "stream", lengths[-1])
    with tempfile.TemporaryDirectory(prefix="cc_async-") as folder:
        files = watched(server.url, "files", lengths[-1], folder)
    figure, axes = pyplot.subplots(figsize=(7.2, 3.8), layout="constrained")
    ends = [(each.rows, each.samples[-1][1]) for each in batches]
    axes.plot(*zip(*ends, strict=True), color=OTHER, marker="s", label="await query: one batch")
    _line(axes, files, QUIET, "query.to_parquet(...): files")
    _line(axes, stream, OURS, "query.stream(): row by row")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace(",", " "))
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("rows read")
    axes.set_ylabel("memory grown by, MiB")
    axes.set_title("Memory of the process, a million rows", loc="left")
    axes.legend(frameon=False, loc="upper left")
    save(pyplot, figure, path)


def _line(axes: Any, found: Watched, color: str, label: str) -> None:
    step = max(1, len(found.samples) // 100)
    rows, grown = zip(*found.samples[::step], strict=True)
    axes.plot(rows, grown, color=color, linewidth=2, label=label)


def save(pyplot: Any, figure: Any, path: Path) -> None:
    """Write an SVG that is the same when the figures are."""
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    # It ends its lines in blanks, which many a tool would strip.
    path.write_text("".join(line.rstrip() + "\n" for line in path.read_text().splitlines()))
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and draw both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks plots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--smoke", action="store_true", help="seconds: shows only that it runs")
    options = parser.parse_args(argv)
    matplotlib = lab.optional("matplotlib")
    if matplotlib is None:
        print("plots are drawn by matplotlib: pip install -e '.[bench]'", file=sys.stderr)
        return 2
    matplotlib.use("svg")
    pyplot = lab.optional("matplotlib.pyplot")
    options.folder.mkdir(parents=True, exist_ok=True)
    with lab.canned_server() as server, pyplot.rc_context(_STYLE):
        throughput(pyplot, server, options.folder / "throughput.svg", options.smoke)
        memory(pyplot, server, options.folder / "memory.svg", options.smoke)
    return 0


if __name__ == "__main__":
    sys.exit(main())
