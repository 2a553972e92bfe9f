"""What observers see, and that they harm nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from waiting import until

from cc_async import AkSk, CcError, CmsClient, Event, GatewayClient, Retry, SignatureRejected
from cc_async.session import events
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]


class Notes:
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.seen.append(event)

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.seen]

    def of(self, kind: type[events.Event]) -> list[Event]:
        return [event for event in self.seen if isinstance(event, kind)]


class Broken:
    """An observer that always raises."""

    def on_event(self, event: Event) -> None:
        raise RuntimeError("observer out of order")


async def test_the_events_of_a_call(sim: Simulator, make_cms: MakeCms) -> None:
    """Begin, one sent and one answered per request, end; all with the number of the call."""
    notes = Notes()
    await make_cms(sim, observers=[notes]).signed_in_agents([1, 2])
    names = notes.names()
    assert (names[0], names[-1]) == ("BatchStarted", "BatchDone")
    assert sorted(names[1:-1]) == ["RequestAnswered"] * 2 + ["RequestSent"] * 2
    assert {event.call for event in notes.seen} == {1}
    assert {event.endpoint for event in notes.seen} == {"signed_in_agents"}
    done = notes.seen[-1]
    assert isinstance(done, events.BatchDone)
    assert (done.requests, done.failures) == (2, 0)
    assert done.rows == sum(
        event.rows for event in notes.of(events.RequestAnswered) if isinstance(event, events.RequestAnswered)
    )


async def test_a_retry_is_told(sim: Simulator, make_cms: MakeCms) -> None:
    """An attempt that failed, the wait, the attempt that succeeded."""
    sim.fail("skill_states", status=503, times=1)
    notes = Notes()
    await make_cms(sim, observers=[notes]).skill_states([1])
    assert notes.names() == [
        "BatchStarted", "RequestSent", "RequestAnswered", "RequestRetried", "RequestSent", "RequestAnswered",
        "BatchDone",
    ]  # fmt: skip
    failed, good = notes.of(events.RequestAnswered)
    assert isinstance(failed, events.RequestAnswered)
    assert isinstance(good, events.RequestAnswered)
    assert (failed.status, failed.error, failed.attempt) == (503, "ServerError", 1)
    assert (good.status, good.error, good.attempt, good.rows) == (200, None, 2, 1)


async def test_what_was_dropped_rejected_locked_and_paused_is_told(
    open_sim: OpenSim, make_cms: MakeCms
) -> None:
    """One event each for foreign rows, unreadable rows, a throttle, a lock-out and the breaker."""
    sim = await open_sim()
    notes = Notes()
    cms = make_cms(sim, observers=[notes], retry=Retry(throttle_base=0.01, base=0.0))
    row = {"skillId": 1, "callWaitNums": 3}
    answer = {"resultCode": "0100000", "resultDesc": [row, row, {"skillId": 7}, {"skillId": "--"}]}
    sim.fail("skill_states", body=answer, times=1)
    await cms.skill_states([1, 2], partial=True)
    dropped = [event for event in notes.seen if isinstance(event, events.RowsDropped)]
    assert {(event.reason, event.count) for event in dropped} == {("duplicates", 1), ("foreign", 1)}
    assert len(notes.of(events.RowRejected)) == 1
    sim.fail("skill_states", status=429, times=1)
    await cms.skill_states([1])
    assert len(notes.of(events.QuotaPaused)) == 1
    sim.fail("skill_call_stats", status=403, times=1)
    with pytest.raises(Exception, match="403"):
        await cms.skill_call_stats([1])
    (opened,) = [event for event in notes.seen if isinstance(event, events.BreakerChanged)]
    assert opened.state == "open"
    other = make_cms(sim, observers=[notes], auth=AkSk(sim.access_key, "wrong"))
    with pytest.raises(SignatureRejected):
        await other.skill_states([1])
    (locked,) = [event for event in notes.seen if isinstance(event, events.CredentialLocked)]
    assert locked.scope == "*"


async def test_an_observer_that_raises_harms_nobody(
    sim: Simulator, make_cms: MakeCms, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch is whole, the observers after it see everything, and it is logged once."""
    notes = Notes()
    batch = await make_cms(sim, observers=[Broken(), notes]).skill_states([1])
    assert batch.complete
    assert notes.names() == ["BatchStarted", "RequestSent", "RequestAnswered", "BatchDone"]
    assert caplog.text.count("observer Broken raised") == 1


async def test_no_secret_reaches_an_observer(sim: Simulator, make_cms: MakeCms) -> None:
    """Events hold neither keys nor signatures."""
    notes = Notes()
    await make_cms(sim, observers=[notes]).skill_states([1])
    text = repr(notes.seen)
    assert sim.secret_key not in text
    assert sim.access_key not in text
    assert "auth-v2" not in text


async def test_a_cancelled_call_is_told_to_be_over(sim: Simulator, make_cms: MakeCms) -> None:
    """Who was told that a call began is told that it ended, whatever ended it: gauges come down."""
    notes = Notes()
    cms = make_cms(sim, observers=[notes])
    await cms.skill_states([1])
    sim.fail("skill_states", delay=30, times=None)
    asked = asyncio.ensure_future(cms.skill_states([1]))
    while not cms.health.in_flight:  # noqa: ASYNC110 - nothing tells when it is sent
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert len(notes.of(events.BatchStarted)) == len(notes.of(events.BatchDone)) == 2


