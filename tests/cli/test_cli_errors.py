"""What goes wrong is one line with a hint and an exit code: never a traceback, never a secret."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent

USAGE = [
    (("nonsense",), "Unknown command"),
    (("skill-stats", "--colour", "red"), "Unknown option"),
    (("skill-stats", "1-3"), "what is '1-3'? - options have names: cc-async skill-stats --help"),
    (("skill-stats", "--skills"), "requires an argument"),
    (("skill-stats", "--skills", ""), "an id is missing"),
    (("skill-stats", "--skills", "9-1"), "runs backwards"),
    (("skill-stats", "--skills", "0"), "skill id 0"),
    (("skill-stats", "--vdn", "x"), "--vdn"),
    (("skill-stats", "--vdn", "0"), "--vdn must be a whole number"),
    (("skill-stats", "--quota", "fast"), '--quota must be text such as "10/1"'),
    (("skill-stats", "--timeout", "soon"), "timeout must be seconds above 0"),
    (("skill-stats", "--page-size", "0"), "--page-size must be a whole number"),
    (("skill-stats", "--page-size", "all"), "learn"),
    (("skill-stats", "--page-size", "20000"), "1 to 10000"),
    (("skill-stats", "--concurrency", "100000"), "1 to 10000"),
    (("skill-stats", "--cms-url", "ftp://x"), "--cms-url must be a URL"),
    (("skill-stats", "--cms-url", "http://cms.example.com"), "give --allow-http"),
    (("skill-stats", "--ca-file", "/nowhere/ca.pem"), "CA file"),
    (("skill-stats", "--fingerprint", "12:34"), "fingerprint"),
    (("skill-stats", "--site", "berlin"), "No such file"),
    (("skill-stats", "--json", "--csv"), "exclude each other"),
    (("skill-stats", "--rows", "-1"), "--rows"),
    (("agents",), "--skills"),
    (("task-stats", "--tasks", "12a"), "is not a task id"),
    (("task-stats", "--tasks", "1" * 31), "30"),
    (("indicators", "--vdns", "1"), "which time?"),
    (("indicators", "--vdns", "1", "--day", "yesterday"), "add --tz"),
    (("indicators", "--vdns", "1", "--begin", "2026-03-29T08:00"), "has no time zone"),
    (("indicators", "--vdns", "Sales", "--last", "1h"), "is not an id"),
    (("agent-stats", "--agents", "3"), "agent"),
    (("simulate", "--profile", "martian"), "one of documented"),
    (("simulate", "--quota", "fast"), "requests/seconds"),
    (("simulate", "--cms-port", "70000"), "65535"),
    (("plan", "skill-stats", "--skills", "0"), "0"),
]


def one_line(text: str) -> bool:
    """True for one line of ours without a traceback."""
    return text.startswith("cc-async: ") and text.count("\n") == 1 and "Traceback" not in text


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=[" ".join(each)[:60] for each, _ in USAGE])
def test_bad_input(run: Run, center: Any, arguments: tuple[str, ...], says: str) -> None:
    """A mistake at the keyboard is exit code 2 and one line that says what to write; nothing is sent."""
    before = len(center.sim.requests)
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert one_line(outcome.err)
    assert says in outcome.err
    assert len(center.sim.requests) == before


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("CC_ASYNC_CMS_URL", "skill-stats"),
        ("CC_ASYNC_ACCESS_KEY", "skill-stats"),
        ("CC_ASYNC_SECRET_KEY", "skill-stats"),
        ("CC_ASYNC_GATEWAY_URL", "agent-stats"),
        ("CC_ASYNC_GUIDS_FILE", "agent-stats"),
        ("CC_ASYNC_VDN", "skill-stats"),
    ],
)
def test_what_is_not_set(run: Run, monkeypatch: pytest.MonkeyPatch, missing: str, command: str) -> None:
    """A missing setting is named with the variable that sets it; off a terminal nobody is asked."""
    monkeypatch.delenv(missing)
    outcome = run(command)
    assert outcome.code == 2
    assert one_line(outcome.err)
    assert missing.removeprefix("CC_ASYNC_").lower() in outcome.err.lower()


def test_partly_answered(run: Run, center: Any) -> None:
    """What arrived is shown, what failed is told, the exit code is 3."""
    fail = center.sim.fail
    center.do(lambda: fail("signed_in_agents", code="0100002", text="no such queue", times=1))
    arguments = ("agents", "--skills", "1-4", "--concurrency", "1", "--json")
    outcome = run(*arguments)
    assert outcome.code == 3
    assert len({record["skill_id"] for record in outcome.document["records"]}) == 3
    [failure] = outcome.document["failures"]
    assert (failure["error"], failure["code"], failure["keys"]) == ("ApiError", "0100002", [1])
    assert one_line(outcome.err)
    center.do(lambda: fail("signed_in_agents", code="0100002", text="no such queue", times=1))
    table = run(*arguments[:-1])
    assert table.code == 3
    assert one_line(table.err)
    assert "skill 1" in table.err


def test_partly_answered_while_streaming(run: Run, center: Any) -> None:
    """CSV is written as it arrives; a part that fails is told at the end, the exit code is 3."""
    center.do(lambda: center.sim.fail("signed_in_agents", code="0100002", times=1))
    outcome = run("agents", "--skills", "1-4", "--concurrency", "1", "--csv")
    assert outcome.code == 3
    header, *rows = outcome.out.splitlines()
    assert header.startswith("skill_id,agent_id,")
    assert {row.split(",")[0] for row in rows} == {"2", "3", "4"}
    assert one_line(outcome.err)


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_key_that_is_rejected_under_way(run: Run, center: Any, form: str) -> None:
    """An error that ends everything is told once; what had arrived is shown, the exit code is 3."""
    center.do(lambda: center.sim.fail("signed_in_agents", status=200, times=2, delay=0.01))
    center.do(lambda: center.sim.fail("signed_in_agents", status=401, times=None))
    outcome = run("agents", "--skills", "1-40", "--concurrency", "1", form)
    assert outcome.code == 3
    assert len(outcome.out) > 100
    assert one_line(outcome.err)
    assert "401" in outcome.err


def test_rows_that_cannot_be_read(run: Run, center: Any) -> None:
    """Bad rows are told, the others are shown, the exit code is 3."""
    rows = [{"id": 1, "name": "fine", "mediaType": 5}, {"id": "x", "name": "bad", "mediaType": 5}]
    center.do(lambda: center.sim.fail("skills", body={"resultCode": "0100000", "resultDesc": rows}, times=1))
    outcome = run("list", "skills", "--json")
    assert outcome.code == 3
    assert [record["skill_id"] for record in outcome.document["records"]] == [1]
    assert len(outcome.document["rejected"]) == 1
    assert one_line(outcome.err)


def test_many_problems_are_counted(run: Run, center: Any) -> None:
    """The same problem is told once with the number of parts; of many different ones the first five."""
    for number in range(8):
        center.do(
            lambda text=f"problem {number // 2}": center.sim.fail(
                "task_stats", code="0300028", text=text, times=1
            )
        )
    twice = run("task-stats", "--tasks", ",".join(center.sim.task_ids[:9]), "--concurrency", "1")
    assert twice.code == 3
    assert [line.endswith("(and 1 more parts)") for line in twice.err.splitlines()] == [True] * 4
    center.do(lambda: center.sim.clear_failures("task_stats"))
    for number in range(8):
        center.do(
            lambda text=f"problem {number}": center.sim.fail("task_stats", code="0300028", text=text, times=1)
        )
    many = run("task-stats", "--tasks", ",".join(center.sim.task_ids[:9]), "--concurrency", "1")
    *told, last = many.err.splitlines()
    assert len(told) == 5
    assert last == "cc-async: and 3 more problems (--json lists all)"


def test_all_or_nothing_on_request(run: Run, center: Any) -> None:
    """With --no-partial one failed part is exit code 1 and shows nothing."""
    center.do(lambda: center.sim.fail("signed_in_agents", code="0100002", times=1))
    outcome = run("agents", "--skills", "1-4", "--concurrency", "1", "--no-partial", "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert one_line(outcome.err)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"status": 401}, "401"),
        ({"status": 403, "body": "<html>firewall</html>"}, "403"),
        ({"status": 404}, "404"),
        ({"status": 200, "body": "<html>sign in</html>"}, "sign in"),
        ({"code": "0100002", "text": "bad\x1b[31m parameter"}, "parameter"),
    ],
)
@pytest.mark.parametrize("form", ["--json", "--csv", "--rows=5"])
def test_nothing_worked(run: Run, center: Any, trouble: dict[str, Any], says: str, form: str) -> None:
    """When nothing arrived the exit code is 1, with one harmless line, and no output at all."""
    center.do(lambda: center.sim.fail("skill_call_stats", times=None, **trouble))
    outcome = run("skill-stats", "--skills", "1-5", form)
    assert (outcome.code, outcome.out) == (1, "")
    assert one_line(outcome.err)
    assert says in outcome.err
    assert "\x1b" not in outcome.err


def test_nobody_there(run: Run) -> None:
    """A port where nobody listens is exit code 1 and says so."""
    outcome = run("skill-stats", "--skills", "1", "--cms-url", "http://127.0.0.1:9")
    assert (outcome.code, outcome.out) == (1, "")
    assert one_line(outcome.err)
    assert "127.0.0.1:9" in outcome.err


def test_a_tenant_key_for_the_global_interfaces(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says which key is wanted."""
    monkeypatch.delenv("CC_ASYNC_GLOBAL_ACCESS_KEY")
    monkeypatch.delenv("CC_ASYNC_GLOBAL_SECRET_KEY")
    outcome = run("list", "vdns")
    assert outcome.code == 1
    assert one_line(outcome.err)
    assert "global access key" in outcome.err


