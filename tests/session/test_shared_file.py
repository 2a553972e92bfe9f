"""The file of a shared quota: whose it is, what is in it, and what happens when it is not as it was left."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from cc_async import AkSk, CmsClient, ConfigError, GatewayClient, Quota
from cc_async.session import file_layout
from cc_async.session.file_book import file_pacer
from cc_async.session.quota import FLIGHT
from cc_async.session.shared_pacer import SharedPacer

KEY = ("cms.example.com:28443", "ak-0123456789ab", "skills")
ONE = Quota(1, per=0.3)


async def first_slot(path: Path, quota: Quota = ONE) -> float:
    """How long the first slot takes there."""
    pacer = file_pacer(path)
    began = asyncio.get_running_loop().time()
    try:
        (await asyncio.wait_for(pacer.acquire([(KEY, quota)]), 5)).release()
    finally:
        await pacer.aclose()
    return asyncio.get_running_loop().time() - began


async def test_it_is_private_small_and_tells_nothing(tmp_path: Path) -> None:
    """Mode 0600, little on the disk, and neither host nor identity nor interface can be read in it."""
    path = tmp_path / "site.quota"
    pacer = file_pacer(path)
    await pacer.acquire([(KEY, ONE)])
    await pacer.lock(("cms.example.com:28443", "ak-0123456789ab"), "skills", 300.0, "no")
    found = path.stat()
    data = path.read_bytes()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_blocks * 512 < 2**20
    assert [word for word in KEY if word.encode() in data] == []
    assert os.listdir(tmp_path) == [path.name]
    await pacer.aclose()


@pytest.mark.parametrize("text", [b"[sites.berlin]\n", b"\x7fELF" + bytes(5000)])
async def test_a_file_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path, text: bytes) -> None:
    """Everybody who waits is told which file it is."""
    path = tmp_path / "other"
    pacer = file_pacer(path)
    path.write_bytes(text)
    with pytest.raises(ConfigError, match="no quota file"):
        file_pacer(path)
    waiting = [pacer.acquire([(KEY, ONE)]) for _ in range(3)]
    for told in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(told, ConfigError)
        assert str(path) in str(told)
        assert "no quota file" in str(told)
    assert path.read_bytes() == text
    path.unlink()
    await asyncio.wait_for(pacer.acquire([(KEY, ONE)]), 1)  # put right, it goes on
    await pacer.aclose()


async def test_another_release_s_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its form is not known; what it counts would be lost."""
    path = tmp_path / "q"
    await first_slot(path)
    monkeypatch.setattr(file_layout, "VERSION", file_layout.VERSION + 1)
    with pytest.raises(ConfigError, match="another release"):
        await first_slot(path)


