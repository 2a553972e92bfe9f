"""A folder that many write to: kills, doubles and lone writers leave every row there once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import truth
from folders import DAY, MANIFEST, asked, check, counted, days, left, parquet, parts

from cc_async import CmsClient, ExportError, Query, Question, Window
from cc_async.export import Target, export, files, sync, verify
from cc_async.export.layout import Site
from cc_async.export.schema import Schema
from cc_async.export.shared import Shared, fill
from cc_async.export.store import Store
from cc_async.simulator import Simulator

ENTRIES = "_cc_async/system_indicators/entries"


class Killed(BaseException):
    """The process ends here, as far as the code under test can tell."""


@pytest.fixture
def begun(cms: CmsClient, tmp_path: Path) -> Callable[[], Shared]:
    """A folder that a lone writer has begun; each call is another writer."""
    origin, site = days(cms).origin, Site(days(cms).origin.host, 1)
    with Store(Target(tmp_path), "system_indicators", site, Schema.of(origin.record)):
        pass
    return lambda: Shared(tmp_path, "system_indicators", site, Schema.of(origin.record))


def day(cms: CmsClient, number: int = 0, hours: int = 24) -> Query[Any]:
    """One partition: a day of VDNs 1 and 2."""
    begin = DAY + timedelta(days=number)
    window = Window(begin, begin + timedelta(hours=hours), (1, 2))
    return cms.ask(Question("system_indicators", 1, windows=(window,)), partial=True)


async def test_writers_side_by_side(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """Four writers of two days, two of each at the same time: every row once, and one slip a day."""
    found = await asyncio.gather(*(fill(day(cms, number % 2), begun()) for number in range(4)))
    assert sum(one.done for one in found) == 2
    assert sum(one.rows for one in found) == len(parquet(tmp_path)) == 2 * 2 * 288
    check(sim, tmp_path)
    assert len(list((tmp_path / ENTRIES).glob("*/*.json"))) == 2


async def test_what_is_done_is_not_asked(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """A partition that comes a second time asks nothing, before and after a lone writer took the slips."""
    await fill(day(cms), begun())
    before = asked(sim)
    again = await fill(day(cms), begun())
    lone = await export(days(cms, 1), Target(tmp_path))
    after = await fill(day(cms), begun())
    assert (again.skipped, lone.skipped, after.skipped) == (1, 1, 1)
    assert asked(sim) == before
    check(sim, tmp_path, 1)
    assert not list((tmp_path / ENTRIES).iterdir())


async def test_only_what_is_left_is_asked(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """A partition of which another one has done the first hours comes to the rest."""
    await fill(day(cms, hours=6), begun())
    found = await fill(day(cms), begun())
    assert (found.done, found.rows) == (1, 2 * 18 * 12)
    check(sim, tmp_path, 1)


async def test_a_slow_writer_of_another_cut_comes_too_late(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """Of two that ask overlapping time at once the second commits nothing, is told, and asks the rest."""
    await fill(day(cms, 1), begun())  # the key is known to be right: nothing waits for the first answer
    before = asked(sim)
    sim.fail("system_indicators", times=1, delay=2.0)
    slow = asyncio.create_task(fill(day(cms), begun()))
    while asked(sim) == before:  # noqa: ASYNC110 - the contact center has no event for it
        await asyncio.sleep(0.01)
    await fill(day(cms, hours=6), begun())
    with pytest.raises(ExportError, match="other writers") as caught:
        await slow
    assert caught.value.retryable
    assert len(parquet(tmp_path)) == 2 * 288 + 2 * 6 * 12
    await fill(day(cms), begun())
    check(sim, tmp_path)


@pytest.mark.parametrize(
    ("step", "number", "requests"),
    [
        ("write_whole", 1, True),  # writing the part
        ("claim", 1, True),  # the part is written, not entered
        ("move", 1, False),  # entered, not in its place
    ],
)
@pytest.mark.parametrize("lone", [False, True])
async def test_killed_at_every_step(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, step: str, number: int, requests: bool, lone: bool,
) -> None:  # fmt: skip
    """Wherever a writer is killed, the next one, lone or not, completes the folder and leaves no litter."""
    with monkeypatch.context() as patch:
        patch.setattr(files, step, _killed)
        # A killed process tidies nothing up.
        patch.setattr(files, "remove", lambda path: None)
        with pytest.raises(Killed):
            await fill(day(cms), begun())
    before = asked(sim)
    if not lone:
        await fill(day(cms), begun())
    await export(days(cms, 1), Target(tmp_path))
    assert (asked(sim) > before) is requests
    check(sim, tmp_path, 1)
    assert left(tmp_path) == []


def _killed(*_: Any) -> None:
    raise Killed


@pytest.mark.parametrize(("step", "number"), [("append", 1), ("remove", 1), ("remove", 2)])
async def test_a_lone_writer_killed_while_it_takes_the_slips(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, step: str, number: int,
) -> None:  # fmt: skip
    """Before, between and after: the next one has every entry once."""
    for day_number in range(2):
        await fill(day(cms, day_number), begun())
    before, real, calls = asked(sim), getattr(files, step), iter(range(1, 100))
    with monkeypatch.context() as patch:
        patch.setattr(files, step, lambda *given: _killed() if next(calls) == number else real(*given))
        with pytest.raises(Killed):
            await export(days(cms), Target(tmp_path))
    await export(days(cms), Target(tmp_path))
    assert asked(sim) == before
    check(sim, tmp_path)
    assert (tmp_path / MANIFEST).read_bytes().count(b'"question"') == 2


async def test_a_lone_writer_waits_for_many_and_they_for_it(
    cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """Many share the folder; a lone writer beside them, or they beside it, are told to come again."""
    with begun().share(), begun().share():
        with pytest.raises(ExportError, match="another writer") as caught:
            await export(days(cms), Target(tmp_path))
        assert caught.value.retryable
    site, schema = Site(days(cms).origin.host, 1), Schema.of(days(cms).origin.record)
    with (
        Store(Target(tmp_path), "system_indicators", site, schema),
        pytest.raises(ExportError, match="another writer"),
    ):
        begun().share()


async def test_rows_that_could_not_be_read_are_left_to_a_lone_writer(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """An unreadable row does not cost the others; asked again by many it would double them."""
    row = {"beginTime": str(int(DAY.timestamp()) * 1000), "ccId": 1, "vdn": 1, "incallNums": 7}
    body = {"resultCode": "0100000", "resultDesc": {"data": [row, {**row, "vdn": []}], "count": 2}}
    sim.fail("system_indicators", times=1, body=body)
    first = await fill(day(cms, hours=1), begun())
    before = asked(sim)
    second = await fill(day(cms, hours=1), begun())
    assert (first.rejected, second.requests, asked(sim)) == (1, 0, before)
    query = cms.system_indicators(begin=DAY, end=DAY + timedelta(hours=1), vdns=[1, 2])
    await export(query, Target(tmp_path))
    wanted = truth.system_indicators(sim, DAY, DAY + timedelta(hours=1), [1, 2])
    assert counted(parquet(tmp_path)) == counted(wanted)


async def test_sync_goes_on_from_what_many_have_written(
    sim: Simulator, cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """A sync asks only what they have not done, and nothing is there twice."""
    await fill(day(cms), begun())
    found = await sync(days(cms), Target(tmp_path))
    assert found.rows == 2 * 288
    check(sim, tmp_path)


async def test_verify_knows_slips(cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path) -> None:
    """Parts that only a slip tells of are read again too, and damage is found."""
    await fill(day(cms), begun())
    assert verify(tmp_path) == (1, 2 * 288, [])
    [part] = parts(tmp_path)
    part.write_bytes(b"")
    _, _, [damage] = verify(tmp_path)
    assert damage.path == part


async def test_a_folder_that_nobody_has_begun(cms: CmsClient, tmp_path: Path) -> None:
    """A writer never makes a folder: a path that is wrong on this machine is told."""
    origin = days(cms).origin
    folder = Shared(tmp_path / "x", "system_indicators", Site(origin.host, 1), Schema.of(origin.record))
    with pytest.raises(ExportError, match="was not begun here"):
        await fill(day(cms), folder)
    assert not (tmp_path / "x").exists()


async def test_a_folder_of_another_contact_center(
    cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path
) -> None:
    """Rows of two contact centers are not mixed."""
    assert begun
    origin = days(cms).origin
    folder = Shared(tmp_path, "system_indicators", Site("other.example:1", 1), Schema.of(origin.record))
    with pytest.raises(ExportError, match="host="):
        await fill(day(cms), folder)


async def test_a_broken_slip_is_told(cms: CmsClient, begun: Callable[[], Shared], tmp_path: Path) -> None:
    """It is named, and the folder is left as it is."""
    await fill(day(cms), begun())
    [slip] = (tmp_path / ENTRIES).glob("*/*.json")
    slip.write_bytes(b"{")
    with pytest.raises(ExportError, match=f"{slip.name} cannot be read"):
        await export(days(cms), Target(tmp_path))
    assert (tmp_path / MANIFEST).is_file()
    assert len(parts(tmp_path)) == 1
