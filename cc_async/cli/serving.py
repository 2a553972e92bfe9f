"""The work of ``serve``: a feed and a server over it, alone or in turns with a stand-by."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web
from attrs import frozen

from cc_async.board import Feed
from cc_async.board.keeping import Keeping
from cc_async.cli import connect
from cc_async.cli.board import Chosen
from cc_async.cli.leading import Turns
from cc_async.cli.run import say
from cc_async.cli.usage import UsageError
from cc_async.monitor.sums import SkillKey
from cc_async.serve import Access, Server, make_app
from cc_async.serve.stage import Rendered, Stage
from cc_async.settings import Site

if TYPE_CHECKING:
    from cc_async.integrations.prometheus import Metrics
    from cc_async.integrations.redis_lease import Lease


@frozen
class Place:
    """Where it listens, and whether a browser is opened there."""

    host: str
    port: int
    open: bool


@frozen
class Serving:
    """Everything a run needs, read and checked."""

    site: Site
    wanted: Chosen
    access: Access
    place: Place
    turns: Turns | None = None

    async def run(self) -> None:
        """Serve until it is cancelled, or until the feed ends by an error, which is raised."""
        if self.turns is None:
            await self._alone()
        else:
            await self._in_turns(self.turns)

    async def _alone(self) -> None:
        keeping = await Keeping.load(self.wanted.options.state, self.wanted.rules)
        async with (
            self._feed(keeping) as (feed, render),
            _listening(make_app(feed, self.access, metrics=render), self.place) as url,
        ):
            await self._tell(url)
            await feed.ended()

    async def _in_turns(self, turns: Turns) -> None:
        """The server is there all the time; a stand-by answers that it stands by."""
        idle = metrics_of(None, {})

        def tell(text: str) -> None:
            say(text)
            stage.note(text)

        async def work(lease: Lease, token: int) -> None:
            async with self._feed(await self._kept(lease, token)) as (feed, render):
                with stage.show(feed, render):
                    await feed.ended()

        async with Stage(None if idle is None else idle.scrape) as stage:
            app = make_app(stage, self.access, metrics=None if idle is None else stage.metrics)
            async with _listening(app, self.place) as url:
                await self._tell(url)
                await turns.lead(self._name, work, tell)

    async def _kept(self, lease: Lease, token: int) -> Keeping:
        """What the leader before us has kept."""
        from cc_async.integrations.redis_lease import LeaseLost
        from cc_async.integrations.redis_state import RedisState

        sums = await RedisState.open(lease, token, "sums")
        alerts = await RedisState.open(lease, token, "alerts")
        return await Keeping.open(sums, alerts, self.wanted.rules, ends=(LeaseLost,))

    @asynccontextmanager
    async def _feed(self, keeping: Keeping) -> AsyncIterator[tuple[Feed, Rendered | None]]:
        """A client, the feed it serves, and the metrics of both."""
        names: dict[SkillKey, str] = {}
        metrics = metrics_of(keeping, names)
        observers = () if metrics is None else (metrics,)
        cms = connect.cms_client(self.site, observers)
        if metrics is not None:
            metrics.health = lambda: cms.health
        async with cms:
            found = await self.wanted.feed(cms, keeping=keeping, names=names, listeners=observers)
            async with found as feed:
                yield feed, None if metrics is None else metrics.scrape

    @property
    def _name(self) -> str:
        """What is led: boards of another contact center, or of other queues, do not wait for each other."""
        host = (self.site.cms_url or "").partition("://")[2].rstrip("/")
        vdns = ",".join(str(vdn) for vdn in sorted(self.wanted.vdns))
        shown = (self.wanted.options.skills, self.wanted.tasks)
        digest = f":{sha256(repr(shown).encode()).hexdigest()[:8]}" if any(shown) else ""
        return f"serve:{host}:{self.site.cc_id}:{vdns}{digest}"

    async def _tell(self, url: str) -> None:
        """Say where it is."""
        token = " (readers need the token: ?token=...)" if self.access.token else ""
        sys.stdout.write(f"Wallboard: {url}{token}\n")
        sys.stdout.flush()
        if self.place.open:
            await asyncio.to_thread(webbrowser.open, url)


@asynccontextmanager
async def _listening(app: web.Application, place: Place) -> AsyncIterator[str]:
    """Serve for the length of a block, at the address it gives; a port in use is a UsageError."""
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(Server(app, place.host, place.port))
        except OSError as error:
            where = f"{place.host} port {place.port}"
            told = (os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)).lower()
            hint = "choose another --port or --host"
            raise UsageError(f"cannot listen on {where}: {told}", hint=hint) from None
        yield server.url


def metrics_of(keeping: Keeping | None, names: dict[SkillKey, str]) -> Metrics | None:
    """The metrics, if the extra is installed; without it ``/metrics`` says what to install."""
    try:
        from cc_async.integrations.prometheus import Metrics
    except ModuleNotFoundError:
        return None
    return Metrics(names=names, sums=None if keeping is None else keeping.stitcher)