@pytest.mark.parametrize("how", ["empty", "short", "header", "record"])
async def test_a_damaged_file_is_made_anew_after_a_window(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What it counted is not known, so a window is waited out; and it is said."""
    path = tmp_path / "q"
    assert await first_slot(path) < 0.25
    data = bytearray(path.read_bytes())
    if how == "header":
        data[40] ^= 0xFF
    elif how == "record":
        place = data.index(file_layout.digest_of(KEY), file_layout.TALLIES.begin)
        data[place + 40] ^= 0xFF
    path.write_bytes(data[: {"empty": 0, "short": 4096}.get(how, len(data))])
    assert await first_slot(path) >= ONE.per + FLIGHT - 0.02
    assert "damaged" in caplog.text
    assert await first_slot(path) < 0.25


async def test_a_file_of_an_earlier_start_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its times mean nothing any more: it is made anew, and nothing needs to be waited out."""
    path = tmp_path / "q"
    pacer = file_pacer(path)
    await pacer.acquire([(KEY, Quota(1, per=300.0))])
    await pacer.aclose()
    monkeypatch.setattr(file_layout, "boot_id", lambda: b"\x01" * 16)
    assert await first_slot(path, Quota(1, per=300.0)) < 0.25
    assert caplog.text == ""


async def test_a_file_that_is_taken_away_in_use(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All meet again in the new one, after a window."""
    path = tmp_path / "q"
    first, second = file_pacer(path), file_pacer(path)
    for pacer in (first, second):
        (await pacer.acquire([(KEY, ONE)])).release()
    path.unlink()
    began = asyncio.get_running_loop().time()
    slot = await asyncio.wait_for(first.acquire([(KEY, ONE)]), 2)
    assert asyncio.get_running_loop().time() - began >= ONE.per
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire([(KEY, ONE)]), 0.1)
    slot.release()
    assert "was removed" in caplog.text
    for pacer in (first, second):
        await pacer.aclose()


async def test_who_holds_the_lock_and_stops_does_not_stop_the_loop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The others wait in the loop, which goes on, and say what they wait for."""
    import fcntl

    path = tmp_path / "q"
    await first_slot(path)
    holder = os.open(path, os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    pacer = file_pacer(path)
    waiting = asyncio.create_task(pacer.acquire([(KEY, ONE)]))
    longest, last = 0.0, asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        while "does not go on" not in caplog.text:
            await asyncio.sleep(0.01)
            now = asyncio.get_running_loop().time()
            longest, last = max(longest, now - last), now
    assert longest < 0.5
    assert not waiting.done()
    os.close(holder)
    await asyncio.wait_for(waiting, 1)
    await pacer.aclose()


@pytest.mark.looptime
async def test_virtual_time_needs_a_file_of_its_own(tmp_path: Path) -> None:
    """Its seconds are not those of other processes."""
    made = tmp_path / "virtual"
    (await file_pacer(made).acquire([(KEY, ONE)])).release()

    async def real() -> None:
        await first_slot(made)

    with pytest.raises(ConfigError, match="another clock"):
        await asyncio.to_thread(lambda: asyncio.run(real()))


async def test_more_keys_than_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new key waits until another is not used any more; none is ever counted wrong."""
    small = file_layout.Table(file_layout.TALLIES.begin, 6, file_layout.TALLIES.size, tries=5)
    monkeypatch.setattr("cc_async.session.file_book.TALLIES", small)
    pacer = file_pacer(tmp_path / "q")
    slots = [await asyncio.wait_for(pacer.acquire([((*KEY, str(n)), ONE)]), 1) for n in range(5)]
    late = asyncio.create_task(pacer.acquire([((*KEY, "6"), ONE)]))
    await asyncio.sleep(0.3)
    assert not late.done()
    for slot in slots:
        slot.release()
    await asyncio.wait_for(late, 2)
    await pacer.aclose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_children_of_a_fork_are_processes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pacer made before the fork has another name in each child, and opens the file anew."""
    pacer = file_pacer(tmp_path / "q")
    assert await pacer.probation.enter(("credential", "h", "i"))
    book = pacer._book
    before = book._token  # type: ignore[attr-defined]  # what tells processes apart
    monkeypatch.setattr(os, "getpid", lambda: 1)
    await pacer.acquire([(KEY, ONE)])
    after = book._token  # type: ignore[attr-defined]
    monkeypatch.undo()
    assert before != after
    await pacer.aclose()


def test_the_folder_is_looked_at_before_anything_is_sent(tmp_path: Path) -> None:
    """A client whose quota can't be shared is not made."""
    auth = AkSk("ak", "sk")
    for path, text in (
        (tmp_path / "no" / "q", "does not exist"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(ConfigError, match=text):
            CmsClient("https://cms.example.com", auth, quota=Quota(10, shared=path))
    with pytest.raises(ConfigError, match="does not exist"):
        GatewayClient("https://gw.example.com", {}, quota=Quota(10, shared=tmp_path / "no" / "q"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the folder."""
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="can't be written"):
        file_pacer(tmp_path / "q")


def test_without_file_locks_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows, with what to do instead."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigError, match="file locks") as caught:
        file_pacer(tmp_path / "q")
    assert "Redis" in (caught.value.hint or "")


@pytest.mark.parametrize(("shared", "kind"), [(5, TypeError), (b"/run/q", TypeError), ("", ValueError)])
def test_shared_is_a_path(shared: object, kind: type[Exception]) -> None:
    """Text or a path; nothing else."""
    with pytest.raises(kind, match="shared"):
        Quota(10, shared=shared)  # type: ignore[arg-type]  # that is the test
    assert Quota(10, shared=Path("/run/q")) == Quota(10, shared="/run/q")


async def test_what_a_client_makes_of_it(tmp_path: Path) -> None:
    """One file for all of its quotas; not a second one, not a pacer beside it, not by a copy."""
    auth, url, file = AkSk("ak", "sk"), "https://cms.example.com", tmp_path / "q"
    quota = {"skill_states": Quota(5, shared=file), "*": Quota(10)}
    async with CmsClient(url, auth, quota=quota) as cms:
        assert isinstance(cms._core.pacer, SharedPacer)
        cms.with_options(quota=Quota(3, shared=file))
        with pytest.raises(ConfigError, match="copy"):
            cms.with_options(quota=Quota(3, shared=tmp_path / "r"))
    with pytest.raises(ValueError, match="several"):
        CmsClient(url, auth, quota={"*": Quota(1, shared=file), "skills": Quota(1, shared=tmp_path / "r")})
    with pytest.raises(ConfigError, match="pacer"):
        CmsClient(url, auth, quota=Quota(1, shared=file), pacer=file_pacer(file))
