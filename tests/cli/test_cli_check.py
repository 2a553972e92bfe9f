"""``check``: each check against a contact center on real sockets; the line, the exit code, the mistakes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cc_async.simulator import Faults
from cc_async.simulator.override import Override

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent
PERF = re.compile(r"[a-z0-9_]+=-?[0-9.]+(%|s)?(;(~:)?[0-9.]*:?){0,2}(;-?[0-9.]*){0,2}", re.ASCII)


@pytest.fixture
def lay(center: Any) -> Iterator[Callable[..., None]]:
    """Lay down values of queue 7 of VDN 170; taken away afterwards."""

    def down(**values: Any) -> None:
        center.do(lambda: center.sim.world.override(170, 7, Override(**values)))

    yield down
    center.do(lambda: center.sim.clear_skill(170, 7))


def line_of(outcome: Any) -> str:
    """The one line of a check; its performance data is well-formed."""
    assert outcome.err == ""
    [line] = outcome.out.splitlines()
    assert line.count("|") <= 1
    for perf in line.partition(" | ")[2].split():
        assert PERF.fullmatch(perf), perf
    return str(line)


@pytest.mark.parametrize(
    ("warn", "crit", "code", "word"),
    [
        ("0.85", "0.8", 0, "OK"),
        ("0.95", "80%", 1, "WARNING"),
        ("99%", "0.95", 2, "CRITICAL"),
        ("0.9090", "0.8", 0, "OK"),
        ("0.9091", "0.8", 1, "WARNING"),
    ],
)
def test_service_level(
    run: Run, lay: Callable[..., None], warn: str, crit: str, code: int, word: str
) -> None:
    """210 of 231 are 90.909...%: the status, and a percentage that does not look like the limit it passes."""
    lay(offered=231, connected=220, connected_in_20s=210)
    outcome = run("check", "service-level", "--skills", "7", "--warn", warn, "--crit", crit)
    assert outcome.code == code
    line = line_of(outcome)
    assert line.startswith(f"SERVICELEVEL {word} - 9")
    assert "% in 20 s (210 of 231), current 5 minutes | service_level=90.909%;" in line
    assert line.endswith(";0 offered=231 connected_in_20s=210")


def test_ranges_say_which_side_is_bad(run: Run, lay: Callable[..., None]) -> None:
    """Low is bad: "85:"; high is bad: "5", or "~:5" for a lost rate, which may be below 0."""
    lay(offered=200, connected=186, connected_in_20s=170)
    line = line_of(run("check", "service-level", "--skills", "7", "--warn", "0.85", "--crit", "0.8"))
    assert "service_level=85%;85:;80:;0 " in line
    outcome = run("check", "lost-rate", "--skills", "7", "--warn", "5%", "--crit", "10%")
    assert (outcome.code, line_of(outcome)) == (
        1,
        "LOSTRATE WARNING - 7 % lost (14 of 200), current 5 minutes"
        " | lost_rate=7%;~:5;~:10 offered=200 lost=14",
    )
    lay(offered=20, connected=25, connected_in_20s=20)
    outcome = run("check", "lost-rate", "--skills", "7", "--warn", "5%")
    assert outcome.code == 0
    assert "lost_rate=-25%;~:5 " in line_of(outcome)


def test_too_few_calls_are_no_alarm_unless_wished(run: Run, lay: Callable[..., None]) -> None:
    """A quiet night is OK by default and says so; UNKNOWN for those who want that; 0 is never a rate."""
    lay(offered=19, connected=2, connected_in_20s=1)
    few = ("check", "service-level", "--skills", "7", "--crit", "0.8")
    outcome = run(*few)
    assert outcome.code == 0
    assert line_of(outcome).startswith("SERVICELEVEL OK - 19 offered, current 5 minutes: too few to judge")
    assert run(*few, "--below", "unknown").code == 3
    assert run(*few, "--minimum", "10").code == 2
    lay(offered=0, connected=0)
    outcome = run(*few, "--minimum", "0")
    assert outcome.code == 0
    assert "0 offered" in line_of(outcome)


def test_a_queue_that_is_not_there_is_unknown(run: Run) -> None:
    """Absence is no quiet night."""
    for check in ("service-level", "lost-rate", "waiting", "longest-wait", "data-age"):
        outcome = run("check", check, "--skills", "9999")
        assert outcome.code == 3
        assert "queue" in line_of(outcome)


def test_waiting_is_of_the_worst_queue(run: Run, lay: Callable[..., None]) -> None:
    """Queues are not added; the one with the most is named."""
    lay(calls_waiting=999, longest_wait_seconds=4000)
    outcome = run("check", "waiting", "--warn", "5", "--crit", "10")
    assert outcome.code == 2
    assert line_of(outcome).startswith("WAITING CRITICAL - 999 waiting in queue 7, the most of 60 queues | ")
    outcome = run("check", "longest-wait", "--skills", "7,8", "--warn", "1h", "--crit", "2h")
    assert outcome.code == 1
    assert line_of(outcome) == (
        "LONGESTWAIT WARNING - longest wait 1:06:40 in queue 7, the most of 2 queues"
        " | longest_wait=4000s;3600;7200;0"
    )


def test_agents_are_counted_once(run: Run) -> None:
    """Distinct agents of the VDN: those of agent-states, however many queues they serve."""
    rows = run("agent-states", "--json").document["records"]
    signed_in = sum(row["cti_status"] != 0 for row in rows)
    idle = sum(row["cti_status"] == 1 for row in rows)
    outcome = run("check", "agents", "--warn", str(signed_in), "--crit", "1")
    assert outcome.code == 0
    assert line_of(outcome).startswith(f"AGENTS OK - {signed_in} agents signed in | signed_in={signed_in};")
    outcome = run("check", "agents", "idle", "--warn", str(idle + 50), "--crit", str(idle + 40))
    assert outcome.code == 2
    assert f"agents idle of {signed_in} signed in" in line_of(outcome)


def test_outbound(run: Run, center: Any) -> None:
    """Succeeded of all attempts of the tasks together."""
    tasks = ",".join(center.sim.task_ids[:2])
    rows = run("task-stats", "--tasks", tasks, "--json").document["records"]
    done, failed = (sum(row[name] for row in rows) for name in ("succeeded", "failed"))
    outcome = run("check", "outbound-connect", "--tasks", tasks, "--minimum", "1", "--crit", "0%")
    assert outcome.code == 0
    assert f"({done:,} of {done + failed:,}), 2 tasks" in line_of(outcome)


def test_ping_and_the_age_of_data(run: Run) -> None:
    """A server that is well answers, and counts in the current 5 minutes."""
    outcome = run("check", "ping", "--warn", "20", "--crit", "30")
    assert outcome.code == 0
    assert re.match(r"PING OK - answered in \d\.\d{3} s \| time=[0-9.]+s;20;30;0$", line_of(outcome))
    outcome = run("check", "data-age")
    assert outcome.code == 0
    age = float(re.search(r"age=([0-9.]+)s;600;1200;0$", line_of(outcome))[1])  # type: ignore[index]  # it is there
    assert 0 <= age <= 301


def test_a_server_that_is_away(run: Run, center: Any) -> None:
    """UNKNOWN for figures, CRITICAL for the ping, always one line on stdout."""
    for check, code in (("service-level", 3), ("waiting", 3), ("agents", 3), ("data-age", 3), ("ping", 2)):
        outcome = run("check", check, "--cms-url", "http://127.0.0.1:1")
        assert outcome.code == code
        assert "the connection was refused" in line_of(outcome)
    center.do(lambda: center.sim.fail("skill_call_stats", code="0100002", times=None))
    outcome = run("check", "service-level")
    assert outcome.code == 3
    assert "0100002" in line_of(outcome)


def test_a_server_that_is_slow(run: Run, center: Any) -> None:
    """The limit of time gives UNKNOWN, for the ping CRITICAL."""
    center.do(lambda: setattr(center.sim, "faults", Faults(latency=20.0)))
    for check, code in (("service-level", 3), ("ping", 2)):
        outcome = run("check", check, "--timeout", "0.2")
        assert outcome.code == code
        assert "no answer within 0.2 s" in line_of(outcome)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "which check?"),
        (("bogus",), "bogus"),
        (("service-level", "--warn", "85"), "write 85%, or 0 to 1"),
        (("service-level", "--warn", "101%"), "is no ratio"),
        (("service-level", "--warn", "high"), "write 0.85 or 85%"),
        (("service-level", "--warn=-0.1"), "write 0.85 or 85%"),
        (("service-level", "--warn", "0.8", "--crit", "0.9"), "under the limits is bad: exchange them"),
        (("lost-rate", "--warn", "0.2", "--crit", "0.1"), "over the limits is bad: exchange them"),
        (("waiting", "--warn", "many"), "is no number"),
        (("longest-wait", "--warn", "late"), "write 30, 90s or 10m"),
        (("service-level", "--window", "closed"), "--window closed needs --state"),
        (("service-level", "--minutes", "7"), "--minutes must be 5, 10... 60"),
        (("service-level", "--minimum", "-1"), "--minimum"),
        (("service-level", "--skills", "No|such\nqueue"), "no skill queue is named"),
        (("service-level", "--state", "/no/such/folder/x.json"), "/no/such/folder/x.json"),
        (("service-level", "--timeout", "soon"), "timeout"),
        (("agents", "sleeping"), "sleeping"),
        (("outbound-connect",), "tasks"),
        (("alerts", "--state", "/no/such/file"), "there is no file /no/such/file"),
    ],
)
def test_mistakes_are_unknown(run: Run, arguments: tuple[str, ...], told: str) -> None:
    """Whatever is wrong with the command: exit code 3 and one line on stdout that says what to do."""
    outcome = run("check", *arguments)
    assert outcome.code == 3
    line = line_of(outcome)
    assert " UNKNOWN - " in line
    assert told in line


def test_a_missing_key_is_no_prompt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to type one."""
    monkeypatch.delenv("CC_ASYNC_SECRET_KEY")
    outcome = run("check", "waiting")
    assert outcome.code == 3
    assert "secret_key is not set" in line_of(outcome)


