"""A watch at work: one task that waits, asks, and leaves the newest beat for its reader."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from attrs import evolve, frozen

from cc_async.batch.result import Batch
from cc_async.errors import CallTimeout, CcError, ClosedError
from cc_async.monitor.beat import Beat
from cc_async.monitor.order import Asker
from cc_async.monitor.schedule import Aligned, Lead, Periodic, ServerClock
from cc_async.monitor.sums import BUCKET_SECONDS
from cc_async.query import Query
from cc_async.session.clock import Clock, LoopClock

R = TypeVar("R")

RETRY_SECONDS = (30.0, 60.0, 120.0)
"""How long after a failed aligned beat it is tried again, at the most; half of it is chance."""


@frozen(kw_only=True)
class Rhythm:
    """When a watch asks; seconds."""

    every: float | None
    lead: float | None
    timeout: float
    spread: float


class Watch(Generic[R]):
    """The beats of one question; made by ``watch``, asked only inside ``async with``, for one reader.

    Iterating raises ``ClosedError`` when the client was closed, and whatever a bug of the function raises.
    """

    def __init__(
        self,
        source: Query[R] | Callable[[], Awaitable[Batch[R]]],
        rhythm: Rhythm,
        clock: Clock | None,
        rng: random.Random,
    ) -> None:
        self._asker = Asker(source)
        self._rhythm = rhythm
        self._given_clock = clock
        self._rng = rng
        self._task: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._waiting: Beat[R] | None = None
        self._good: tuple[Batch[R], float] | None = None
        self._number = 0
        self._first_bucket: int | None = None

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("a watch is entered once; call watch() again")
        self._clock = self._given_clock or LoopClock()
        now, wall = self._clock.monotonic(), self._clock.wall()
        self._server = ServerClock.unknown(now, wall)
        self._lead = Lead(self._rhythm.lead)
        self._task = asyncio.create_task(self._run(), name="cc_async.watch")
        self._task.add_done_callback(lambda _: self._arrived.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()  # the reader has seen it, or has left before it came

    def __aiter__(self) -> AsyncIterator[Beat[R]]:
        return self

    async def __anext__(self) -> Beat[R]:
        """The newest beat nobody has taken; waits for the next where there is none."""
        if self._task is None:
            raise RuntimeError("a watch is read inside its block: async with watch(...) as beats")
        while self._waiting is None:
            if self._task.done():
                if self._task.cancelled():
                    raise StopAsyncIteration
                self._task.result()
            self._arrived.clear()
            await self._arrived.wait()
        beat, self._waiting = self._waiting, None
        return evolve(beat, age_seconds=self._age())

    def _age(self) -> float | None:
        return None if self._good is None else max(self._clock.monotonic() - self._good[1], 0.0)

    # The task

    async def _run(self) -> None:
        clock, rhythm = self._clock, self._rhythm
        origin = clock.monotonic() + self._rng.random() * rhythm.spread
        periodic = None if rhythm.every is None else Periodic(rhythm.every, origin)
        aligned, due, skipped, failed = Aligned(), clock.monotonic(), 0, 0
        aim: float | None = None
        while True:
            await clock.sleep(max(due - clock.monotonic(), 0.0))
            outage = await self._beat(skipped, aim)
            now = clock.monotonic()
            if periodic is not None:
                due, skipped = periodic.next(now)
                continue
            failed = failed + 1 if outage else 0
            again = self._again(now, failed)
            done = aligned.end
            due, skipped = aligned.next(now, self._server, self._lead.seconds(self._asker.planned))
            aim = aligned.end
            if again < due:
                due, skipped, aim, aligned.end = again, 0, None, done

    def _again(self, now: float, failed: int) -> float:
        """When a failed aligned beat is tried again without waiting for the end of the bucket."""
        if not failed:
            return float("inf")
        most = RETRY_SECONDS[min(failed, len(RETRY_SECONDS)) - 1]
        return now + most * (0.5 + self._rng.random() / 2)

    async def _beat(self, skipped: int, aim: float | None) -> bool:
        """Ask once; ``aim`` is the end of the bucket that is meant. Returns whether trying again may help."""
        asked = self._clock.monotonic()
        batch, error = await self._ask()
        answered = self._clock.monotonic()
        if batch is not None:
            self._learn(batch, asked, answered)
            self._lead.note(answered - asked)
            if error is None:
                self._good = batch, asked
        elif not self._server.known and self._asker.now is not None:
            # Other questions may have taught the client more than this one could.
            self._server.learn([self._asker.now().timestamp()], answered, answered)
        # Where no bucket is meant, the answer has just told the server's time best.
        within = self._server.likely(asked) if aim is None else aim - BUCKET_SECONDS
        self._post(batch, error, int(within // BUCKET_SECONDS), skipped)
        return batch is None and getattr(error, "retryable", True)

    async def _ask(self) -> tuple[Batch[R] | None, Exception | None]:
        """One asking; what an outage or a server can do becomes a value, a bug goes through."""
        seconds = self._rhythm.timeout
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._asker.ask(), None
        except ClosedError:
            raise
        except (CcError, OSError, TimeoutError) as error:
            told: Exception = error
            if limit.expired() and not isinstance(error, CcError):
                told = CallTimeout(
                    f"a beat was not answered within {seconds:g} s", hint="give a longer timeout="
                )
            found = getattr(error, "batch", None)
            return (found if isinstance(found, Batch) and len(found) else None), told

    def _learn(self, batch: Batch[R], asked: float, answered: float) -> None:
        dates = {date for row in batch if (date := getattr(row, "sampled_at", None)) is not None}
        if dates:
            self._server.learn([date.timestamp() for date in dates], asked, answered)
        elif self._asker.now is not None:
            self._server.learn([self._asker.now().timestamp()], answered, answered)

    def _post(self, batch: Batch[R] | None, error: Exception | None, bucket: int, skipped: int) -> None:
        self._number += 1
        if self._first_bucket is None and batch is not None:
            self._first_bucket = bucket
        before = self._waiting
        start = datetime.fromtimestamp(bucket * BUCKET_SECONDS, UTC)
        counted = _counted(batch)
        self._waiting = Beat(
            number=self._number,
            at=datetime.fromtimestamp(self._server.likely(self._clock.monotonic()), UTC),
            batch=batch,
            error=error,
            last_good=None if self._good is None else self._good[0],
            age_seconds=self._age(),
            suspect=bool(counted) and (bucket == self._first_bucket or counted != {start}),
            skipped=skipped + (before.skipped if before is not None else 0),
            dropped=0 if before is None else before.dropped + 1,
            bucket=start,
        )
        self._arrived.set()


def _counted(batch: Batch[Any] | None) -> set[datetime | None]:
    """The buckets of rows that count within the current bucket; none for other rows."""
    rows = [row for row in batch or () if getattr(row, "sampled_at", None) is not None]
    return {row.interval_start for row in rows if hasattr(row, "interval_start")}
