"""A stage: it says that it stands by until there is a feed to show, and again when that is gone."""

from __future__ import annotations

import asyncio

import pytest
from served import serving

from cc_async.serve import Stage

pytestmark = pytest.mark.looptime


async def test_it_shows_a_feed_while_there_is_one() -> None:
    """Before and after there is a board that says why there is nothing; the metrics change with it."""
    async with serving() as running, Stage(lambda accept: (b"idle", accept)) as stage:
        stage.note("stands by: another process leads")
        assert stage.board.standing_by == "stands by: another process leads"
        assert stage.board.reasons == ("stands by: another process leads",)
        assert await stage.metrics("text/plain") == (b"idle", "text/plain")
        with stage.show(running.feed, lambda accept: (b"busy", accept)):
            assert stage.board.standing_by is None
            assert len(stage.board.queues) == 3
            assert await stage.metrics("text/plain") == (b"busy", "text/plain")
            async with stage.boards() as boards:
                assert (await anext(boards)).queues
        assert stage.board.queues == ()
        assert await stage.metrics("text/plain") == (b"idle", "text/plain")


async def test_who_reads_that_it_stands_by_is_kept_posted_and_let_go() -> None:
    """Boards go on coming, so that a screen knows that its server is there; they end when a feed comes."""
    loop = asyncio.get_running_loop()
    async with serving() as running, Stage() as stage:
        async with stage.boards() as boards, stage.happenings() as happenings:
            numbers = [(await anext(boards)).number for _ in range(3)]
            assert numbers == sorted(set(numbers))
            before = loop.time()
            for _ in range(4):
                await anext(boards)
            assert 15 < loop.time() - before < 40
            with stage.show(running.feed):
                assert [board.standing_by async for board in boards] in ([], ["stands by"])
                assert [one async for one in happenings] == []
        assert await stage.metrics("") == (b"", "text/plain; version=0.0.4; charset=utf-8")
    assert [task for task in asyncio.all_tasks() if task.get_name() == "cc_async.stage"] == []
