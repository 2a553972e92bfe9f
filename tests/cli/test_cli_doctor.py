"""``doctor``, ``config`` and ``init --yes`` from the command line: lines, exit codes, JSON, files."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cc_async.settings import from_site
from cc_async.simulator import PROFILES

Run = Callable[..., Any]
posix = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")


def test_all_well_is_exit_0(run: Run, environ: dict[str, str]) -> None:
    """A line for each step with its sign in words, the outcome, nothing on stderr, no secret."""
    outcome = run("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert any(line.startswith("ok ") and "signature" in line for line in lines)
    assert "All well." in outcome.out
    assert "\x1b" not in outcome.out
    for name in ("ACCESS_KEY", "SECRET_KEY", "GLOBAL_ACCESS_KEY", "GLOBAL_SECRET_KEY"):
        assert environ[f"CC_ASYNC_{name}"] not in outcome.out


def test_remarks_are_exit_3_with_what_to_set(run: Run, center: Any) -> None:
    """A server with larger pages works; the setting is printed as a table of the file."""
    center.do(lambda: setattr(center.sim, "profile", PROFILES["page_1000"]))
    outcome = run("doctor")
    assert outcome.code == 3
    assert "[sites.NAME]\npage_size = 1000\n" in outcome.out
    assert "remark" in outcome.out


def test_a_problem_is_exit_1_with_what_to_do(run: Run, center: Any) -> None:
    """It says where it stopped, what to do, and what was not looked at."""
    center.do(lambda: center.sim.fail("ping", 403, body="<html>blocked</html>", times=None))
    outcome = run("doctor")
    assert outcome.code == 1
    assert "PROBLEM HTTP: a firewall" in outcome.out
    assert "not looked at: clock, signature" in outcome.out
    assert "let this machine's address in" in outcome.out


def test_json_is_one_object(run: Run, center: Any) -> None:
    """The report for machines has the same outcome and nothing beside it."""
    outcome = run("doctor", "--json", "--mask-hosts", "--task", center.sim.task_ids[0])
    assert (outcome.code, outcome.document["outcome"]) == (0, "ok")
    assert outcome.document["requests"] <= outcome.document["at_most"]
    assert "127.0.0.1" not in outcome.out
    assert any("task_stats" in one["text"] for step in outcome.document["steps"] for one in step["findings"])


def test_no_keys_is_usage(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key and without a terminal it is said which variable to set; nothing is asked."""
    monkeypatch.delenv("CC_ASYNC_SECRET_KEY")
    outcome = run("doctor")
    assert (outcome.code, outcome.out) == (2, "")
    assert "CC_ASYNC_SECRET_KEY" in outcome.err
    assert run("doctor", "--task", "x").code == 2


@pytest.mark.parametrize(
    "command", [("doctor",), ("init",), ("config",), ("config", "check"), ("config", "show"), ("capture",)]
)
def test_help_offers_no_option_for_a_key(run: Run, environ: dict[str, str], command: tuple[str, ...]) -> None:
    """Help is there and shows no value of the environment."""
    outcome = run(*command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Usage: cc-async" in outcome.out
    assert "--secret" not in outcome.out
    assert "--access" not in outcome.out
    assert environ["CC_ASYNC_SECRET_KEY"] not in outcome.out


# init


@posix
def test_init_writes_what_was_tried(run: Run, environ: dict[str, str], tmp_path: Path, center: Any) -> None:
    """From the environment: tried, written for us alone in a folder of our own, read back as it was given."""
    center.do(lambda: setattr(center.sim, "profile", PROFILES["wrapped"]))
    path = tmp_path / "new" / "config.toml"
    old = os.umask(0)
    try:
        outcome = run("init", "--yes", "--site", "berlin", "--config", str(path))
    finally:
        os.umask(old)
    assert (outcome.code, outcome.err) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    site = from_site("berlin", path, environ={})
    assert site.secret_key == environ["CC_ASYNC_SECRET_KEY"]
    assert (site.vdn, site.request_shape) == (170, "wrapped")
    assert environ["CC_ASYNC_SECRET_KEY"] not in outcome.out
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]
    assert run("skill-states", "--site", "berlin", "--config", str(path)).code == 0


def test_init_keeps_what_is_there(run: Run, tmp_path: Path) -> None:
    """Other sites, comments and odd spacing stay as they were; a site of the same name is not touched."""
    path = tmp_path / "config.toml"
    before = "# mine\n[sites.old]   # the first\nvdn   =  5\n"
    path.write_text(before)
    assert run("init", "--yes", "--site", "new", "--config", str(path)).code == 0
    after = path.read_text()
    assert after.startswith(before)
    assert "[sites.new]" in after
    again = run("init", "--yes", "--site", "new", "--config", str(path))
    assert again.code == 2
    assert "has a site 'new' already" in again.err
    assert path.read_text() == after


def test_init_writes_nothing_when_the_trial_fails(run: Run, tmp_path: Path, center: Any) -> None:
    """A server that turns us away: exit 1, what to do, and no file."""
    center.do(lambda: center.sim.fail("ping", 403, body="<html>blocked</html>", times=None))
    outcome = run("init", "--yes", "--config", str(tmp_path / "c.toml"))
    assert outcome.code == 1
    assert "Nothing was written." in outcome.out
    assert not (tmp_path / "c.toml").exists()


