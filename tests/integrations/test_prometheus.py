"""Metrics of a contact center on real sockets, read with the official parsers; its world is the truth."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import truth
from ahead import Ahead
from exposed import OPENMETRICS, Exposed, Still, beat, stitch
from prometheus_client import Counter as OtherCounter

from cc_async import (
    AgentState,
    Batch,
    CcError,
    CmsClient,
    CtiStatus,
    Retry,
    SkillCallStats,
    SkillState,
    __version__,
)
from cc_async.clients.health import Health
from cc_async.integrations.prometheus import Metrics
from cc_async.integrations.prometheus_definitions import DEFINITIONS
from cc_async.monitor import Gap, Stitched, Stitcher
from cc_async.monitor.alert import Alert
from cc_async.simulator import Simulator

OpenSim = Callable[..., Awaitable[Simulator]]
MakeCms = Callable[..., CmsClient]
QUEUES = range(1, 6)


async def watched(sim: Simulator, make_cms: MakeCms, metrics: Metrics, sums: Stitcher) -> CmsClient:
    """Ask everything once and tell it."""
    cms = make_cms(sim, observers=[metrics])
    metrics.health = lambda: cms.health
    await stitch(metrics, sums, await cms.skill_call_stats(QUEUES))
    metrics.on_beat("skill_states", beat(await cms.skill_states(QUEUES)))
    metrics.on_beat("signed_in_agents", beat(await cms.signed_in_agents(QUEUES)))
    return cms


@pytest.mark.parametrize("accept", [None, "*/*", OPENMETRICS])
async def test_every_value_is_that_of_the_contact_center(
    sim: Simulator, make_cms: MakeCms, accept: str | None
) -> None:
    """Calls, waits and agents by state, in both formats, as the simulator's world has them."""
    sums = Stitcher()
    metrics = Metrics(sums=sums)
    await watched(sim, make_cms, metrics, sums)
    found = Exposed.of(metrics, accept)
    for row in truth.skill_call_stats(sim, QUEUES):
        queue = {"vdn": "170", "skill_id": str(row["skill_id"])}
        for name in ("offered", "connected", "connected_in_20s", "ended", "wrapped_up"):
            assert found.one(f"queue_{name}_calls_total", **queue) == row[name]
        assert found.one("queue_wrap_up_seconds_total", **queue) == row["wrap_up_seconds"]
        assert found.one("queue_ivr_seconds_total", **queue) == row["ivr_seconds"]
        for window, seen in (("5m", 299 / 300), ("30m", 299 / 1800)):
            level = row["connected_in_20s"] / row["offered"] if row["offered"] else None
            lost = row["lost"] / row["offered"] if row["offered"] else None
            assert found.one("queue_service_level_ratio", window=window, **queue) == level
            assert found.one("queue_lost_ratio", window=window, **queue) == lost
            assert found.one("queue_window_offered_calls", window=window, **queue) == row["offered"]
            assert found.one("queue_window_coverage_ratio", window=window, **queue) == pytest.approx(seen)
    for row in truth.skill_states(sim, QUEUES):
        queue = {"vdn": "170", "skill_id": str(row["skill_id"])}
        for name in ("calls_waiting", "longest_wait_seconds", "average_wait_seconds", "average_talk_seconds"):
            assert found.one(f"queue_{name}", **queue) == row[name]
        assert found.one("queue_signed_in_agents", **queue) == row["signed_in_agents"]
        states = found.all("queue_agents", **queue)
        assert states["idle",] == row["idle_agents"]
        assert states["rest",] == row["resting_agents"]
        assert sum(states.values()) == row["signed_in_agents"]
    assert found.one("build_info", version=__version__) == 1


