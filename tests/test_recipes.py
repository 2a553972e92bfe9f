"""The recipes of README.md run as they stand: the bot, the service, the job and the pool."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import runpy
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FOLDER = Path(__file__).parent / "recipes"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.py"))


class AtOnce(ThreadPoolExecutor):
    """Runs at once what would go to a thread: virtual time does not wait for a disk, it leaps on."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


async def at_once(function: Callable[..., Any], *args: Any, **_: Any) -> Any:
    """The same for the threads of anyio."""
    return function(*args)


@asynccontextmanager
async def contact_center() -> AsyncIterator[Simulator]:
    """A contact center at noon on the time of the loop; the environment leads to it."""
    asyncio.get_running_loop().set_default_executor(AtOnce())
    clock = LoopClock(NOON.timestamp())
    async with Simulator(vdns=[], skills_per_vdn=12, agents_per_vdn=40, clock=clock) as sim:
        values = {"CMS_URL": sim.cms_url, "ACCESS_KEY": sim.access_key, "SECRET_KEY": sim.secret_key}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("anyio.to_thread.run_sync", at_once)
            for name, value in {**values, "VDN": "170"}.items():
                patch.setenv(f"CC_ASYNC_{name}", value)
            yield sim


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A recipe runs in an empty folder."""
    monkeypatch.chdir(tmp_path)


def recipe(name: str) -> dict[str, Any]:
    """The names of a recipe that was loaded, not started."""
    return runpy.run_path(str(FOLDER / f"{name}.py"))


def write(name: str, text: str) -> None:
    """Put a file into the folder a recipe runs in."""
    Path(name).write_text(text, encoding="utf-8")


def read(name: str) -> str:
    """What a recipe has written."""
    return Path(name).read_text(encoding="utf-8")


@asynccontextmanager
async def running(main: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """A recipe at work; what ends it before its time is raised."""
    task = asyncio.ensure_future(main())
    try:
        yield
    finally:
        early = task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not early


@asynccontextmanager
async def webhook(told: asyncio.Queue[str], refuse: int = 0) -> AsyncIterator[str]:
    """A webhook that keeps what it is told, after refusing it some times."""

    async def take(request: web.BaseRequest) -> web.Response:
        nonlocal refuse
        if refuse:
            refuse -= 1
            return web.Response(status=503)
        told.put_nowait((await request.json())["text"])
        return web.Response()

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


@pytest.mark.looptime
async def test_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bad windows reach the webhook as one sentence, even when it is down; a restart repeats nothing."""
    write("rules.toml", 'zone = "UTC"\n[rules."service level"]\nthreshold = 0.6\n')
    told: asyncio.Queue[str] = asyncio.Queue()
    main = recipe("bot")["main"]
    async with contact_center() as center, webhook(told, refuse=2) as address:
        monkeypatch.setenv("WEBHOOK", address)
        values = {"offered": 40, "connected": 30, "connected_in_20s": 20, "calls_waiting": 3}
        center.set_skill(170, 7, name="Billing", **values)
        heard: list[str] = []
        async with running(main), asyncio.timeout(3600):
            while not any("in 20 s" in text for text in heard):
                heard.append(await told.get())
        assert any(text.startswith("Billing: 50 % in 20 s (20 of 40), under 60 % since ") for text in heard)
        assert any(text.startswith("Billing: 50 %") and ", 3 waiting" in text for text in heard)

        async with running(main):
            await asyncio.sleep(1500)
        again = [told.get_nowait() for _ in range(told.qsize())]
        assert [text for text in again if text.startswith("Billing") and "in 20 s" in text] == []


@pytest.mark.looptime
async def test_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    """Every 5 minutes of every queue are written once; the figure says what it is worth, outages are told."""
    async with contact_center() as center, running(recipe("job")["main"]):
        center.set_skill(170, 7, offered=40, connected=30, connected_in_20s=20)
        await asyncio.sleep(1000)
        center.fail("skill_call_stats", status=503, times=4)
        await asyncio.sleep(1150)
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in read("buckets.jsonl").splitlines()]
    seen = [(row["skill_id"], row["interval_start"]) for row in rows if not row["revised"]]
    assert len(seen) == len(set(seen))
    assert {skill_id for skill_id, _ in seen} == set(range(1, 13))
    assert len({start for _, start in seen}) >= 4
    assert {row["offered"] for row in rows if row["skill_id"] == 7} == {40}
    lines = out.splitlines()
    assert all(" % of " in line and " old" in line for line in lines if "none" not in line)
    assert "last 30 minutes: " in lines[-1]
    assert "503" in err


async def asked(app: Any, path: str) -> tuple[int, Any]:
    """What the service answers, without a server in between."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [], "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


async def test_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers of one moment share a request, figures come with their worth, errors have a status."""
    pytest.importorskip("fastapi", reason="the service is a FastAPI application")
    monkeypatch.syspath_prepend(FOLDER)
    app = importlib.import_module("service").app
    async with contact_center() as center, app.router.lifespan_context(app):
        center.set_skill(170, 7, offered=40, connected_in_20s=20, calls_waiting=4)
        answers = await asyncio.gather(*(asked(app, f"/queues/{skill}") for skill in range(1, 13)))
        assert [status for status, _ in answers] == [200] * 12
        assert answers[6][1]["calls_waiting"] == 4
        assert sum(request.interface == "skill_states" for request in center.requests) == 1

        status, figure = await asked(app, "/service-level")
        assert status == 200
        assert " % of " in figure["text"]
        assert 0 < figure["value"] < 1

        status, error = await asked(app, "/queues/900")
        assert (status, "900" in error["error"]) == (404, True)
        assert (await asked(app, "/queues/x"))[0] == 422
        center.fail("skill_call_stats", status=503, times=None)
        assert (await asked(app, "/service-level"))[0] == 503


async def test_the_pool(tmp_path: Path) -> None:
    """Four processes write two days once; a second run finds nothing to do."""
    polars = pytest.importorskip("polars", reason="the pool writes Parquet")
    async with Simulator(vdns=[1, 2, 3], skills_per_vdn=1, agents_per_vdn=5) as center:
        environ = {
            **os.environ,
            "CC_ASYNC_CMS_URL": center.cms_url,
            "CC_ASYNC_ACCESS_KEY": center.global_access_key,
            "CC_ASYNC_SECRET_KEY": center.global_secret_key,
        }
        told = []
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(
                sys.executable, FOLDER / "pool.py", tmp_path / "history", "2",
                env=environ, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            told.append((await process.communicate())[0].decode().strip())
            assert process.returncode == 0
    rows = polars.scan_parquet(tmp_path / "history/system_indicators", hive_partitioning=True).collect()
    assert told == [f"{2 * 3 * 288} rows", "0 rows"]
    assert rows.select("vdn", "interval_start").n_unique() == rows.height == 2 * 3 * 288


def test_the_recipes_are_short_and_complete() -> None:
    """There are four; each can be read on one screen."""
    assert RECIPES == ["bot", "job", "pool", "service"]
    for name in RECIPES:
        lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()
        assert len([line for line in lines if line.strip()]) <= 30


def test_readme_shows_them_word_for_word() -> None:
    """What README.md shows of them is what was tried here; of the pool what other engines need, too."""
    readme = (FOLDER.parent.parent / "README.md").read_text(encoding="utf-8")
    texts = {name: (FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in RECIPES}
    pool = texts["pool"]
    texts["pool"] = pool[pool.index("async def ask(") : pool.index("\n\nasync def wanted(")]
    missing = [name for name, text in texts.items() if text not in readme]
    assert missing == []
