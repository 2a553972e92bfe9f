"""One session from sign-in to sign-out: what is sent, what is told, what keeps it alive."""

from __future__ import annotations

import asyncio
import itertools
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from offices import NOON, PHONE, office, tasks_of_sessions

from cc_async import AgentEvent, CtiStatus, GatewayError, Guids, NotSignedIn, SessionLost

pytestmark = pytest.mark.looptime


async def test_signs_in_not_ready_and_out_again() -> None:
    """Status 3 and not entering idle, unless told otherwise; one PUT, one DELETE, nobody left signed in."""
    async with office() as it:
        async with it.session() as session:
            assert session.agent_id in it.sim.guids
            assert (session.vdn, session.must_change_password) == (it.sim.vdn, False)
        assert it.agent not in it.sim.guids
        assert it.verbs() == ["sign_in", "sign_out"]
        (signed_in,) = it.asked("agent_sign_in")
        assert signed_in.body == {
            "password": it.sim.password_of(it.agent), "phonenum": PHONE, "autoenteridle": False,
            "agenttype": 4, "status": 3,
        }  # fmt: skip
        assert "Guid" not in signed_in.headers
        (signed_out,) = it.asked("agent_sign_out")
        assert (signed_out.body, signed_out.code) == (None, "0")
        assert not tasks_of_sessions()


async def test_events_in_order_with_their_states() -> None:
    """A ready agent's calls ring, are talked and end; the iterator ends when the session does."""
    async with office() as it:
        told: list[AgentEvent] = []

        async def follow(session: Any) -> None:
            async for event in session:
                told.append(event)

        async with it.session(status=4, enter_idle=True) as session:
            following = asyncio.create_task(follow(session))
            await asyncio.sleep(600)
        await following
        assert [event.kind for event in told[:2]] == ["AgentOther_InService", "AgentState_Ready"]
        states = [event.state for event in told[2:]]
        turn = [CtiStatus.ANSWERING, CtiStatus.TALKING, None, CtiStatus.WRAP_UP, CtiStatus.IDLE]
        assert len(states) > 5
        assert states == [turn[place % 5] for place in range(len(states))]
        ringing, talking, released = told[2:5]
        assert ringing.call_id == talking.call_id == released.call_id
        assert {event.agent_id for event in told} == {it.agent}
        assert all(event.received_at is not None for event in told)


async def test_polls_keep_their_distance() -> None:
    """One poll at a time, 200 to 500 ms after the answer before; each is held 10 s at most."""
    async with office() as it:
        async with it.session(status=4, enter_idle=True):
            await asyncio.sleep(300)
        polls = it.asked("agent_events")
        gaps = [later.time - earlier.time for earlier, later in itertools.pairwise(polls)]
        assert min(gaps) >= 0.2
        assert max(gaps) <= 10.6


async def test_guids_are_followed_and_told() -> None:
    """Dynamic mode: every new GUID is taken over and handed to ``on_guid``; statistics work all along."""
    told: list[str] = []
    async with office(on_guid=lambda agent_id, guid: told.append(guid)) as it:
        async with it.session():
            for _ in range(20):
                await asyncio.sleep(31)
                (row,) = await it.gateway.agent_call_stats([it.agent])
                assert row.not_ready_count == 1
            assert told[-1] == it.sim.guids[it.agent]
        assert 9 <= len(told) <= 11
        assert len(set(told)) == len(told)
        sent = {each.headers["Guid"] for each in it.asked("agent_call_stats")}
        assert sent <= set(told)
        assert len(sent) > 5


async def test_statistics_know_since_when_they_count() -> None:
    """``signed_in_at`` is the login time while the session lasts, and unknown for everybody else."""
    async with office() as it:
        other = next(iter(it.sim.guids))
        async with it.session() as session:
            at = session.signed_in_at
            assert at is not None
            assert abs((at - datetime.fromtimestamp(NOON, UTC)).total_seconds()) < 5
            for brief in (False, True):
                (row,) = await it.gateway.agent_call_stats([it.agent], brief=brief)
                assert row.signed_in_at == at
            shared = await it.gateway.agent_call_stats([it.agent]).one(it.agent)
            assert shared.signed_in_at == at
        await it.gateway.replace_auth({other: it.sim.guids[other]})
        (row,) = await it.gateway.agent_call_stats([other])
        assert row.signed_in_at is None


