"""What a board keeps, and in which order: on the disk first, told to listeners after."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from floors import board_where, center, fed

from cc_async import ExportError
from cc_async.board import Feed, Watched
from cc_async.board.keeping import Keeping
from cc_async.errors import CcError
from cc_async.monitor import DEFAULTS, Beat, Stitched, Stitcher
from cc_async.monitor.alert import Alert

pytestmark = pytest.mark.looptime


class Store:
    """A place whose writing takes a while, or fails."""

    name = "the store of a test"

    def __init__(self, takes: float = 0.0) -> None:
        self.text: bytes | None = None
        self.takes = takes
        self.error: CcError | None = None

    def read(self) -> bytes | None:
        return self.text

    async def write(self, text: bytes) -> None:
        await asyncio.sleep(self.takes)
        if self.error is not None:
            raise self.error
        self.text = text


class Scraped:
    """A listener that looks at the sums when it is told, as metrics do, and at what is kept of them."""

    def __init__(self, keeping: Keeping, store: Store) -> None:
        self._keeping, self._store = keeping, store
        self.ahead: list[bool] = []

    def on_beat(self, interface: str, beat: Beat[Any]) -> None:
        """Beats say nothing of sums."""

    def on_alert(self, alert: Alert) -> None:
        """Nor do alerts."""

    def on_stitched(self, stitched: Stitched) -> None:
        kept = Stitcher(state=self._store)
        self.ahead.append(kept.sums != self._keeping.stitcher.sums)


@pytest.mark.parametrize("takes", [0.0, 70.0])
async def test_no_listener_sees_sums_that_are_not_kept(takes: float) -> None:
    """A crash at any moment makes no counter go back, however slow the disk and close the next beat."""
    store = Store(takes)
    keeping = await Keeping.open(store, Store(), DEFAULTS)
    listener = Scraped(keeping, store)
    async with fed(feed={"state": keeping, "listeners": [listener]}) as (sim, _):
        for offered in range(10, 60):
            sim.set_skill(170, 1, offered=offered)
            await asyncio.sleep(23)
    assert len(listener.ahead) > 10
    assert not any(listener.ahead)


class Lost(CcError):
    """Somebody else writes here now."""


async def test_an_error_that_ends_it_goes_through() -> None:
    """Most errors of writing are trouble; one that was named ends the feed, and is what readers get."""
    store = Store()
    keeping = await Keeping.open(store, Store(), DEFAULTS, ends=(Lost,))
    async with center() as (_, cms):
        with pytest.raises(Lost):
            async with Feed(cms, Watched(queues={170: None}), state=keeping) as feed, feed.boards() as boards:
                store.error = ExportError("the disk is full")
                board = await board_where(boards, lambda board: board.troubles)
                assert board.troubles == ("what was seen cannot be saved: the disk is full",)
                store.error = Lost("taken over")
                await board_where(boards, lambda board: False)


async def test_leaving_tells_what_ended_the_block() -> None:
    """A last save that fails does not hide why the block was left."""
    store = Store()
    keeping = await Keeping.open(store, Store(), DEFAULTS, ends=(Lost,))
    async with center() as (_, cms):
        with pytest.raises(ZeroDivisionError):
            async with Feed(cms, Watched(queues={170: None}), state=keeping):
                store.error = Lost("taken over")
                raise ZeroDivisionError
        with pytest.raises(Lost):
            async with Feed(cms, Watched(queues={170: None}), state=keeping):
                pass


async def test_a_folder_is_of_one_feed_at_a_time(tmp_path: Path) -> None:
    """Two processes would write over each other's sums: the second is told, and has it after the first."""
    async with center() as (_, cms):
        watched = Watched(queues={170: None})
        async with Feed(cms, watched, state=tmp_path):
            with pytest.raises(ExportError, match="another writer is at work"):
                await Feed(cms, watched, state=tmp_path).__aenter__()
        async with Feed(cms, watched, state=tmp_path):
            pass


@pytest.mark.parametrize("body", ['{"subjects": 7}', '{"subjects": [], "standings": [[1]]}', "{}"])
async def test_damaged_alerts_are_told(body: str, tmp_path: Path) -> None:
    """Whatever the file holds, it is told as damaged, and left as it is."""
    text = '{"kind": "cc_async.alerts", "version": 1, "body": ' + body + "}"
    (tmp_path / "alerts.json").write_text(text)
    with pytest.raises(ExportError, match="damaged"):
        await Keeping.load(tmp_path, DEFAULTS)
    assert (tmp_path / "alerts.json").read_text() == text
