"""``alerts``: watches in, alerts out, several at once; a restart repeats nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from cc_async import Batch, ConnectError, ExportError, SkillCallStats, SkillState
from cc_async.monitor.alerts import alerts
from cc_async.monitor.beat import Beat
from cc_async.monitor.beats import watch
from cc_async.monitor.rules import Rule
from cc_async.monitor.sums import ClosedBucket

TEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
RULES = [Rule(id="sl", measure="service_level", threshold=0.8, raise_after=2)]


def bucket(number: int, fast: int, skill_id: int = 7) -> ClosedBucket:
    """Ten calls offered in a closed bucket, so many of them connected in time."""
    start = TEN + timedelta(minutes=5 * number)
    return ClosedBucket(
        skill_id=skill_id, vdn=170, interval_start=start, offered=10, connected=10, lost=0,
        connected_in_20s=fast,
        coverage=1.0, last_sample_at=start + timedelta(seconds=299),
    )  # fmt: skip


async def beats(*batches: list[Any]) -> AsyncIterator[Batch[Any]]:
    """These batches, one after another."""
    for rows in batches:
        yield Batch.of(rows)


def lines(found: list[Any]) -> list[tuple[str, str, str]]:
    """What is told: whom, when, what."""
    return [(one.key, f"{one.since:%H:%M}", one.state) for one in found]


async def test_begin_and_end_come_out_in_order() -> None:
    """Each alert once when it is raised and once when it is cleared, and the end when nothing more comes."""
    source = beats(*([bucket(number, fast)] for number, fast in enumerate((3, 3, 3, 9, 3, 3))))
    async with alerts(source, RULES) as ringing:
        found = [alert async for alert in ringing]
        assert lines(list(ringing.raised)) == [("queue/170/7", "10:20", "raised")]
    assert lines(found) == [
        ("queue/170/7", "10:00", "raised"),
        ("queue/170/7", "10:00", "cleared"),
        ("queue/170/7", "10:20", "raised"),
    ]


async def test_a_restart_repeats_nothing(tmp_path: Path) -> None:
    """What stood stands, a count goes on, a window is not counted twice, the end has the id of the begin."""
    file = tmp_path / "alerts.json"

    async def run(*numbers: tuple[int, int]) -> list[Any]:
        source = beats(*([bucket(number, fast)] for number, fast in numbers))
        async with alerts(source, RULES, state_file=file) as ringing:
            return [alert async for alert in ringing]

    assert await run((0, 3)) == []
    assert await run((0, 3)) == []
    [raised] = await run((1, 3))
    assert await run((1, 3), (2, 3)) == []
    async with alerts(beats(), RULES, state_file=file) as ringing:
        assert [one.id for one in ringing.raised] == [raised.id]
    [cleared] = await run((3, 10))
    assert (cleared.id, cleared.since, cleared.state) == (raised.id, raised.since, "cleared")
    assert await run((4, 10)) == []


async def test_it_is_remembered_before_it_is_told(tmp_path: Path) -> None:
    """At the moment an alert is handed over, the file holds it."""
    file = tmp_path / "alerts.json"
    async with alerts(beats([bucket(0, 3)], [bucket(1, 3)]), RULES, state_file=file) as ringing:
        alert = await anext(ringing)
        body = json.loads(file.read_text(encoding="utf-8"))["body"]
        assert [told["id"] for _, _, told in body["raised"]] == [alert.id]


async def test_rules_that_are_no_more_are_forgotten(tmp_path: Path) -> None:
    """An alert of a rule that was taken out stands no longer after the restart."""
    file = tmp_path / "alerts.json"
    async with alerts(beats([bucket(0, 3)], [bucket(1, 3)]), RULES, state_file=file) as ringing:
        await anext(ringing)
    async with alerts(
        beats(), [Rule(id="new", measure="lost_rate", threshold=0.1)], state_file=file
    ) as ringing:
        assert ringing.raised == ()


EMPTY: dict[str, Any] = {
    "standings": [], "raised": [], "subjects": [], "seen": {}, "source_of": {}, "levels": {}
}  # fmt: skip
WRONG: list[dict[str, Any]] = [
    {"seen": []}, {"seen": {"source/1": 1e300}}, {"levels": []}, {"levels": {"vdn/1": 3}},
    {"source_of": 3}, {"pending": 3}, {"pending": [3]}, {"raised": [["sl", "y", {"measure": "no"}]]},
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"kind": "cc_async.alerts", "version": 1, "body": {"standings": 3}}',
        *(json.dumps({"kind": "cc_async.alerts", "version": 1, "body": EMPTY | wrong}) for wrong in WRONG),
    ],
)
async def test_a_damaged_state_is_not_begun_anew(text: str, tmp_path: Path) -> None:
    """Going on from nothing would repeat everything: it is an error, and the file stays."""
    file = tmp_path / "alerts.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ExportError, match="damaged"):
        async with alerts(beats(), RULES, state_file=file):
            pass
    assert file.read_text(encoding="utf-8") == text


async def test_a_state_that_cannot_be_written_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """The alert waits until its state is on the disk."""
    folder = tmp_path / "gone"
    async with alerts(beats([bucket(0, 3)], [bucket(1, 3)]), RULES, state_file=folder / "a.json") as ringing:
        with pytest.raises(ExportError):
            await anext(ringing)
        with pytest.raises(ExportError):
            await anext(ringing)
        folder.mkdir()
        assert (await anext(ringing)).state == "raised"


async def test_several_watches_are_judged_together() -> None:
    """The state of a queue that one watch brings is evidence for what another one raises."""
    state = SkillState(skill_id=7, vdn=170, calls_waiting=4, longest_wait_seconds=75, sampled_at=TEN)
    gate = asyncio.Event()

    async def later() -> AsyncIterator[Batch[Any]]:
        await gate.wait()
        for number in (0, 1):
            yield Batch.of([bucket(number, 3)])

    async def first() -> AsyncIterator[Batch[Any]]:
        yield Batch.of([state])
        gate.set()

    watches = {"states": first(), "calls": later()}
    async with alerts(watches, RULES, names={(170, 7): "Billing"}) as ringing:
        told = [str(alert) async for alert in ringing]
    assert told == ["Billing: 30 % in 20 s (3 of 10), under 80 % since 10:00 UTC, 4 waiting, longest 1:15"]


async def test_leaving_early_leaves_nothing_behind() -> None:
    """A break out of the loop ends the reading of every watch; a cancelled wait loses nothing."""
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[Batch[Any]]:
        try:
            for number in (0, 1):
                yield Batch.of([bucket(number, 3)])
            await asyncio.Event().wait()
        finally:
            ended.set()

    before = asyncio.all_tasks()
    async with alerts(endless(), RULES) as ringing:
        async for alert in ringing:
            assert alert.state == "raised"
            break
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(ringing)
        assert not ended.is_set()
    assert ended.is_set()
    assert asyncio.all_tasks() == before


async def test_a_watch_is_entered_here() -> None:
    """Watches are opened and closed with the alerts; a slow source that fails rings as silence, by beats."""
    asked = 0

    async def ask() -> Batch[SkillCallStats]:
        nonlocal asked
        asked += 1
        raise ConnectError("gone")

    rules = [Rule(id="silence", measure="no_data", threshold=0.02)]
    async with alerts([watch(ask, every=0.01)], rules) as ringing, asyncio.timeout(5):
        alert = await anext(ringing)
    assert (alert.measure, alert.name) == ("no_data", "source 1")
    assert asked >= 2


async def test_a_bug_of_the_source_goes_through() -> None:
    """What a watch raises is raised to the reader."""

    async def broken() -> AsyncIterator[Beat[Any]]:
        raise ZeroDivisionError
        yield

    async with alerts(broken(), RULES) as ringing:
        with pytest.raises(ZeroDivisionError):
            await anext(ringing)


async def test_misuse_is_told() -> None:
    """Nothing to watch, two entrances, or reading outside the block."""
    with pytest.raises(ValueError, match="something to watch"):
        alerts([])
    outside = alerts(beats(), RULES)
    with pytest.raises(RuntimeError, match="async with"):
        await anext(outside)
    async with outside:
        with pytest.raises(RuntimeError, match="once"):
            await outside.__aenter__()


async def test_what_was_not_confirmed_is_handed_over_again(tmp_path: Path) -> None:
    """At least once: an alert is in the file until its reader has passed it on, its end as well."""
    file = tmp_path / "alerts.json"

    def run(*numbers: tuple[int, int]) -> Any:
        source = beats(*([bucket(number, fast)] for number, fast in numbers))
        return alerts(source, RULES, state_file=file, until_confirmed=True)

    async with run((0, 3), (1, 3)) as ringing:
        first = await anext(ringing)
    async with run() as ringing:
        again = [alert async for alert in ringing]
        assert again == [first]
        ringing.confirm(again[0])
        ringing.confirm(again[0])
    async with run((2, 10)) as ringing:
        [cleared] = [alert async for alert in ringing]
    async with run() as ringing:
        [told] = [alert async for alert in ringing]
        assert (told.id, told.state) == (cleared.id, "cleared") == (first.id, "cleared")
        ringing.confirm(told)
    async with run() as ringing:
        assert [alert async for alert in ringing] == []


async def test_a_confirmation_is_written_while_nothing_comes(tmp_path: Path) -> None:
    """A process that is killed between two beats has its confirmations in the file."""
    file, quiet = tmp_path / "alerts.json", asyncio.Event()

    async def then_nothing() -> AsyncIterator[Batch[Any]]:
        async for batch in beats([bucket(0, 3)], [bucket(1, 3)]):
            yield batch
        await quiet.wait()

    async with alerts(then_nothing(), RULES, state_file=file, until_confirmed=True) as ringing:
        alert = await anext(ringing)
        assert [one["id"] for one in json.loads(file.read_text())["body"]["pending"]] == [alert.id]
        reading = asyncio.ensure_future(anext(ringing))
        await asyncio.sleep(0)
        ringing.confirm(alert)
        await until(lambda: json.loads(file.read_text())["body"]["pending"] == [])
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_reader_who_does_not_confirm_any_more_gets_the_rest_once(tmp_path: Path) -> None:
    """A file with unconfirmed alerts, read without confirming: they come first, and are done with."""
    file = tmp_path / "alerts.json"
    source = beats([bucket(0, 3)], [bucket(1, 3)])
    async with alerts(source, RULES, state_file=file, until_confirmed=True) as ringing:
        first = await anext(ringing)
    async with alerts(beats([bucket(2, 3)]), RULES, state_file=file) as ringing:
        assert [alert async for alert in ringing] == [first]
    async with alerts(beats(), RULES, state_file=file) as ringing:
        assert [alert async for alert in ringing] == []
