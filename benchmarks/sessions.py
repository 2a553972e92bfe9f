"""Line 15: five hundred agents signed in for half an hour, their events followed, their statistics asked."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import looptime
from attrs import define, field

from benchmarks.report import Line, line
from cc_async import AgentSession, CcError, Event, GatewayClient
from cc_async.session.events import RequestAnswered, RequestSent
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()
AGENTS, MINUTES = 500, 30
SMOKE_AGENTS, SMOKE_MINUTES = 50, 2
ABSENCE = 60.0
_LOOKS = 3
_FILES = 4096
"""Two for each session, since the contact center is in this process too."""


@define
class Tally:
    """What went over the wire, seen by an observer."""

    sent: Counter[str] = field(factory=Counter[str])
    throttled: int = 0
    longest_absence: float = 0.0
    slowest_statistics: float = 0.0
    _seen: dict[str, float] = field(factory=dict[str, float])

    def on_event(self, event: Event) -> None:
        """Count requests, and the time between two of one agent."""
        if isinstance(event, RequestSent):
            self.sent[event.endpoint] += 1
            before = self._seen.get(event.part)
            if event.endpoint == "agent_sign_in":
                before = None
            if before is not None:
                self.longest_absence = max(self.longest_absence, event.at - before)
            self._seen[event.part] = event.at
        elif isinstance(event, RequestAnswered):
            self.throttled += event.error == "Throttled"
            if event.endpoint.startswith("agent_call_stats"):
                self.slowest_statistics = max(self.slowest_statistics, event.seconds)


@define
class Outcome:
    """What the time came to."""

    tally: Tally
    lost: int
    over_quota: int
    guids: int
    events: int
    rows: int
    failed: int
    left: int


async def working_time(
    agents: int, minutes: int, latency: float = 0.02, connections: int | None = None, every: int = 1
) -> Outcome:
    """Everybody signs in, is followed, asked every so many minutes, and signs out.

    ``connections``: those of polls, one for each session unless told otherwise.
    """
    tally, guids = Tally(), Counter[int]()
    raise_file_limit()
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": 100, "agents_per_vdn": 4 * agents}
    habits: dict[str, Any] = {
        "latency": latency,
        "jitter": 1.5 * latency,
        "clock": LoopClock(NOON),
    }

    def renewed(agent_id: int, guid: str) -> None:
        guids[agent_id] += 1

    async with Simulator(**size, **habits, record_requests=False) as sim, AsyncExitStack() as stack:
        gateway = GatewayClient(
            sim.gateway_url, {}, on_guid=renewed, observers=[tally], agent_connections=connections or agents
        )
        async with gateway:
            ids = sim.free_agents[:agents]
            sessions = [
                # Every other one takes calls.
                gateway.agent_session(
                    each,
                    password=sim.password_of(each),
                    phone=str(70_000 + each),
                    status=3 + each % 2,
                    enter_idle=each % 2 == 1,
                )
                for each in ids
            ]
            await asyncio.gather(*(stack.enter_async_context(each) for each in sessions))
            events = [asyncio.create_task(_followed(each)) for each in sessions]
            rows = failed = 0
            until = asyncio.get_running_loop().time() + 60 * minutes
            for minute in range(minutes):
                if minute % every == 0:
                    batch = await gateway.agent_call_stats(ids, brief=minute % 2 == 1, partial=True)
                    rows, failed = rows + len(batch), failed + len(batch.failures)
                await asyncio.sleep(until - 60 * (minutes - minute - 1) - asyncio.get_running_loop().time())
            lost = sum(each.lost is not None for each in sessions)
            lost += len(set(ids) - set(sim.guids))
            await stack.aclose()
            left = len(set(ids) & set(sim.guids))
            told = sum(await asyncio.gather(*events))
        renewals = sum(guids.values()) - agents
        return Outcome(tally, lost, sim.over_quota, renewals, told, rows, failed, left)


def raise_file_limit() -> None:
    """Let this process open as many sockets as the run needs, where the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _loop() -> asyncio.AbstractEventLoop:
    """A loop in virtual time that looks round a few times, not 42 times, before it moves on."""
    return looptime.new_event_loop(noop_cycles=_LOOKS)


async def _followed(session: AgentSession) -> int:
    """How many events a session told until it ended."""
    count = 0
    try:
        async for _ in session:
            count += 1
    except CcError:
        pass  # counted as lost already
    return count


def run(smoke: bool) -> list[Line]:
    """Half an hour of 500 agents in dynamic mode; in a smoke run a few agents for two minutes."""
    agents, minutes = (SMOKE_AGENTS, SMOKE_MINUTES) if smoke else (AGENTS, MINUTES)
    began = time.process_time()
    with asyncio.Runner(loop_factory=_loop) as runner:
        found = runner.run(working_time(agents, minutes))
    took, tally = time.process_time() - began, found.tally
    polls, absence = tally.sent["agent_events"], tally.longest_absence
    asked, slowest = agents * minutes, tally.slowest_statistics
    per_guid = found.guids / asked
    return [
        line("agents signed in, minutes", float(asked), "agent minutes"),
        line("sessions lost", float(found.lost), "sessions", "0", found.lost == 0),
        line("left signed in at the end", float(found.left), "agents", "0", found.left == 0),
        line("requests over a quota", float(found.over_quota), "requests", "0", found.over_quota == 0),
        line("polls of one agent at once", float(tally.throttled), "polls", "0", tally.throttled == 0),
        line("longest without a request", absence, "s", "at most 60", absence <= ABSENCE),
        line("polls", float(polls), "polls"),
        line("new GUIDs a minute and agent", per_guid, "GUIDs", "0.8 to 1", 0.8 <= per_guid <= 1),
        line("events told", float(found.events), "events"),
        line("statistics answered of those asked", 100 * found.rows / asked, "%", "100", found.rows == asked),
        line("slowest of them, all polls being held", slowest, "s", "below 1", slowest < 1),
        line("processor time, contact center included", took, "s"),
    ]