def test_a_timeout_of_the_whole_command(run: Run, center: Any) -> None:
    """--timeout ends the command early; what arrived by then is shown."""
    center.do(lambda: center.sim.fail("task_stats", delay=30.0, times=None))
    task = center.sim.task_ids[0]
    outcome = run("task-stats", "--tasks", task, "--timeout", "0.3")
    assert outcome.code == 1
    assert one_line(outcome.err)
    assert "0.3 s" in outcome.err


def test_no_secret_in_any_error(run: Run, center: Any, environ: dict[str, str]) -> None:
    """A rejected signature is told without the key it was made with."""
    center.do(lambda: center.sim.fail("skill_call_stats", status=401, times=None))
    outcome = run("skill-stats", "--skills", "1")
    assert outcome.code == 1
    assert environ["CC_ASYNC_SECRET_KEY"] not in outcome.err


@pytest.mark.parametrize("package", ["cyclopts", "rich"])
def test_without_the_extra(package: str) -> None:
    """Without cyclopts or rich the command says which extra to install, in one line."""
    code = (
        f"import sys; sys.modules[{package!r}] = None; import cc_async.cli as c; sys.exit(c.main(['demo']))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr == f"cc-async: {package} is not installed - pip install 'cc_async[cli]'\n"


def test_version(run: Run) -> None:
    """--version prints the version of the package."""
    from cc_async import __version__

    assert run("--version").out.strip() == __version__


def test_a_mistake_of_ours_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody thought of is exit code 1, one line, and says where it comes from."""
    monkeypatch.setattr("cc_async.cli.run.write", None)
    outcome = run("skill-stats", "--skills", "1")
    assert outcome.code == 1
    assert one_line(outcome.err)
    assert "internal error at run.py:" in outcome.err


def test_warnings_of_the_library_are_one_line_each(run: Run) -> None:
    """What the library logs is told without its place in the code, before what went wrong."""
    outcome = run("skill-stats", "--skills", "1,10001", "--json")
    warning, failure = outcome.err.splitlines()
    assert warning.startswith("cc-async: warning: skill id 10001 is above 10000")
    assert failure.startswith("cc-async: skill_call_stats")
