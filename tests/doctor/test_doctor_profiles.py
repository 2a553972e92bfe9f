"""What the doctor names for every way a server may differ from the documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from examined import OpenSim, PausesPass, examined, site_of, told

from cc_async import CmsClient, Quota
from cc_async.doctor import Level, Patient, examine
from cc_async.session.clock import LoopClock as RealClock
from cc_async.simulator import PROFILES, Simulator

# Written from what each profile means: the finding that has to be there, and words its text must hold.
NAMED: dict[str, dict[str, tuple[str, ...]]] = {
    "documented": {},
    "code_number_zero": {"code-number-zero": ("number 0",)},
    "code_text_zero": {"code-text-zero": ('"0"',)},
    "numbers_as_text": {"numbers-as-text": ("skill_call_stats: abanCallCount", "agent_states: agentId")},
    "task_numbers": {"text-as-numbers": ("task_stats", "totalCount")},
    "in_call_nums": {"respelled-fields": ("incallNums -> inCallNums",)},
    "set_busy_lower": {"respelled-fields": ("agentSetBusyNums -> agentSetbusyNums",)},
    "lower_keys": {"respelled-fields": ("mediaType -> mediatype",)},
    "upper_keys": {"respelled-fields": ("mediaType -> MEDIATYPE",)},
    "padded_keys": {"respelled-fields": ('name -> "name "',)},
    "extra_fields": {
        "unknown-fields": ("extParam", "reserved1"),
        "unknown-envelope-fields": ("returnparam", "traceid"),
    },
    "wrapped": {"wrapped": ("queryParam",)},
    "flat_or_wrapped": {"flat-or-wrapped": ("flat or in queryParam",)},
    "paging_text": {"paging-text": ("limit and offset", "as text")},
    "paging_number": {"paging-number": ("limit and offset", "as numbers")},
    "task_id_number": {"task-id-number": ("as numbers",)},
    "task_id_text": {"task-id-text": ("as text",)},
    "indicators_list": {"indicators-list": ("list", "without a count")},
    "task_array": {"task-array": ("array",)},
    "legacy_everywhere": {"copies-everywhere": ("resultDatas", "twice")},
    "no_legacy": {"no-copies": ("resultDesc only",)},
    "old_server": {"old-server": ("resultDatas only", "8.13")},
    "page_1000": {"page-1000": ("1000 rows",)},
    "capped_50": {"page-capped": ("50 rows",), "agent-page-capped": ("50 agents",)},
    "capped_1000": {"page-1000": ("1000 rows",)},
    "count_large": {"count-large": ("count says 36, and 24 rows",), "agent-count-large": ("60 agents",)},
    "count_small": {"count-small": ("count says 12, and 24 rows",), "agent-count-small": ("20 agents",)},
    "count_missing": {"count-missing": ("not counted",)},
    "count_text": {"count-text": ("text",)},
    "by_time": {"rows-by-time": ("by time",)},
    "unsorted": {"rows-unsorted": ("no order",)},
    "inclusive_end": {"inclusive-end": ("begins at the end",)},
    "unknown_skills_zero": {"zeros-for-unknown": ("zeros",)},
    "unknown_codes": {"unknown-codes": ("ctiStatus 42", "currentState 42", "status 42")},
    "global_401": {},
    "no_isales": {"isales-not-deployed": ("not deployed", "404")},
    "offset_ignored": {"offset-ignored": ("offset is ignored",)},
    "limit_ignored": {"limit-ignored": ("limit is ignored",)},
    "array_items": {"array-items": ("longer than 1000 characters",)},
    "skills_2000": {"skill-ids-to-2000": ("above 2000",)},
    "empty_query_line": {"empty-query-line": ("empty line",)},
    "start_off_grid": {"start-off-grid": ("2 s off",)},
    "idle_agents_refused": {"idle-agents-refused": ("100-007", "not in a call")},
    "gzip": {"compressed": ("compressed",)},
    # How sessions of agents are kept is nothing a doctor asks about.
    "static_guids": {},
    "old_heartbeat": {},
}
"""With a global key ``global_401`` is a server like any other: what it does to a tenant key stands below."""

SET: dict[str, dict[str, Any]] = {
    "wrapped": {"request_shape": "wrapped"},
    "page_1000": {"page_size": 1000},
    "capped_1000": {"page_size": 1000},
    "array_items": {"array_limit": "items"},
    "empty_query_line": {"empty_query_line": True},
}
"""The settings each profile asks for; the others need none."""


def agents_at_rest(sim: Simulator) -> list[int]:
    """Agents of the gateway who are in no call."""
    now = sim.clock.wall()
    return [agent for agent in sorted(sim.guids) if not sim.world.in_a_call(sim.vdn, agent, now)]


def guids_file(sim: Simulator, folder: Path) -> Path:
    """The GUIDs of four agents at rest."""
    path = folder / "guids.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({str(agent): sim.guids[agent] for agent in agents_at_rest(sim)[:4]}))
    return path


def test_every_profile_stands_in_the_table() -> None:
    """A profile that is added to the simulator has to be added here."""
    assert set(PROFILES) <= set(NAMED)


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_doctor_names_what_a_profile_does(profile: str, open_sim: OpenSim, tmp_path: Path) -> None:
    """Each contradiction is named, nothing else is, the settings fit, and no more is asked than was said."""
    # 40 agents in every VDN but where a page has to be too small for them.
    sim = await open_sim(profile=profile, agents_per_vdn=120 if profile == "capped_50" else 40, clock=None)
    report = await examined(sim, gateway_url=sim.gateway_url, guids_file=guids_file(sim, tmp_path))
    found = told(report)
    assert set(found) == set(NAMED[profile])
    for name, words in NAMED[profile].items():
        for word in words:
            assert word in found[name]
    assert report.settings == SET.get(profile, {})
    assert report.skipped == ()
    assert report.level < Level.PROBLEM
    assert report.requests == len(sim.requests)
    assert report.requests <= report.at_most
    assert sum(each.status == 401 for each in sim.requests) == (profile == "empty_query_line")


@pytest.mark.parametrize("profile", SET)
async def test_the_settings_that_are_printed_work(profile: str, open_sim: OpenSim, tmp_path: Path) -> None:
    """The printed TOML, with address and keys beside it, makes a client that is understood at once."""
    sim = await open_sim(profile=profile, clock=None)
    report = await examined(sim)
    keys = {
        "cms_url": sim.cms_url,
        "access_key": sim.access_key,
        "secret_key": sim.secret_key,
        "global_access_key": sim.global_access_key,
        "global_secret_key": sim.global_secret_key,
    }
    path = tmp_path / "config.toml"
    path.touch(mode=0o600)
    path.write_text(
        report.toml + "".join(f'{key} = "{value}"\n' for key, value in keys.items()) + "vdn = 170\n"
    )
    sim.requests.clear()
    async with CmsClient.from_site("here", str(path)) as cms:
        assert len(await cms.skill_call_stats(range(1, 31))) == 30
    assert [each.code for each in sim.requests] == ["0100000"]


@pytest.mark.parametrize("profile", SET)
async def test_a_site_that_is_set_right_gets_no_remark(profile: str, open_sim: OpenSim) -> None:
    """Run again with its own advice followed, the doctor has nothing more to advise."""
    sim = await open_sim(profile=profile, clock=None)
    again = await examined(sim, **(await examined(sim)).settings)
    assert again.level < Level.REMARK
    assert again.settings == {}


@pytest.mark.parametrize(("profile", "how"), [("documented", "code 0101003"), ("global_401", "HTTP 401")])
async def test_a_tenant_key_where_the_global_one_is_needed(profile: str, how: str, open_sim: OpenSim) -> None:
    """Both ways of turning a tenant key away are named with what will not be had; the rest is looked at."""
    sim, clock = await open_sim(profile=profile, clock=None), PausesPass()
    report = await examined(sim, clock, global_access_key=None, global_secret_key=None)
    assert max(clock.pauses) < 1
    found = told(report)
    assert how in found["global-key-needed"]
    assert "system_indicators" in found["global-key-needed"]
    assert report.level is Level.REMARK
    assert {"skill_states", "signed_in_agents"} <= {each.interface for each in sim.requests}
    assert sum(each.interface in ("vdns", "system_indicators") for each in sim.requests) == 1


async def test_a_quota_is_kept(open_sim: OpenSim) -> None:
    """With two requests in 0.2 seconds per interface allowed and counted by the server, none is over."""
    sim = await open_sim(quota=(2, 0.2), clock=None)
    site = site_of(sim, quota=Quota(2, per=0.2))
    report = await examine(Patient.of(site, RealClock(), task_id=sim.task_ids[0]))
    assert sim.over_quota == 0
    assert report.level is Level.OK


async def test_an_interface_with_a_slow_quota_is_left_out(open_sim: OpenSim) -> None:
    """Where a quota leaves no room for the next request soon, that is said, and the rest is looked at."""
    sim = await open_sim(clock=None)
    report = await examined(sim, quota={"task_stats": Quota(1, per=300.0)})
    found = told(report)
    assert set(found) == {"quota"}
    assert "task_stats" in found["quota"]
    assert [each.interface for each in sim.requests].count("task_stats") == 1