async def test_who_is_signed_in_elsewhere_is_left_alone() -> None:
    """100-002 is an error with a hint; nothing is forced, nothing repeated, the person works on."""
    async with office() as it:
        person, guid = next(iter(it.sim.guids.items()))
        with pytest.raises(GatewayError, match="signed in already") as caught:
            async with it.session(person):
                pytest.fail("nobody was asked")
        assert (caught.value.code, caught.value.part) == ("100-002", f"agent {person}")
        assert "force=True" in (caught.value.hint or "")
        assert it.verbs() == ["sign_in"]
        assert it.sim.guids[person] == guid
        # What the client knew of the person's GUID it still knows.
        await it.gateway.replace_auth({person: guid})
        with pytest.raises(GatewayError):
            await it.session(person).__aenter__()
        assert len(await it.gateway.agent_call_stats([person])) == 1


async def test_force_is_said_aloud() -> None:
    """``force=True`` goes the other way and ends what was there."""
    async with office() as it:
        person, guid = next(iter(it.sim.guids.items()))
        async with it.session(person, force=True):
            assert it.sim.guids[person] != guid
        assert it.verbs() == ["force_sign_in", "sign_out"]


@pytest.mark.parametrize(
    ("given", "code"), [({"password": "wrong-one"}, "100-004"), ({"agent_type": 9}, "100-012")]
)
async def test_a_refused_sign_in_is_an_error(given: dict[str, Any], code: str) -> None:
    """The code is in the error; the agent may be tried again with a new session."""
    async with office() as it:
        with pytest.raises(GatewayError) as caught:
            await it.session(**given).__aenter__()
        assert caught.value.code == code
        async with it.session():
            pass
        assert it.verbs() == ["sign_in", "sign_in", "sign_out"]


