"""What a soak asks, and the report of what it found."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.ledger import Found, Ledger
from benchmarks.weather import FAULTS, Relay
from cc_async.simulator import Simulator

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
MARGIN = 1.0
"""Seconds a call may take beyond its timeout: everything shares one core here."""
Ask = Callable[[Any], Any]


class StandingClock:
    """Time stands still in the simulator, so that the truth does."""

    def wall(self) -> float:
        return NOON.timestamp()

    def monotonic(self) -> float:
        return time.monotonic()


def questions(sim: Simulator) -> dict[str, Ask]:
    """One question of every interface of CC-CMS; each a method of any client."""
    hour = {"begin": NOON - timedelta(hours=2), "end": NOON, "vdns": range(1, 31)}
    return {
        "skill_call_stats": lambda cms: cms.skill_call_stats(range(1, 2001), partial=True),
        "skill_states": lambda cms: cms.skill_states(range(1, 1001), partial=True),
        "by_vdn": lambda cms: cms.skill_states(by_vdn={1: range(1, 21), 2: None, 170: [7]}, partial=True),
        "signed_in_agents": lambda cms: cms.signed_in_agents(range(1, 31), partial=True),
        "agent_states": lambda cms: cms.agent_states(partial=True),
        "task_stats": lambda cms: cms.task_stats(sim.task_ids[:10], partial=True),
        "system_indicators": lambda cms: cms.system_indicators(**hour, partial=True),
        "skills": lambda cms: cms.skills(partial=True),
        "vdns": lambda cms: cms.vdns(partial=True),
    }


def open_files() -> int:
    """Files and sockets this process holds; 0 where that cannot be known."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.exists() else 0


def resident_mib() -> float:
    """Memory of this process in MiB; 0 where that cannot be known."""
    listed = Path("/proc/self/statm")
    return int(listed.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if listed.exists() else 0.0


def lines_of(
    found: Found,
    books: Sequence[Ledger],
    relays: Sequence[Relay],
    memory: Sequence[float],
    left: Mapping[str, int],
) -> list[report.Line]:
    """The report; a line that is not met makes the run unclean."""
    quarter = max(1, len(memory) // 4)
    early = statistics.median(memory[quarter : 2 * quarter] or [0.0])
    late = statistics.median(memory[-quarter:] or [0.0])
    happened: Counter[str] = Counter()
    for relay in relays:
        happened.update(relay.happened)
    total = sum(happened.values())
    sent, first = sum(book.sent for book in books), sum(book.first for book in books)
    overspent = max((book.worst for book in books), default=0)
    grown = 16 + early / 10
    complaints = [text for relay in relays for text in relay.server.complaints]
    kinds = sum(name in FAULTS for name in happened)
    line = report.line
    return [
        line("calls", found.calls, ""),
        line("rows handed out", found.rows, ""),
        line("whole batches, equal to the truth", found.complete, "", "some", found.complete > 0),
        line("rows or accounts that differ from it", len(found.wrong), "", "0", not found.wrong),
        line("errors of ours", sum(found.failed.values()), ""),
        line("calls cancelled", found.cancelled, ""),
        line(
            "anything else that reached a caller or the loop", len(found.strange), "", "0", not found.strange
        ),
        line("requests the relay found wrong", len(complaints), "", "0", not complaints),
        line(
            "longest call beyond its timeout",
            max(found.longest, 0.0),
            "s",
            f"{MARGIN:g}",
            found.longest < MARGIN,
        ),
        line("requests that met the weather", total, ""),
        line("of them with a fault", 100 * (total - happened["nothing"]) / total if total else 0.0, "%"),
        line("kinds of fault that happened", kinds, "", str(len(FAULTS)), kinds == len(FAULTS)),
        line("requests sent, per first attempt", sent / first if first else 0.0, "", "3", sent < 3.0 * first),
        line("tokens overspent by any client", max(overspent, 0), "", "0", overspent <= 0),
        line("memory in the second quarter", early, "MiB"),
        line("memory in the last quarter", late, "MiB", f"+{grown:.0f}", late < early + grown),
        *(line(f"left over: {name}", number, "", "0", number == 0) for name, number in left.items()),
    ]