async def test_an_agent_of_several_queues_is_one_agent(sim: Simulator, make_cms: MakeCms) -> None:
    """The states of a VDN add up to the people, not to the rows."""
    sums = Stitcher()
    metrics = Metrics(sums=sums)
    await watched(sim, make_cms, metrics, sums)
    rows = truth.signed_in_agents(sim, QUEUES)
    people = {row["agent_id"]: row["cti_status"] for row in rows}
    assert len(people) < len(rows)
    found = Exposed.of(metrics).all("agents", vdn="170")
    assert sum(found.values()) == len(people)
    by_status = Counter(people.values())
    assert found["idle",] == by_status[CtiStatus.IDLE]
    assert found["rest",] == by_status[CtiStatus.REST]
    assert found["not_signed_in",] == 0


async def test_every_agent_counts_where_every_agent_is_asked(sim: Simulator, make_cms: MakeCms) -> None:
    """``agent_states`` knows more agents than the queues do: then it is what is counted."""
    cms, metrics = make_cms(sim), Metrics()
    metrics.on_beat("signed_in_agents", beat(await cms.signed_in_agents([1])))
    metrics.on_beat("agent_states", beat(await cms.agent_states()))
    assert sum(Exposed.of(metrics).all("agents", vdn="170").values()) == len(truth.agent_states(sim))


async def test_vdns_that_are_watched_one_by_one(sim: Simulator, make_cms: MakeCms) -> None:
    """Beats of two VDNs on the same interface stand side by side; the worst of them is told."""
    cms, clock = make_cms(sim), Ahead()
    metrics = Metrics(clock=clock)
    metrics.on_beat("agent_states", beat(None, CcError("not yet"), age=None))
    for vdn, age in ((170, 40.0), (1, 2.0)):
        metrics.on_beat("agent_states", beat(await cms.with_options(vdn=vdn).agent_states(), age=age))
    found = Exposed.of(metrics)
    for vdn in (170, 1):
        assert sum(found.all("agents", vdn=str(vdn)).values()) == len(truth.agent_states(sim, vdn))
    assert found.one("sample_age_seconds", interface="agent_states") == pytest.approx(40, abs=2)
    assert found.one("up", interface="agent_states") == 1
    good = await cms.agent_states()
    lost = beat(None, CcError("gone"), last_good=good)
    metrics.on_beat("agent_states", lost)
    metrics.on_beat("agent_states", beat(await cms.with_options(vdn=1).agent_states()))
    assert Exposed.of(metrics).one("up", interface="agent_states") == 0


