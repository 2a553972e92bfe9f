"""A board in the terminal: a line a queue, signs beside the colours, the age of the data on top."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo

from attrs import frozen
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cc_async.board import Board, Calls, QueueLine, Source
from cc_async.board.model import Status
from cc_async.cli.text import visible
from cc_async.monitor.figure import Figure, duration

_STYLES = {"good": "#2fc39a", "watch": "#e69f00", "alert": "bold #ff7a33", "unknown": "dim"}
_SOURCES = {
    "skill_states": "calls waiting",
    "skill_call_stats": "calls",
    "agent_states": "agents",
    "task_stats": "tasks",
    "system_indicators": "VDNs",
}
_WORST = 0.4
"""Service level at the foot of a trend; what is worse stands there, too."""
_WIDE = 96
"""Columns from which on the last 5 minutes have a column of their own."""


@frozen
class Look:
    """How much room there is, and which characters the terminal has."""

    width: int = 80
    height: int | None = None
    """Lines; None: as many as it takes."""
    utf: bool = True
    zone: tzinfo = UTC

    def sign(self, status: Status) -> Text:
        """The sign of a status, in its colour."""
        signs = {"good": "●", "watch": "▲", "alert": "■", "unknown": "○"}
        ascii_signs = {"good": "o", "watch": "!", "alert": "#", "unknown": "-"}
        return Text((signs if self.utf else ascii_signs)[status], _STYLES[status])

    @property
    def steps(self) -> str:
        """The heights of a trend."""
        return "▁▂▃▄▅▆▇" if self.utf else "1234567"


def render(board: Board, look: Look) -> Group:
    """Everything a board shows; queues that do not fit are counted, those with an alert stay."""
    top, foot = list(_top(board, look)), list(_foot(board, look))
    room = None if look.height is None else max(look.height - len(top) - len(foot) - 2, 1)
    shown, hidden = _fitting(board.queues, room)
    table = _table(shown, look)
    if hidden:
        foot.insert(0, Text(f"and {hidden} more queues", "dim"))
    if not board.queues:
        return Group(*top, Text("no queues" if board.begun else "no queues yet", "dim"), *foot)
    return Group(*top, table, *foot)


def _fitting(queues: tuple[QueueLine, ...], room: int | None) -> tuple[tuple[QueueLine, ...], int]:
    if room is None or len(queues) <= room:
        return queues, 0
    # The line that says how many are missing takes one.
    first = sorted(queues, key=lambda queue: queue.status != "alert")[: max(room - 1, 1)]
    kept = {queue.key for queue in first}
    return tuple(queue for queue in queues if queue.key in kept), len(queues) - len(first)


def _top(board: Board, look: Look) -> Iterator[Text]:
    first = board.sources[0] if board.sources else None
    age = None if first is None else first.age_seconds
    told = "no data yet" if age is None else f"data {duration(age)} old"
    stale = [source for source in board.sources if source.stale]
    status: Status = "good" if not stale else "watch" if any(one.error for one in stale) else "unknown"
    vdns = ", ".join(str(vdn) for vdn in dict.fromkeys(queue.vdn for queue in board.queues))
    clock = f"{board.at.astimezone(look.zone):%H:%M:%S %Z}  "
    line = Text.assemble((f"VDN {vdns}  " if vdns else "", "bold"), clock)
    yield _cut(line + look.sign(status) + Text(f" {told}", "bold" if stale else ""), look)
    for reason in board.reasons[:2] if board.begun else ():
        yield _cut(look.sign("watch") + Text(f" {visible(reason)}", _STYLES["watch"]), look)
    yield _cut(Text("  ".join(_summary(board, look.zone)), "bold"), look)


def _summary(board: Board, zone: tzinfo) -> Iterator[str]:
    if board.overall is not None:
        level = board.overall.service_level
        yield f"in 20 s: {_percent(level)} of {level.count:,} ({_window(board.overall, zone)})"
    calling = [queue for queue in board.queues if queue.waiting.value]
    yield f"{len(calling)} of {len(board.queues)} queues have callers"
    longest = max(calling, key=lambda queue: queue.longest_wait.value or 0, default=None)
    if longest is not None:
        yield f"longest {_seconds(longest.longest_wait)}"


def _window(calls: Calls, zone: tzinfo) -> str:
    return f"{calls.begin.astimezone(zone):%H:%M}-{calls.end.astimezone(zone):%H:%M}"


_Column = tuple[str, Callable[[QueueLine], str | Text]]


def _table(queues: tuple[QueueLine, ...], look: Look) -> Table:
    wide = look.width >= _WIDE
    made = Table(box=None, pad_edge=False, padding=(0, 1), width=min(look.width, 120), header_style="dim")
    made.add_column("", width=1)
    made.add_column("queue", ratio=1, no_wrap=True, overflow="ellipsis")
    columns: list[_Column] = [
        ("wait", _waiting),
        ("longest", lambda queue: _seconds(queue.longest_wait)),
        ("in 20 s", _level),
        *([("5 min", _last)] if wide else []),
        ("last hour", lambda queue: _trend(queue, look)),
        ("offered", lambda queue: _count(queue, "offered")),
        ("conn.", lambda queue: _count(queue, "connected")),
        ("lost", lambda queue: _count(queue, "lost")),
    ]
    for heading, _ in columns:
        made.add_column(heading, justify="right", no_wrap=True)
    several = len({queue.vdn for queue in queues}) > 1
    for queue in queues:
        whose = f"{queue.vdn} " if several else ""
        name = Text(visible(whose + queue.name), "dim" if queue.stale else "bold")
        made.add_row(look.sign(queue.status), name, *(make(queue) for _, make in columns))
    return made


def _main(queue: QueueLine) -> Calls | None:
    return queue.rolling or queue.last or queue.current


def _waiting(queue: QueueLine) -> Text:
    value = queue.waiting.value
    style = "dim" if not value or queue.stale else "bold #f0e442"
    return Text("-" if value is None else f"{value:,.0f}", style)


def _level(queue: QueueLine) -> Text:
    calls = _main(queue)
    value = None if calls is None else calls.service_level.value
    poor = value is not None and queue.target is not None and value < queue.target
    style = _STYLES[queue.status] if poor and queue.status in ("watch", "alert") else ""
    # What runs now is not to be judged by: it is marked.
    running = "~" if calls is not None and calls is queue.current else ""
    return Text(running + _percent(calls.service_level if calls else None), style)


def _last(queue: QueueLine) -> str:
    return _percent(queue.last.service_level if queue.last else None)


def _count(queue: QueueLine, name: str) -> str:
    calls = _main(queue)
    value: int | None = None if calls is None else getattr(calls, name)
    return "-" if value is None else f"{value:,}"


def _trend(queue: QueueLine, look: Look) -> Text:
    steps, drawn = look.steps, ""
    for value in queue.trend:
        share = 0.0 if value is None else (min(max(value, _WORST), 1.0) - _WORST) / (1 - _WORST)
        drawn += " " if value is None else steps[round(share * (len(steps) - 1))]
    return Text(drawn, "#56b4e9")


def _foot(board: Board, look: Look) -> Iterator[Text]:
    agents = "  ".join(f"{count:,} {state}" for state, count in board.agents.by_state)
    told = "no answer yet" if board.agents.signed_in.value is None else "nobody is signed in"
    yield _cut(Text.assemble(("agents  ", "dim"), agents or told), look)
    for task in board.tasks:
        left = "-" if task.waiting is None else f"{task.waiting:,}"
        line = f" task {visible(task.task_id)}: {_percent(task.connect_rate)} connected, {left} to call"
        yield _cut(Text.assemble(look.sign(task.status), line), look)
    for vdn in board.vdns:
        inbound = "-" if vdn.inbound is None else f"{vdn.inbound:,}"
        line = f"{visible(vdn.name)}: {inbound} calls came in since {vdn.begin.astimezone(look.zone):%H:%M}, "
        yield _cut(Text(f"{line}{_percent(vdn.connection_rate)} connected or more"), look)
    most = None if look.height is None else max(look.height // 6, 1)
    for agent in board.agents.people[:most]:
        spent = "" if agent.state_seconds is None else f" for {duration(agent.state_seconds)}"
        yield _cut(Text(f"agent {agent.agent_id}: {agent.state}{spent}"), look)
    yield from _more(len(board.agents.people), most, "agents")
    # The newest are news; those that stand for long are known.
    for alert in board.alerts[-most:] if most else board.alerts:
        yield _cut(look.sign("alert") + Text(f" {visible(str(alert))}", _STYLES["alert"]), look)
    yield from _more(len(board.alerts), most, "alerts")
    ages = "  ".join(_age(source) for source in board.sources)
    yield _cut(Text(ages, "dim"), look)


def _more(count: int, most: int | None, what: str) -> Iterator[Text]:
    """How many are not shown: a screen has room for a sixth of its lines of each."""
    if most is not None and count > most:
        yield Text(f"and {count - most:,} more {what}", "dim")


def _age(source: Source) -> str:
    told = "not here yet" if source.age_seconds is None else duration(source.age_seconds)
    return f"{_SOURCES.get(source.interface, source.interface)} {told}"


def _cut(line: Text, look: Look) -> Text:
    line.truncate(look.width, overflow="ellipsis" if look.utf else "crop")
    line.no_wrap = True
    return line


def _percent(figure: Figure | None) -> str:
    return "-" if figure is None or figure.value is None else f"{int(figure.value * 100 + 1e-9)} %"


def _seconds(figure: Figure) -> str:
    return "-" if figure.value is None else duration(figure.value)
