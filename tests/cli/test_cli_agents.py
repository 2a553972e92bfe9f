"""``agent-stats`` and ``agent-events``: GUIDs from everywhere they may come from, sign-ins that end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_cli_terminal import LONGEST, Terminal

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent
PHONE = "7010155"


@pytest.fixture
def agent(center: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An agent who can sign in, its password in the environment; nobody is left signed in."""
    free = center.do(lambda: center.sim.free_agents)
    monkeypatch.setenv("CC_ASYNC_AGENT_PASSWORD", center.sim.password_of(free[0]))
    yield free[0]
    left = center.do(lambda: center.sim.free_agents)
    assert left == free


def verbs(center: Any, agent: int) -> list[str]:
    """Sign-ins and sign-outs of an agent so far."""
    path = f"/agentgateway/resource/onlineagent/{agent}"
    found = center.do(lambda: [each for each in center.sim.requests if each.path.startswith(path)])
    return [each.interface for each in found]


def test_guids_from_the_environment(run: Run, environ: dict[str, str], monkeypatch: Any, center: Any) -> None:
    """CC_ASYNC_GUIDS holds what the file would, and goes before it."""
    agent, guid = list(center.sim.guids.items())[20]
    monkeypatch.setenv("CC_ASYNC_GUIDS", json.dumps({str(agent): guid}))
    outcome = run("agent-stats", "--json")
    assert outcome.code == 0
    assert [row["agent_id"] for row in outcome.document["records"]] == [agent]
    assert guid not in outcome.out + outcome.err


@pytest.mark.parametrize(
    "text", ["garbage", "[]", '{"a": "x"}', '{"101": ""}', '{"101": 5}', '{"99": "x.y"}']
)
def test_guids_that_are_none(run: Run, monkeypatch: Any, text: str) -> None:
    """One line that names the variable or the agent, exit code 2."""
    monkeypatch.setenv("CC_ASYNC_GUIDS", text)
    outcome = run("agent-stats")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert "CC_ASYNC_GUIDS" in outcome.err or "101" in outcome.err


def test_statistics_by_signing_in(run: Run, center: Any, agent: int) -> None:
    """Signed in not ready, asked, signed out: counters that begin with the sign-in."""
    outcome = run("agent-stats", "--sign-in", "--agents", str(agent), "--phone", PHONE, "--json")
    assert outcome.code == 0
    (row,) = outcome.document["records"]
    assert (row["agent_id"], row["answered"], row["not_ready_count"]) == (agent, 0, 1)
    assert row["signed_in_at"] is not None
    assert verbs(center, agent)[-2:] == ["agent_sign_in", "agent_sign_out"]


def test_who_cannot_sign_in_is_told_apart(run: Run, center: Any, agent: int, monkeypatch: Any) -> None:
    """A person at work is left alone: exit code 1 and the reason, in the words of the command."""
    person = next(iter(center.sim.guids))
    monkeypatch.setenv("CC_ASYNC_AGENT_PASSWORD", center.sim.password_of(person))
    outcome = run("agent-stats", "--sign-in", "--agents", str(person), "--phone", PHONE)
    assert (outcome.code, outcome.out) == (1, "")
    assert "100-002" in outcome.err
    assert outcome.err.endswith("sign out there first\n")
    assert verbs(center, person) == ["agent_sign_in"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("agent-stats", "--phone", "70101"), "--phone goes with --sign-in"),
        (("agent-stats", "--sign-in", "--phone", "70101"), "which agents?"),
        (("agent-stats", "--sign-in", "--agents", "101-103", "--phone", "70101"), "one phone"),
        (("agent-stats", "--sign-in", "--agents", "99", "--phone", "70101"), "99 is below 101"),
        (("agent-stats", "--sign-in", "--agents", "101", "--phone", "x" * 25), "at most 24"),
        (("agent-events", "99", "--phone", "70101"), "99 is below 101"),
        (("agent-events", "Anna", "--phone", "70101"), "AGENT"),
        (("agent-events", "101"), "phone of agent 101 is not set"),
        (("agent-events", "101", "--phone", "70101", "--count", "-1"), "--count"),
        (("agent-events",), "--agent"),
    ],
)
def test_bad_input(run: Run, center: Any, agent: int, arguments: tuple[str, ...], says: str) -> None:
    """One line that says what to write, exit code 2, nothing sent."""
    before = center.do(lambda: len(center.sim.requests))
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1
    assert center.do(lambda: len(center.sim.requests)) == before


def test_no_password_off_a_terminal(run: Run, monkeypatch: Any) -> None:
    """Nobody can be asked: said, with the variable to set."""
    outcome = run("agent-events", "101", "--phone", "70101")
    assert outcome.code == 2
    assert "set CC_ASYNC_AGENT_PASSWORD" in outcome.err


