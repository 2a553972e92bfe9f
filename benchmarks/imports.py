"""Line 8: what ``import cc_async`` costs a program that has aiohttp already."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import lab
from benchmarks.report import Line, line

CODE = """
import sys, time
import aiohttp
began = time.perf_counter()
import cc_async
print((time.perf_counter() - began) * 1e3)
print(*{name.partition(".")[0] for name in sys.modules})
"""
OPTIONAL = {
    "cyclopts",
    "opentelemetry",
    "polars",
    "prometheus_client",
    "pydantic",
    "redis",
    "rich",
    "taskiq",
    "uvloop",
}


def run(smoke: bool) -> list[Line]:
    """Import in fresh interpreters; the first one fills the bytecode cache and does not count."""
    taken: list[float] = []
    loaded: set[str] = set()
    with lab.pinned():
        for number in range(2 if smoke else 16):
            done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
            milliseconds, modules = done.stdout.splitlines()
            loaded |= set(modules.split())
            if number:
                taken.append(float(milliseconds))
    spread = lab.Spread.of(taken)
    optional = loaded & OPTIONAL
    return [
        line("import cc_async after import aiohttp", spread, "ms", "at most 150", spread.median <= 150),
        line("optional packages it loads", float(len(optional)), "packages", "none", not optional),
    ]
