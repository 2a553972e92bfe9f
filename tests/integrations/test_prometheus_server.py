"""A real Prometheus scrapes what a client of the simulator feeds, and is asked what it knows."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import truth
from ahead import Ahead
from aiohttp import web
from exposed import beat, stitch

from cc_async import AkSk, CmsClient, SignatureRejected
from cc_async.integrations.grafana import dashboard
from cc_async.integrations.prometheus import Metrics
from cc_async.integrations.prometheus_rules import rules_file
from cc_async.monitor import Stitcher
from cc_async.simulator import Simulator
from cc_async.simulator.clock import SteppedClock

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="a Prometheus server is not installed")

NOON = 1_772_625_600.0
"""2026-03-04 12:00 UTC."""
QUEUES = range(1, 6)
ASKED = ("skill_call_stats", "skill_states", "agent_states")
PATIENCE = 30.0
"""Seconds in which a scrape a second has to bring what is waited for."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A Prometheus, as far as the test asks it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def get(self, path: str, **query: str) -> Any:
        """The data of an answer of its interface."""
        async with self._session.get(self._url + path, params=query, raise_for_status=True) as answer:
            return (await answer.json())["data"]

    async def ready(self) -> bool:
        """True when it takes questions."""
        try:
            async with self._session.get(self._url + "/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def vector(self, expression: str, label: str = "skill_id") -> dict[str, float]:
        """The values of an expression now, by one label."""
        data = await self.get("/api/v1/query", query=expression)
        return {one["metric"].get(label, ""): float(one["value"][1]) for one in data["result"]}


async def eventually(ask: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Ask until the answer is the one that has to come; shows the last one when it does not."""
    found: Any = None
    try:
        async with asyncio.timeout(PATIENCE):
            while (found := await ask()) != wanted:  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(0.1)
    except TimeoutError:
        assert found == wanted


@asynccontextmanager
async def prometheus(target: int, folder: Path) -> AsyncIterator[Server]:
    """A Prometheus of its own that scrapes a port of this machine every second, with our rules."""
    assert PROMETHEUS is not None
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "cc", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    (folder / "rules.yml").write_text(rules_file())
    port = free_port()
    arguments = (
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    )
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(PROMETHEUS, *arguments, stdout=log, stderr=log)
    try:
        async with aiohttp.ClientSession() as session:
            server = Server(f"http://127.0.0.1:{port}", session)
            await eventually(server.ready, True)
            yield server
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def served(metrics: Metrics, port: int) -> AsyncIterator[set[str]]:
    """A small web service with ``/metrics``; gives the content types it answered with."""
    answered: set[str] = set()

    async def scraped(request: web.Request) -> web.Response:
        body, content_type = await metrics.scrape(request.headers.get("Accept"))
        answered.add(content_type.partition(";")[0])
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/metrics", scraped)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield answered
    finally:
        await runner.cleanup()


@asynccontextmanager
async def process(sim: Simulator, state: Path, port: int) -> AsyncIterator[tuple[Metrics, set[str]]]:
    """What a process of ours does from start to end: it reads its state, asks everything once, is scraped."""
    sums = Stitcher(state_file=state)
    metrics = Metrics(sums=sums, names={skill: sim.world.skill_name(170, skill) for skill in QUEUES})
    auth, clock = AkSk(sim.access_key, sim.secret_key), Ahead(off=sim.clock.wall() - time.time())
    async with CmsClient(sim.cms_url, auth, vdn=170, observers=[metrics], clock=clock) as cms:
        metrics.health = lambda: cms.health
        await stitch(metrics, sums, await cms.skill_call_stats(QUEUES))
        metrics.on_beat("skill_states", beat(await cms.skill_states(QUEUES)))
        metrics.on_beat("agent_states", beat(await cms.agent_states()))
        async with served(metrics, port) as answered:
            yield metrics, answered


def by_skill(rows: truth.Rows, name: str) -> dict[str, float]:
    """One field of the truth by queue."""
    return {str(row["skill_id"]): row[name] for row in rows}


async def empty_panels(server: Server) -> set[str]:
    """The titles of the panels for which there is nothing, everything being chosen."""
    drawn = [panel for panel in json.loads(dashboard())["panels"] if "targets" in panel]
    asked = {panel["title"]: re.sub(r"\$\w+", ".*", panel["targets"][0]["expr"]) for panel in drawn}
    return {title for title, expression in asked.items() if not await server.vector(expression)}


async def test_a_prometheus_knows_what_the_contact_center_knows(tmp_path: Path) -> None:
    """Values, names, a restart without a counter reset, an alert: as its own interface tells them."""
    port, state = free_port(), tmp_path / "sums.json"
    size: dict[str, Any] = {"vdns": [], "skills_per_vdn": 30, "agents_per_vdn": 40}
    async with (
        Simulator(clock=SteppedClock(NOON + 299), **size) as sim,
        prometheus(port, tmp_path) as server,
    ):
        calls, states = truth.skill_call_stats(sim, QUEUES), truth.skill_states(sim, QUEUES)
        counters = [f"cc_async_queue_{name}_calls_total" for name in ("offered", "connected", "ended")]
        async with process(sim, state, port) as (_, answered):
            await eventually(lambda: server.vector("cc_async_build_info", "job"), {"cc": 1})
            for name in ("offered", "connected", "ended"):
                found = await server.vector(f"cc_async_queue_{name}_calls_total")
                assert found == by_skill(calls, name)
            for name in ("calls_waiting", "longest_wait_seconds", "signed_in_agents"):
                assert await server.vector(f"cc_async_queue_{name}") == by_skill(states, name)
            level = 'cc_async_queue_service_level_ratio{window="5m"}'
            busy = [row for row in calls if row["offered"]]
            levels = {str(row["skill_id"]): row["connected_in_20s"] / row["offered"] for row in busy}
            assert await server.vector(level) == levels
            named = f"{level} * on (job, instance, vdn, skill_id) group_left (queue) cc_async_queue_info"
            names = {sim.world.skill_name(170, int(skill)): value for skill, value in levels.items()}
            assert await server.vector(named, "queue") == names
            assert await server.vector("cc_async_up", "interface") == dict.fromkeys(ASKED, 1)
            sent = await server.vector("sum by (status) (cc_async_requests_total)", "status")
            assert sent == {"200": len(sim.requests)}
            assert answered == {"application/openmetrics-text"}
            # Every panel has something to draw but those of what never happened.
            await eventually(lambda: empty_panels(server), {"Retries a minute"})
        # The process ends; the next one begins a minute later, in the next bucket.
        sim.advance(60)
        more = by_skill(truth.skill_call_stats(sim, QUEUES), "offered")
        total = {skill: offered + more[skill] for skill, offered in by_skill(calls, "offered").items()}
        async with process(sim, state, port) as (metrics, _):
            await eventually(lambda: server.vector(counters[0]), total)
            for counter in counters:
                resets = await server.vector(f"resets({counter}[5m])")
                assert resets == dict.fromkeys(total, 0)
            assert await server.vector(level) == levels  # the bucket that closed before the restart
            assert await server.vector('ALERTS{alertstate="firing"}', "alertname") == {}
            async with CmsClient(sim.cms_url, AkSk(sim.access_key, "wrong"), vdn=170) as wrong:
                with pytest.raises(SignatureRejected):
                    await wrong.skill_states([1])
                metrics.health = lambda: wrong.health
                firing = 'ALERTS{alertname="CcAsyncCredentialLocked", alertstate="firing"}'
                locked = {name: 1.0 for name, until in wrong.health.locked_until.items() if until}
                assert set(ASKED) <= set(locked)
                await eventually(lambda: server.vector(firing, "interface"), locked)
                alerts = (await server.get("/api/v1/alerts"))["alerts"]
                told = {one["annotations"]["summary"] for one in alerts if one["state"] == "firing"}
                assert "skill_states: the server rejected the signature (401)" in told
