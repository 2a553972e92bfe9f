"""``alerts``: what begins and what ends, from watches and rules; a restart repeats nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, tzinfo
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cc_async.monitor import state
from cc_async.monitor.alert import Alert
from cc_async.monitor.judge import Judge, Sample
from cc_async.monitor.memory import KIND, UNREADABLE, VERSION, Memory
from cc_async.monitor.rules import DEFAULTS, Rule, checked
from cc_async.monitor.subject import Names
from cc_async.monitor.watching import Watch

Source = Watch[Any] | AsyncIterator[Any]


def alerts(
    watches: Source | Iterable[Source] | Mapping[str, Source],
    rules: Iterable[Rule] = DEFAULTS,
    *,
    names: Names | None = None,
    zone: tzinfo = UTC,
    state_file: str | PathLike[str] | None = None,
    until_confirmed: bool = False,
) -> Alerts:
    """Judge what watches bring, and hand over each alert when it is raised and when it is cleared.

    ::

        calls = watch(cms.skill_call_stats(), aligned=True)
        states = watch(cms.skill_states(), every=60)
        async with alerts([calls, states], names={7: "Billing"}, state_file="alerts.json") as ringing:
            async for alert in ringing:
                print(alert)

    Args:
        watches: one or several, or a mapping that names them; entered here, so not to be entered before. Any
            other async iterator of beats or batches is taken as well.
        rules: ``DEFAULTS``, those of ``load_rules(path)``, or your own.
        names: of queues by ``skill_id`` or ``(vdn, skill_id)``, of anything by key (``agent/170/1001``).
        zone: in which alerts tell their times; that of a rule's opening hours comes first.
        state_file: remembers what stands, so that a restart tells nothing twice. It is written before an
            alert is handed over: one that was being handed over in a crash is in ``raised`` afterwards. One
            process per file.
        until_confirmed: True keeps each alert in the state file until ``confirm(alert)``; after a restart
            those that were not confirmed are handed over again, first. For readers who have to pass them on.

    Raises:
        ValueError: two rules have one id.
        ExportError: the state file cannot be read (on entering) or written (while reading).
    """
    sources: dict[str, Source]
    if isinstance(watches, AsyncIterator):
        sources = {"1": watches}
    elif isinstance(watches, Mapping):
        sources = {str(name): one for name, one in watches.items()}
    else:
        sources = {str(number): one for number, one in enumerate(watches, 1)}
    if not sources:
        raise ValueError("alerts needs something to watch")
    path = None if state_file is None else Path(state_file)
    return Alerts(sources, checked(rules), names, zone, path, until_confirmed)


class Alerts:
    """The alerts of some watches; made by ``alerts``, read inside ``async with``, by one reader.

    Nothing is taken from the watches while no alert is asked for: a slow reader is given the newest beats.
    Iterating raises what a watch raises, and ends when all of them have ended.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        rules: tuple[Rule, ...],
        names: Names | None,
        zone: tzinfo,
        path: Path | None,
        until_confirmed: bool,
    ) -> None:
        self._sources, self._rules, self._names, self._zone, self._path = sources, rules, names, zone, path
        self._judge = Judge(rules, names=names, zone=zone)
        self._stack = AsyncExitStack()
        self._ready: deque[Alert] = deque()
        self._asked: dict[asyncio.Task[Sample], str] = {}
        self._entered = self._unsaved = False
        self._until_confirmed = until_confirmed
        self._confirmed = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("alerts are entered once; call alerts() again")
        self._entered = True
        if self._path is not None:
            self._judge = Judge(
                self._rules, names=self._names, zone=self._zone, memory=self._loaded(self._path)
            )
        self._ready.extend(self._judge.memory.pending)
        if not self._until_confirmed:
            self._judge.memory.pending.clear()
        async with AsyncExitStack() as stack:
            for source in self._sources.values():
                if isinstance(source, Watch):
                    await stack.enter_async_context(source)
            self._stack = stack.pop_all()
        for name in self._sources:
            self._ask(name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asked, self._asked = self._asked, {}
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        try:
            if self._until_confirmed:
                while self._unsaved or self._writing is not None:
                    await self._save()
            elif self._writing is not None:
                # What was not handed over is not to be remembered as told.
                await asyncio.wait([self._writing])
        finally:
            await self._stack.aclose()

    @property
    def raised(self) -> tuple[Alert, ...]:
        """The alerts that stand, oldest first; right after entering, those of the state file."""
        return self._judge.raised

    def confirm(self, alert: Alert) -> None:
        """Say that an alert has been passed on; a restart does not hand it over again.

        Only with ``until_confirmed=True``; confirming twice changes nothing.
        """
        pending = self._judge.memory.pending
        kept = [one for one in pending if (one.id, one.state) != (alert.id, alert.state)]
        if len(kept) < len(pending):
            self._judge.memory.pending = kept
            self._unsaved = self._path is not None
            self._confirmed.set()

    def __aiter__(self) -> AsyncIterator[Alert]:
        return self

    async def __anext__(self) -> Alert:
        """The next alert that is raised or cleared."""
        if not self._entered:
            raise RuntimeError("alerts are read inside their block: async with alerts(...) as ringing")
        while True:
            await self._save()
            if self._ready:
                return self._ready.popleft()
            if not self._asked:
                raise StopAsyncIteration
            await self._something()

    async def _something(self) -> None:
        """Wait for a sample, or for a confirmation, which has to be written."""
        self._confirmed.clear()
        confirmed = asyncio.ensure_future(self._confirmed.wait())
        try:
            done, _ = await asyncio.wait({*self._asked, confirmed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            confirmed.cancel()
        for task in [task for task in self._asked if task in done]:
            self._take(task)

    def _take(self, task: asyncio.Task[Sample]) -> None:
        name = self._asked.pop(task)
        try:
            sample = task.result()
        except StopAsyncIteration:
            return
        found = self._judge.take(sample, source=name)
        self._ready.extend(found)
        if self._until_confirmed:
            self._judge.memory.pending.extend(found)
        self._unsaved = self._path is not None
        self._ask(name)

    def _ask(self, name: str) -> None:
        source = self._sources[name]

        async def newest() -> Sample:
            found: Sample = await anext(source)
            return found

        self._asked[asyncio.create_task(newest(), name=f"cc_async.alerts.{name}")] = name

    def _loaded(self, path: Path) -> Memory:
        body = state.load(path, KIND, VERSION)
        if body is None:
            return Memory()
        try:
            return Memory.from_state(body, frozenset(rule.id for rule in self._rules))
        except UNREADABLE:
            raise state.damaged(path) from None

    async def _save(self) -> None:
        """Write the state; a reader who is cancelled meanwhile finds the same writing again."""
        if self._path is None:
            return
        if self._writing is None and self._unsaved:
            text = state.encode(KIND, VERSION, self._judge.memory.to_state())
            self._unsaved = False
            self._writing = asyncio.create_task(asyncio.to_thread(state.write, self._path, text))
        if self._writing is not None:
            writing = self._writing
            await asyncio.wait([writing])
            self._writing = None
            self._unsaved = self._unsaved or writing.exception() is not None
            writing.result()
