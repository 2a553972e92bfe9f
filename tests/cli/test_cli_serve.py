"""``serve``: the command that serves the wallboard."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli_terminal import LONGEST, started

from cc_async.board.keeping import Keeping
from cc_async.cli.serve import read_token
from cc_async.cli.serving import metrics_of
from cc_async.monitor import Stitcher
from cc_async.monitor.memory import Memory

Run = Callable[..., Any]
TOKEN = "correct-horse-battery"


class Served:
    """The command in a process of its own, and where it serves."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.process = started(
            environ, "serve", "--port", "0", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().decode()
        self.url = self.line.split()[1] if self.line else ""

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and text of a path."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def end(self, number: int) -> tuple[int, str, float]:
        """Send a signal; exit code, standard error, and the seconds it took."""
        before = time.monotonic()
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, err.decode(), time.monotonic() - before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_at_once(
    environ: dict[str, str], number: int, tmp_path: Path
) -> None:
    """It says where it is, serves, and ends well within a second with a browser connected."""
    state = tmp_path / "state"
    served = Served(environ, "--skills", "1-3", "--state", str(state))
    try:
        assert served.line.startswith("Wallboard: http://127.0.0.1:")
        assert served.get("/")[0] == 200
        deadline = time.monotonic() + LONGEST
        while served.get("/health")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        names = [queue["skill_id"] for queue in json.loads(served.get("/v1/queues.json")[1])["queues"]]
        assert names == [1, 2, 3]
        stream = urllib.request.urlopen(served.url + "/v1/board", timeout=10)
        stream.readline()
    finally:
        code, err, seconds = served.end(number)
    stream.close()
    assert (code, err) == (0, "")
    assert seconds < 3
    assert (state / "sums.json").exists()


def test_it_can_be_ended_before_it_serves(environ: dict[str, str], center: Any) -> None:
    """A contact center that does not answer while names are looked up holds nobody up."""
    center.do(lambda: center.sim.fail("skills", delay=60.0, times=None))
    before = center.asked("skills")
    process = started(environ, "serve", "--port", "0", "--skills", "Billing", stderr=subprocess.PIPE)
    deadline = time.monotonic() + LONGEST
    while center.asked("skills") == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, b"")


def test_a_token_of_the_environment_is_needed_and_never_shown(environ: dict[str, str]) -> None:
    """The token comes from the environment; it is in no line of output."""
    served = Served({**environ, "CC_ASYNC_SERVE_TOKEN": TOKEN}, "--skills", "1")
    try:
        assert served.get("/v1/board.json")[0] == 401
        assert served.get("/v1/board.json", Authorization=f"Bearer {TOKEN}")[0] == 200
    finally:
        code, err, _ = served.end(signal.SIGTERM)
    assert (code, err) == (0, "")
    assert TOKEN not in served.line


def test_all_addresses_without_a_token_are_warned_of(environ: dict[str, str]) -> None:
    """Whoever opens the board to everybody is told so."""
    served = Served(environ, "--skills", "1", "--host", "0.0.0.0")
    _, err, _ = served.end(signal.SIGTERM)
    assert "warning: whoever reaches 0.0.0.0 can read this board" in err
    assert "CC_ASYNC_SERVE_TOKEN" in err


def test_a_port_in_use_is_told(run: Run) -> None:
    """A clear line, and exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        outcome = run("serve", "--port", str(other.getsockname()[1]), "--skills", "1")
    assert outcome.code == 2
    assert "address already in use - choose another --port" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "70000"), "--port"),
        (("--token-file", "/nowhere"), "/nowhere: No such file"),
        (("--host", "256.1.1.1"), "cannot listen"),
        (("--vdns", "abc"), "--vdns"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], told: str) -> None:
    """A clear line and exit code 2, before anything is served."""
    outcome = run("serve", "--skills", "1", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


def test_a_damaged_state_is_told(run: Run, tmp_path: Path) -> None:
    """It does not begin anew over sums it cannot read."""
    (tmp_path / "sums.json").write_text("{}")
    outcome = run("serve", "--skills", "1", "--state", str(tmp_path), "--port", "0")
    assert outcome.code == 1
    assert "sums.json is damaged" in outcome.err


def test_the_token_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file goes before the environment; a poor token is refused without being repeated."""
    monkeypatch.setenv("CC_ASYNC_SERVE_TOKEN", "another-token-of-some-length")
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    assert read_token(file) == TOKEN
    assert read_token(None) == "another-token-of-some-length"
    monkeypatch.delenv("CC_ASYNC_SERVE_TOKEN")
    assert read_token(None) is None


def test_metrics_come_with_the_board(environ: dict[str, str]) -> None:
    """With the extra installed /metrics has the requests of the process and the figures of the board."""
    pytest.importorskip("prometheus_client", reason="the extra prometheus is not installed")
    served = Served(environ, "--skills", "1-3")
    try:
        deadline, text = time.monotonic() + LONGEST, ""
        while 'cc_async_queue_offered_calls_total{skill_id="3"' not in text:
            assert time.monotonic() < deadline
            status, text = served.get("/metrics")
            assert status == 200
    finally:
        served.end(signal.SIGTERM)
    assert "cc_async_queue_calls_waiting{" in text
    assert "cc_async_queue_info{" in text


def test_without_the_extra_there_are_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where prometheus_client is not installed the rest works, and /metrics says what to install."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    for name in [name for name in sys.modules if name.startswith("cc_async.integrations.prometheus")]:
        monkeypatch.delitem(sys.modules, name)
    assert metrics_of(Keeping(Stitcher(), Memory()), {}) is None


@pytest.mark.parametrize("text", ["", "short-secret", "\xff\xfe"])
def test_a_poor_token_is_refused_without_being_shown(text: str, run: Run, tmp_path: Path) -> None:
    """The line says what is wrong with the file, not what is in it."""
    file = tmp_path / "token"
    file.write_bytes(text.encode("latin-1"))
    outcome = run("serve", "--skills", "1", "--token-file", str(file))
    assert outcome.code == 2
    assert "token-file" in outcome.err
    assert not text or text not in outcome.err


def test_agents_are_hidden_unless_asked_for(environ: dict[str, str]) -> None:
    """Distinct counts only; --show-agents lists who is signed in."""
    for flag, there in (((), False), (("--show-agents",), True)):
        served = Served(environ, "--skills", "1", *flag)
        try:
            deadline = time.monotonic() + LONGEST
            agents: dict[str, Any] = {}
            while not agents.get("by_state"):
                assert time.monotonic() < deadline
                agents = json.loads(served.get("/v1/agents.json")[1])["agents"]
        finally:
            served.end(signal.SIGTERM)
        assert ("people" in agents) is there
