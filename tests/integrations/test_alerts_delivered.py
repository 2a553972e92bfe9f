"""An hour of a living contact center in virtual time: what its rules tell arrives in the chat, whole."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cc_async import AkSk, CmsClient
from cc_async.cli.alert_sources import Told, Wanted, not_judged, sources
from cc_async.integrations.chat import message_of
from cc_async.integrations.webhook import Webhook
from cc_async.monitor.alert import Alert
from cc_async.monitor.alerts import alerts
from cc_async.monitor.rules import DEFAULTS
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC)
BEGIN = MIDNIGHT + timedelta(hours=9, minutes=50)
pytestmark = pytest.mark.looptime


class Chat:
    """A chat that is away for a while, counted in virtual seconds since it was opened."""

    def __init__(self, away: tuple[float, float]) -> None:
        self.away = away
        self.posts: list[dict[str, Any]] = []
        self.refused = 0
        self._begin = asyncio.get_running_loop().time()

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.away[0] <= asyncio.get_running_loop().time() - self._begin < self.away[1]:
            self.refused += 1
            return web.Response(status=503)
        self.posts.append(body)
        return web.Response()


async def watched(cms: CmsClient, tasks: list[str], url: str, state: Path, until: float) -> list[Alert]:
    """Watch as the command does, up to a moment of the loop; returns what the rules told."""
    wanted = Wanted(rules=DEFAULTS, skill_ids=[1, 2, 3], tasks=tasks, vdns=[170], every=60.0)
    watches = sources(cms, wanted)
    assert not_judged(wanted, watches) == {}
    told: list[Alert] = []

    async def work() -> None:
        beats = {name: Told(name, beat, lambda _: None) for name, beat in watches.items()}
        ringing = alerts(beats, DEFAULTS, state_file=state, until_confirmed=True)
        hook = Webhook(url, rng=random.Random(2))
        async with asyncio.timeout_at(until), ringing, hook:
            async for alert in ringing:
                told.append(alert)
                hook.post(message_of(alert), lambda _, alert=alert: ringing.confirm(alert))

    for each in watches.values():
        await each.__aenter__()
    try:
        with pytest.raises(TimeoutError):
            await work()
    finally:
        for each in watches.values():
            await each.__aexit__(None, None, None)
    return told


async def test_every_alert_of_an_hour_arrives_through_an_outage_and_a_restart(tmp_path: Path) -> None:
    """Agents of a queue go at ten, the chat is away for ten minutes, we are restarted in the midst of it."""
    loop = asyncio.get_running_loop()
    chat = Chat((1200.0, 1800.0))
    app = web.Application()
    app.router.add_post("/hook", chat.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    begin = loop.time()
    async with Simulator(
        seed=4, world="living", vdns=[], skills_per_vdn=3, agents_per_vdn=260, calls_per_day=16000,
        begins=MIDNIGHT.timestamp(), clock=LoopClock(BEGIN.timestamp()),
    ) as sim:  # fmt: skip
        sim.incident("queue loses its agents", at=BEGIN + timedelta(minutes=10), skill_id=2)
        auth = AkSk(sim.access_key, sim.secret_key)
        keys = AkSk(sim.global_access_key, sim.global_secret_key)
        async with CmsClient(sim.cms_url, auth, global_auth=keys, vdn=170, quota=None) as cms:
            state, tasks = tmp_path / "alerts.json", list(sim.task_ids[:1])
            first = await watched(cms, tasks, url, state, begin + 1500)
            delivered_before = len(chat.posts)
            second = await watched(cms, tasks, url, state, begin + 3600)
    await runner.cleanup()
    arrived = [(post["id"], post["state"]) for post in chat.posts]
    told = [(one.id, one.state) for one in first]
    again = [(one.id, one.state) for one in second]
    # What the first run could not deliver, the second one tells first.
    assert again[: len(told) - delivered_before] == told[delivered_before:]
    assert arrived == told[:delivered_before] + again
    assert len(set(arrived)) == len(arrived)
    assert chat.refused >= 2
    assert len(told) > delivered_before
    kinds = {(post["rule"], post["key"]) for post in chat.posts}
    assert ("service level", "queue/170/2") in kinds
    assert "no data" not in {rule for rule, _ in kinds}
