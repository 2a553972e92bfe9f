"""Recording what keeps no history: polls on a fixed beat, gaps said where there was none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread
from attrs import define, field

from cc_async.batch.result import Batch
from cc_async.errors import CcError
from cc_async.export.journal import Journal, newest
from cc_async.export.layout import Site, Target
from cc_async.export.progress import Recorded
from cc_async.export.schema import GAP, POLLED_AT, Columns, Schema, extend
from cc_async.export.store import Store
from cc_async.session.clock import Clock, LoopClock

if TYPE_CHECKING:
    from cc_async.query import Query

KEEP = timedelta(minutes=15)
_MOST_GAPS = 10_000
"""Missed beats told one by one; of more (a clock that was put right) the first ones stand for all."""
_CLOCKS = 60.0
"""Seconds by which the clocks of two machines may differ."""
OnPoll = Callable[[Recorded], None]


async def record(
    queries: Iterable[Query[Any]],
    target: Target,
    *,
    every: float,
    beats: int | None = None,
    keep: timedelta = KEEP,
    since: datetime | None = None,
    clock: Clock | None = None,
    on_poll: OnPoll | None = None,
) -> list[Recorded]:
    """Ask each query every ``every`` seconds and write what comes, until cancelled or for ``beats`` beats.

    Beats are the multiples of ``every`` by the wall clock. Each row says its ``polled_at`` (the beat) and its
    ``sampled_at`` (the server's). Where there is nothing, a gap row says why: ``gap`` holds the reason,
    ``polled_at`` the beat, everything else is null; in other rows ``gap`` is null. A poll that takes longer
    than a beat is finished, the beats it ran over are skipped. Polls are on the disk at once, in a journal,
    and become parts after ``keep``, at 50 000 rows, and at the end.

    ``since`` is for who takes over from another recorder: beats from that moment (aware) on that nobody has
    noted are gaps, and a beat that is there is not polled again, whatever our clock says.

    Raises:
        ExportError: the files cannot be written.
        ValueError: two queries of one interface, or ``every`` is not above 0.
    """
    asked = list(queries)
    if len({query.question.interface for query in asked}) < len(asked):
        raise ValueError("record takes one query per interface: ask several VDNs with by_vdn")
    if not 0 < every < float("inf"):
        raise ValueError(f"every must be a positive number of seconds, not {every}")
    time = clock or LoopClock()
    recorders = [_Recorder(query, target, every, beats, keep, since, time, on_poll) for query in asked]
    try:
        async with anyio.create_task_group() as group:
            for recorder in recorders:
                group.start_soon(recorder.run)
    except* CcError as errors:
        first: BaseException = errors
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return [recorder.account for recorder in recorders]


@define(eq=False)
class _Recorder:
    """The polls of one interface."""

    query: Query[Any]
    target: Target
    every: float
    beats: int | None
    keep: timedelta
    since: datetime | None
    clock: Clock
    on_poll: OnPoll | None
    account: Recorded = field(init=False)
    schema: Schema = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.account = Recorded(self.query.question.interface)
        self.schema = Schema.of(self.query.origin.record, polls=True)

    async def run(self) -> None:
        """Poll beat after beat; what was noted becomes parts whatever ends it."""
        store = await to_thread.run_sync(self._open)
        with store:
            journal = await to_thread.run_sync(Journal, store, self.query.question)
            try:
                await self._poll_on(journal, await to_thread.run_sync(self._begin, store, journal))
            finally:
                with anyio.CancelScope(shield=True):
                    self.account.parts += await to_thread.run_sync(journal.rotate)

    def _open(self) -> Store:
        question = self.query.question
        site = Site(self.query.origin.host, question.cc_id)
        return Store(self.target, question.interface, site, self.schema, polls=True)

    def _begin(self, store: Store, journal: Journal) -> int:
        """The first beat; what the recorder before us has missed is noted."""
        beat = int(self.clock.wall() // self.every) + 1
        if self.since is None:
            return beat
        noted = int(self.since.timestamp() // self.every)
        last = newest(store)
        if last is not None:
            noted = max(noted, int(last.timestamp() // self.every))
        if noted >= beat and (noted - beat) * self.every <= _CLOCKS:
            beat = noted + 1
        columns = self.schema.empty()
        self._missed(columns, range(noted + 1, beat), "nobody polled: a recorder ended, the next one began")
        if beat > noted + 1:
            journal.note(columns, self._at(beat - 1))
        return beat

    async def _poll_on(self, journal: Journal, beat: int) -> None:
        last = None if self.beats is None else beat + self.beats
        while last is None or beat < last:
            await self.clock.sleep(max(0.0, beat * self.every - self.clock.wall()))
            at = self._at(beat)
            columns = await self._poll(at)
            following = max(beat + 1, int(self.clock.wall() // self.every) + 1)
            skipped = range(beat + 1, following if last is None else min(following, last))
            self._missed(columns, skipped, "skipped")
            await to_thread.run_sync(journal.note, columns, at)
            since = journal.since
            if journal.full or (since is not None and at - since >= self.keep):
                self.account.parts += await to_thread.run_sync(journal.rotate)
            if self.on_poll is not None:
                self.on_poll(self.account)
            beat = following

    def _missed(self, columns: Columns, beats: range, reason: str) -> None:
        if len(beats) > _MOST_GAPS:
            reason += f", one of {len(beats)}"
        for beat in beats[:_MOST_GAPS]:
            extend(columns, self._gap(self._at(beat), reason))

    def _at(self, beat: int) -> datetime:
        return datetime.fromtimestamp(beat * self.every, UTC)

    async def _poll(self, at: datetime) -> Columns:
        """Ask once: rows, and a gap row for whatever is missing."""
        batch: Batch[Any] | None
        gaps: list[tuple[str, int | None]] = []
        try:
            batch = await self.query
        except CcError as error:
            batch = error.batch if isinstance(error.batch, Batch) else None
            if batch is None or not (batch.failures or batch.rejected):
                gaps.append((_reason(error), None))
        rows = () if batch is None else batch.records
        if batch is not None:
            self.account.requests += batch.request_count
            gaps += [(f"{each.part}: {_reason(each.error)}", each.vdn) for each in batch.failures]
            if batch.rejected:
                gaps.append((f"{len(batch.rejected)} rows could not be read", None))
        self.account.polls += 1
        self.account.rows += len(rows)
        columns = self.target.privacy.apply(
            self.schema.columns(rows, **{POLLED_AT: at, GAP: None}), self.schema
        )
        for reason, vdn in gaps:
            extend(columns, self._gap(at, reason, vdn))
        if not rows and not gaps:
            extend(columns, self._gap(at, "answered without rows"))
        return columns

    def _gap(self, at: datetime, reason: str, vdn: int | None = None) -> Columns:
        self.account.gaps += 1
        known = {POLLED_AT: at, GAP: reason, "cc_id": self.query.question.cc_id, "vdn": vdn}
        return {name: [known.get(name)] for name in self.schema.kinds}


def _reason(error: CcError) -> str:
    """Why there is a gap; errors name neither secrets nor people."""
    return f"{type(error).__name__}: {error.message}"
