"""What only a process or a terminal shows: hidden prompts, the bar, Ctrl-C, a closed pipe."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cc_async.simulator import Faults

pty: Any = pytest.importorskip("pty", reason="pseudo terminals are a POSIX matter")
ROOT = Path(__file__).parent.parent.parent
LONGEST = 60.0


def started(environ: dict[str, str], *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cc_async", *arguments],
        env={**environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PATH": os.environ["PATH"]},
        **streams,
    )


class Terminal:
    """A pseudo terminal with the command on it."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        self.process = started(
            environ, *arguments, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.seen = ""

    def read_until(self, text: str | None) -> None:
        """Read until a text was shown, or (None) to the end; fails after a minute."""
        deadline = time.monotonic() + LONGEST
        while text is None or text not in self.seen:
            assert time.monotonic() < deadline, f"never saw {text!r} in {self.seen!r}"
            if not select.select([self.ours], [], [], 1.0)[0]:
                continue
            try:
                piece = os.read(self.ours, 65_536)
            except OSError:  # Linux says EIO when the other side is gone
                piece = b""
            if not piece:
                assert text is None, f"ended without {text!r}: {self.seen!r}"
                return
            self.seen += piece.decode("utf-8", "replace")

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self.ours, text.encode() + b"\n")

    def end(self) -> int:
        """Read the rest and return the exit code."""
        self.read_until(None)
        os.close(self.ours)
        return self.process.wait(LONGEST)


def test_keys_are_asked_for_and_not_shown(environ: dict[str, str]) -> None:
    """On a terminal missing keys are asked for; what is typed is not echoed, and it works."""
    access, secret = environ.pop("CC_ASYNC_ACCESS_KEY"), environ.pop("CC_ASYNC_SECRET_KEY")
    terminal = Terminal(environ, "skill-stats", "--skills", "1-3")
    terminal.read_until("access key: ")
    terminal.type(access)
    terminal.read_until("secret key: ")
    terminal.type(secret)
    assert terminal.end() == 0
    assert "3 skill queues" in terminal.seen
    assert secret not in terminal.seen
    assert access not in terminal.seen


@pytest.mark.parametrize("typed", ["", "\x04"], ids=["an empty line", "the end of input"])
def test_nothing_typed_is_a_usage_error(environ: dict[str, str], typed: str) -> None:
    """Whoever types no key is told where else one can be set."""
    environ.pop("CC_ASYNC_SECRET_KEY")
    terminal = Terminal(environ, "skill-stats", "--skills", "1-3")
    terminal.read_until("secret key: ")
    terminal.type(typed)
    assert terminal.end() == 2
    assert "cc-async: no key was typed - set CC_ASYNC_ACCESS_KEY" in terminal.seen
    assert "Traceback" not in terminal.seen


def test_no_digit_is_lost_on_a_narrow_terminal(environ: dict[str, str]) -> None:
    """Where a table is too wide its headings and cells are folded, never cut."""
    terminal = Terminal({**environ, "COLUMNS": "50"}, "skill-stats", "--skills", "1-3")
    assert terminal.end() == 0
    assert "…" not in terminal.seen
    assert "3 skill queues" in terminal.seen


def test_a_bar_is_shown_on_anything_over_a_second(environ: dict[str, str], center: Any) -> None:
    """A slow question shows a bar that counts its requests; a quick one shows none."""
    quick = Terminal(environ, "skill-stats", "--skills", "1-3")
    assert quick.end() == 0
    assert "requests," not in quick.seen
    center.do(lambda: setattr(center.sim, "faults", Faults(latency=0.5)))
    slow = Terminal(environ, "agents", "--skills", "1-3", "--concurrency", "1")
    assert slow.end() == 0
    assert "signed_in_agents" in slow.seen
    assert "/3" in slow.seen


def test_ctrl_c_ends_quietly(environ: dict[str, str], center: Any) -> None:
    """Ctrl-C under way is exit code 130, without a word and without a traceback."""
    center.do(lambda: center.sim.fail("skills", delay=30.0, times=None))
    before = center.asked("skills")
    process = started(environ, "list", "skills", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + LONGEST
    while center.asked("skills") == before:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("form", ["--csv", "--json", "--rows=0"])
def test_a_reader_that_has_had_enough(environ: dict[str, str], form: str) -> None:
    """When the pipe is closed the command ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    process = started(environ, "list", "skills", form, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (0, b"")


def test_simulate_prints_what_another_window_needs(environ: dict[str, str]) -> None:
    """The exports of ``simulate`` lead to its contact center, global interfaces and agents included."""
    process = started(
        environ, "simulate", "--seed", "3", "--quota", "100/1", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    shown = []
    while not (shown and shown[-1].startswith("#   cc-async agent-stats")):
        line = process.stdout.readline().decode()
        assert line, "simulate ended"
        shown.append(line)
    exports = dict(line.split()[1].split("=", 1) for line in shown if line.startswith("export "))
    there = {**exports, "XDG_CONFIG_HOME": environ["XDG_CONFIG_HOME"]}
    tasks = next(line.split()[-1] for line in shown if "task-stats" in line)
    for arguments in (
        ("skill-stats", "--skills", "1-20"),
        ("task-stats", "--tasks", tasks),
        ("indicators", "--vdns", "1-3", "--last", "1h"),
        ("agent-stats", "--agents", json_first(exports["CC_ASYNC_GUIDS_FILE"]), "--brief"),
    ):
        asked = started(there, *arguments, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = asked.communicate(timeout=LONGEST)
        assert (asked.returncode, err) == (0, b"")
        assert json.loads(out)["records"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (0, b"")
    assert not Path(exports["CC_ASYNC_GUIDS_FILE"]).exists()


def json_first(path: str) -> str:
    """The first agent of a file of GUIDs, which nobody else may read."""
    assert Path(path).stat().st_mode & 0o077 == 0
    return next(iter(json.loads(Path(path).read_text())))
