"""The command: runs the claims, prints the table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module

from attrs import evolve

from benchmarks import report

CLAIMS = {
    "overhead": "1 overhead of one request over bare aiohttp",
    "decode": "2 decoding answers into records",
    "signing": "3 signing a body of one kilobyte",
    "stream": "4 streams: long answers row by row",
    "coalescing": "5 coalescing: a thousand callers of one queue each",
    "quota": "6 quota: cheap, exact, used",
    "split": "7 splitting a question",
    "imports": "8 importing the library",
    "stitching": "9 calls of a day kept, 2 000 queues",
    "saved": "10 requests saved",
    "files": "11 a million rows into files",
    "kills": "12 files that survive kill -9",
    "peers": "13 the same requests by other clients",
    "observers": "14 watching: metrics and traces",
    "sessions": "15 500 agents signed in for half an hour, dynamic GUIDs",
    "workers": "16 a backfill by workers that are killed",
    "sizing": "17 what plan reckons with",
    "hour": "18 an hour of a wallboard",
    "shared": "19 one quota for many processes",
}
"""One module each: its ``run(smoke)`` returns the lines."""

OTHERS = {
    "soak": "benchmarks.soak",
    "plots": "benchmarks.draw",
    "wallboard": "benchmarks.wallboard",
    "live": "benchmarks.live",
}
"""Commands beside the table, with arguments of their own; ``main(argv)`` of these modules."""


def main() -> int:
    """Run the claims asked for, or another command."""
    if (other := OTHERS.get(sys.argv[1] if len(sys.argv) > 1 else "")) is not None:
        code: int = import_module(other).main(sys.argv[2:])
        return code
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="Besides: 'soak --minutes N' runs every fault at once; 'plots' and 'wallboard' draw pictures; "
        "'live' runs an hour of the wallboard with a Prometheus and a browser in two minutes.",
    )
    parser.add_argument("--smoke", action="store_true", help="seconds, tiny rounds: shows only that it runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", action="append", choices=CLAIMS, metavar="NAME", help=", ".join(CLAIMS))
    options = parser.parse_args()
    claims: list[tuple[str, list[report.Line]]] = []
    for name in options.only or CLAIMS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        run: Callable[[bool], list[report.Line]] = import_module(f"benchmarks.{name}").run
        lines = run(options.smoke)
        if options.smoke:
            lines = [evolve(one, met=None) for one in lines]  # so small a run proves nothing either way
        claims.append((CLAIMS[name], lines))
    (report.print_json if options.json else report.print_table)(claims, options.smoke)
    return 0


if __name__ == "__main__":
    sys.exit(main())
