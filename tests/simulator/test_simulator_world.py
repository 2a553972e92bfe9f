"""The world: deterministic, and consistent at every moment."""

from __future__ import annotations

import ast
import ssl
from collections import Counter
from itertools import pairwise
from pathlib import Path

import aiohttp
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cc_async.simulator
from cc_async.simulator import Simulator
from cc_async.simulator.formula import FormulaWorld
from cc_async.simulator.hashing import Permutation

NOON = 1_772_625_600
FOLDER = Path(cc_async.simulator.__file__).parent


def _world(seed=1):
    return FormulaWorld(seed, [1, 170], {1: 20, 170: 300}, {1: 60, 170: 400})


@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
def test_a_permutation_reaches_every_place_once(size, bits):
    """A permutation reaches every place once."""
    shuffle = Permutation(size, bits)
    assert sorted(map(shuffle, range(size))) == list(range(size))


@given(st.integers(NOON, NOON + 86_400), st.integers(1, 300))
def test_counters_only_grow_within_a_period(moment, skill):
    """Counters only grow within a period."""
    world = _world()
    bucket = moment // 300 * 300
    samples = [world.skill_calls(170, skill, bucket + offset) for offset in (0, 60, 150, 240, 299.9)]
    for before, after in pairwise(samples):
        assert all(a <= b for a, b in zip(attrs.astuple(before), attrs.astuple(after), strict=True))
        assert after.offered == after.connected + after.lost
        assert after.connected_in_20s <= after.connected


@pytest.mark.parametrize("hour", range(0, 24, 5))
def test_queues_and_agents_add_up_to_the_indicators(hour):
    """Queues and agents add up to the indicators."""
    world = _world()
    bucket = NOON // 300 + hour * 12
    now = bucket * 300 + 299.9
    for vdn in (1, 170):
        row = world.indicator(vdn, bucket)
        calls = [world.skill_calls(vdn, skill, now) for skill in world.skill_ids(vdn)]
        assert sum(each.offered for each in calls) == row.inbound
        assert sum(each.connected for each in calls) == row.connected
        team = world.team(vdn)
        taking = [index for index in range(team.size) if team.agent(index).takes_inbound]
        states = Counter(team.state(index, now) for index in taking)
        assert states[4] + states[5] == row.talking
        assert (states[1], states[7], states[8]) == (row.idle, row.busy, row.resting)
        assert sum(team.state(index, now) != 0 for index in range(team.size)) == row.online


def test_a_state_lasts_as_long_as_it_says():
    """A state lasts as long as it says."""
    team = _world().team(1)
    for index in range(team.size):
        for now in range(NOON, NOON + 7200, 170):
            presence = team.presence(index, now)
            if presence is None:
                assert team.state(index, now) == 0
                continue
            assert presence.signed_in_at <= presence.since <= now
            assert team.state(index, presence.since) == presence.state == team.state(index, now)


def test_the_day_has_a_shape_and_the_seed_decides():
    """The day has a shape and the seed decides."""
    world, again, other = _world(), _world(), _world(2)
    day = world.indicators(170, NOON - NOON % 86_400, NOON - NOON % 86_400 + 86_400)
    assert len(day) == 288
    assert day[144].inbound > day[20].inbound
    assert day == again.indicators(170, day[0].begin, day[-1].begin + 1)
    assert day != other.indicators(170, day[0].begin, day[-1].begin + 1)


def test_agent_ids_are_of_one_vdn_each():
    """Agent ids are of one VDN each."""
    sim = Simulator()
    ids = [
        sim.world.team(vdn).first_id + index
        for vdn in sim.world.vdns
        for index in range(sim.world.team(vdn).size)
    ]
    assert len(ids) == len(set(ids)) == 8000
    assert 101 <= min(ids) <= max(ids) <= 59_999


async def test_the_world_has_the_size_it_is_given():
    """The world has the size it is given."""
    async with Simulator(vdn=5, vdns=range(1, 301), skills_per_vdn=3, agents_per_vdn={5: 10}) as sim:
        assert len(sim.world.vdns) == 300
        assert sim.world.skill_ids(5) == [1, 2, 3]
        assert (sim.world.team(5).size, sim.world.team(300).size) == (10, 60)
        assert len(sim.guids) == 4


async def test_it_opens_closes_and_opens_again():
    """It opens closes and opens again."""
    sim = Simulator()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = sim.clock
    for _ in range(2):
        async with sim, aiohttp.ClientSession() as session:
            async with session.get(sim.cms_url) as answer:
                assert answer.status == 401
            assert sim.open_connections == 1
            with pytest.raises(RuntimeError, match="already"):
                await sim.start()
        assert sim.open_connections == 0
    async with Simulator() as first:
        port = int(first.cms_url.rpartition(":")[2])
        second = Simulator(cms_port=port)
        with pytest.raises(OSError, match=str(port)):
            await second.start()


def test_it_imports_nothing_of_the_client_and_takes_time_in_one_file_only():
    """It imports nothing of the client and takes time in one file only."""
    timed = []
    for path in FOLDER.glob("**/*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= len(path.relative_to(FOLDER).parts), path
                assert node.level >= 1 or not (node.module or "").startswith("cc_async"), path
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith(("cc_async", "random")) for name in names), path
            if "time" in names:
                timed.append(path.name)
    assert timed == ["clock.py"]


@pytest.mark.looptime
async def test_under_virtual_time_hours_of_waiting_pass_at_once():
    """Under virtual time hours of waiting pass at once."""
    sim = Simulator(latency=3600.0)
    async with sim, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)) as session:
        began = sim.clock.wall()
        async with session.get(sim.cms_url) as answer:
            assert answer.status == 401
        assert sim.clock.wall() - began == pytest.approx(3600, abs=5)


async def test_it_serves_https_when_given_a_context(tmp_path):
    """It serves HTTPS when given a context."""
    trustme = pytest.importorskip("trustme", reason="the certificate is made by trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with Simulator(tls=context) as sim, aiohttp.ClientSession() as session:
        assert sim.cms_url.startswith("https://127.0.0.1:")
        async with session.get(sim.cms_url, ssl=trusting) as answer:
            assert answer.status == 401
