"""What a live alert watches, and how the troubles of its sources are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cc_async import Batch, CmsClient, ConnectError, NoPermission, ServerError, Skill
from cc_async.cli.alert_sources import Told, Wanted, not_judged, sources
from cc_async.monitor.beat import Beat
from cc_async.monitor.rules import DEFAULTS, Rule
from cc_async.simulator import Simulator

TEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
GOOD = Batch.of([Skill(1)])


def only(*measures: str) -> tuple[Rule, ...]:
    """The usual rules of some measures."""
    return tuple(rule for rule in DEFAULTS if rule.measure in measures)


async def beats(*errors: Exception | None) -> AsyncIterator[Beat[Any]]:
    """Beats that went well (None) or brought nothing but an error."""
    for number, error in enumerate(errors, 1):
        yield Beat(number=number, at=TEN, batch=None if error else GOOD, error=error)


async def told(name: str, *errors: Exception | None) -> list[str]:
    """What is said about a source whose beats come to these."""
    said: list[str] = []
    async for _ in Told(name, beats(*errors), said.append):
        pass
    return said


async def test_a_trouble_is_told_when_it_begins_and_when_it_is_over() -> None:
    """Not at every beat; another kind of trouble is told, too."""
    gone, broken = ConnectError("gone"), ServerError("broken", status=500)
    assert await told("agent_states", None, gone, gone, gone, None, None) == [
        f"agent_states: {gone}",
        "agent_states: answered again",
    ]
    assert await told("agent_states", gone, broken, broken) == [
        f"agent_states: {gone}",
        f"agent_states: {broken}",
    ]


async def test_only_a_hopeless_beginning_of_the_calls_ends_it() -> None:
    """No permission at the first look at calls ends the command; of another source, or later, it is told."""
    refused = NoPermission("not for this key")
    with pytest.raises(NoPermission):
        await told("skill_call_stats", refused)
    assert await told("agent_states", refused) == [f"agent_states: {refused}"]
    assert await told("skill_call_stats", None, refused) == [f"skill_call_stats: {refused}"]
    assert await told("skill_call_stats", ConnectError("gone"), None) == [
        "skill_call_stats: gone",
        "skill_call_stats: answered again",
    ]


@pytest.mark.parametrize(
    ("measures", "tasks", "vdns", "expected", "missing"),
    [
        (("no_data",), None, None, set(), {}),
        (("service_level",), None, None, {"skill_states"}, {}),
        (("state_time",), None, [170], {"agent_states"}, {}),
        (("online_drop",), None, [170], {"system_indicators"}, {}),
        (("online_drop",), None, None, set(), {"system_indicators": ["agents gone"]}),
        (("task_still",), ["1122104910"], None, {"task_stats"}, {}),
        (("task_still",), None, None, set(), {"task_stats": ["task stands still"]}),
    ],
)
async def test_only_what_the_rules_need_is_asked(
    sim: Simulator,
    make_cms: Callable[..., CmsClient],
    measures: tuple[str, ...],
    tasks: list[str] | None,
    vdns: list[int] | None,
    expected: set[str],
    missing: dict[str, list[str]],
) -> None:
    """Calls always, the rest where a rule wants it; rules without a source are named."""
    wanted = Wanted(rules=only(*measures), skill_ids=None, tasks=tasks, vdns=vdns, every=60.0)
    found = sources(make_cms(sim), wanted)
    assert set(found) == {"skill_call_stats", *expected}
    assert not_judged(wanted, found) == missing
    assert sim.requests == []
