"""Every command against a contact center on real sockets: as a table, as JSON, as CSV."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cc_async.simulator import PROFILES

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent

COMMANDS = {
    "list vdns": (("list", "vdns"), 4, "vdn"),
    "list skills": (("list", "skills"), 60, "skill_id"),
    "skill-stats": (("skill-stats", "--skills", "1-20,30"), 21, "skill_id"),
    "skill-stats of all": (("skill-stats",), 60, "skill_id"),
    "skill-states": (("skill-states", "--skills", "7"), 1, "skill_id"),
    "agents": (("agents", "--skills", "1-3"), None, "agent_id"),
    "agent-states": (("agent-states",), None, "agent_id"),
    "indicators": (
        ("indicators", "--vdns", "1-2", "--begin", "2026-03-29T00:00Z", "--end", "2026-03-29T01:00Z"),
        24,
        "vdn",
    ),
    "agent-stats": (("agent-stats",), 10, "agent_id"),
    "agent-stats in brief": (("agent-stats", "--brief"), 10, "agent_id"),
}


@pytest.fixture(params=COMMANDS.values(), ids=COMMANDS.keys())
def command(request: pytest.FixtureRequest) -> Any:
    """Arguments, rows expected (None: some), key field."""
    return request.param


def test_as_json(run: Run, command: Any) -> None:
    """JSON holds every row and the account, and standard output holds nothing else."""
    arguments, rows, key = command
    outcome = run(*arguments, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    document = outcome.document
    assert list(document) == ["version", "records", "failures", "rejected", "absent", "requests"]
    assert len(document["records"]) == rows if rows is not None else len(document["records"]) > 0
    assert document["requests"] >= 1
    assert all(isinstance(record[key], int) for record in document["records"])
    assert document["failures"] == document["rejected"] == document["absent"] == []


def test_as_csv(run: Run, command: Any) -> None:
    """CSV has a header and as many rows as JSON, with the same keys."""
    arguments, _, key = command
    rows = list(csv.DictReader(io.StringIO(run(*arguments, "--csv").out)))
    records = run(*arguments, "--json").document["records"]
    assert len(rows) == len(records) > 0
    assert {int(row[key]) for row in rows} == {record[key] for record in records}
    assert list(rows[0]) == list(records[0])


def test_as_a_table(run: Run, command: Any) -> None:
    """A table shows the rows and says how many there are and what they took."""
    arguments, rows, _ = command
    outcome = run(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    last = outcome.out.splitlines()[-1]
    assert " request" in last
    if rows is not None:
        assert last.startswith(f"{rows} ")
        assert len(outcome.out.splitlines()) == 2 + rows + 1
    assert "\x1b" not in outcome.out


def test_tasks(run: Run, center: Any) -> None:
    """Tasks are asked one by one; their ids stay text."""
    ids = center.sim.task_ids[:3]
    outcome = run("task-stats", "--tasks", ",".join(ids), "--json")
    assert [record["task_id"] for record in outcome.document["records"]] == list(ids)
    assert outcome.document["requests"] == 3


def test_queues_by_name(run: Run, center: Any) -> None:
    """A name finds its queue with one request for the list; ids and names mix."""
    center.do(lambda: center.sim.set_skill(170, 7, name="Königsallee, nights"))
    center.do(lambda: center.sim.set_skill(170, 8, name="Hotline"))
    try:
        outcome = run("skill-stats", "--skills", "3,hotline", "--json")
        assert [record["skill_id"] for record in outcome.document["records"]] == [3, 8]
        unknown = run("skill-stats", "--skills", "hotlin")
        assert (unknown.code, unknown.out) == (2, "")
        assert "did you mean 'hotline'?" in unknown.err
    finally:
        center.do(lambda: center.sim.clear_skill(170, 7))
        center.do(lambda: center.sim.clear_skill(170, 8))


def test_the_time_asked_is_the_time_sent(run: Run) -> None:
    """A day of 23 hours gives 23 hours of rows, from midnight in Berlin on."""
    outcome = run("indicators", "--vdns", "1", "--day", "2026-03-29", "--tz", "Europe/Berlin", "--json")
    starts = [record["interval_start"] for record in outcome.document["records"]]
    assert len(starts) == 23 * 12
    assert (min(starts), max(starts)) == ("2026-03-28T23:00:00Z", "2026-03-29T21:55:00Z")


def test_absent_queues_are_no_failure(run: Run) -> None:
    """A queue the server does not know is named as absent, and the exit code stays 0."""
    outcome = run("skill-stats", "--skills", "1,900", "--json")
    assert outcome.code == 0
    assert outcome.document["absent"] == [900]
    assert "1 answered without a row: 900" in run("skill-stats", "--skills", "1,900").out


def test_page_size_and_concurrency_reach_the_server(run: Run, center: Any) -> None:
    """--page-size is the limit asked for, or learned: 288 rows in 3 pages of 100, or one of 1000."""
    arguments = ("indicators", "--vdns", "1", "--begin", "2026-03-30T00:00Z", "--end", "2026-03-31T00:00Z")
    center.do(lambda: setattr(center.sim, "profile", PROFILES["page_1000"]))
    whole = run(*arguments, "--page-size", "1000", "--concurrency", "2", "--json").document
    assert (len(whole["records"]), whole["requests"]) == (288, 1)
    # The shape of requests is not known yet: a page of 100 finds it, then one of 1000 has everything.
    learned = run(*arguments, "--page-size", "learn", "--json").document
    assert (len(learned["records"]), learned["requests"]) == (288, 2)
    center.do(lambda: setattr(center.sim, "profile", PROFILES["documented"]))
    assert run(*arguments, "--json").document["requests"] == 3


def test_a_site_of_the_file(
    run: Run, center: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    """--site and --config are enough; a file others can read is warned about in one line."""
    for name in environ:
        if name.startswith("CC_ASYNC_"):
            monkeypatch.delenv(name)
    path = tmp_path / "c.toml"
    path.write_text(
        f'[sites.here]\ncms_url = "{center.sim.cms_url}"\nvdn = 170\n'
        f'access_key = "{center.sim.access_key}"\nsecret_key = "{center.sim.secret_key}"\n'
    )
    path.chmod(0o644)
    outcome = run("skill-stats", "--skills", "1", "--site", "here", "--config", str(path))
    assert outcome.code == 0
    assert (
        outcome.err == f"cc-async: warning: {path} holds a secret and can be read by others: chmod 600 it\n"
    )
    path.chmod(0o600)
    assert run("skill-stats", "--skills", "1", "--site", "here", "--config", str(path)).err == ""


PLANS = {
    "skill-stats": (("--skills", "1-2000"), [9]),
    "skill-states": (("--skills", "1-3"), [1]),
    "agents": (("--skills", "1-50"), [50]),
    "agent-states": ((), [1]),
    "task-stats": (("--tasks", "1,2,3"), [3]),
    "agent-stats": (("--agents", "101-140"), [40]),
}


@pytest.mark.parametrize("name", PLANS)
def test_plans_cost_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], name: str
) -> None:
    """A plan needs no server and no key, and says how many requests it will be."""
    for variable in environ:
        if variable.startswith("CC_ASYNC_"):
            monkeypatch.delenv(variable)
    arguments, requests = PLANS[name]
    outcome = run("plan", name, *arguments, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert [plan["requests"] for plan in outcome.document["plans"]] == requests
    assert str(requests[0]) in run("plan", name, *arguments).out


def test_the_plan_of_indicators_compares_page_sizes(run: Run, center: Any) -> None:
    """At 1000 rows a page it takes a tenth of the requests; the time follows from the quota."""
    before = len(center.sim.requests)
    arguments = ("plan", "indicators", "--vdns", "1-100", "--day", "2026-11-01", "--tz", "UTC")
    small, large = run(*arguments, "--quota", "10/1", "--json").document["plans"]
    assert (small["page_size"], large["page_size"]) == (100, 1000)
    assert small["rows_expected"] == large["rows_expected"] == 28_800
    # The last page comes full, so one more is asked to see that it is the last.
    assert (small["requests"], large["requests"]) == (288, 29)
    assert small["seconds"] == 28.0
    learned = run(*arguments, "--quota", "10/1", "--page-size", "learn", "--json").document["plans"]
    assert learned == [small, large]  # nobody knows yet which of them it will be
    table = run(*arguments, "--quota", "1/1").out
    assert "4.8" in table
    assert "28,800" in table
    assert len(center.sim.requests) == before


def test_a_name_in_a_plan_would_have_to_be_asked(run: Run) -> None:
    """Planning sends nothing, so a name is refused."""
    outcome = run("plan", "skill-stats", "--skills", "Sales")
    assert outcome.code == 2
    assert "write ids" in outcome.err


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_as_a_process(environ: dict[str, str], form: tuple[str, ...]) -> None:
    """``python -m cc_async`` is the same command."""
    outcome = subprocess.run(
        [sys.executable, "-m", "cc_async", "skill-stats", "--skills", "1-5", *form],
        capture_output=True,
        text=True,
        timeout=60,
        env={**environ, "PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert len(outcome.stdout.splitlines()) == {(): 8, ("--json",): 1, ("--csv",): 6}[form]


def test_the_demo(run: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    """The demo plans, fetches 28 800 rows and more, and closes the account, on at most 100 columns."""
    for variable in environ:
        if variable.startswith("CC_ASYNC_"):
            monkeypatch.delenv(variable)
    began = time.monotonic()
    outcome = run("demo")
    assert time.monotonic() - began < 20.0
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("cc-async: ")
    closing = outcome.out.split("The account")[1].splitlines()
    account = {words[0]: words for words in map(str.split, closing) if words}
    assert account["system_indicators"][3] == "28,800"
    assert account["skill_call_stats"][3] == account["skill_states"][3] == "2,000"
    assert account["task_stats"][3] == "3"
    assert account["agent_call_stats"][3] == "40"
    order = [outcome.out.index(title) for title in ("What it will cost", "Skill queues", "The account")]
    assert order == sorted(order)