async def test_a_call_begins_before_its_lookup_and_ends_whatever_ends_it(
    sim: Simulator, make_cms: MakeCms
) -> None:
    """The lookup of all queues lies within the call; where it fails, the end says why."""
    notes = Notes()
    await make_cms(sim, observers=[notes]).skill_states()
    told = [(type(event).__name__, event.endpoint) for event in notes.seen]
    assert told[:2] == [("BatchStarted", "skill_states"), ("BatchStarted", "skills")]
    assert told[-1] == ("BatchDone", "skill_states")
    assert ("BatchDone", "skills") in told
    other = make_cms(sim, observers=[failed := Notes()], retry=Retry(attempts=1))
    sim.fail("skills", status=503, times=None)
    with pytest.raises(CcError, match="503") as raised:
        await other.skill_states()
    assert failed.names()[0] == "BatchStarted"
    done = failed.seen[-1]
    assert isinstance(done, events.BatchDone)
    assert (done.endpoint, done.rows, done.error) == ("skill_states", 0, type(raised.value).__name__)


async def test_a_raw_call_is_a_call(sim: Simulator, make_cms: MakeCms) -> None:
    """Any interface asked by its path begins and ends as the others do."""
    notes = Notes()
    cms = make_cms(sim, observers=[notes])
    await cms.call("skill/stateinfo", {"ccId": 1, "vdn": 170, "skillIds": [1]})
    assert (notes.names()[0], notes.names()[-1]) == ("BatchStarted", "BatchDone")
    sim.fail("skill_states", status=400, times=None)
    with pytest.raises(CcError, match="400") as raised:
        await cms.call("skill/stateinfo", {"ccId": 1, "vdn": 170, "skillIds": [1]})
    done = notes.of(events.BatchDone)[-1]
    assert isinstance(done, events.BatchDone)
    assert (done.requests, done.rows, done.error) == (1, 0, type(raised.value).__name__)


async def test_what_is_sent_is_told_without_who_it_is_about(
    sim: Simulator, make_gateway: Callable[..., GatewayClient]
) -> None:
    """Method and path are those of the table: the id of an agent is not in them."""
    notes = Notes()
    await make_gateway(sim, observers=[notes]).agent_call_stats(list(sim.guids)[:1])
    (sent,) = notes.of(events.RequestSent)
    assert isinstance(sent, events.RequestSent)
    path = "/agentgateway/resource/calldata/{agent_id}/statistics"
    assert (sent.method, sent.path) == ("GET", path)


async def test_an_observer_may_tell_its_clients_apart(sim: Simulator, make_cms: MakeCms) -> None:
    """Two clients number their calls alike; one that asks for it gets an observer of its own for each."""

    class Apart:
        def __init__(self) -> None:
            self.clients: list[tuple[str, Notes]] = []

        def for_client(self, base_url: str) -> Notes:
            self.clients.append((base_url, Notes()))
            return self.clients[-1][1]

        def on_event(self, event: Event) -> None:
            raise AssertionError("told to the one who asked for others")

    apart = Apart()
    first, second = (make_cms(sim, observers=[apart]) for _ in range(2))
    await asyncio.gather(first.skill_states([1]), second.skill_states([2]))
    assert [url for url, _ in apart.clients] == [sim.cms_url] * 2
    assert [[event.call for event in notes.of(events.BatchStarted)] for _, notes in apart.clients] == [
        [1],
        [1],
    ]


async def closed(cms: CmsClient) -> None:
    """A call whose lookup is under way when the client closes."""
    asked = asyncio.ensure_future(cms.skill_states())
    await until(lambda: cms.health.in_flight)
    await cms.aclose(grace=0)
    await asked


async def late(cms: CmsClient) -> None:
    """A call whose time is over before its lookup is answered."""
    await cms.skill_states(timeout=0.05)


async def joined(cms: CmsClient) -> None:
    """A caller of one queue who leaves before the answer."""
    await asyncio.wait_for(cms.skill_states().one(1), 0.05)


async def left(cms: CmsClient) -> None:
    """A stream that is left before its first row."""
    async with cms.signed_in_agents([1]).stream():
        await until(lambda: cms.health.in_flight)


async def raw(cms: CmsClient) -> None:
    """A raw call that is cancelled."""
    await asyncio.wait_for(cms.call("skill/stateinfo", {}), 0.05)


@pytest.mark.parametrize("ending", [closed, late, joined, left, raw])
async def test_what_began_ends_however_it_ends(
    sim: Simulator, make_cms: MakeCms, ending: Callable[[CmsClient], Awaitable[None]]
) -> None:
    """Each begin has its end, whoever or whatever ended the call."""
    notes = Notes()
    cms = make_cms(sim, observers=[notes])
    for name in ("skills", "skill_states", "signed_in_agents"):
        sim.fail(name, delay=30, times=None)
    with contextlib.suppress(CcError, TimeoutError):
        await ending(cms)
    begun = Counter(event.endpoint for event in notes.of(events.BatchStarted))
    assert begun
    await until(lambda: Counter(event.endpoint for event in notes.of(events.BatchDone)) == begun)
    for sent in notes.of(events.RequestSent):
        assert [event.call for event in notes.of(events.RequestAnswered)].count(sent.call) == 1