async def test_indicators_and_tasks(sim: Simulator, make_cms: MakeCms) -> None:
    """The newest closed window of a VDN, and a task's attempts and numbers."""
    cms, metrics = make_cms(sim), Metrics()
    end = truth.instant(sim.clock.wall() // 300 * 300)
    begin = end - timedelta(minutes=15)
    metrics.on_beat("system_indicators", beat(await cms.system_indicators(begin=begin, end=end, vdns=[1, 2])))
    task = next(str(number) for number in range(1122104900, 1122105000) if sim.world.has_task(str(number)))
    metrics.on_beat("task_stats", beat(await cms.task_stats([task])))
    found = Exposed.of(metrics)
    for row in truth.system_indicators(sim, end - timedelta(minutes=5), end, [1, 2]):
        for name in ("online_agents", "inbound_calls", "connected_calls", "outbound_calls"):
            assert found.one(f"vdn_{name}", vdn=str(row["vdn"])) == row[name]
    [known] = truth.task_stats(sim, [task])
    outcomes = {("succeeded",): known["succeeded"], ("failed",): known["failed"]}
    assert found.all("task_attempts", task_id=task) == outcomes
    states = {(name,): known[name] for name in ("waiting", "executing", "completed")}
    assert found.all("task_numbers", task_id=task) == states


async def test_all_that_is_exposed_is_in_the_table(sim: Simulator, make_cms: MakeCms) -> None:
    """Name, type, help, unit and labels are those of the table, in OpenMetrics too."""
    sums = Stitcher()
    metrics = Metrics(sums=sums)
    await watched(sim, make_cms, metrics, sums)
    body, content_type = metrics.render(OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = Exposed(body, openmetrics=True).families
    assert len(families) > 40
    by_family = {name.removesuffix("_total").removesuffix("_info"): one for name, one in DEFINITIONS.items()}
    for name, family in families.items():
        known = by_family[name]
        assert (family.type, family.documentation, family.unit) == (known.kind, known.help, known.unit)
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels == set(known.labels)


async def test_no_person_is_in_it(sim: Simulator, make_cms: MakeCms) -> None:
    """Neither names, numbers nor ids of agents, nor keys: agents are counts."""
    sums = Stitcher()
    metrics = Metrics(sums=sums)
    cms = await watched(sim, make_cms, metrics, sums)
    raised = datetime(2026, 3, 4, 12, 5, tzinfo=UTC)
    metrics.on_alert(
        Alert(
            id="long-rest/agent/170/1001/20260304T120500Z", rule="long-rest", measure="state_time",
            key="agent/170/1001", name="Ada Li", value=1.0, threshold=900.0, since=raised, at=raised,
        )
    )  # fmt: skip
    text = metrics.render()[0].decode()
    assert 'cc_async_alerts_total{rule="long-rest",turn="raised"} 1.0' in text
    agents = await cms.signed_in_agents(QUEUES)
    people = {word for one in agents for word in (one.name, one.phone_number) if word}
    assert len(people) > 10
    secrets = {"Ada Li", "170/1001", sim.access_key, sim.secret_key}
    assert [word for word in people | secrets if word in text] == []


def test_what_the_server_does_not_say_is_absent() -> None:
    """None is no 0, and a ratio of nothing is none."""
    sums = Stitcher()
    metrics = Metrics(clock=Still(), sums=sums)
    at = datetime(2026, 3, 4, 12, 4, 59, tzinfo=UTC)
    start = at.replace(minute=0, second=0)
    rows = [
        SkillCallStats(1, interval_start=start, offered=0, sampled_at=at, vdn=170),
        SkillCallStats(2, interval_start=start, offered=4, connected_in_20s=3, sampled_at=at, vdn=170),
    ]
    metrics.on_stitched(sums.feed(rows))
    state = SkillState(1, idle_agents=0, vdn=170)
    metrics.on_beat("skill_states", beat(Batch.of([state])))
    found = Exposed.of(metrics)
    assert found.all("queue_offered_calls_total") == {("1", "170"): 0, ("2", "170"): 4}
    assert found.all("queue_connected_in_20s_calls_total") == {("2", "170"): 3}
    assert found.all("queue_service_level_ratio", window="5m") == {("2", "170"): 0.75}
    assert found.all("queue_agents") == {("1", "idle", "170"): 0}
    assert found.all("queue_connected_calls_total") == found.all("queue_calls_waiting") == {}


def test_old_figures_go_and_counters_stay() -> None:
    """After 10 minutes without data, live figures are absent, the age says why, the sums stand."""
    clock, sums = Still(), Stitcher()
    metrics = Metrics(clock=clock, sums=sums)
    at = datetime(2026, 3, 4, 12, 4, 59, tzinfo=UTC)
    start = at.replace(minute=0, second=0)
    row = SkillCallStats(1, interval_start=start, offered=4, connected_in_20s=3, sampled_at=at, vdn=170)
    metrics.on_stitched(sums.feed([row]))
    metrics.on_beat("skill_states", beat(Batch.of([SkillState(1, calls_waiting=3, vdn=170)]), age=2.0))
    agents = Batch.of([AgentState(101, cti_status=CtiStatus.IDLE, vdn=170)])
    metrics.on_beat("agent_states", beat(agents))
    live = ("queue_calls_waiting", "queue_service_level_ratio", "agents")
    found = Exposed.of(metrics)
    assert all(found.all(name) for name in live)
    assert found.one("sample_age_seconds", interface="skill_states") == 2.0
    clock.skew = 601.0
    found = Exposed.of(metrics)
    assert [name for name in live if found.all(name)] == []
    assert found.one("sample_age_seconds", interface="skill_states") == 603.0
    assert found.one("queue_offered_calls_total", vdn="170", skill_id="1") == 4


async def test_beats_good_partial_and_bad(sim: Simulator, make_cms: MakeCms) -> None:
    """Up, coverage and age say what a beat brought; what came of a partial one is exposed."""
    clock = Ahead()
    cms, metrics = make_cms(sim, retry=Retry(attempts=1)), Metrics(clock=clock)
    metrics.on_beat("signed_in_agents", beat(await cms.signed_in_agents([1, 2, 3, 4])))
    assert Exposed.of(metrics).one("sample_coverage_ratio", interface="signed_in_agents") == 1
    answers = {"resultCode": "0100000", "resultDesc": [{"skillId": 1, "callWaitNums": 3}, {"skillId": "--"}]}
    sim.fail("skill_states", body=answers, times=1)
    partial = await cms.skill_states([1, 2], partial=True)
    metrics.on_beat("skill_states", beat(partial, CcError("half of it"), age=None, skipped=2, dropped=1))
    found = Exposed.of(metrics)
    assert found.all("queue_calls_waiting") == {("1", "170"): 3}
    assert found.one("sample_coverage_ratio", interface="skill_states") == 0.5
    assert found.one("up", interface="skill_states") == 1
    assert found.one("beats_missed_total", interface="skill_states") == 3
    clock.skew = 30.0
    metrics.on_beat("skill_states", beat(None, CcError("nothing"), age=30.0))
    found = Exposed.of(metrics)
    assert found.one("up", interface="skill_states") == 0
    assert found.one("sample_age_seconds", interface="skill_states") == pytest.approx(30, abs=2)
    assert found.all("beats_total", interface="skill_states") == {("part",): 1, ("none",): 1}


async def test_how_much_is_missing_may_be_unknown(sim: Simulator, make_cms: MakeCms) -> None:
    """Of a window nobody can say how many rows it would have had: the coverage is absent."""
    cms, metrics = make_cms(sim, retry=Retry(attempts=1)), Metrics()
    end = truth.instant(sim.clock.wall() // 300 * 300)
    await cms.vdns()
    sim.fail("system_indicators", status=503, times=1)
    batch = await cms.system_indicators(begin=end - timedelta(days=32), end=end, vdns=[1], partial=True)
    assert batch.failures
    metrics.on_beat("system_indicators", beat(batch, CcError("a part"), age=None))
    found = Exposed.of(metrics)
    assert found.one("up", interface="system_indicators") == 1
    assert found.one("sample_coverage_ratio", interface="system_indicators") is None


def test_gaps_and_refused_rows_are_counted() -> None:
    """What stitching missed is told in buckets, what it could not place in rows."""
    metrics = Metrics(clock=Still())
    begin = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    gap = Gap(skill_id=1, vdn=170, begin=begin, end=begin + timedelta(minutes=15))
    metrics.on_stitched(Stitched(gaps=(gap,), refused=2))
    found = Exposed.of(metrics)
    assert (found.one("buckets_missed_total"), found.one("stitch_refused_rows_total")) == (3, 2)


HOSTILE = {
    1: 'quote " backslash \\ newline \n end',
    2: "lone surrogate \ud800, null \x00, \u2028 separator",
    3: "cc_async_up{} 0\n# HELP",
    4: "名前 ☎ \u202e reversed",
    5: "x" * 10_000,
}


@pytest.mark.parametrize("accept", [None, OPENMETRICS])
def test_hostile_names_break_nothing(accept: str | None) -> None:
    """Names with everything a format could trip over arrive on one line each, the rest unharmed."""
    metrics = Metrics(names=HOSTILE, clock=Still())
    metrics.on_beat("skill_states", beat(Batch.of([SkillState(one, vdn=170) for one in range(1, 7)])))
    found = Exposed.of(metrics, accept)
    names = {sample.labels["skill_id"]: sample.labels["queue"] for sample in found.samples
             if sample.name == "cc_async_queue_info"}  # fmt: skip
    assert names["1"] == 'quote " backslash \\ newline end'
    assert names["2"] == "lone surrogate , null , separator"
    assert names["3"] == "cc_async_up{} 0 # HELP"
    assert names["4"] == "名前 ☎ reversed"
    assert names["5"] == "x" * 200
    assert names["6"] == "6"
    assert found.all("up") == {("skill_states",): 1}


def test_a_name_may_belong_to_one_vdn() -> None:
    """The same queue number in two VDNs has two names; they may be known later than the metrics begin."""
    names: dict[int | tuple[int | None, int], str] = {}
    metrics = Metrics(names=names, clock=Still())
    names |= {(170, 7): "Billing", 7: "Other"}
    metrics.on_beat("skill_states", beat(Batch.of([SkillState(7, vdn=170), SkillState(7, vdn=171)])))
    found = Exposed.of(metrics).all("queue_info")
    assert found == {("Billing", "7", "170"): 1, ("Other", "7", "171"): 1}


async def test_a_thread_may_write_it_down(sim: Simulator, make_cms: MakeCms) -> None:
    """``scrape`` exposes the same as ``render``; other collectors of the registry are in both."""
    sums = Stitcher()
    metrics = Metrics(sums=sums, clock=Still())
    cms = make_cms(sim)
    await stitch(metrics, sums, await cms.skill_call_stats(QUEUES))
    OtherCounter("mine", "Something else", registry=metrics.registry).inc(3)
    for accept in (None, OPENMETRICS):
        assert await metrics.scrape(accept) == metrics.render(accept)
    assert b"mine_total 3.0" in metrics.render()[0]


async def test_the_client_is_looked_at_on_its_own_loop_only(sim: Simulator, make_cms: MakeCms) -> None:
    """Whoever collects in another thread is told how the client did when last looked at."""
    metrics, asked = Metrics(), list[int]()
    cms = make_cms(sim, observers=[metrics])

    def health() -> Health:
        asked.append(threading.get_ident())
        return cms.health

    metrics.health = health
    body, _ = await asyncio.to_thread(metrics.render)
    assert Exposed(body).one("client_ok") is None
    await cms.skill_states([1])
    assert Exposed((await metrics.scrape())[0]).one("client_ok") == 1
    body, _ = await asyncio.to_thread(metrics.render)
    assert Exposed(body).one("client_ok") == 1
    assert asked == [threading.get_ident()]


async def test_counters_go_on_after_a_restart(sim: Simulator, make_cms: MakeCms, tmp_path: Path) -> None:
    """A new process exposes the sums of the state file before it has asked anything."""
    file = tmp_path / "sums.json"
    sums = Stitcher(state_file=file)
    before = Metrics(sums=sums)
    cms = make_cms(sim)
    await stitch(before, sums, await cms.skill_call_stats(QUEUES))
    again = Metrics(sums=Stitcher(state_file=file))
    names = [f"queue_{name}_calls_total" for name in ("offered", "connected", "ended")]
    for name in names:
        assert Exposed.of(again).all(name) == Exposed.of(before).all(name) != {}


async def test_nothing_is_exposed_before_it_is_saved(
    sim: Simulator, make_cms: MakeCms, tmp_path: Path
) -> None:
    """Rows that were fed but not told are not there yet: after a crash a counter would have gone down."""
    sums = Stitcher(state_file=tmp_path / "sums.json")
    metrics = Metrics(sums=sums)
    batch = await make_cms(sim).skill_call_stats(QUEUES)
    stitched = sums.feed(batch)
    assert Exposed.of(metrics).all("queue_offered_calls_total") == {}
    sums.save()
    metrics.on_stitched(stitched)
    assert len(Exposed.of(metrics).all("queue_offered_calls_total")) == len(QUEUES)
