"""The commands that write files: backfill, sync, record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars
import pytest
from contact_center import Center, Outcome

Run = Callable[..., Outcome]
DAY = ("--vdns", "1-3", "--day", "2026-03-29", "--tz", "Europe/Berlin")


def rows(folder: Path, interface: str = "system_indicators") -> polars.DataFrame:
    """Every row of a folder."""
    return polars.scan_parquet(folder / interface, hive_partitioning=True).collect()


def test_a_backfill_asks_once(run: Run, center: Center, tmp_path: Path) -> None:
    """A day of 23 hours comes whole; the same command again asks nothing and says so."""
    out = tmp_path / "out"
    first = run("backfill", str(out), *DAY)
    assert first.code == 0
    assert "828 rows" in first.err
    assert rows(out).select("vdn", "interval_start").n_unique() == rows(out).height == 3 * 23 * 12
    before = center.asked("system_indicators")
    again = run("backfill", str(out), *DAY, "--verify")
    assert (again.code, again.out) == (0, "")
    assert center.asked("system_indicators") == before
    assert "0 requests" in again.err
    assert "828 rows: all as written" in again.err


def test_verify_names_what_is_wrong(run: Run, tmp_path: Path) -> None:
    """``--verify`` alone asks nothing and ends with 1 when a part is not what was written."""
    out = tmp_path / "out"
    assert run("backfill", str(out), *DAY).code == 0
    assert run("backfill", str(out), "--verify").code == 0
    part = sorted(out.glob("*/date=*/*"))[0]
    part.write_bytes(part.read_bytes() + b"x")
    found = run("backfill", str(out), "--verify")
    assert found.code == 1
    assert part.name in found.err


def test_dates_of_a_zone(run: Run, tmp_path: Path) -> None:
    """``--date-zone`` makes the day of that zone one date."""
    out = tmp_path / "out"
    assert run("backfill", str(out), *DAY, "--date-zone", "Europe/Berlin").code == 0
    assert [folder.name for folder in (out / "system_indicators").iterdir()] == ["date=2026-03-29"]


def test_a_part_that_failed_is_told(run: Run, center: Center, tmp_path: Path) -> None:
    """What failed is a line on stderr and exit code 3; the next run completes it."""
    out = tmp_path / "out"
    center.do(lambda: center.sim.fail("system_indicators", code="0300028", times=1))
    found = run("backfill", str(out), *DAY, "--concurrency", "1")
    assert found.code == 3
    assert "1 failed" in found.err
    assert run("backfill", str(out), *DAY).code == 0
    assert rows(out).height == 828


def test_sync_comes_up_to_now(run: Run, tmp_path: Path) -> None:
    """Two syncs in a row leave every row once."""
    out = tmp_path / "out"
    for _ in range(2):
        assert run("sync", str(out), "--vdns", "1-3", "--since", "3h").code == 0
    found = rows(out)
    assert found.select("vdn", "interval_start").n_unique() == found.height
    assert 3 * 33 <= found.height <= 3 * 36


def test_record_polls(run: Run, tmp_path: Path) -> None:
    """Two polls of two interfaces, names of agents dropped unless asked for."""
    out = tmp_path / "out"
    options = ("--skills", "1-3", "--every", "1s", "--lasting", "2s")
    found = run("record", str(out), "skill-states,agents", *options)
    assert found.code == 0
    assert "skill_states: 2 polls, 6 rows, 0 gaps" in found.err
    assert rows(out, "skill_states").get_column("polled_at").n_unique() == 2
    assert (
        rows(out, "signed_in_agents").get_column("name").null_count() == rows(out, "signed_in_agents").height
    )


@pytest.mark.parametrize(("fails", "code"), [(False, 0), (True, 3)])
def test_ctrl_c_ends_a_recording(
    environ: dict[str, str], center: Center, tmp_path: Path, fails: bool, code: int
) -> None:
    """Ctrl-C is how a recording ends: its account on stderr, its polls in parts, 3 when there were gaps."""
    if fails:
        center.do(lambda: center.sim.fail("skill_states", code="0300028", times=1))
    before, deadline = center.asked("skill_states"), time.monotonic() + 60
    options = ("--skills", "1", "--every", "1s")
    process = subprocess.Popen(
        [sys.executable, "-m", "cc_async", "record", str(tmp_path / "out"), "skill-states", *options],
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
    )
    # A third poll begins when the second has been noted.
    while center.asked("skill_states") < before + 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    [told] = err.decode().splitlines()
    polled = rows(tmp_path / "out", "skill_states")
    gaps = polled.height - polled.get_column("gap").null_count()
    assert f" {gaps} gaps" in told
    assert (gaps > 0) is fails
    assert polled.height >= 2


def test_ctrl_c_in_a_backfill_says_how_to_go_on(
    environ: dict[str, str], center: Center, tmp_path: Path, run: Run
) -> None:
    """Exit code 130 and what to type next; the same command then has every row once."""
    before, deadline = center.asked("system_indicators"), time.monotonic() + 60
    command = ["backfill", str(tmp_path / "out"), *DAY]
    process = subprocess.Popen(
        [sys.executable, "-m", "cc_async", *command, "--quota", "1/1"],
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
    )
    while center.asked("system_indicators") < before + 1:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.decode().splitlines()[-1] == "cc-async: stopped; the same command goes on with what is missing"
    assert run(*command).code == 0
    found = rows(tmp_path / "out")
    assert found.select("vdn", "interval_start").n_unique() == found.height == 3 * 23 * 12


def test_another_contact_center_is_refused(run: Run, environ: dict[str, str], tmp_path: Path) -> None:
    """A folder of another host is refused, unless ``--moved`` says that it is the same at a new address."""
    out = str(tmp_path / "out")
    assert run("backfill", out, *DAY).code == 0
    manifest = tmp_path / "out/_cc_async/system_indicators/manifest.jsonl"
    here = environ["CC_ASYNC_CMS_URL"].removeprefix("http://")
    manifest.write_text(manifest.read_text().replace(here, "old.example:443"))
    refused = run("backfill", out, *DAY)
    assert refused.code == 1
    assert f"host=old.example:443, not {here}" in refused.err
    assert run("backfill", out, *DAY, "--moved").code == 0
    assert run("backfill", out, *DAY).code == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("backfill", "OUT", "--vdns", "1"), "which time?"),
        (("backfill", "OUT", *DAY, "--format", "xlsx"), "parquet, jsonl, csv"),
        (("backfill", "OUT", *DAY, "--date-zone", "Mars"), "no time zone"),
        (("sync", "OUT", "--reread", "soon"), "--reread"),
        (("record", "OUT", "everything"), "'everything' cannot be recorded"),
        (("record", "OUT", "task-stats"), "--tasks"),
        (("record", "OUT", "agents", "--skills", "1", "--agents", "hash"), "secret key"),
        (("record", "OUT", "agents", "--agents", "hash", "--hash-key-file", "OUT/no"), "No such file"),
    ],
)
def test_mistakes(run: Run, tmp_path: Path, arguments: tuple[str, ...], problem: str) -> None:
    """A wrong option is exit code 2 and one line that says what to write; no folder is made."""
    out = tmp_path / "out"
    found = run(*(each.replace("OUT", str(out)) for each in arguments))
    assert (found.code, found.out) == (2, "")
    assert problem in found.err
    assert found.err.count("\n") == 1
    assert not out.exists()


def test_the_hash_key_comes_from_a_file(run: Run, tmp_path: Path) -> None:
    """With a key file agents are hashed: numbers that are no agent's."""
    out, key = tmp_path / "out", tmp_path / "key"
    key.write_text("a secret of sixteen characters\n")
    options = ("--every", "1s", "--lasting", "1s", "--agents", "hash", "--hash-key-file", str(key))
    assert run("record", str(out), "agent-states", *options).code == 0
    numbers = rows(out, "agent_states").get_column("agent_id")
    assert numbers.n_unique() == 250
    assert numbers.min() > 999_999