def test_events_as_lines_and_as_json(run: Run, center: Any, agent: int) -> None:
    """A line an event; --json for machines, --count ends it, and the agent is signed out."""
    outcome = run("agent-events", str(agent), "--phone", PHONE, "--count", "2")
    assert outcome.code == 0
    first, second = outcome.out.splitlines()
    assert first.endswith("Z AgentOther_InService")
    assert second.endswith("Z AgentState_SetNotReady_Success (not ready)")
    outcome = run("agent-events", str(agent), "--phone", PHONE, "--count", "2", "--json", "--ready")
    told = [json.loads(line) for line in outcome.out.splitlines()]
    assert [each["kind"] for each in told] == ["AgentOther_InService", "AgentState_Ready"]
    assert {each["agent_id"] for each in told} == {agent}
    assert verbs(center, agent)[-4:] == ["agent_sign_in", "agent_sign_out"] * 2
    assert PHONE not in outcome.out + outcome.err


def test_a_session_that_is_lost(run: Run, center: Any, agent: int) -> None:
    """What came is shown, the reason told: partly answered."""
    center.do(lambda: center.sim.fail("agent_events", code="000-003", times=1))
    outcome = run("agent-events", str(agent), "--phone", PHONE)
    assert (outcome.code, outcome.out) == (1, "")
    assert "000-003" in outcome.err
    center.do(lambda: center.sim.sign_out(agent))


def started(environ: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "CC_ASYNC_AGENT_PASSWORD")}
    return subprocess.Popen(
        [sys.executable, "-m", "cc_async", *arguments],
        env={**environ, **kept, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM]])
def test_ctrl_c_signs_out_within_a_second(
    environ: dict[str, str], center: Any, agent: int, signals: list[signal.Signals]
) -> None:
    """Pressed once or impatiently, or stopped by a service manager: 130, no traceback, signed out."""
    process = started(environ, "agent-events", str(agent), "--phone", PHONE)
    assert process.stdout is not None
    assert b"AgentOther_InService" in process.stdout.readline()
    began = time.monotonic()
    for each in signals:
        process.send_signal(each)
        time.sleep(0.005)
    _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    assert b"Traceback" not in err
    # On an idle machine it is a tenth of it; the command promises a second.
    assert time.monotonic() - began < 3
    assert verbs(center, agent)[-2:] == ["agent_sign_in", "agent_sign_out"]


def test_what_an_agent_signs_in_with_is_asked_for_unseen(environ: dict[str, str], center: Any) -> None:
    """Password and phone at a terminal: neither is echoed, and it works."""
    agent = center.do(lambda: center.sim.free_agents)[0]
    password = center.sim.password_of(agent)
    terminal = Terminal(environ, "agent-events", str(agent), "--count", "1")
    terminal.read_until(f"password of agent {agent}: ")
    terminal.type(password)
    terminal.read_until(f"phone of agent {agent}: ")
    terminal.type(PHONE)
    assert terminal.end() == 0
    assert "AgentOther_InService" in terminal.seen
    assert password not in terminal.seen
    assert PHONE not in terminal.seen


def test_some_can_sign_in_and_some_cannot(environ: dict[str, str], center: Any) -> None:
    """Each agent is asked for apart; who cannot sign in is told, the others are shown: exit code 3."""
    first, second = center.do(lambda: center.sim.free_agents)[:2]
    terminal = Terminal(environ, "agent-stats", "--sign-in", "--agents", f"{first},{second}", "--brief")
    for agent, password in ((first, center.sim.password_of(first)), (second, "not-the-one")):
        terminal.read_until(f"password of agent {agent}: ")
        terminal.type(password)
        terminal.read_until(f"phone of agent {agent}: ")
        terminal.type(f"70{agent}")
    assert terminal.end() == 3
    assert f"agent {second}: wrong user or password" in terminal.seen
    assert "1 agents" in terminal.seen
    assert verbs(center, first)[-2:] == ["agent_sign_in", "agent_sign_out"]
    assert verbs(center, second)[-1:] == ["agent_sign_in"]


def test_nothing_typed_is_a_mistake(environ: dict[str, str], center: Any) -> None:
    """An empty line ends it with the variable to set."""
    agent = center.do(lambda: center.sim.free_agents)[0]
    terminal = Terminal(environ, "agent-stats", "--sign-in", "--agents", str(agent))
    terminal.read_until("password of agent")
    terminal.type("")
    assert terminal.end() == 2
    assert "no password was typed - set CC_ASYNC_AGENT_PASSWORD" in terminal.seen
