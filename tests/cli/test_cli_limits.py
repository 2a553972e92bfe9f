"""Limits of a command: its time, its pace, and what is shown of what arrived before an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def one_line(text: str) -> bool:
    """True for one line of ours without a traceback."""
    return text.startswith("cc-async: ") and text.count("\n") == 1 and "Traceback" not in text


@pytest.mark.parametrize("form", ["--csv", "--json", "--rows=5"])
def test_the_timeout_holds_for_every_form(run: Run, center: Any, form: str) -> None:
    """--timeout ends a command whose server never answers, streamed CSV too."""
    center.do(lambda: center.sim.fail("skill_call_stats", delay=30.0, times=None))
    outcome = run("skill-stats", "--skills", "1-5", "--timeout", "0.3", form)
    assert (outcome.code, outcome.out) == (1, "")
    assert one_line(outcome.err)
    assert "0.3 s" in outcome.err
    assert "=" not in outcome.err


def test_the_timeout_holds_for_files(run: Run, center: Any, tmp_path: Path) -> None:
    """--timeout ends a backfill whose server never answers."""
    center.do(lambda: center.sim.fail("system_indicators", delay=30.0, times=None))
    time = ("--begin", "2026-03-29T00:00Z", "--end", "2026-03-29T01:00Z", "--format", "jsonl")
    outcome = run("backfill", str(tmp_path / "rows"), "--vdns", "1", *time, "--timeout", "0.3")
    assert outcome.code in (1, 3)
    assert "0.3 s" in outcome.err


def test_the_timeout_of_a_site_holds(run: Run, center: Any, tmp_path: Path) -> None:
    """Without the option the site's own limit holds; with it, the option's."""
    path = tmp_path / "c.toml"
    path.write_text(f'[sites.here]\ncms_url = "{center.sim.cms_url}"\ntimeout = 0.3\n')
    center.do(lambda: center.sim.fail("skill_call_stats", delay=30.0, times=None))
    arguments = ("skill-stats", "--skills", "1", "--site", "here", "--config", str(path))
    assert "0.3 s" in run(*arguments).err
    assert "0.2 s" in run(*arguments, "--timeout", "0.2").err


def test_the_quota_reaches_the_gateway(run: Run) -> None:
    """--quota paces and plans requests to CC-Gateway: 10 agents, 1 a second, are 9 seconds."""
    [plan] = run("plan", "agent-stats", "--agents", "101-110", "--quota", "1/1", "--json").document["plans"]
    assert plan["seconds"] == 9.0
    [free] = run("plan", "agent-stats", "--agents", "101-110", "--json").document["plans"]
    assert free["seconds"] < 1.0


def test_a_quota_of_both_hosts_in_a_site(run: Run, center: Any, tmp_path: Path) -> None:
    """Names of both hosts in one site trouble neither client."""
    path = tmp_path / "c.toml"
    path.write_text('[sites.here]\nquota = { skill_call_stats = "5/1", agent_call_stats = "50/1" }\n')
    where = ("--site", "here", "--config", str(path), "--json")
    assert run("skill-stats", "--skills", "1", *where).code == 0
    assert run("agent-stats", *where).code == 0


@pytest.mark.parametrize("form", ["--json", "--rows=500"])
def test_what_arrived_before_an_error_is_shown(run: Run, center: Any, form: str) -> None:
    """Rows of the parts that were answered are shown, in a table and as JSON; the exit code is 3."""
    arguments = ("agents", "--skills", "1-40", "--concurrency", "1")
    whole = run(*arguments, "--json").document["records"]
    first = [record["agent_id"] for record in whole if record["skill_id"] in (1, 2)]
    assert first
    center.do(lambda: center.sim.fail("signed_in_agents", delay=0.001, times=2))
    center.do(lambda: center.sim.fail("signed_in_agents", status=401, times=None))
    outcome = run(*arguments, form)
    assert outcome.code == 3
    assert one_line(outcome.err)
    if form == "--json":
        assert [record["agent_id"] for record in json.loads(outcome.out)["records"]] == first
    else:
        rows = outcome.out.splitlines()[2:-1]
        assert [int(row.split()[1]) for row in rows] == first


def test_hints_name_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is told as the option that gives it."""
    monkeypatch.delenv("CC_ASYNC_VDN")
    outcome = run("skill-stats")
    assert (outcome.code, outcome.err) == (2, "cc-async: which VDN? give --vdn 170\n")
