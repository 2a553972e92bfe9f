"""Recording: a fixed beat, gaps that say why, nothing lost to a kill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import truth
from folders import WallClock, counted, left, parquet, parts

from cc_async import CmsClient, ExportError, SkillState
from cc_async.contract.spec import Question
from cc_async.export import Target, record, verify
from cc_async.export.journal import Journal
from cc_async.export.layout import Site
from cc_async.export.record import KEEP
from cc_async.export.schema import Schema
from cc_async.export.store import Store
from cc_async.simulator import Simulator

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> WallClock:
    """The recorder's clock: it moves by what the recorder sleeps, and by what a test adds."""
    return WallClock(NOON.timestamp() + 3)


def beats(rows: list[dict[str, Any]], *, gaps: bool) -> list[tuple[int, str | None]]:
    """Seconds after noon and reason of the rows that are gaps, or are not."""
    found = {(row["polled_at"], row["gap"]) for row in rows if (row["gap"] is not None) is gaps}
    return sorted((int((at - NOON).total_seconds()), gap) for at, gap in found)


async def test_polls_on_the_beat(sim: Simulator, cms: CmsClient, clock: WallClock, tmp_path: Path) -> None:
    """Every beat is one poll of every interface: all rows, with the beat and the server's own time."""
    queries = [cms.skill_states([1, 2]), cms.agent_states(), cms.task_stats(sim.task_ids[:2])]
    accounts = await record(queries, Target(tmp_path), every=10, beats=3, clock=_Copy(clock))
    assert [(one.interface, one.polls, one.gaps) for one in accounts] == [
        ("skill_states", 3, 0),
        ("agent_states", 3, 0),
        ("task_stats", 3, 0),
    ]
    rows = parquet(tmp_path, "skill_states")
    assert beats(rows, gaps=False) == [(10, None), (20, None), (30, None)]
    plain = [{name: row[name] for name in row if name not in ("polled_at", "gap")} for row in rows]
    assert counted(plain) == counted(truth.skill_states(sim, [1, 2]) * 3)
    assert len(parquet(tmp_path, "agent_states")) == 3 * 40
    assert verify(tmp_path)[2] == []


async def test_a_failed_poll_is_a_gap(
    sim: Simulator, make_cms: Callable[..., CmsClient], clock: WallClock, tmp_path: Path
) -> None:
    """A poll that fails is one row with a reason, its beat and nulls; the next poll goes on."""
    sim.fail("skill_states", code="0300028", times=1)
    query = make_cms(sim, concurrency=1).skill_states([1, 2])
    [account] = await record([query], Target(tmp_path), every=10, beats=2, clock=clock)
    rows = parquet(tmp_path, "skill_states")
    [(at, reason)] = beats(rows, gaps=True)
    assert at == 10
    assert "ApiError" in (reason or "")
    assert beats(rows, gaps=False) == [(20, None)]
    assert (account.rows, account.gaps) == (2, 1)
    [gap] = [row for row in rows if row["gap"]]
    assert (gap["skill_id"], gap["offered"], gap["sampled_at"]) == (None, None, None)


async def test_a_part_that_failed_is_a_gap(
    sim: Simulator, make_cms: Callable[..., CmsClient], clock: WallClock, tmp_path: Path
) -> None:
    """When one of two VDNs fails, its gap names it; the rows of the other are there."""
    sim.fail("skill_states", code="0300028", times=1)
    query = make_cms(sim, concurrency=1).skill_states(by_vdn={1: [1], 2: [1]})
    await record([query], Target(tmp_path), every=10, beats=1, clock=clock)
    rows = parquet(tmp_path, "skill_states")
    assert sorted((row["vdn"], row["gap"] is None) for row in rows) == [(1, False), (2, True)]


async def test_a_poll_that_overruns_skips_beats(
    sim: Simulator, cms: CmsClient, clock: WallClock, tmp_path: Path
) -> None:
    """Beats that pass during a poll are skipped, each a gap row; the schedule does not drift."""
    query: Any = _Slow(cms.skill_states([1]), clock, 25.0)
    await record([query], Target(tmp_path), every=10, beats=7, clock=clock)
    rows = parquet(tmp_path, "skill_states")
    assert beats(rows, gaps=False) == [(10, None), (40, None), (70, None)]
    assert beats(rows, gaps=True) == [(at, "skipped") for at in (20, 30, 50, 60)]


async def test_stopped_at_any_time(cms: CmsClient, clock: WallClock, tmp_path: Path) -> None:
    """Cancelled, a recording leaves its polls as parts; nothing waits in a journal."""
    polled = asyncio.Event()

    def watch(account: Any) -> None:
        if account.polls == 3:
            polled.set()

    running = asyncio.create_task(
        record([cms.skill_states([1])], Target(tmp_path), every=10, clock=_Copy(clock), on_poll=watch)
    )
    await polled.wait()
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    rows = parquet(tmp_path, "skill_states")
    assert len(rows) >= 3
    assert len({row["polled_at"] for row in rows}) == len(rows)
    assert left(tmp_path) == []


