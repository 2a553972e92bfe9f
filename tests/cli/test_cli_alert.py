"""``alert try``: the rules run over a past time of a contact center on real sockets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
DAY = ("--vdns", "1", "--day", "2026-03-04", "--tz", "Europe/Berlin")
RULES = """
[rules."agents gone"]
threshold = 0.1
clear_threshold = 0.1
minimum = 1

[rules."no idle agent"]
off = true
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """A rules file that rings at small losses of agents."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES, encoding="utf-8")
    return str(path)


def losses(rows: list[dict[str, Any]]) -> list[str]:
    """Begins of the windows that lose more than a tenth of the usual agents at once."""
    found, usual, away = [], 0, 0
    for row in rows:
        online = row["online_agents"]
        gone = usual and 1 - online / usual > 0.1 and away < 12
        if gone and not away:
            found.append(row["interval_start"])
        away = away + 1 if gone else 0
        usual = usual if gone else online
    return found


def test_it_rings_when_it_would_have_rung(run: Run, rules: str) -> None:
    """The windows that ring are those of the rows themselves; raised and cleared have one id."""
    rows = run("indicators", *DAY, "--json").document["records"]
    outcome = run("alert", "try", *DAY, "--rules", rules, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    document = outcome.document
    raised = [one for one in document["alerts"] if one["state"] == "raised"]
    since = [one["since"] for one in raised]
    expected = losses(rows)
    assert len(expected) > 0
    assert len(since) == len(expected)
    assert all(one["key"] == "vdn/1" and one["rule"] == "agents gone" for one in raised)
    assert all(one["since"].endswith("+01:00") for one in raised)
    ids = [one["id"].rpartition("/")[2] for one in raised]
    assert ids == [start.replace("-", "").replace(":", "") for start in expected]
    assert document["rows"] == len(rows) == 288
    assert "service level" in document["not_judged"]
    cleared = {one["id"] for one in document["alerts"] if one["state"] == "cleared"}
    assert cleared <= {one["id"] for one in raised}


def test_as_a_table(run: Run, rules: str) -> None:
    """A line for each ring with its end and its sentence; what could not be judged is named."""
    outcome = run("alert", "try", *DAY, "--rules", rules)
    rows = run("indicators", *DAY, "--json").document["records"]
    lines = outcome.out.splitlines()
    rings = [line for line in lines if "agents gone" in line]
    assert len(rings) == len(losses(rows))
    assert all("VDN 1: " in line and "2026-03-04" in line for line in rings)
    assert f"{len(rings)} alerts; 288 rows of 5 minutes; times in Europe/Berlin" in outcome.out
    assert "not judged, for want of data in system indicators: service level, lost calls" in outcome.out


def test_a_quiet_time_says_so(run: Run, tmp_path: Path) -> None:
    """No alert is an answer, with how much was judged."""
    path = tmp_path / "rules.toml"
    path.write_text(
        '[rules."agents gone"]\noff = true\n[rules."no idle agent"]\noff = true\n', encoding="utf-8"
    )
    outcome = run("alert", "try", *DAY, "--rules", str(path))
    assert outcome.code == 0
    assert outcome.out.startswith("no rule would have rung; 288 rows")


def test_what_is_still_to_come_is_no_silence(run: Run) -> None:
    """Of today only what is over is judged: the hours ahead are not missing data."""
    outcome = run("alert", "try", "--vdns", "1", "--day", "today", "--tz", "UTC", "--json")
    assert [one for one in outcome.document["alerts"] if one["measure"] == "no_data"] == []


def test_what_could_not_be_asked_is_told_and_is_no_silence(run: Run, center: Any) -> None:
    """A month that failed is an exit code and a line, not an alert of missing data."""
    center.do(lambda: center.sim.fail("system_indicators", code="0300028", times=1))
    time = ("--begin", "2026-01-01T00:00Z", "--end", "2026-02-05T00:00Z")
    outcome = run("alert", "try", "--vdns", "1", *time, "--quota", "none", "--json")
    assert outcome.code == 3
    [failure] = outcome.document["failures"]
    begin, end = (datetime.fromisoformat(moment) for moment in failure["window"])
    assert outcome.document["rows"] == 35 * 288 - (end - begin) / timedelta(minutes=5)
    assert failure["message"] in outcome.err
    assert [one for one in outcome.document["alerts"] if one["measure"] == "no_data"] == []


def test_mistakes_are_usage_errors(run: Run, tmp_path: Path) -> None:
    """No time, or a rules file that is wrong: one line that says which."""
    assert run("alert", "try", "--vdns", "1").code == 2
    path = tmp_path / "rules.toml"
    path.write_text("[rules.x]\nthreshold = 1\n", encoding="utf-8")
    outcome = run("alert", "try", *DAY, "--rules", str(path))
    assert (outcome.code, outcome.out) == (2, "")
    assert "rule 'x' needs a measure" in outcome.err