def test_as_json(run: Run, lay: Callable[..., None]) -> None:
    """The same as one object, mistakes too."""
    lay(offered=200, connected=186, connected_in_20s=170)
    outcome = run("check", "service-level", "--skills", "7", "--warn", "0.9", "--json")
    assert outcome.code == 1
    assert outcome.document == {
        "version": 1,
        "check": "SERVICELEVEL",
        "status": "WARNING",
        "code": 1,
        "text": "85 % in 20 s (170 of 200), current 5 minutes",
        "values": {"service_level": 0.85, "offered": 200, "connected_in_20s": 170},
    }
    outcome = run("check", "service-level", "--warn", "85", "--json")
    assert (outcome.code, outcome.document["status"]) == (3, "UNKNOWN")


def test_the_alerts_of_a_running_process(run: Run, tmp_path: Path) -> None:
    """How many stand, from its state file; data that is too old is UNKNOWN, and never "no alert"."""
    file = tmp_path / "alerts.json"
    now = time.time()

    def state(seen: float, raised: int) -> None:
        alert = {
            "rule": "service level", "measure": "service_level", "value": 0.5, "threshold": 0.8,
            "since": "2026-03-04T10:00:00+00:00", "at": "2026-03-04T10:05:00+00:00",
            "evidence": {"offered": 20, "connected_in_20s": 10}, "data_age": 1.0, "state": "raised",
            "ended": "",
        }  # fmt: skip
        body = {
            "standings": [], "subjects": [["source", "1", None]], "seen": {"source/1": seen},
            "source_of": {}, "levels": {},
            "raised": [
                ["service level", f"queue/170/{number}",
                 alert | {"id": f"x{number}", "key": f"queue/170/{number}", "name": f"Queue {number} | <x>"}]
                for number in range(raised)
            ],
        }  # fmt: skip
        file.write_text(json.dumps({"kind": "cc_async.alerts", "version": 1, "body": body}), encoding="utf-8")

    check = ("check", "alerts", "--state", str(file))
    state(now, 0)
    outcome = run(*check)
    assert outcome.code == 0
    assert line_of(outcome).startswith("ALERTS OK - 0 alerts stand | alerts=0;;0;0 age=")
    state(now, 5)
    outcome = run(*check)
    assert outcome.code == 2
    line = line_of(outcome)
    assert "5 alerts stand: Queue 0 / <x>: 50 % in 20 s (10 of 20), under 80 %" in line
    assert "; and 2 more | alerts=5;" in line
    assert run(*check, "--crit", "5").code == 0
    state(now - 3600, 0)
    outcome = run(*check)
    assert outcome.code == 3
    assert "the newest data is 1:00:00 old" in line_of(outcome)
    file.write_text("{", encoding="utf-8")
    assert "is damaged" in line_of(run(*check))
    file.write_text('{"kind": "another", "version": 1, "body": {}}', encoding="utf-8")
    assert "give another --state" in line_of(run(*check))


def test_a_process_of_its_own(environ: dict[str, str]) -> None:
    """As Icinga runs it: exit code, one line, nothing on stderr."""
    outcome = subprocess.run(
        [sys.executable, "-m", "cc_async", "check", "service-level", "--vdn", "170", "--crit", "0%"],
        env={**environ, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert re.fullmatch(r"SERVICELEVEL OK - .* \| .*\n", outcome.stdout)