def test_init_without_a_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to answer: refused, with the way that works; a missing variable is named."""
    outcome = run("init", "--config", str(tmp_path / "c.toml"))
    assert outcome.code == 2
    assert "--yes" in outcome.err
    monkeypatch.delenv("CC_ASYNC_VDN")
    assert "CC_ASYNC_VDN" in run("init", "--yes", "--config", str(tmp_path / "c.toml")).err


def test_init_leaves_a_broken_file_alone(run: Run, tmp_path: Path) -> None:
    """A file that is no TOML is not written over."""
    path = tmp_path / "c.toml"
    path.write_text("[sites.x\n")
    assert run("init", "--yes", "--config", str(path)).code == 2
    assert path.read_text() == "[sites.x\n"


# config


def test_config_check_names_every_fault(run: Run, tmp_path: Path) -> None:
    """File, table, key and what is allowed, for every site; no value is shown, nothing is asked."""
    path = tmp_path / "c.toml"
    path.write_text(
        '[sites.a]\nvdnn = 3\nvdn = "170"\ncms_url = "http://cms.example.com"\n'
        '[sites.b]\nfingerprint = "ab"\nca_file = "missing.pem"\nsecret_key = "s3cr3t-never-shown"\n'
        '[sites.c]\nvdn = 170\nsigned_headers = ["date"]\nrequest_shape = "round"\nmilliseconds = 1\n'
        "[sites.d]\nvdn = 1\n"
    )
    path.chmod(0o600)
    outcome = run("config", "check", "--config", str(path), "--json")
    assert outcome.code == 1
    found = {(fault["site"], fault["key"]): fault["text"] for fault in outcome.document["faults"]}
    assert set(found) == {
        ("a", "vdnn"),
        ("a", "vdn"),
        ("a", "cms_url"),
        ("b", "fingerprint"),
        ("b", "ca_file"),
        ("b", "secret_key"),
        ("c", "signed_headers"),
        ("c", "request_shape"),
        ("c", "milliseconds"),
    }
    assert all(str(path) in text and f"[sites.{site}]" in text for (site, _), text in found.items())
    assert "whole number" in found["a", "vdn"]
    assert '"learn", "flat" or "wrapped"' in found["c", "request_shape"]
    assert "s3cr3t" not in outcome.out
    plain = run("config", "check", "--config", str(path), "--site", "a")
    assert plain.code == 1
    assert plain.err.count("\n") == 3
    assert run("config", "check", "--config", str(path), "--site", "d").code == 0


@posix
def test_config_check_warns_about_permissions(run: Run, tmp_path: Path) -> None:
    """A secret that others can read is exit 3, as a warning."""
    path = tmp_path / "c.toml"
    path.write_text('[sites.a]\naccess_key = "a"\nsecret_key = "s"\n')
    path.chmod(0o644)
    outcome = run("config", "check", "--config", str(path))
    assert outcome.code == 3
    assert "chmod 600" in outcome.err
    path.chmod(0o600)
    assert run("config", "check", "--config", str(path)).code == 0


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", 1, "no site in it - cc-async init writes one"),
        ("sites = 5\n", 2, "sites must hold tables"),
        ("[[sites]]\nvdn = 1\n", 2, "sites must hold tables"),
        ('[sites.a]\npacer = "redis://h:1"\nquota_shared = "q"\n', 1, "stands beside quota_shared"),
        ('[sites.a]\nquota_shared = "no/such/folder/q"\n', 1, "is no folder"),
    ],
)
def test_config_check_sees_what_no_key_shows(
    run: Run, tmp_path: Path, text: str, code: int, says: str
) -> None:
    """A file without sites, sites that are no tables, and keys that exclude each other are not fine."""
    path = tmp_path / "c.toml"
    path.write_text(text)
    path.chmod(0o600)
    outcome = run("config", "check", "--config", str(path))
    assert (outcome.code, outcome.out) == (code, "")
    assert says in outcome.err


def test_config_of_nothing_is_usage(run: Run, tmp_path: Path) -> None:
    """No file, or no such site: exit 2, with what to do."""
    missing = run("config", "check", "--config", str(tmp_path / "none.toml"))
    assert (missing.code, "cc-async init" in missing.err) == (2, True)
    path = tmp_path / "c.toml"
    path.write_text("[sites.a]\n")
    assert "known sites: a" in run("config", "show", "--config", str(path), "--site", "b").err


def test_config_show_masks(run: Run, tmp_path: Path) -> None:
    """What is set is shown as it is read; keys are cut, secrets and proxies hidden."""
    path = tmp_path / "c.toml"
    path.write_text(
        '[sites.a]\ncms_url = "https://cms.example.com"\naccess_key = "AKAK12345"\n'
        'secret_key = "s3cr3t-never-shown"\nproxy = "http://u:pw-never@proxy.example.com"\nvdn = 170\n'
    )
    path.chmod(0o600)
    outcome = run("config", "show", "--config", str(path))
    assert outcome.code == 0
    assert json.loads(outcome.out.split("access_key = ")[1].splitlines()[0]) == "AKAK..."
    assert "vdn = 170" in outcome.out
    for secret in ("AKAK1", "s3cr3t", "pw-never"):
        assert secret not in outcome.out
