"""``cc-async metrics``: what it writes for Prometheus and Grafana is whole, and needs neither of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_the_rules_are_a_file_prometheus_takes(run: Run, tmp_path: Path) -> None:
    """Written to a file as the help says, they pass Prometheus' own check."""
    outcome = run("metrics", "rules")
    assert (outcome.code, outcome.err) == (0, "")
    [group] = json.loads(outcome.out)["groups"]
    assert "CcAsyncServiceLevelLow" in {rule["alert"] for rule in group["rules"]}
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (of Prometheus) is not installed")
    (tmp_path / "cc_async.rules.yml").write_text(outcome.out, encoding="utf-8")
    file = str(tmp_path / "cc_async.rules.yml")
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_the_dashboard_is_json_for_import(run: Run) -> None:
    """One object with panels, and nothing else."""
    outcome = run("metrics", "dashboard")
    assert (outcome.code, outcome.err) == (0, "")
    assert len(json.loads(outcome.out)["panels"]) > 15


def test_the_list_names_every_metric_and_rule(run: Run) -> None:
    """The table for people has what the JSON for machines has."""
    found = json.loads(run("metrics", "list", "--json").out)
    table = run("metrics", "list").out
    names = [one["name"] for one in found["metrics"]] + [one["name"] for one in found["rules"]]
    assert "cc_async_queue_offered_calls_total" in names
    assert [name for name in names if name not in "".join(table.split())] == []


def test_a_mistake_is_one_line(run: Run) -> None:
    """An unknown part or option is a usage error."""
    for arguments in (("metrics", "rule"), ("metrics", "rules", "--json")):
        outcome = run(*arguments)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)


def test_it_needs_no_extra() -> None:
    """Whoever only writes rules need not install a Prometheus client."""
    code = "import sys, cc_async.cli.metrics; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
