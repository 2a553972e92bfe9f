"""What the demo prints: short tables, totals that may be added, and the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cc_async import (
    AgentCallStats,
    Batch,
    Query,
    Quota,
    SignedInAgent,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
)
from cc_async.cli.account import Account
from cc_async.cli.text import visible, word
from cc_async.simulator import Faults, Simulator

_TOP = 3
_TITLES = {
    "skill_call_stats": "calls of 2,000 skill queues",
    "skill_states": "states of 2,000 skill queues",
    "signed_in_agents": "agents of 50 skill queues",
    "task_stats": "3 outbound tasks",
    "agent_call_stats": "calls of 40 agents",
    "system_indicators": "a day of 100 VDNs, by 5 minutes",
}


def heading(screen: Console, sim: Simulator, quota: Quota, faults: Faults) -> None:
    """Say what this is."""
    failing = sum(faults.error_rate.values())
    screen.print(Text("cc-async: a pretend contact center on this machine, and one client asking it", "bold"))
    screen.print(f"CC-CMS {sim.cms_url}, CC-Gateway {sim.gateway_url}; nothing leaves this machine.")
    screen.print(
        f"It takes {quota.limit} requests a second of each interface and fails {failing:.0%} of them."
    )


def plans(screen: Console, queries: Iterable[Query[Any]]) -> int:
    """Print what the questions will cost; return the requests in all."""
    _title(screen, "What it will cost", "from query.plan(): nothing has been sent yet")
    rows, requests = [], 0
    for query in queries:
        plan = query.plan()
        requests += plan.requests
        most = "-" if plan.rows_expected is None else f"{plan.rows_expected:,}"
        cells = [f"{plan.chunks:,}", f"{plan.requests:,}", most, f"{plan.seconds:.1f} s"]
        rows.append([_TITLES[query.question.interface], *cells])
    _grid(screen, ["question", "chunks", "requests", "rows, at most", "at the quota"], rows)
    return requests


def queues(screen: Console, stats: Batch[SkillCallStats], states: Batch[SkillState]) -> None:
    """Print the busiest skill queues, two interfaces side by side."""
    note = f"{len(stats):,} + {len(states):,} rows; a call that overflows counts in each queue"
    _title(screen, "Skill queues, these 5 minutes", note)
    rows = []
    names = ("calls_waiting", "longest_wait_seconds", "idle_agents")
    for row in _top(stats, "offered"):
        state = states.by_key.get(row.skill_id)
        now = [_number(getattr(state, name, None)) for name in names]
        rows.append([f"queue {row.skill_id}", *_calls([row]), *now])
    rows.append([f"all {len(stats):,}", *_calls(stats), _sum(states, "calls_waiting"), "", ""])
    headers = ["busiest", "offered", "connected", "lost", "in 20 s", "waiting", "longest s", "idle agents"]
    _grid(screen, headers, rows)


def agents(screen: Console, batch: Batch[SignedInAgent]) -> None:
    """Print agents by state, each counted once however many queues they serve."""
    people = {row.agent_id: row for row in batch}
    _title(screen, "Agents of 50 queues", f"{len(batch):,} rows, {len(people):,} people")
    status = Counter(word(row.status) if row.status is not None else "-" for row in people.values())
    common = status.most_common(8)
    _grid(screen, [visible(name) for name, _ in common], [[f"{count:,}" for _, count in common]], left=0)


def tasks(screen: Console, batch: Batch[TaskStats]) -> None:
    """Print the outbound tasks."""
    _title(screen, "Outbound tasks", f"{len(batch)} rows")
    rows = [
        [
            row.task_id,
            *map(_number, (row.total, row.succeeded, row.failed, row.waiting)),
            _rate(row.success_rate),
        ]
        for row in batch
    ]
    _grid(screen, ["task", "total", "succeeded", "failed", "waiting", "success"], rows)


def calls(screen: Console, batch: Batch[AgentCallStats]) -> None:
    """Print the agents with the most calls since sign-in."""
    _title(screen, "Agents on CC-Gateway, since sign-in", f"{len(batch)} rows")
    fields = ("answered", "unanswered", "outbound", "talk_seconds", "rest_seconds")
    rows = [
        [f"agent {row.agent_id}", *(_number(getattr(row, name)) for name in fields)]
        for row in _top(batch, "answered")
    ]
    rows.append([f"all {len(batch)}", *(_sum(batch, name) for name in fields)])
    _grid(screen, ["most answered", "answered", "unanswered", "outbound", "talk s", "rest s"], rows)


def indicators(screen: Console, batch: Batch[SystemIndicators]) -> None:
    """Print the VDNs with the most calls of the day."""
    _title(screen, "Yesterday (UTC), 100 VDNs in 5-minute rows", f"{len(batch):,} rows")
    days: dict[int, list[SystemIndicators]] = {}
    for row in batch:
        days.setdefault(row.vdn, []).append(row)
    busiest = sorted(days, key=lambda vdn: -_added(days[vdn], "inbound_calls"))[:_TOP]
    rows = [[f"VDN {vdn}", *_day(days[vdn])] for vdn in busiest]
    rows.append([f"all {len(days)}", *_day(batch)[:4], ""])
    headers = ["most calls", "rows", "inbound", "connected", "rate", "most agents online"]
    _grid(screen, headers, rows)


def account(screen: Console, seen: Account, quota: Quota, took: float) -> None:
    """Print what it took, by interface."""
    _title(screen, "The account", f"all at once, in {took:.1f} s")
    rows = []
    for name, line in seen.lines.items():
        used = "-" if name == "agent_call_stats" else f"{line.used(quota):.0%}"
        cells = [f"{line.sent:,}", f"{line.retried:,}", f"{line.rows:,}", f"{line.seconds:.1f}"]
        rows.append([name, *cells, f"{line.rows_a_second:,.0f}", used])
    sent, retried, got = (
        sum(getattr(one, key) for one in seen.lines.values()) for key in ("sent", "retried", "rows")
    )
    rows.append(["in all", f"{sent:,}", f"{retried:,}", f"{got:,}", f"{took:.1f}", f"{got / took:,.0f}", ""])
    _grid(
        screen, ["interface", "requests", "retries", "rows", "seconds", "rows a second", "quota used"], rows
    )
    screen.print("Next: cc-async simulate, and in another window cc-async skill-stats --skills 1-20")


def _title(screen: Console, title: str, note: str) -> None:
    screen.print()
    screen.print(Text.assemble((title, "bold"), ("  " + note, "dim")))


def _grid(screen: Console, headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print a table; the first ``left`` columns are words."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, header in enumerate(headers):
        made.add_column(Text(header), justify="left" if number < left else "right")
    for row in rows:
        made.add_row(*map(Text, row))
    screen.print(Padding(made, (0, 0, 0, 2), expand=False))


def _top(batch: Iterable[Any], name: str) -> list[Any]:
    """Return the rows with the largest value of a field."""
    return sorted(batch, key=lambda row: -(getattr(row, name) or 0))[:_TOP]


def _added(rows: Iterable[Any], name: str) -> int:
    """Add a counter; rows where the server did not say count nothing."""
    return sum(getattr(row, name) or 0 for row in rows)


def _sum(rows: Iterable[Any], name: str) -> str:
    return f"{_added(rows, name):,}"


def _calls(rows: Sequence[SkillCallStats]) -> list[str]:
    """Write counters, and connected in 20 s as a share of the sums: shares are never averaged."""
    offered = _added(rows, "offered")
    share = _added(rows, "connected_in_20s") / offered if offered else None
    return [f"{offered:,}", _sum(rows, "connected"), _sum(rows, "lost"), _rate(share)]


def _day(rows: Sequence[SystemIndicators]) -> list[str]:
    """Write the sums of a day."""
    inbound, connected = _added(rows, "inbound_calls"), _added(rows, "connected_calls")
    rate = _rate(connected / inbound if inbound else None)
    online = max((row.online_agents or 0 for row in rows), default=0)
    return [f"{len(rows):,}", f"{inbound:,}", f"{connected:,}", rate, f"{online:,}"]


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
