"""A client that is one of several, each counting for itself, says so once, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from cc_async import CmsClient, MemoryPacer, Quota
from cc_async.clients.company import workers
from cc_async.simulator import Simulator

MakeCms = Callable[..., CmsClient]
TEN = Quota(10)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the library has said so far."""
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    caplog.set_level(logging.WARNING, "cc_async")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "cc_async"]


@pytest.mark.parametrize(
    ("environ", "argv", "count"),
    [
        ({}, ["main.py"], 1),
        ({}, [], 1),
        ({"WEB_CONCURRENCY": "4"}, ["main.py"], 4),
        ({"WEB_CONCURRENCY": "1"}, ["main.py"], 1),
        ({"WEB_CONCURRENCY": "many"}, ["main.py"], 1),
        ({"WEB_CONCURRENCY": "4"}, ["/venv/bin/cc-async", "plan"], 1),
        ({"WEB_CONCURRENCY": "4"}, ["/venv/lib/cc_async/__main__.py", "plan"], 1),
        ({"GUNICORN_CMD_ARGS": "--bind=0.0.0.0 --workers=3"}, ["app.py"], 3),
        ({"GUNICORN_CMD_ARGS": "-w 5"}, ["app.py"], 5),
        ({}, ["/venv/bin/gunicorn", "-w", "4", "app:app"], 4),
        ({}, ["/venv/bin/gunicorn", "-w4", "app:app"], 4),
        ({}, ["/venv/bin/uvicorn", "app:app", "--workers", "8"], 8),
        ({}, ["/venv/lib/uvicorn/__main__.py", "app:app", "--workers=8"], 8),
        ({}, ["/venv/bin/uvicorn", "app:app", "--reload"], 1),
        ({}, ["backup.py", "-w", "4"], 1),
    ],
)
def test_how_many_workers_there_are(environ: dict[str, str], argv: list[str], count: int) -> None:
    """The environment of a web server and its own command line count; those of other programs do not."""
    assert workers(environ, argv) == count


async def test_one_of_several_workers(
    sim: Simulator,
    make_cms: MakeCms,
    said: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Said once, with both ways out; not where processes share already, nor where nothing is paced."""
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    await make_cms(sim, quota=None).skills()
    await make_cms(sim, quota=Quota(10, shared=tmp_path / "q")).skills()
    assert said() == []
    for _ in range(2):
        await make_cms(sim, quota=TEN).skills()
    [text] = said()
    assert "one of 4 workers" in text
    assert "shared=" in text
    assert "pacer=" in text


async def test_two_clients_of_one_key(
    sim: Simulator, make_cms: MakeCms, said: Callable[[], list[str]]
) -> None:
    """Said at the second one, once; not when they share a pacer, nor when the first was closed before."""
    first = make_cms(sim, quota=TEN)
    await first.skills()
    await first.aclose()
    common = MemoryPacer()
    for _ in range(2):
        await make_cms(sim, quota=TEN, pacer=common).skills()
    assert said() == []
    for _ in range(3):
        await make_cms(sim, quota=TEN).skills()
    [text] = said()
    assert "two clients" in text
    assert sim.secret_key not in text
