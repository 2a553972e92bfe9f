"""Sign-ins: sent without a GUID, and what they bring is taken over only when they worked."""

import pytest
from multidict import CIMultiDict

from cc_async.errors import NotSignedIn
from cc_async.session.arrivals import Arrivals
from cc_async.session.auth import Auth, Unsigned
from cc_async.session.guid import Guids

ONE = "3d1f5d5e-6d5c-4f2a-9d9d-0f6f0a3a7d11.AgentGateway1"
TWO = "77777777-6d5c-4f2a-9d9d-0f6f0a3a7d11.AgentGateway2"
BRINGS = CIMultiDict([("Set-GUID", f"JSESSIONID={TWO}"), ("Set-Cookie", "route=b; Path=/")])


def of(agent_id):
    """Make a request that speaks for this agent."""
    return Unsigned("PUT", "/a", {}, "h", "application/json", b"", 0.0, agent_id)


async def test_a_sign_in_is_sent_without_guid_and_cookies():
    """Old ones would lead to the old session and its node."""
    arrivals = Arrivals(Guids({101: ONE}))
    assert await arrivals.sign(of(101)) == {}
    assert isinstance(arrivals, Auth)
    assert arrivals.identity == arrivals.guids.identity


async def test_what_it_brings_counts_once_it_is_accepted():
    """GUID and cookie take the place of the old ones, and ``on_guid`` is told."""
    told = []
    guids = Guids({101: ONE}, on_guid=lambda agent_id, guid: told.append((agent_id, guid)))
    await guids.sign(of(101))
    await guids.absorb(of(101), 200, {"Set-Cookie": "old=a"})
    arrivals = Arrivals(guids)
    await arrivals.absorb(of(101), 200, BRINGS)
    assert await guids.sign(of(101)) == {"Guid": ONE, "Cookie": "old=a"}
    assert arrivals.accept(101) is True
    assert await guids.sign(of(101)) == {"Guid": TWO, "Cookie": "route=b"}
    assert told == [(101, TWO)]


async def test_a_refused_one_changes_nothing():
    """The GUID the agent has from elsewhere stays as it is, news of it included."""
    guids = Guids({101: ONE})
    await guids.sign(of(101))
    await guids.absorb(of(101), 200, {"Set-GUID": TWO})
    arrivals = Arrivals(guids)
    await arrivals.absorb(of(101), 200, BRINGS)
    arrivals.drop(101)
    assert await guids.sign(of(101)) == {"Guid": TWO}


async def test_one_that_brings_no_guid_is_told():
    """Then nobody can speak for the agent."""
    arrivals = Arrivals(Guids({}))
    await arrivals.absorb(of(101), 200, CIMultiDict())
    assert arrivals.accept(101) is False
    await arrivals.absorb(of(None), 200, BRINGS)
    assert arrivals.accept(102) is False


async def test_the_source_has_no_say_while_the_session_lasts():
    """It is not even asked: a GUID of another program's session would end this one."""
    asked = []

    async def find(agent_id):
        asked.append(agent_id)
        return ONE

    arrivals = Arrivals(Guids(find))
    await arrivals.absorb(of(101), 200, BRINGS)
    arrivals.accept(101)
    assert (await arrivals.guids.sign(of(101)))["Guid"] == TWO
    assert asked == []
    arrivals.guids.forget(101)
    assert (await arrivals.guids.sign(of(101)))["Guid"] == ONE


async def test_a_session_is_carried_over_to_another_source():
    """With its cookies; what is no session stays behind."""
    old, new = Guids({102: ONE}), Guids({})
    old.signed_in(101, BRINGS)
    await old.sign(of(102))
    for agent_id in (101, 102, 103):
        new.carry_over(agent_id, old)
    assert await new.sign(of(101)) == {"Guid": TWO, "Cookie": "route=b"}
    for agent_id in (102, 103):
        with pytest.raises(NotSignedIn):
            await new.sign(of(agent_id))
