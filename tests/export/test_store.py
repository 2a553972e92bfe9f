"""The folder itself: what a kill, a damage, a second writer, a full disk leave and what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from folders import DAY, MANIFEST, SITE, asked, check, days, parts

from cc_async import CmsClient, ExportError, SystemIndicators
from cc_async.contract.spec import Question
from cc_async.export import Target, files, verify
from cc_async.export.layout import Site
from cc_async.export.manifest import Entry, Manifest
from cc_async.export.schema import Schema
from cc_async.export.store import Store
from cc_async.simulator import Simulator


class Killed(BaseException):
    """The process ends here, as far as the code under test can tell."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> Iterator[None]:
    """End the process at the number-th call of a step of ``files``, before that step."""
    step, calls = getattr(files, name), 0

    def last(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed
        return step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(files, name, last)
        # A killed process tidies nothing up.
        patch.setattr(files, "remove", lambda path: None)
        with pytest.raises(BaseException, match=r".*") as caught:
            yield
    assert isinstance(caught.value, Killed)


@pytest.mark.parametrize(
    ("step", "number", "again"),
    [
        ("write_whole", 2, 2),  # writing the first part (1 is the manifest's header)
        ("append", 1, 2),  # the part is written, not entered
        ("move", 1, 1),  # entered, not in its place
        ("write_whole", 3, 1),  # the second part
        ("append", 2, 1),
        ("move", 2, 0),
    ],
)
async def test_killed_at_every_step(
    sim: Simulator,
    cms: CmsClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    number: int,
    again: int,
) -> None:
    """Whatever step a kill comes at, the next run asks only what was not entered; rows are there once."""
    with killed_at(monkeypatch, step, number):
        await days(cms).to_parquet(tmp_path)
    account = await days(cms).to_parquet(tmp_path)
    assert (account.done, account.skipped) == (again, 2 - again)
    check(sim, tmp_path)


async def test_a_torn_last_line_is_forgotten(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A manifest cut in its last line loses that partition only, and is whole again after a run."""
    await days(cms).to_parquet(tmp_path)
    whole = (tmp_path / MANIFEST).read_bytes()
    start = whole.rstrip(b"\n").rindex(b"\n") + 1
    for cut in (start + 1, start + 40, len(whole) - 1):
        (tmp_path / MANIFEST).write_bytes(whole[:cut])
        account = await days(cms).to_parquet(tmp_path)
        assert (account.done, account.skipped) == (1, 1)
        check(sim, tmp_path)
        assert (tmp_path / MANIFEST).read_bytes().endswith(b"\n")


async def test_a_broken_line_is_told(cms: CmsClient, tmp_path: Path) -> None:
    """A line before the last that cannot be read is an error that names it; nothing is touched."""
    await days(cms).to_parquet(tmp_path)
    lines = (tmp_path / MANIFEST).read_bytes().splitlines(keepends=True)
    (tmp_path / MANIFEST).write_bytes(lines[0] + b"{broken\n" + lines[2])
    before = {part: part.read_bytes() for part in parts(tmp_path)}
    with pytest.raises(ExportError, match="line 2 of "):
        await days(cms).to_parquet(tmp_path)
    assert {part: part.read_bytes() for part in parts(tmp_path)} == before


async def test_strange_parts_are_set_aside(
    sim: Simulator, cms: CmsClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A part the manifest does not know is moved to where no reader looks, and that is said."""
    await days(cms).to_parquet(tmp_path)
    strange = parts(tmp_path)[0].with_name("part-000777-0.parquet")
    strange.write_bytes(parts(tmp_path)[0].read_bytes())
    account = await days(cms).to_parquet(tmp_path)
    assert account.requests == 0
    check(sim, tmp_path)
    [kept] = (tmp_path / MANIFEST).parent.glob("set_aside/*")
    assert kept.read_bytes() == parts(tmp_path)[0].read_bytes()
    assert str(strange) in caplog.text


async def test_a_lost_manifest_loses_nothing(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """Without its manifest a folder is asked anew; the old parts are set aside, not removed."""
    await days(cms).to_parquet(tmp_path)
    (tmp_path / MANIFEST).unlink()
    account = await days(cms).to_parquet(tmp_path)
    assert account.done == 2
    check(sim, tmp_path)
    assert len(list((tmp_path / MANIFEST).parent.glob("set_aside/*"))) == 2


@pytest.mark.parametrize("damage", ["gone", "short", "changed"])
async def test_damaged_parts(sim: Simulator, cms: CmsClient, tmp_path: Path, damage: str) -> None:
    """``verify`` names a part that is gone, short or changed; once it is gone the next run mends it."""
    await days(cms).to_parquet(tmp_path)
    part = parts(tmp_path)[1]
    data = part.read_bytes()
    if damage == "gone":
        part.unlink()
    else:
        part.write_bytes(data[:-1] if damage == "short" else data[:-1] + bytes([data[-1] ^ 1]))
    _, _, [found] = verify(tmp_path)
    assert found.path == part
    if damage == "changed":
        part.unlink()
    account = await days(cms).to_parquet(tmp_path)
    assert (account.done, account.skipped) == (1, 1)
    check(sim, tmp_path)


async def test_two_writers(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A second writer of the same interface is turned away at once; another interface is another folder."""
    target = Target(tmp_path)
    site = Site(urlsplit(sim.cms_url).netloc, 1)
    with Store(target, "system_indicators", site, Schema.of(SystemIndicators)):
        with pytest.raises(ExportError, match="another writer") as caught:
            await days(cms).to_parquet(tmp_path)
        assert caught.value.retryable
        assert asked(sim) == 0
        await cms.skill_states([1]).to_parquet(tmp_path)
    await days(cms).to_parquet(tmp_path)
    check(sim, tmp_path)


async def test_other_choices_are_refused(
    sim: Simulator, make_cms: Callable[..., CmsClient], cms: CmsClient, tmp_path: Path
) -> None:
    """A folder begun with one choice is not continued with another."""
    await days(cms).to_parquet(tmp_path)
    with pytest.raises(ExportError, match="agents=drop, not keep"):
        await days(cms).to_parquet(tmp_path, agents="keep")
    with pytest.raises(ExportError, match="cc_id=1, not 2"):
        await days(make_cms(sim, cc_id=2)).to_parquet(tmp_path)


def test_a_long_manifest_is_written_anew(tmp_path: Path) -> None:
    """Lines that no longer count are dropped at a start when they are many; what counts stays the same."""
    schema = Schema.of(SystemIndicators)
    with Store(Target(tmp_path), "system_indicators", SITE, schema) as store:
        store.manifest.reach(DAY)
        question = Question("system_indicators")
        store.manifest.add(*(Entry(n, question, (), (n - 1,) if n > 1 else ()) for n in range(1, 1_100)))
        staged = store.stage()
        staged.add(schema.columns([SystemIndicators(1, DAY)]), DAY.date())
        store.commit(staged, question, replaces=(1_099,))
    long = (tmp_path / MANIFEST).read_bytes()
    before = Manifest(tmp_path / MANIFEST)
    with Store(Target(tmp_path), "system_indicators", SITE, schema) as store:
        assert store.manifest.entries == before.entries
        assert (store.manifest.next, store.manifest.watermark) == (1_101, DAY)
    assert len((tmp_path / MANIFEST).read_bytes().splitlines()) == 3 < len(long.splitlines())
    assert len(parts(tmp_path)) == 1
