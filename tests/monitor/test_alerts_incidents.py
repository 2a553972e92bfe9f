"""Incidents of a living contact center, asked over real sockets, ring when they happen and not before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cc_async import AkSk, CmsClient
from cc_async.monitor.alert import Alert
from cc_async.monitor.judge import Judge
from cc_async.monitor.rules import DEFAULTS
from cc_async.simulator import Simulator
from cc_async.simulator.clock import SteppedClock

MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC)
BEGIN, END = MIDNIGHT + timedelta(hours=9, minutes=4, seconds=59), MIDNIGHT + timedelta(hours=12)
INCIDENT, OVER = MIDNIGHT + timedelta(hours=10), MIDNIGHT + timedelta(hours=11)


async def watched(incident: bool) -> list[Alert]:
    """Three hours of a day of three queues, polled a second before each 5 minutes end."""
    clock = SteppedClock(BEGIN.timestamp())
    found: list[Alert] = []
    async with Simulator(
        seed=4, world="living", vdns=[], skills_per_vdn=3, agents_per_vdn=260, calls_per_day=16000,
        begins=MIDNIGHT.timestamp(), clock=clock,
    ) as sim:  # fmt: skip
        if incident:
            sim.incident("queue loses its agents", at=INCIDENT, until=OVER, skill_id=2)
        judge = Judge(
            [rule for rule in DEFAULTS if rule.measure in ("service_level", "lost_rate", "no_data")]
        )
        auth = AkSk(sim.access_key, sim.secret_key)
        async with CmsClient(sim.cms_url, auth, vdn=170, quota=None) as cms:
            while clock.wall() < END.timestamp():
                at = datetime.fromtimestamp(clock.wall(), UTC)
                found += judge.take(await cms.skill_states([1, 2, 3]), at=at, source="states")
                found += judge.take(await cms.skill_call_stats(skill_ids=[1, 2, 3]), at=at, source="calls")
                sim.advance(300)
    return found


async def test_a_queue_that_loses_its_agents_rings_and_is_cleared() -> None:
    """Within two closed windows of the incident for that queue, fine again after it is over, as it was."""
    usual, struck = await watched(False), await watched(True)
    of_usual = {(one.key, one.since, one.rule, one.state) for one in usual}
    new = [one for one in struck if (one.key, one.since, one.rule, one.state) not in of_usual]
    assert {one.key for one in new} == {"queue/170/2"}
    assert {one.rule for one in new} == {"service level", "lost calls"}
    for rule in ("service level", "lost calls"):
        raised, cleared = (
            next(one for one in new if (one.rule, one.state) == (rule, state))
            for state in ("raised", "cleared")
        )
        # Who waits when a window is read is lost so far: one call of the window before may be enough.
        assert INCIDENT - timedelta(minutes=5) <= raised.since <= INCIDENT
        assert INCIDENT < raised.at < INCIDENT + timedelta(minutes=10)
        assert OVER <= cleared.at <= OVER + timedelta(minutes=30)
        assert cleared.id == raised.id
