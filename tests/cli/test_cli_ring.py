"""``alert``: a real process that watches a contact center and posts to a real chat."""

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
from chat_server import LONGEST, TOKEN, ChatServer, chat_server

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent
USUAL = (
    "service level", "lost calls", "no idle agent", "agents gone", "long wrap-up", "long in one state",
    "task stands still", "no data",
)  # fmt: skip
RULES = "".join(f'[rules."{rule}"]\noff = true\n' for rule in USUAL)
ONE_ALERT = RULES + '[rules."few connects"]\nthreshold = 1.0\nminimum = 1\n'


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    """A chat on this machine."""
    with chat_server() as there:
        yield there


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """Rules that ring once, at the first look: not every attempt of a task is connected."""
    path = tmp_path / "rules.toml"
    path.write_text(ONE_ALERT, encoding="utf-8")
    return str(path)


@pytest.fixture
def task(center: Any) -> str:
    """A task of the contact center."""
    return str(center.do(lambda: center.sim.task_ids[0]))


class Ringing:
    """The command in a process, ended by a signal."""

    def __init__(self, environ: dict[str, str], *arguments: str, **more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cc_async", "alert", *arguments],
            env={**environ, **more, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def line(self) -> str:
        """The next line on stdout; empty at the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def told(self, text: str) -> str:
        """Read stderr up to the line that holds a text."""
        assert self.process.stderr is not None
        seen = ""
        while text not in seen:
            line = self.process.stderr.readline()
            assert line, f"ended without {text!r}: {seen!r}"
            seen += line
        return seen

    def end(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str, str, float]:
        """Exit code, the rest of stdout and stderr, and the seconds it took to end."""
        begin = time.monotonic()
        self.process.send_signal(by)
        out, err = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, out, err, time.monotonic() - begin


def test_an_alert_is_a_line_and_a_message_and_a_restart_repeats_nothing(
    environ: dict[str, str], chat: ChatServer, rules: str, task: str, tmp_path: Path
) -> None:
    """One line, one post; Ctrl-C ends it; the next run knows that it stands, and posts nothing."""
    options = ("--rules", rules, "--tasks", task, "--state", str(tmp_path / "alerts.json"), "--json")
    first = Ringing(environ, *options, CC_ASYNC_WEBHOOK=chat.url)
    post, line = chat.next(), json.loads(first.line())
    assert post == line
    assert (post["rule"], post["key"], post["state"]) == ("few connects", f"task/170/{task}", "raised")
    code, out, err, seconds = first.end()
    assert (code, out) == (130, "")
    assert seconds < 3
    assert "cc-async: posting to 127.0.0.1\n" in err
    assert TOKEN not in err
    second = Ringing(environ, *options, CC_ASYNC_WEBHOOK=chat.url)
    assert "1 alerts stand" in second.told("posting to")
    assert second.end(signal.SIGTERM)[:2] == (0, "")
    assert chat.empty


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_what_was_not_delivered_is_after_a_restart(
    environ: dict[str, str], rules: str, task: str, tmp_path: Path, by: signal.Signals
) -> None:
    """A chat that was away gets the alert from the next run, however the one before ended."""
    options = ("--rules", rules, "--tasks", task, "--state", str(tmp_path / "alerts.json"))
    with chat_server() as gone:
        pass
    first = Ringing(environ, *options, "--format", "slack", CC_ASYNC_WEBHOOK=gone.url)
    assert "[few connects]" in first.line()
    assert "trying again" in first.told("trying again")
    code, _, err, seconds = first.end(by)
    assert code == (130 if by is signal.SIGINT else -signal.SIGKILL)
    assert seconds < 3
    assert ("127.0.0.1: 1 alerts were not delivered" in err) is (by is signal.SIGINT)
    with chat_server() as there:
        second = Ringing(environ, *options, "--format", "slack", CC_ASYNC_WEBHOOK=there.url)
        assert there.next()["text"].startswith("Alert: few connects: ")
        assert second.end(signal.SIGTERM)[0] == 0
        third = Ringing(environ, *options, "--format", "slack", CC_ASYNC_WEBHOOK=there.url)
        third.told("posting to")
        third.end(signal.SIGTERM)
        assert there.empty


def test_a_wrong_key_ends_it_at_once(environ: dict[str, str], rules: str) -> None:
    """What no later look will do better is an error and not a silence of ten minutes."""
    process = Ringing(environ, "--rules", rules, CC_ASYNC_SECRET_KEY="wrong").process
    out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out) == (1, "")
    assert "rejects the signature" in err.splitlines()[-1]
    assert "Traceback" not in err


def test_troubles_of_a_source_are_told_once(
    environ: dict[str, str], center: Any, rules: str, task: str
) -> None:
    """An interface that fails is named on stderr when it begins to, and the others go on."""
    center.do(lambda: center.sim.fail("task_stats", code="0100999", times=None))
    ringing = Ringing(environ, "--rules", rules, "--tasks", task)
    told = ringing.told("task_stats: task_stats")
    assert "0100999" in told
    assert ringing.end(signal.SIGTERM)[0] == 0


def test_a_test_message(run: Run, chat: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the variable, a file, or the option with a warning; 0 and 1 say whether it arrived."""
    monkeypatch.setenv("CC_ASYNC_WEBHOOK", chat.url)
    outcome = run("alert", "--test", "--format", "teams")
    assert (outcome.code, outcome.err) == (0, "cc-async: 127.0.0.1 took the test message\n")
    assert chat.next()["type"] == "message"
    monkeypatch.delenv("CC_ASYNC_WEBHOOK")
    file = tmp_path / "hook"
    file.touch(mode=0o600)
    file.write_text(chat.url + "\n", encoding="utf-8")
    assert run("alert", "--test", "--webhook-file", str(file)).code == 0
    assert chat.next()["test"] is True
    outcome = run("alert", "--test", "--webhook", chat.url)
    assert outcome.code == 0
    assert "visible to everybody on this machine: set CC_ASYNC_WEBHOOK" in outcome.err
    assert TOKEN not in outcome.err
    file.chmod(0o644)
    assert "chmod 600" in run("alert", "--test", "--webhook-file", str(file)).err
    with chat_server() as gone:
        pass
    monkeypatch.setenv("CC_ASYNC_WEBHOOK", gone.url)
    outcome = run("alert", "--test")
    assert (outcome.code, outcome.out) == (1, "")
    assert "did not take the test message: the connection was refused" in outcome.err


def test_the_proxy_of_the_environment_is_used(
    run: Run, chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chat on the internet is often reached through a proxy only; NO_PROXY says for which it is not."""
    proxy = chat.url.partition("/hook")[0]
    monkeypatch.setenv("CC_ASYNC_WEBHOOK", f"http://chat.invalid/{TOKEN}")
    monkeypatch.delenv("no_proxy", raising=False)
    for spelling in (proxy, proxy.removeprefix("http://")):
        monkeypatch.setenv("http_proxy", spelling)
        assert run("alert", "--test", "--allow-http").code == 0
        assert chat.next()["test"] is True
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("CC_ASYNC_WEBHOOK", chat.url)
    assert run("alert", "--test").code == 0
    assert chat.next()["test"] is True


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (("--test",), {}, "there is no webhook"),
        (("--format", "irc"), {}, "irc"),
        ((), {"CC_ASYNC_WEBHOOK": f"http://chat.example.com/{TOKEN}"}, "--allow-http"),
        ((), {"CC_ASYNC_WEBHOOK": TOKEN}, "the webhook is no URL"),
        (("--format", "slack"), {"CC_ASYNC_WEBHOOK": f"https://x.example/{TOKEN}",
                                 "CC_ASYNC_WEBHOOK_SECRET": TOKEN}, "takes no secret"),
        (("--webhook-file", "/no/such/file"), {}, "/no/such/file: No such file"),
        (("--webhook", f"https://x.example/{TOKEN}", "--webhook-file", "f"), {}, "exclude each other"),
        (("--every", "1s"), {}, "5 s to 5 minutes"),
        (("--every", "soon"), {}, "5 s to 5 minutes"),
        (("--tasks", "x"), {}, "not a task id"),
        (("--vdns", "x"), {}, "not an id"),
        (("--tz", "Mars/Base"), {}, "no time zone"),
        (("--state", "/no/such/folder/alerts.json"), {}, "there is no folder /no/such/folder"),
        (("--rules", "/no/such/rules.toml"), {}, "/no/such/rules.toml"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_before_anything_is_asked(
    run: Run, center: Any, monkeypatch: pytest.MonkeyPatch, arguments: Any, variables: Any, told: str
) -> None:
    """Exit code 2, what is wrong, and nothing of an address."""
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    before = center.do(lambda: len(center.sim.requests))
    outcome = run("alert", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert TOKEN not in outcome.err
    assert center.do(lambda: len(center.sim.requests)) == before