async def test_a_lost_session_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Signed out by somebody else: told to whoever reads, in ``lost`` and in the log; not signed in again."""
    async with office() as it:
        async with it.session() as session:
            await asyncio.sleep(30)
            it.sim.sign_out(it.agent)
            with pytest.raises(SessionLost) as caught:
                async for _ in session:
                    pass
            assert caught.value.code == "100-008"
            assert session.lost is caught.value
            await asyncio.sleep(600)
        assert it.verbs() == ["sign_in"]
    assert "session is lost" in caplog.text


async def test_statistics_of_a_lost_session_fail_for_that_agent_only() -> None:
    """The others have their rows."""
    async with office() as it:
        first, second = it.agents[:2]
        async with it.session(first), it.session(second):
            it.sim.sign_out(first)
            await asyncio.sleep(15)
            batch = await it.gateway.agent_call_stats([first, second], partial=True)
            assert [row.agent_id for row in batch] == [second]
            assert [type(failure.error) for failure in batch.failures] == [NotSignedIn]


async def test_a_lost_session_resumes_if_asked_to(caplog: pytest.LogCaptureFixture) -> None:
    """``resume=True``: one new sign-in, events and statistics go on with a new login time."""
    async with office() as it:
        async with it.session(resume=True) as session:
            await asyncio.sleep(30)
            before = session.signed_in_at
            it.sim.sign_out(it.agent)
            await asyncio.sleep(30)
            assert session.lost is None
            assert before is not None
            assert session.signed_in_at is not None
            assert session.signed_in_at > before
            (row,) = await it.gateway.agent_call_stats([it.agent])
            assert row.signed_in_at == session.signed_in_at
        assert it.verbs() == ["sign_in", "sign_in", "sign_out"]
        assert it.agent not in it.sim.guids
    assert "the session is lost" in caplog.text
    assert "signed in again" in caplog.text


async def test_resuming_forces_nobody_out() -> None:
    """Somebody took the place: the session ends with 100-002, also when it began by force."""
    async with office() as it:
        async with it.session(resume=True, force=True) as session:
            await asyncio.sleep(30)
            person = it.sim.sign_in(it.agent)
            with pytest.raises(GatewayError) as caught:
                async for _ in session:
                    pass
            assert caught.value.code == "100-002"
        assert it.verbs() == ["force_sign_in", "sign_in"]
        assert it.sim.guids[it.agent] == person


async def test_an_outage_under_two_minutes_is_survived() -> None:
    """Polls that fail are tried again; nobody signs in twice for it."""
    async with office() as it:
        async with it.session() as session:
            await asyncio.sleep(5)
            it.sim.fail("agent_events", status=500, times=None)
            await asyncio.sleep(60)
            it.sim.clear_failures()
            await asyncio.sleep(60)
            assert session.lost is None
            assert len(await it.gateway.agent_call_stats([it.agent])) == 1
        assert it.verbs() == ["sign_in", "sign_out"]


@pytest.mark.parametrize("code", ["000-004", "100-007"])
@pytest.mark.parametrize("connections", [1, 5])
async def test_an_agent_that_is_switched_over_stays(code: str, connections: int) -> None:
    """Codes that pass are waited out, however many times they come: the agent is still signed in."""
    async with office(agent_connections=connections) as it, it.session() as session, it.session(it.agents[1]):
        await asyncio.sleep(5)
        it.sim.fail("agent_events", code=code, times=None)
        await asyncio.sleep(30)
        it.sim.clear_failures()
        await asyncio.sleep(60)
        assert session.lost is None
        assert len(await it.gateway.agent_call_stats([it.agent])) == 1


async def test_a_longer_outage_loses_the_session(caplog: pytest.LogCaptureFixture) -> None:
    """Without an answer for 120 s the gateway has signed the agent out: said, with the cause."""
    async with office() as it, it.session() as session:
        await asyncio.sleep(5)
        it.sim.fail("agent_events", disconnect=True, times=None)
        with pytest.raises(SessionLost, match=r"no answer for 120 s.*(connection|breaker)"):
            async for _ in session:
                pass


async def test_push_mode_beats_and_does_not_poll() -> None:
    """Address and token travel together; a heartbeat every 30 s keeps the agent and renews the GUID."""
    async with office() as it:
        pushed = {"callback_uri": "http://127.0.0.1:9/events", "service_token": "t0ken"}
        async with it.session(**pushed) as session:
            await asyncio.sleep(605)
            assert session.push
            assert len(await it.gateway.agent_call_stats([it.agent])) == 1
        (signed_in,) = it.asked("agent_sign_in")
        assert (signed_in.body["callBackUri"], signed_in.body["serviceToken"]) == tuple(pushed.values())
        assert not it.asked("agent_events")
        beats = it.asked("agent_heartbeat")
        assert len(beats) == 20
        assert {each.method for each in beats} == {"POST"}


async def test_the_older_heartbeat_is_learned_once() -> None:
    """A server that knows PUT .../heartbeat only is found out by the first session, for all."""
    async with office("old_heartbeat") as it:
        pushed = {"callback_uri": "http://127.0.0.1:9/events", "service_token": "t0ken"}
        async with it.session(**pushed):
            await asyncio.sleep(95)
        async with it.session(it.agents[1], **pushed):
            await asyncio.sleep(95)
        assert len(it.asked("agent_heartbeat")) == 1
        assert [each.code for each in it.asked("agent_heartbeat_put")] == ["0"] * 6


async def test_a_session_outlives_other_guids() -> None:
    """``replace_auth`` while a session lasts: its GUID and cookies go over to the new source."""
    async with office() as it:
        async with it.session():
            await asyncio.sleep(5)
            await it.gateway.replace_auth(Guids({}))
            await asyncio.sleep(300)
            assert len(await it.gateway.agent_call_stats([it.agent])) == 1
        assert it.agent not in it.sim.guids


async def test_static_guids(caplog: pytest.LogCaptureFixture) -> None:
    """AUTHMODE 1: the one GUID of the sign-in serves to the end."""
    told: list[str] = []
    async with office("static_guids", on_guid=lambda agent_id, guid: told.append(guid)) as it:
        async with it.session():
            await asyncio.sleep(600)
            assert len(await it.gateway.agent_call_stats([it.agent])) == 1
        assert len(told) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
