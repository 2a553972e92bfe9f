"""What a live alert watches: the interfaces its rules need, and their troubles told once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from cc_async import BatchError, CcError, CmsClient, Query, SystemIndicators
from cc_async.cli.run import built
from cc_async.monitor.beat import Beat
from cc_async.monitor.beats import watch
from cc_async.monitor.rules import Rule
from cc_async.monitor.sums import BUCKET_SECONDS
from cc_async.monitor.watching import Watch

BASE = "skill_call_stats"
"""Watched whatever the rules say: where nothing else is judged, silence is."""
_NEEDED_BY = {
    "skill_states": {"service_level", "lost_rate", "no_idle_agent"},
    "agent_states": {"state_time"},
    "task_stats": {"outbound_connect", "task_still"},
    "system_indicators": {"online_drop"},
}
"""Which measures want which interface; service level and lost calls tell how many wait, from the states."""
_WINDOWS = 3
"""Windows asked again at every beat: a late one is not missed."""
_SHORTEST_TIMEOUT = 30.0


@frozen(kw_only=True)
class Wanted:
    """What the options say about the sources."""

    rules: tuple[Rule, ...]
    skill_ids: list[int] | None
    tasks: list[str] | None
    vdns: list[int] | None
    """VDNs whose indicators are asked; None: they are not."""
    every: float


def sources(cms: CmsClient, wanted: Wanted) -> dict[str, Watch[Any]]:
    """The watches, by interface; raises UsageError where a question cannot be asked."""
    made: dict[str, Callable[[], Query[Any]]] = {
        "skill_states": lambda: cms.skill_states(skill_ids=wanted.skill_ids),
        "agent_states": lambda: cms.agent_states(),
    }
    if wanted.tasks is not None:
        made["task_stats"] = lambda: cms.task_stats(task_ids=wanted.tasks or [])
    measures = {rule.measure for rule in wanted.rules}
    calls = built(lambda: cms.skill_call_stats(skill_ids=wanted.skill_ids))
    timeout = max(wanted.every, _SHORTEST_TIMEOUT)
    found: dict[str, Watch[Any]] = {BASE: watch(calls, aligned=True)}
    for name, make in made.items():
        if measures & _NEEDED_BY[name]:
            found[name] = watch(built(make), every=wanted.every, timeout=timeout)
    if wanted.vdns is not None and measures & _NEEDED_BY["system_indicators"]:
        recent = _Recent(cms, calls.origin.now, wanted.vdns)
        found["system_indicators"] = watch(recent.ask, every=wanted.every, timeout=timeout)
    return found


def not_judged(wanted: Wanted, watched: Iterable[str]) -> dict[str, list[str]]:
    """The rules that want an interface that is not watched: interface and ids of the rules."""
    missing = _NEEDED_BY.keys() - set(watched)
    told = {
        name: [rule.id for rule in wanted.rules if rule.measure in _NEEDED_BY[name]]
        for name in sorted(missing)
    }
    return {name: rules for name, rules in told.items() if rules}


@frozen
class _Recent:
    """Asks the windows of indicators that were over last."""

    cms: CmsClient
    now: Callable[[], datetime]
    vdns: list[int]

    def ask(self) -> Query[SystemIndicators]:
        end = datetime.fromtimestamp(self.now().timestamp() // BUCKET_SECONDS * BUCKET_SECONDS, UTC)
        begin = end - timedelta(seconds=_WINDOWS * BUCKET_SECONDS)
        return self.cms.system_indicators(begin=begin, end=end, vdns=self.vdns)


class Told:
    """The beats of a watch; when they begin to fail, and when they are well again, is told once."""

    def __init__(self, name: str, beats: AsyncIterator[Beat[Any]], tell: Callable[[str], None]) -> None:
        self._name, self._beats, self._tell = name, beats, tell
        self._trouble = ""

    def __aiter__(self) -> AsyncIterator[Beat[Any]]:
        return self

    async def __anext__(self) -> Beat[Any]:
        """The next beat; raises its error where the very first asking shows that no other will do better."""
        beat = await anext(self._beats)
        hopeless = isinstance(beat.error, CcError) and not beat.error.retryable and beat.batch is None
        if beat.error is not None and beat.number == 1 and hopeless and self._name == BASE:
            raise beat.error
        trouble = "" if beat.error is None else _line(beat.error)
        if trouble and type(beat.error).__name__ != self._trouble:
            self._tell(f"{self._name}: {trouble}")
        elif not trouble and self._trouble:
            self._tell(f"{self._name}: answered again")
        self._trouble = type(beat.error).__name__ if beat.error is not None else ""
        return beat


def _line(error: Exception) -> str:
    if isinstance(error, BatchError):
        first, *others = error.exceptions
        return f"{first} (and {len(others):,} more parts)" if others else str(first)
    return str(error)
