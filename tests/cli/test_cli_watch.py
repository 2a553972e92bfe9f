"""``watch``: the board in the terminal, in a pipe, in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli_terminal import LONGEST, Terminal, started

Run = Callable[..., Any]


def test_one_look(run: Run, center: Any) -> None:
    """A table with every queue by name, agents, and how old it is; 0 when everything was answered."""
    outcome = run("watch", "--once", "--skills", "1-3", "--tasks", center.sim.task_ids[0])
    assert (outcome.code, outcome.err) == (0, "")
    for skill in (1, 2, 3):
        assert center.sim.world.skill_name(170, skill)[:12] in outcome.out
    assert "data 0 s old" in outcome.out
    assert "talking" in outcome.out
    assert f"task {center.sim.task_ids[0]}" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 100


def test_a_part_that_fails_is_told(run: Run, center: Any) -> None:
    """What came is shown, what did not is told in a line, and the exit code is 3; 1 where nothing came."""
    center.do(lambda: center.sim.fail("agent_states", status=404, times=None))
    outcome = run("watch", "--once", "--skills", "1")
    assert outcome.code == 3
    assert "agent_states/170" in outcome.err
    for interface in ("skill_states", "skill_call_stats"):
        center.do(lambda interface=interface: center.sim.fail(interface, status=404, times=None))
    assert run("watch", "--once", "--skills", "1").code == 1


def test_json_is_a_line_a_board(run: Run) -> None:
    """One line of JSON for a machine, the same as the server's /v1/board.json."""
    outcome = run("watch", "--once", "--json", "--skills", "1-2")
    assert outcome.code == 0
    assert outcome.out.count("\n") == 1
    assert [queue["skill_id"] for queue in outcome.document["queues"]] == [1, 2]


def test_a_picture(run: Run, tmp_path: Path, center: Any) -> None:
    """An SVG file that asks no other server for anything."""
    file = tmp_path / "board.svg"
    outcome = run("watch", "--svg", str(file), "--skills", "1")
    assert (outcome.code, outcome.out) == (0, "")
    text = file.read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "url(http" not in text
    assert "font-face" not in text
    assert "old" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--every", "0.1s"), "--every"),
        (("--every", "1h"), "--every"),
        (("--vdns", "170,171", "--skills", "1"), "--skills"),
        (("--svg", "/nowhere/at/all.svg"), "no folder"),
        (("--json", "--svg", "x.svg"), "exclude"),
        (("--rules", "/nowhere.toml"), "nowhere.toml"),
        (("--tasks", "abc"), "task id"),
        (("--tz", "Mars/Olympus"), "time zone"),
        (("--skills", "No such queue"), "no skill queue"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], told: str) -> None:
    """A clear line and exit code 2."""
    outcome = run("watch", "--once", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_captured_site_is_shown_again(run: Run, center: Any, tmp_path: Path) -> None:
    """The board of a captured site, without asking it anything: its queues, faster than they were."""
    file = tmp_path / "site.jsonl"
    assert run("capture", str(file), "--quota", "none").code == 0
    before = center.asked("skill_states")
    outcome = run("watch", "--replay", str(file), "--speed", "20", "--once", "--json")
    assert outcome.code == 0
    assert len(outcome.document["queues"]) == 60
    assert outcome.document["agents"]["signed_in"]["value"] > 0
    assert center.asked("skill_states") == before


def test_a_replay_that_cannot_be_is_refused(run: Run, tmp_path: Path) -> None:
    """No capture, no speed, no replay: a line and exit code 2."""
    file = tmp_path / "c.jsonl"
    file.write_text("{}\n")
    for arguments in (("--replay", str(file)), ("--replay", "/nowhere"), ("--speed", "20")):
        outcome = run("watch", "--once", *arguments)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)


def test_without_a_vdn_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which VDN has to be said somewhere."""
    monkeypatch.delenv("CC_ASYNC_VDN")
    outcome = run("watch", "--once")
    assert outcome.code == 2
    assert "--vdn 170" in outcome.err


def test_hostile_names_are_harmless(run: Run, center: Any) -> None:
    """Escapes and direction marks of a name do not reach the terminal."""
    center.do(lambda: center.sim.set_skill(170, 7, name="\x1b[2J\u202eevil"))
    try:
        outcome = run("watch", "--once", "--skills", "7")
    finally:
        center.do(lambda: center.sim.clear_skill(170, 7))
    assert "evil" in outcome.out
    assert "\x1b" not in outcome.out
    assert "\u202e" not in outcome.out


def test_on_a_terminal_it_stays_until_ctrl_c_and_leaves_it_as_it_was(environ: dict[str, str]) -> None:
    """The other screen, no cursor; Ctrl-C brings both back within a second, with exit code 130."""
    terminal = Terminal(
        {**environ, "COLUMNS": "80", "LINES": "24"}, "watch", "--every", "1s", "--skills", "1-60"
    )
    terminal.read_until("\x1b[?1049h")
    terminal.read_until("more queues")
    shown = terminal.seen
    terminal.read_until("old")
    before = time.monotonic()
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert time.monotonic() - before < 3
    assert "\x1b[?1049l" in terminal.seen
    assert terminal.seen.rindex("\x1b[?25h") > terminal.seen.rindex("\x1b[?25l")
    assert "Traceback" not in terminal.seen
    assert "data" in shown


def test_sigterm_leaves_the_terminal_as_it_was(environ: dict[str, str]) -> None:
    """Whoever ends it from outside finds the terminal restored, too."""
    terminal = Terminal(environ, "watch", "--skills", "1")
    terminal.read_until("old")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 130
    assert "\x1b[?1049l" in terminal.seen


def test_when_its_window_is_closed_it_ends(environ: dict[str, str]) -> None:
    """A terminal that is gone leaves no process behind that asks for nobody."""
    terminal = Terminal(environ, "watch", "--every", "1s", "--skills", "1")
    terminal.read_until("old")
    os.close(terminal.ours)
    terminal.process.wait(LONGEST)


def test_in_a_pipe_tables_come_one_after_another(environ: dict[str, str]) -> None:
    """Off a terminal there is no screen to move on: a plain table each time it asks."""
    process = started(environ, "watch", "--every", "1s", "--skills", "1", stdout=subprocess.PIPE)
    assert process.stdout is not None
    tables = 0
    while tables < 2:
        line = process.stdout.readline().decode()
        assert line, "it ended"
        assert "\x1b" not in line
        tables += "data" in line
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(LONGEST) == 130
    process.stdout.close()
