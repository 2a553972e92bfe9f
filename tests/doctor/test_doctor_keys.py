"""Keys and clocks the server turns away, always below its lock-out; and a report that can be mailed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from examined import OpenSim, PausesPass, ending, examined, site_of

from cc_async.doctor import FIRST_STEPS, Level, Patient, examine
from cc_async.errors import ConfigError
from cc_async.session.secret import Secret
from cc_async.settings import Site
from cc_async.simulator import Simulator

SECRET = "5ecret-never-shown"


async def test_a_wrong_key_stays_below_the_lock_out(open_sim: OpenSim) -> None:
    """Four rejected signatures, ten seconds apart, and the address is still let in afterwards."""
    sim = await open_sim(clock=None)
    sim.set_faults(lockout_after=5)
    clock = PausesPass()
    report = await examined(sim, clock, secret_key=Secret(SECRET))
    name, said = ending(report)
    assert name == "key-rejected"
    assert "belong together" in said
    assert [each.status for each in sim.requests] == [401] * 4
    assert [round(pause) for pause in clock.pauses if pause > 1] == [10, 10, 10]
    assert len({each.headers["Authorization"].split("/")[3] for each in sim.requests}) == 2
    assert (await examined(sim)).level is Level.OK


async def test_it_stops_at_once_when_the_address_gets_locked(open_sim: OpenSim) -> None:
    """A server that locks after two is not asked again."""
    sim = await open_sim(clock=None)
    sim.set_faults(lockout_after=2)
    report = await examined(sim, secret_key=Secret(SECRET))
    assert ending(report)[0] == "locked"
    assert [each.status for each in sim.requests] == [401, 401, 403]


async def test_a_wrong_global_key_costs_one(open_sim: OpenSim) -> None:
    """Its rejection is a remark, after one request more; the rest is looked at."""
    sim = await open_sim(clock=None)
    report = await examined(sim, global_secret_key=Secret(SECRET))
    assert "global-key-rejected" in {finding.name for finding in report.findings}
    assert [each.status for each in sim.requests].count(401) == 1
    assert report.skipped == ()


@pytest.mark.parametrize("seconds", [600.0, -600.0])
async def test_the_clock_is_off_where_it_matters(open_sim: OpenSim, seconds: float) -> None:
    """Ten minutes off at a server with a window: the clock is named, not the key, after two requests."""
    sim = await open_sim(clock=None, timestamp_window=120.0)
    report = await examined(sim, PausesPass(ahead=seconds))
    name, said = ending(report)
    assert name == "clock"
    assert "NTP" in said
    assert "600 s" in said or "599 s" in said or "601 s" in said
    assert [each.status for each in sim.requests] == [401, 200]


async def test_a_wrong_key_and_a_wrong_clock(open_sim: OpenSim) -> None:
    """The server's time is tried in place of one of the variants: four rejections all the same."""
    sim = await open_sim(clock=None, timestamp_window=120.0)
    report = await examined(sim, PausesPass(ahead=600.0), secret_key=Secret(SECRET))
    name, said = ending(report)
    assert name == "key-rejected"
    assert "the server's time" in said
    assert [each.status for each in sim.requests] == [401] * 4


async def test_the_clock_is_off_where_it_does_not_matter(open_sim: OpenSim) -> None:
    """Without a window it is a remark."""
    sim = await open_sim(clock=None)
    report = await examined(sim, PausesPass(ahead=600.0))
    assert {finding.name for finding in report.findings if finding.level is Level.REMARK} == {"clock-off"}


async def test_parameters_that_do_not_exist(sim: Simulator) -> None:
    """A VDN the server does not know is named, with the call center."""
    name, said = ending(await examined(sim, vdn=4999))
    assert name == "parameters-refused"
    assert "4999" in said


async def test_the_report_can_be_mailed(open_sim: OpenSim, tmp_path: Path) -> None:
    """No whole key, no name, no phone number, no GUID, and no host where that is wanted."""
    sim = await open_sim(profile="extra_fields", clock=None)
    guids = tmp_path / "guids.json"
    guids.touch(mode=0o600)
    guids.write_text(json.dumps(sim.guids))
    where = {"gateway_url": sim.gateway_url, "guids_file": guids}
    shown = json.dumps((await examined(sim, **where)).to_dict())
    team = sim.world.team(sim.vdn)
    people = [team.agent(index) for index in range(team.size)]
    queues = [sim.world.skill_name(sim.vdn, skill) for skill in sim.world.skill_ids(sim.vdn)]
    secrets = [sim.secret_key, sim.global_secret_key, sim.access_key, sim.global_access_key]
    for private in (*secrets, *sim.guids.values(), *queues, *(f'"{one.name}"' for one in people)):
        assert private not in shown
    assert not [one.phone_number for one in people if one.phone_number in shown]
    assert sim.access_key[:4] in shown
    assert sim.access_key[:5] not in shown
    assert "127.0.0.1" in shown
    assert "127.0.0.1" not in json.dumps((await examined(sim, mask_hosts=True, **where)).to_dict())


async def test_the_first_steps_alone(sim: Simulator) -> None:
    """What ``init`` takes: up to the request shape, and no more requests than said."""
    report = await examine(Patient.of(site_of(sim), PausesPass()), FIRST_STEPS)
    assert [result.step for result in report.results][-1] == "shape"
    assert len(sim.requests) <= report.at_most


async def test_a_site_no_client_could_be_made_of() -> None:
    """Plain http to another machine is refused before anything is opened."""
    with pytest.raises(ConfigError):
        Patient.of(
            Site(cms_url="http://cms.example.com", access_key="a", secret_key=Secret("s"), vdn=1),
            PausesPass(),
        )
