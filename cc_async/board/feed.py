"""The feed: one task runs the watches, tells the listeners, and publishes a new board at every change."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, MutableMapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, tzinfo
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from anyio import CancelScope

from cc_async.board.events import Events
from cc_async.board.fanout import Fanout, Subscription
from cc_async.board.happening import Happening
from cc_async.board.keeping import Keeping
from cc_async.board.known import Asked, Known
from cc_async.board.lines import Standards
from cc_async.board.model import Board
from cc_async.board.names import Names
from cc_async.board.privacy import Privacy
from cc_async.board.publishing import Publishing
from cc_async.board.watched import Watched, Watching, watches
from cc_async.client import CmsClient
from cc_async.errors import CcError, ExportError
from cc_async.monitor.beat import Beat
from cc_async.monitor.judge import Judge
from cc_async.monitor.listener import Listener
from cc_async.monitor.rules import DEFAULTS, Rule, checked
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import SkillKey, Stitched
from cc_async.session.clock import Clock, LoopClock

TICK = 7.0


class Feed:
    """Watches a contact center and publishes boards; entered once, read by any number of subscribers.

    ::

        async with Feed(cms, Watched(queues={170: None})) as feed, feed.boards() as boards:
            async for board in boards:
                print(board.at, board.stale, [str(queue.waiting) for queue in board.queues])

    Subscribers get the newest board and never a backlog. An outage ends nothing: boards go on coming, with
    the age of each source and the reason. Iterating raises ``ClosedError`` when the client was closed, and
    whatever a listener raises.

    Args:
        cms: the client; it is not closed.
        watched: what is shown.
        rules: which alerts ring, and the service level the queues are measured by.
        state: a folder that keeps sums and alerts over a restart, made if it is not there; one process each.
            Or what ``Keeping.load`` made of one, for whoever needs the sums beforehand.
        names: filled with the names of the queues as they come.
        listeners: told of every beat, of what was stitched, and of every alert, with nothing left out.
        show_agents: True: boards and events say who the agents are (by number).
        zone: in which alerts tell their times.
        tick: seconds after which a board is published though nothing came, so that ages go on.
        clock, rng: where time and chance come from.

    Raises:
        ExportError: the state cannot be read (on entering), or is that of another call center (to readers).
    """

    def __init__(
        self,
        cms: CmsClient,
        watched: Watched,
        *,
        rules: Iterable[Rule] = DEFAULTS,
        state: str | PathLike[str] | Keeping | None = None,
        names: MutableMapping[SkillKey, str] | None = None,
        listeners: Iterable[Listener] = (),
        show_agents: bool = False,
        zone: tzinfo = UTC,
        tick: float = TICK,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        if not tick > 0:
            raise ValueError(f"tick must be above 0 seconds, not {tick}")
        self._cms, self._watched, self._rules = cms, watched, checked(rules)
        self._state, self._queue_names = state, names
        self._listeners = tuple(listeners)
        self._privacy = Privacy(show_agents)
        self._zone, self._tick, self._given_clock = zone, tick, clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._boards: Fanout[Board] = Fanout()
        self._events = Events(self._privacy, self._now)
        self._task: asyncio.Task[None] | None = None
        self._stitching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("a feed is entered once; make another one")
        self._clock = self._given_clock or LoopClock()
        self._publishing = Publishing(self._boards, self._made, tick=self._tick, clock=self._clock)
        self._keeping = await self._kept()
        vdns = self._watched.vdns
        of_vdns = len(vdns) > 1 or self._watched.indicators
        self._names = Names(self._cms, vdns, of_vdns=of_vdns, queues=self._queue_names)
        self._judge = Judge(self._rules, names=self._names.of, zone=self._zone, memory=self._keeping.memory)
        watching = tuple(watches(self._cms, self._watched, self._clock, self._rng))
        asked = tuple(dict.fromkeys(one.asked for one in watching))
        self._known = Known(
            asked,
            Standards.of(self._rules),
            self._keeping.stitcher,
            people=self._privacy.show_agents,
        )
        self._task = asyncio.create_task(self._run(watching), name="cc_async.board")
        self._task.add_done_callback(self._end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            # A scope that was cancelled would cancel these too, and leave the task to nobody.
            with CancelScope(shield=True):
                await asyncio.wait([self._task])
                try:
                    await self._keeping.save()
                except CcError:
                    if error is None:  # else what ended the block is what counts
                        raise
                finally:
                    self._keeping.close()

    async def _kept(self) -> Keeping:
        state = self._state
        if isinstance(state, Keeping):
            return state
        return await Keeping.load(None if state is None else Path(state), self._rules)

    # Reading

    @property
    def board(self) -> Board:
        """Everything as it stands at this moment."""
        if self._task is None:
            raise RuntimeError("a feed is read inside its block: async with Feed(...) as feed")
        return self._made(self._publishing.number)

    @property
    def stitcher(self) -> Stitcher:
        """The sums behind the board; to be read, not fed."""
        return self._keeping.stitcher

    def boards(self) -> Subscription[Board]:
        """A subscription that always hands over the newest board, the present one first."""
        return self._boards.subscribe(1, self.board)

    def happenings(self, after: int | None = None) -> Subscription[Happening]:
        """A subscription to alerts and changes; those since number ``after`` come first, if still known."""
        return self._events.subscribe(after)

    async def ended(self) -> None:
        """Wait until the feed has ended by itself, which it does only by an error; raises that."""
        if self._task is None:
            raise RuntimeError("a feed is read inside its block: async with Feed(...) as feed")
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    # The task

    async def _run(self, watching: tuple[Watching, ...]) -> None:
        async with AsyncExitStack() as stack:
            for one in watching:
                await stack.enter_async_context(one.watch)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for one in watching:
                        tasks.create_task(self._follow(one))
                    tasks.create_task(self._names.keep(self._clock, self._publishing.changed))
                    tasks.create_task(self._publishing.keep_time())
                    tasks.create_task(self._publishing.publish())
            except BaseExceptionGroup as group:
                # One cause brought the others down: that is what the readers get.
                raise group.exceptions[0] from None

    def _end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self._boards.end(error)
        self._events.end(error)

    async def _follow(self, watching: Watching) -> None:
        asked = watching.asked
        async for beat in watching.watch:
            if asked.interface == "skill_call_stats":
                # Two watches ask for calls: what one stitched is kept and told before the other's comes.
                async with self._stitching:
                    await self._take(asked, beat, self._stitch(beat))
            else:
                await self._take(asked, beat, None)

    async def _take(self, asked: Asked, beat: Beat[Any], stitched: Stitched | None) -> None:
        self._known.take(asked.name, beat, self._clock.monotonic())
        if stitched is not None:
            self._known.count(stitched)
        for listener in self._listeners:
            listener.on_beat(asked.interface, beat)
        rung = self._judge.take(beat, source=asked.name)
        self._events.compare(asked.name, beat)
        self._publishing.changed()
        if rung or asked.interface == "skill_call_stats":
            # Kept before anybody is told: a crash in between repeats no alert, and no counter goes back.
            await self._keeping.save()
        for listener in self._listeners:
            if stitched is not None:
                listener.on_stitched(stitched)
            for alert in rung:
                listener.on_alert(alert)
        for alert in rung:
            self._events.ring(alert)
            self._publishing.changed()

    def _stitch(self, beat: Beat[Any]) -> Stitched | None:
        if beat.batch is None:
            return None
        try:
            return self._keeping.stitcher.feed(beat.batch)
        except ValueError as error:
            raise ExportError(str(error), hint="give this call center a state folder of its own") from None

    def _now(self) -> datetime:
        return self._known.now(self._clock.monotonic(), self._clock.wall())

    def _made(self, number: int) -> Board:
        troubles = [one for one in (self._keeping.trouble, self._names.trouble) if one]
        return self._known.board(
            number,
            self._clock.monotonic(),
            self._clock.wall(),
            names=self._names.known,
            alerts=[self._privacy.alert(alert) for alert in self._judge.raised],
            troubles=troubles,
        )
