"""The checks of one moment: calls waiting, agents, the server itself, the age of data, alerts that stand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cc_async import CcError, CmsClient, ConfigError
from cc_async.cli import run
from cc_async.cli.check_run import Ask
from cc_async.cli.plugin import Limits, Perf, Result, Status, lasting, unknown
from cc_async.cli.usage import UsageError
from cc_async.monitor import figures_agents, state
from cc_async.monitor.memory import KIND, UNREADABLE, VERSION, Memory
from cc_async.session.clock import LoopClock

_SHOWN = 3
"""Alerts told by their sentences."""
_EARLY = datetime(2000, 1, 1, tzinfo=UTC)


def waiting(
    held: Limits, skills: str | None, measure: Literal["calls_waiting", "longest_wait_seconds"]
) -> Ask:
    """The queue with the most; queues are not added, as a call may wait in several."""
    of_calls = measure == "calls_waiting"
    name, unit = ("WAITING", "") if of_calls else ("LONGESTWAIT", "s")

    async def ask(cms: CmsClient) -> Result:
        ids = await run.skill_ids(cms, skills)
        rows = await run.built(lambda: cms.skill_states(skill_ids=ids))
        known = [(value, row.skill_id) for row in rows if (value := getattr(row, measure)) is not None]
        if not known:
            return unknown(name, f"the server did not say ({measure})" if rows else "there are no queues")
        value, skill_id = max(known, key=lambda one: (one[0], -one[1]))
        shown = f"{value:,} waiting" if of_calls else f"longest wait {lasting(value)}"
        text = f"{shown} in queue {skill_id}, the most of {len(known):,} queues"
        perf = (Perf(label=measure.removesuffix("_seconds"), value=value, unit=unit, limits=held, least=0),)
        return Result(name=name, status=held.status(value), text=text, perf=perf)

    return ask


def agents(held: Limits, which: str) -> Ask:
    """Agents in a state, each once."""

    async def ask(cms: CmsClient) -> Result:
        rows = await run.built(lambda: cms.agent_states())
        by_state = figures_agents.agents_by_state(rows)
        by_state.pop("not signed in", None)
        signed_in = sum(by_state.values())
        count = signed_in if which == "signed-in" else by_state.get(_STATES[which], 0)
        text = f"{count:,} agents {which.replace('-', ' ')}"
        text += "" if which == "signed-in" else f" of {signed_in:,} signed in"
        perf = [Perf(label=which.replace("-", "_"), value=count, limits=held, least=0)]
        if which != "signed-in":
            perf.append(Perf(label="signed_in", value=signed_in, least=0))
        return Result(name="AGENTS", status=held.status(count), text=text, perf=tuple(perf))

    return ask


_STATES: Mapping[str, figures_agents.State] = {
    "idle": "idle",
    "talking": "talking",
    "wrap-up": "wrap-up",
    "not-ready": "not ready",
    "rest": "rest",
}


def ping(held: Limits) -> Ask:
    """The server's own ping; what it raises is CRITICAL, a mistake of ours UNKNOWN."""

    async def ask(cms: CmsClient) -> Result:
        clock = LoopClock()
        begin = clock.monotonic()
        try:
            await cms.ping()
        except ConfigError:
            raise
        except CcError as error:
            return Result(name="PING", status=Status.CRITICAL, text=str(error))
        took = clock.monotonic() - begin
        perf = (Perf(label="time", value=took, unit="s", limits=held, least=0),)
        return Result(name="PING", status=held.status(took), text=f"answered in {took:.3f} s", perf=perf)

    return ask


def data_age(held: Limits, skills: str | None) -> Ask:
    """Since when the queue that is furthest behind counts."""

    async def ask(cms: CmsClient) -> Result:
        ids = await run.skill_ids(cms, skills)
        rows = await run.built(lambda: cms.skill_call_stats(skill_ids=ids))
        known = [
            ((row.sampled_at - row.interval_start).total_seconds(), row.skill_id)
            for row in rows
            # Some servers write 0 for a queue without calls.
            if row.sampled_at is not None and row.interval_start is not None and row.interval_start > _EARLY
        ]
        if not known:
            return unknown("DATAAGE", "no queue says since when it counts" if rows else "there are no queues")
        age, skill_id = max(known)
        age = max(age, 0.0)
        text = f"queue {skill_id} counts since {lasting(age)}, the longest of {len(known):,} queues"
        perf = (Perf(label="age", value=age, unit="s", limits=held, least=0),)
        return Result(name="DATAAGE", status=held.status(age), text=text, perf=perf)

    return ask


async def alerts(held: Limits, path: Path, stale: float) -> Result:
    """How many alerts stand in the state of a running ``cc-async alert``."""
    body = state.load(path, KIND, VERSION)
    if body is None:
        raise UsageError(f"--state: there is no file {path}", hint="cc-async alert --state writes it")
    try:
        memory = Memory.from_state(body, frozenset(rule for rule, *_ in body["raised"]))
    except UNREADABLE:
        raise state.damaged(path) from None
    if not memory.seen:
        return unknown("ALERTS", f"{path} has seen no data yet")
    age = max(LoopClock().wall() - max(memory.seen.values()).timestamp(), 0.0)
    standing = sorted(memory.raised.values(), key=lambda alert: alert.since)
    perf = (
        Perf(label="alerts", value=len(standing), limits=held, least=0),
        Perf(label="age", value=age, unit="s", least=0),
    )
    if age > stale:
        text = f"the newest data is {lasting(age)} old: does cc-async alert run, and does the server answer?"
        return Result(name="ALERTS", status=Status.UNKNOWN, text=text, perf=perf)
    told = "; ".join(str(alert) for alert in standing[:_SHOWN])
    more = f"; and {len(standing) - _SHOWN:,} more" if len(standing) > _SHOWN else ""
    text = f"{len(standing):,} alerts stand{': ' if told else ''}{told}{more}"
    return Result(name="ALERTS", status=held.status(len(standing)), text=text, perf=perf)