async def test_parts_come_while_it_runs(cms: CmsClient, clock: WallClock, tmp_path: Path) -> None:
    """Polls become parts after ``keep``, not only at the end; a date has its own part."""
    clock.now = datetime(2026, 3, 4, 23, 50, tzinfo=UTC).timestamp() - 1
    seen: list[int] = []
    await record(
        [cms.skill_states([1])],
        Target(tmp_path),
        every=300,
        beats=9,
        clock=clock,
        on_poll=lambda account: seen.append(account.parts),
    )
    assert seen == [0, 0, 0, 2, 2, 2, 2, 3, 3]
    assert [part.parent.name for part in parts(tmp_path)] == ["date=2026-03-04"] + ["date=2026-03-05"] * 3
    assert len(parquet(tmp_path, "skill_states")) == 9
    assert timedelta(minutes=15) == KEEP


@pytest.mark.parametrize("at", ["before the entry", "after the entry", "torn"])
def test_a_journal_survives_a_kill(tmp_path: Path, at: str) -> None:
    """Polls noted before a kill become parts at the next start, each once; a torn line never was."""
    schema = Schema.of(SkillState, polls=True)
    question = Question("skill_states")

    def columns(skill: int) -> Any:
        return schema.columns([SkillState(skill)], polled_at=NOON, gap=None)

    def opened() -> Store:
        return Store(Target(tmp_path), "skill_states", Site("contact.example:443"), schema, polls=True)

    with opened() as store:
        journal = Journal(store, question)
        journal.note(columns(1), NOON)
        journal.note(columns(2), NOON)
        [path] = store.layout.work.glob("journal-*")
        if at == "torn":
            journal.note(columns(3), NOON)
            path.write_bytes(path.read_bytes()[:-9])
        elif at == "after the entry":
            kept = path.read_bytes()
            journal.rotate()
            path.write_bytes(kept)  # the kill came before the journal was removed
    with opened() as store:
        journal = Journal(store, question)
        journal.note(columns(4), NOON)
        journal.rotate()
    assert sorted(row["skill_id"] for row in parquet(tmp_path, "skill_states")) == [1, 2, 4]
    assert not list(tmp_path.glob("_cc_async/*/journal*"))


@pytest.mark.parametrize("clock_behind", [0, 25])
async def test_who_takes_over_tells_what_was_missed(
    cms: CmsClient, clock: WallClock, tmp_path: Path, clock_behind: int
) -> None:
    """Beats since it stands by that nobody noted are gap rows; a beat that is there is not polled twice."""
    since = NOON + timedelta(seconds=15)
    await record([cms.skill_states([1])], Target(tmp_path), every=10, beats=3, clock=clock)
    clock.now = NOON.timestamp() + (61 if not clock_behind else 31 - clock_behind)
    [account] = await record(
        [cms.skill_states([1])], Target(tmp_path), every=10, beats=2, since=since, clock=clock
    )
    rows = parquet(tmp_path, "skill_states")
    missed = [] if clock_behind else [40, 50, 60]
    polled = [10, 20, 30, *([40, 50] if clock_behind else [70, 80])]
    assert [at for at, _ in beats(rows, gaps=False)] == polled
    assert [at for at, _ in beats(rows, gaps=True)] == missed
    assert (len(rows), account.gaps) == (5 + len(missed), len(missed))


async def test_who_stood_by_later_does_not_tell_of_earlier(
    cms: CmsClient, clock: WallClock, tmp_path: Path
) -> None:
    """What was not recorded before anybody stood by is no gap, in an empty folder neither."""
    for first in (3, 103):
        clock.now = NOON.timestamp() + first
        since = NOON + timedelta(seconds=first - 1)
        query = cms.skill_states([1])
        await record([query], Target(tmp_path), every=10, beats=1, since=since, clock=clock)
    rows = parquet(tmp_path, "skill_states")
    assert beats(rows, gaps=True) == []
    assert [at for at, _ in beats(rows, gaps=False)] == [10, 110]


async def test_a_recording_that_cannot_write_ends(cms: CmsClient, clock: WallClock, tmp_path: Path) -> None:
    """Without a place to write, the recording ends with our own error, bare."""
    (tmp_path / "there").write_text("")
    with pytest.raises(ExportError, match="there"):
        await record([cms.skill_states([1])], Target(tmp_path / "there"), every=10, beats=1, clock=clock)


async def test_wrong_arguments(cms: CmsClient, tmp_path: Path) -> None:
    """Two queries of one interface and a beat of nothing are refused."""
    query = cms.skill_states([1])
    with pytest.raises(ValueError, match="by_vdn"):
        await record([query, query], Target(tmp_path), every=10)
    with pytest.raises(ValueError, match="every"):
        await record([query], Target(tmp_path), every=0)


class _Copy(WallClock):
    """A clock for several recorders at once: time passes for all when any of them sleeps up to it."""

    def __init__(self, clock: WallClock) -> None:
        super().__init__(clock.now)

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0.02)
        self.now = max(self.now, until)


class _Slow:
    """A query whose answer takes long by the recorder's clock."""

    def __init__(self, query: Any, clock: WallClock, seconds: float) -> None:
        self.question, self.origin = query.question, query.origin
        self._query, self._clock, self._seconds = query, clock, seconds

    def __await__(self) -> Any:
        batch = yield from self._query.__await__()
        self._clock.now += self._seconds
        return batch
