"""The folder itself: what a kill, a damage, a second writer, a full disk leave and what is said."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import truth
from folders import DAY, asked, counted, parquet, parts

from cc_async import CmsClient, ExportError, Query, SystemIndicators
from cc_async.contract.spec import Question
from cc_async.export import Target, files, verify
from cc_async.export.manifest import Manifest
from cc_async.export.schema import Schema
from cc_async.export.store import Store
from cc_async.simulator import Simulator

MANIFEST = Path("_cc_async/system_indicators/manifest.jsonl")


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


def days(cms: CmsClient, count: int = 2) -> Query[SystemIndicators]:
    """Some days of two VDNs."""
    return cms.system_indicators(begin=DAY, end=DAY.replace(day=1 + count), vdns=[1, 2])


def check(sim: Simulator, folder: Path, count: int = 2) -> None:
    """Every row is there exactly once, every part is as it was written, nothing else is left."""
    assert counted(parquet(folder)) == counted(
        truth.system_indicators(sim, DAY, DAY.replace(day=1 + count), [1, 2])
    )
    found, _, damages = verify(folder)
    assert (found, damages) == (len(parts(folder)), [])
    assert not list((folder / MANIFEST).parent.glob("*.tmp"))


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
    with Store(target, "system_indicators", 1, Schema.of(SystemIndicators)):
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


async def test_a_full_disk(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """When the system takes no more bytes, the run says so; what was finished stays, the rest comes later."""
    await days(cms, 1).to_parquet(tmp_path)
    size = parts(tmp_path)[0].stat().st_size
    await _limited(sim, tmp_path, size // 2, "no space for ")
    check(sim, tmp_path, 1)
    await days(cms).to_parquet(tmp_path)
    check(sim, tmp_path)


async def test_a_manifest_that_finds_no_space(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A line that does not fit is taken back: the partition is not done, and comes with the next run."""
    await days(cms, 1).to_parquet(tmp_path)
    path = tmp_path / MANIFEST
    whole = path.read_bytes()
    entry = Manifest(path).entries[1]
    code = f"""
    from cc_async.export.manifest import Manifest
    from pathlib import Path
    manifest = Manifest(Path({str(path)!r}))
    limit({len(whole) + 20})
    manifest.add(manifest.entries[{entry.number}])
    """
    assert "no space for " in await _child(code)
    assert path.read_bytes() == whole


def test_no_permission(tmp_path: Path) -> None:
    """A folder that may not be written is named, with what to do."""
    code = f"""
    import os
    from pathlib import Path
    from cc_async import SystemIndicators
    from cc_async.export import Target
    from cc_async.export.schema import Schema
    from cc_async.export.store import Store
    target, schema = Target(Path({str(tmp_path)!r}) / "new"), Schema.of(SystemIndicators)
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    Store(target, "system_indicators", 1, schema)
    """
    tmp_path.chmod(0o500)
    assert "no permission for " in asyncio.run(_child(code))


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A folder that is a file is an error of ours that names it."""
    (tmp_path / "there").write_text("")
    with pytest.raises(ExportError, match="there"):
        Store(Target(tmp_path / "there"), "system_indicators", 1, Schema.of(SystemIndicators))


def test_a_long_manifest_is_written_anew(tmp_path: Path) -> None:
    """Lines that no longer count are dropped at a start when they are many; what counts stays the same."""
    schema = Schema.of(SystemIndicators)
    with Store(Target(tmp_path), "system_indicators", 1, schema) as store:
        store.manifest.reach(DAY)
        for _ in range(1_100):
            staged = store.stage()
            staged.add(schema.columns([SystemIndicators(1, DAY)]), DAY.date())
            store.commit(staged, Question("system_indicators"), replaces=tuple(store.manifest.entries))
    long = (tmp_path / MANIFEST).read_bytes()
    before = Manifest(tmp_path / MANIFEST)
    with Store(Target(tmp_path), "system_indicators", 1, schema) as store:
        assert store.manifest.entries == before.entries
        assert (store.manifest.next, store.manifest.watermark) == (1_101, DAY)
    assert len((tmp_path / MANIFEST).read_bytes().splitlines()) == 3 < len(long.splitlines())
    assert len(parts(tmp_path)) == 1


async def _limited(sim: Simulator, folder: Path, most: int, wanted: str) -> None:
    """Run the second day in a process that may write no file larger than so many bytes."""
    code = f"""
    import asyncio
    from datetime import UTC, datetime
    from cc_async import AkSk, CmsClient
    async def main():
        auth = AkSk({sim.global_access_key!r}, {sim.global_secret_key!r})
        async with CmsClient({sim.cms_url!r}, auth, quota=None) as cms:
            begin = datetime(2026, 3, 1, tzinfo=UTC)
            query = cms.system_indicators(begin=begin, end=begin.replace(day=3), vdns=[1, 2])
            limit({most})
            await query.to_parquet({str(folder)!r})
    asyncio.run(main())
    """
    assert wanted in await _child(code)


async def _child(code: str) -> str:
    """What a process says on stderr as it fails; ``limit(bytes)`` bounds its files as a full disk does."""
    head = """
    import resource, signal, sys
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    def limit(most):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(head) + textwrap.dedent(code),
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    return said.decode()
