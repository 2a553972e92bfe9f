"""The feed against a contact center on real sockets, hours of it in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from floors import NOON, board_where, center, fed

from cc_async import AkSk, ClosedError, CmsClient, ExportError
from cc_async.board import Board, Feed, Watched
from cc_async.monitor import Alert, Beat, Rule, Stitched
from cc_async.monitor.changes import AgentChange
from cc_async.session.clock import LoopClock

pytestmark = pytest.mark.looptime
BUCKET = 300


def tasks_of_feeds() -> list[str]:
    """Tasks of feeds and watches that are still there."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("cc_async.")]


class Told:
    """A listener that keeps what it is told, in order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.beats: list[tuple[str, bool]] = []
        self.stitched: list[Stitched] = []
        self.alerts: list[Alert] = []

    def on_beat(self, interface: str, beat: Beat[Any]) -> None:
        self.order.append("beat")
        self.beats.append((interface, beat.ok))

    def on_stitched(self, stitched: Stitched) -> None:
        self.order.append("stitched")
        self.stitched.append(stitched)

    def on_alert(self, alert: Alert) -> None:
        self.order.append("alert")
        self.alerts.append(alert)


async def test_the_first_boards_fill_up() -> None:
    """The board is there at once, says that it knows nothing, and has everything after the first answers."""
    async with fed() as (sim, feed), feed.boards() as boards:
        first = await anext(boards)
        assert (first.begun, first.stale, first.queues, first.agents.signed_in.value) == (
            False,
            True,
            (),
            None,
        )
        sim.set_skill(170, 2, calls_waiting=4, longest_wait_seconds=75, offered=20, connected=15)
        full = await board_where(boards, lambda board: board.begun and board.queues[1].waiting.value == 4)
    assert [queue.name for queue in full.queues] == [sim.world.skill_name(170, one) for one in (1, 2, 3)]
    queue = full.queues[1]
    assert (queue.longest_wait.value, queue.key, queue.last, queue.rolling) == (75, "queue/170/2", None, None)
    assert queue.current is not None
    assert queue.current.begin == datetime.fromtimestamp(NOON, UTC)
    assert not full.stale
    assert full.reasons == ()


async def test_closed_buckets_come_and_roll() -> None:
    """Each 5 minutes the bucket that is over appears, and 30 minutes of them are summed, not averaged."""
    async with fed() as (sim, feed), feed.boards() as boards:
        sim.set_skill(170, 1, offered=10, connected=9, connected_in_20s=9)
        over = datetime.fromtimestamp(NOON + BUCKET + 1, UTC)
        await board_where(boards, lambda board: board.begun and board.at > over)
        sim.set_skill(170, 1, offered=30, connected=15, connected_in_20s=15)
        start = datetime.fromtimestamp(NOON + BUCKET, UTC)
        board = await board_where(
            boards, lambda board: board.queues[0].last and board.queues[0].last.begin == start
        )
    queue = board.queues[0]
    assert queue.last is not None
    assert queue.rolling is not None
    assert (queue.last.offered, queue.last.connected, queue.last.lost) == (30, 15, 15)
    assert (queue.rolling.offered, queue.rolling.connected) == (40, 24)
    assert queue.rolling.service_level.value == 24 / 40
    assert queue.trend == (*[None] * 10, 0.9, 0.5)
    assert queue.status == "watch"
    assert (queue.rolling.end - queue.rolling.begin).total_seconds() == 1800


async def test_the_agents_are_people() -> None:
    """Agents are counted once each, by state, as the contact center has them."""
    async with fed() as (sim, feed), feed.boards() as boards:
        board = await board_where(boards, lambda board: board.begun)
        team = sim.world.team(170)
        there = sum(team.presence(index, sim.clock.wall()) is not None for index in range(20))
    assert board.agents.signed_in.value == there
    assert sum(count for _, count in board.agents.by_state) == there
    assert board.agents.people == ()


async def test_agents_are_shown_only_where_it_was_asked_for() -> None:
    """Told to show agents, the board lists each signed-in agent by number, and events tell their changes."""
    async with fed(feed={"show_agents": True}) as (_, feed), feed.boards() as boards:
        board = await board_where(boards, lambda board: board.begun)
        assert len(board.agents.people) == board.agents.signed_in.value
        async with feed.happenings() as happenings:
            async for one in happenings:
                if isinstance(one.what, AgentChange):
                    break


async def test_several_vdns_stand_side_by_side() -> None:
    """Queues of the same number in two VDNs are two lines, with the agents of both."""
    async with fed(watched={"queues": {170: [1], 171: None}}) as (sim, feed), feed.boards() as boards:
        board = await board_where(boards, lambda board: board.begun)
        names = [sim.world.skill_name(*key) for key in ((170, 1), (171, 1), (171, 2), (171, 3))]
    assert [(queue.vdn, queue.skill_id) for queue in board.queues] == [(170, 1), (171, 1), (171, 2), (171, 3)]
    assert [queue.name for queue in board.queues] == names
    assert [source.name for source in board.sources] == [
        "skill_states",
        "skill_call_stats",
        "agent_states/170",
        "agent_states/171",
    ]


async def test_tasks_and_indicators_where_they_are_asked_for() -> None:
    """Outbound tasks by id; VDN totals of the last closed window, which no sum of queues gives."""
    async with (
        fed(watched={"indicators": True, "tasks": ("1122104910",)}) as (sim, feed),
        feed.boards() as boards,
    ):
        board = await board_where(boards, lambda board: board.vdns)
        truth = sim.world.indicator(170, int(NOON // BUCKET) - 1)
    assert [task.task_id for task in board.tasks] == ["1122104910"]
    [vdn] = board.vdns
    assert vdn.begin == datetime.fromtimestamp(NOON - BUCKET, UTC)
    assert (vdn.inbound, vdn.online_agents) == (truth.inbound, truth.online)


async def test_an_outage_grows_old_in_sight_and_passes() -> None:
    """While nothing is answered boards go on coming, older each time, with the reason; then all is fresh."""
    async with fed() as (sim, feed), feed.boards() as boards:
        good = await board_where(boards, lambda board: board.begun)
        sim.fail("skill_states", status=503, times=None)
        stale = await board_where(boards, lambda board: board.sources[0].stale)
        assert stale.sources[0].age_seconds is not None
        assert 15 < stale.sources[0].age_seconds < 30
        assert "503" in (stale.sources[0].error or "")
        assert any("skill_states" in reason and "503" in reason for reason in stale.reasons)
        assert [queue.waiting.value for queue in stale.queues] == [
            queue.waiting.value for queue in good.queues
        ]
        assert all(queue.stale and queue.status != "good" for queue in stale.queues)
        older = await board_where(boards, lambda board: (board.sources[0].age_seconds or 0) > 60)
        assert older.at > stale.at
        sim.clear_failures()
        fresh = await board_where(boards, lambda board: not board.stale)
    assert fresh.sources[0].error is None
    assert not any(queue.stale for queue in fresh.queues)


async def test_a_server_that_does_not_answer_is_stale_too() -> None:
    """Requests that hang bring no beat; the age goes on all the same."""
    async with fed() as (sim, feed), feed.boards() as boards:
        await board_where(boards, lambda board: board.begun)
        sim.fail("skill_states", delay=60, times=None)
        stale = await board_where(boards, lambda board: board.sources[0].stale)
        assert stale.sources[0].error is None


async def test_alerts_stand_on_the_board_until_they_are_over() -> None:
    """What a rule finds is told to listeners, stands on the board beside its queue, and goes again."""
    rule = Rule(id="slow", measure="service_level", threshold=0.8, minimum=5)
    told = Told()
    given = {"rules": [rule], "listeners": [told]}
    async with fed(watched={"queues": {170: [1]}}, feed=given) as (sim, feed), feed.boards() as boards:
        sim.set_skill(170, 1, offered=20, connected=10, connected_in_20s=10)
        board = await board_where(boards, lambda board: board.alerts)
        assert [alert.key for alert in board.alerts] == ["queue/170/1"]
        assert board.alerts[0].name == sim.world.skill_name(170, 1)
        assert board.queues[0].status == "alert"
        sim.set_skill(170, 1, offered=20, connected=20, connected_in_20s=20)
        await board_where(boards, lambda board: not board.alerts)
    assert {alert.key for alert in told.alerts} == {"queue/170/1"}
    assert [alert.state for alert in told.alerts] == ["raised", "cleared"]
    place = told.order.index("alert")
    assert told.order[place - 2 : place] == ["beat", "stitched"]


async def test_an_agent_is_not_named_by_an_alert() -> None:
    """A rule about agents rings for "an agent", but listeners, who are ours, get the number."""
    rule = Rule(
        id="long", measure="state_time", threshold=1, states=("talking", "wrap-up", "idle", "not ready")
    )
    told = Told()
    async with fed(feed={"rules": [rule], "listeners": [told]}) as (_, feed), feed.boards() as boards:
        board = await board_where(boards, lambda board: board.alerts)
        ids = {alert.key.rsplit("/", 1)[-1] for alert in told.alerts}
        async with feed.happenings(after=0) as happenings:
            rung = (await anext(happenings)).to_dict()
    assert ids
    for text in (*(str(alert.to_dict()) for alert in board.alerts), str(rung)):
        assert "an agent" in text
        assert not any(f"agent/170/{number}" in text or f"agent {number}" in text for number in ids)


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """With a state folder the closed buckets and the alerts that stand are there at once after a restart."""
    rule = Rule(id="slow", measure="service_level", threshold=0.8, minimum=5)
    given = {"rules": [rule], "state": tmp_path / "state"}
    async with center() as (sim, cms):
        sim.set_skill(170, 1, offered=20, connected=10, connected_in_20s=10)
        watched = Watched(queues={170: None})
        async with Feed(cms, watched, **given) as feed, feed.boards() as boards:
            before = await board_where(boards, lambda board: board.alerts)
        told = Told()
        async with Feed(cms, watched, listeners=[told], **given) as feed:
            after = feed.board
            async with feed.boards() as boards:
                await board_where(boards, lambda board: board.begun)
    assert [alert.id for alert in after.alerts] == [alert.id for alert in before.alerts]
    assert after.queues[0].last == before.queues[0].last
    assert after.queues[0].rolling == before.queues[0].rolling
    assert after.queues[0].stale
    assert told.alerts == []


async def test_a_state_that_cannot_be_saved_is_told_on_the_board(tmp_path: Path) -> None:
    """A full or vanished disk ends nothing: the board says so, until it works again."""
    folder = tmp_path / "state"
    async with fed(feed={"state": folder}) as (_, feed), feed.boards() as boards:
        await board_where(boards, lambda board: board.begun)
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        board = await board_where(boards, lambda board: board.troubles)
        assert "cannot be saved" in board.reasons[-1]
        folder.mkdir()
        await board_where(boards, lambda board: not board.troubles)
    assert {file.name for file in folder.iterdir()} == {"alerts.json", "sums.json"}


async def test_names_that_do_not_come_are_tried_again() -> None:
    """A queue without a name is called by its number, and the board says why; the next look-up brings it."""
    async with fed(watched={"queues": {170: [1]}}) as (sim, feed):
        sim.fail("skills", status=503, times=None)
        async with feed.boards() as boards:
            board = await board_where(boards, lambda board: board.begun and board.troubles)
            assert board.queues[0].name == "queue 1"
            sim.clear_failures()
            named = await board_where(boards, lambda board: not board.troubles)
    assert named.queues[0].name == sim.world.skill_name(170, 1)


async def test_vdns_without_a_name_are_called_by_their_number_and_asked_once() -> None:
    """The key of a tenant may not ask for the VDNs: that is no trouble of the board, and not tried again."""
    async with center() as (sim, _):
        auth = AkSk(sim.access_key, sim.secret_key)
        async with (
            CmsClient(sim.cms_url, auth, quota=None) as tenant,
            Feed(tenant, Watched(queues={170: [1], 171: [1]})) as feed,
            feed.boards() as boards,
        ):
            board = await board_where(
                boards, lambda board: board.queues and board.queues[0].name != "queue 1"
            )
            await asyncio.sleep(3700)
            asked = [seen for seen in sim.requests if seen.interface == "vdns"]
    assert len(asked) == 1
    assert board.troubles == ()


async def test_an_outage_from_the_start_claims_nothing() -> None:
    """Where nothing was ever answered nobody knows whether there are agents: none is not zero."""
    async with center() as (sim, cms):
        for interface in ("skill_states", "skill_call_stats", "agent_states", "skills"):
            sim.fail(interface, status=503, times=None)
        async with Feed(cms, Watched(queues={170: None})) as feed, feed.boards() as boards:
            board = await board_where(boards, lambda board: board.begun and board.troubles)
    assert board.agents.signed_in.value is None
    assert board.agents.signed_in.why_not == "no answer yet"
    assert board.queues == ()
    assert len(board.reasons) == 4


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\u202eevil\u202c", "evil"),
        ("a\nb\tc", "a b c"),
        ("x" * 1_000_000, "x" * 59 + "…"),
    ],
    ids=["markup", "ANSI", "direction", "lines", "a megabyte"],
)
async def test_hostile_names_fit_on_one_line(name: str, told: str) -> None:
    """Whatever a queue is called, the board has 60 printable characters of it at most, on one line."""
    async with fed(watched={"queues": {170: [1]}}) as (sim, feed):
        sim.set_skill(170, 1, name=name)
        async with feed.boards() as boards:
            board = await board_where(boards, lambda board: board.begun and board.queues[0].name != "queue 1")
    assert board.queues[0].name == told


async def test_slow_readers_get_the_newest_and_nothing_piles_up() -> None:
    """Of two readers one sleeps for a while: it then has one board, that of now; the other had them all."""
    async with fed() as (_, feed), feed.boards() as slow, feed.boards() as quick:
        await anext(slow)
        seen: list[int] = []

        async def read() -> None:
            async for board in quick:
                seen.append(board.number)

        reader = asyncio.create_task(read())
        await asyncio.sleep(900)
        newest = await anext(slow)
        reader.cancel()
        assert newest.number == seen[-1] > 150
        assert seen == sorted(set(seen))
        assert slow.dropped > 150
        assert quick.dropped == 0


async def test_a_closed_client_ends_the_feed_with_its_error() -> None:
    """Readers and whoever waits for the end get ClosedError, and no task is left."""
    async with center() as (_, cms):
        async with Feed(cms, Watched(queues={170: None})) as feed, feed.boards() as boards:
            await board_where(boards, lambda board: board.begun)
            await cms.aclose()
            with pytest.raises(ClosedError):
                await board_where(boards, lambda board: False)
            with pytest.raises(ClosedError):
                await feed.ended()
        assert tasks_of_feeds() == []


async def test_leaving_ends_everything_under_way() -> None:
    """Left in the middle of requests that hang, the feed takes its tasks along, and readers find the end."""
    async with center() as (sim, cms):
        for interface in ("skill_states", "skill_call_stats", "agent_states", "skills"):
            sim.fail(interface, delay=500, times=None)
        before = LoopClock().monotonic()
        async with Feed(cms, Watched(queues={170: None})) as feed:
            boards = feed.boards()
            await asyncio.sleep(1)
        async with boards:
            assert [board.number async for board in boards] != []
        assert LoopClock().monotonic() - before < 2
        assert tasks_of_feeds() == []


async def test_what_a_listener_raises_is_not_hidden() -> None:
    """A listener with a bug ends the feed, and the bug is what the readers get."""

    class Broken(Told):
        def on_beat(self, interface: str, beat: Beat[Any]) -> None:
            raise ZeroDivisionError("a bug")

    async with fed(feed={"listeners": [Broken()]}) as (_, feed), feed.boards() as boards:
        with pytest.raises(ZeroDivisionError):
            await board_where(boards, lambda board: False)


async def test_misuse_is_told() -> None:
    """A feed is entered once, watches some VDN, and asks at a sensible rhythm."""
    async with center() as (_, cms):
        feed = Feed(cms, Watched(queues={170: None}))
        async with feed:
            with pytest.raises(RuntimeError, match="once"):
                await feed.__aenter__()
        with pytest.raises(RuntimeError, match="inside"):
            await Feed(cms, Watched(queues={170: None})).ended()
        with pytest.raises(ValueError, match="tick"):
            Feed(cms, Watched(queues={170: None}), tick=0)
    with pytest.raises(ValueError, match="VDN"):
        Watched(queues={})
    with pytest.raises(ValueError, match="every"):
        Watched(queues={170: None}, every=0.5)


def test_a_board_is_plain_data() -> None:
    """Boards compare by what they say."""
    at = datetime.fromtimestamp(NOON, UTC)
    assert Board(number=1, at=at) == Board(number=1, at=at)


async def test_the_state_of_another_call_center_is_refused(tmp_path: Path) -> None:
    """Sums of call center 1 take no calls of call center 2: that is told, not mixed."""
    async with fed(feed={"state": tmp_path}) as (_, feed), feed.boards() as boards:
        await board_where(boards, lambda board: board.begun)
    async with fed(feed={"state": tmp_path}, cc_id=2) as (_, feed), feed.boards() as boards:
        with pytest.raises(ExportError, match="call center 2"):
            await board_where(boards, lambda board: False)
