"""CC-Gateway: envelope, GUIDs, overload control."""

from __future__ import annotations

import pytest

FIELDS = [
    "talktime", "answernums", "noanswernums", "calloutnums", "intercallnums", "interhelpnums", "transfernums",
    "transferoutnums", "transferivrnums", "redirectnums", "keepnums", "busynums", "restnums", "restoutnums",
    "resttime", "restouttime", "agentrelease", "busytime",
]  # fmt: skip


async def test_statistics_come_in_the_gateways_envelope(ask):
    """Statistics come in the gateway's envelope."""
    agent_id, guid = next(iter(ask.sim.guids.items()))
    body = (await ask.agent(agent_id, guid)).json
    assert (body["message"], body["retcode"]) == ("", "0")
    assert list(body["result"]) == FIELDS
    brief = (await ask.agent(agent_id, guid, brief=True)).json["result"]
    assert brief == {name: body["result"][name] for name in ("talktime", "answernums", "calloutnums")}


async def test_counters_grow_until_the_next_sign_in(ask, clock):
    """Counters grow until the next sign in."""
    agent_id, guid = next(iter(ask.sim.guids.items()))
    before = (await ask.agent(agent_id, guid)).json["result"]
    clock.now += 1800
    after = (await ask.agent(agent_id, guid)).json["result"]
    assert all(after[name] >= before[name] for name in FIELDS)
    assert after["talktime"] > before["talktime"]


async def test_agents_with_a_guid_are_signed_in_day_and_night(ask, clock):
    """Agents with a GUID are signed in day and night."""
    team = ask.sim.world.team(170)
    for hours in range(0, 24, 3):
        now = clock.now + hours * 3600
        assert all(team.state(team.index_of(agent_id), now) for agent_id in ask.sim.guids)
    assert len(ask.sim.guids) == 800


async def test_wrong_guids_and_absent_agents_are_told_apart(ask):
    """Wrong GUIDs and absent agents are told apart."""
    agent_id, guid = next(iter(ask.sim.guids.items()))
    other = list(ask.sim.guids.values())[1]
    assert (await ask.agent(agent_id)).json["retcode"] == "000-003"
    assert (await ask.agent(agent_id, other)).json["retcode"] == "000-003"
    ask.sim.sign_out(agent_id)
    assert (await ask.agent(agent_id, guid)).json["retcode"] == "100-006"
    assert (await ask.agent(agent_id, ask.sim.sign_in(agent_id))).json["retcode"] == "0"
    with pytest.raises(ValueError, match="not of VDN"):
        ask.sim.sign_in(59_999)


@pytest.mark.parametrize("agent_id", ["100", "abc", "1000000", "%EF%BC%91"])
async def test_what_is_no_agent_id_is_refused(ask, agent_id):
    """What is no agent id is refused."""
    assert (await ask.agent(agent_id, "x")).json["retcode"] == "000-002"


async def test_a_new_guid_is_announced_once_and_the_old_one_stays_valid(ask):
    """A new GUID is announced once and the old one stays valid."""
    agent_id, old = next(iter(ask.sim.guids.items()))
    new = ask.sim.rotate_guid(agent_id)
    answer = await ask.agent(agent_id, old)
    assert answer.headers["Set-GUID"] == f"JSESSIONID={new}"
    assert "Set-GUID" not in (await ask.agent(agent_id, new)).headers
    assert (await ask.agent(agent_id, old)).json["retcode"] == "0"
    assert ask.sim.guids[agent_id] == new


async def test_the_published_overload_control_is_5_in_2_seconds_for_an_agent(ask, clock):
    """The published overload control is 5 in 2 seconds for an agent."""
    (first, guid), (second, other) = list(ask.sim.guids.items())[:2]
    codes = [(await ask.agent(first, guid)).json["retcode"] for _ in range(6)]
    assert codes == ["0"] * 5 + ["000-007"]
    assert (await ask.agent(second, other)).json["retcode"] == "0"
    clock.now += 2.0
    assert (await ask.agent(first, guid)).json["retcode"] == "0"
    assert ask.sim.over_quota == 1


async def test_the_overload_control_of_the_system_counts_all_agents(open_sim):
    """The overload control of the system counts all agents."""
    ask = await open_sim(gateway_quota=(3, 2.0), agent_quota=None)
    codes = [(await ask.agent(*each)).json["retcode"] for each in list(ask.sim.guids.items())[:4]]
    assert codes == ["0", "0", "0", "000-007"]


async def test_idle_agents_may_be_refused(open_sim):
    """Idle agents may be refused."""
    ask = await open_sim(profile="idle_agents_refused")
    world, now = ask.sim.world, ask.sim.clock.wall()
    outcomes = set()
    for agent_id, guid in list(ask.sim.guids.items())[:20]:
        in_a_call = world.in_a_call(170, agent_id, now)
        code = (await ask.agent(agent_id, guid)).json["retcode"]
        assert code == ("0" if in_a_call else "100-007")
        outcomes.add(code)
    assert outcomes == {"0", "100-007"}
