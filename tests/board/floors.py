"""A contact center on real sockets whose hours pass in virtual time, and a feed over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from cc_async import AkSk, CmsClient
from cc_async.board import Board, Feed, Watched
from cc_async.board.fanout import Subscription
from cc_async.simulator import Simulator
from cc_async.simulator.clock import LoopClock

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()


@asynccontextmanager
async def center(past_noon: float = 100.0, **given: Any) -> AsyncIterator[tuple[Simulator, CmsClient]]:
    """A contact center whose clock shows so many seconds past noon, and a client of it."""
    size: dict[str, Any] = {"vdns": [171], "skills_per_vdn": 3, "agents_per_vdn": 20}
    async with Simulator(**(size | {"clock": LoopClock(NOON + past_noon)} | given)) as sim:
        auth, over = AkSk(sim.access_key, sim.secret_key), AkSk(sim.global_access_key, sim.global_secret_key)
        whose: dict[str, Any] = {"cc_id": sim.cc_id, "vdn": sim.vdn}
        async with CmsClient(sim.cms_url, auth, global_auth=over, quota=None, timeout=20, **whose) as cms:
            yield sim, cms


@asynccontextmanager
async def fed(
    past_noon: float = 100.0,
    watched: dict[str, Any] | None = None,
    *,
    feed: dict[str, Any] | None = None,
    **given: Any,
) -> AsyncIterator[tuple[Simulator, Feed]]:
    """A contact center and a feed of its VDN 170."""
    async with center(past_noon, **given) as (sim, cms):
        wanted = Watched(**({"queues": {170: None}} | (watched or {})))
        async with Feed(cms, wanted, **(feed or {})) as running:
            yield sim, running


async def board_where(boards: Subscription[Board], true: Callable[[Board], object]) -> Board:
    """The first board of which something holds."""
    async for board in boards:
        if true(board):
            return board
    raise AssertionError("the feed ended")
