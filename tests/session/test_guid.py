"""Guids: the GUID and the cookies of every agent."""

import contextlib
import logging
import pickle

import pytest
from multidict import CIMultiDict

from cc_async.errors import NotSignedIn
from cc_async.session.auth import Auth, Unsigned
from cc_async.session.guid import Guids

ONE = "3d1f5d5e-6d5c-4f2a-9d9d-0f6f0a3a7d11.AgentGateway1"
TWO = "77777777-6d5c-4f2a-9d9d-0f6f0a3a7d11.AgentGateway2"


def of(agent_id):
    """Make a request that speaks for this agent."""
    return Unsigned("GET", "/a", {}, "h", "application/json", b"", 0.0, agent_id)


async def absorbed(guids, agent_id, *pairs, status=200):
    """Let a request be signed, and an answer with these headers absorbed."""
    with contextlib.suppress(NotSignedIn):
        await guids.sign(of(agent_id))
    await guids.absorb(of(agent_id), status, CIMultiDict(pairs))


async def test_each_agent_speaks_with_its_own_guid():
    """sign sends the GUID of the request's agent and nothing else."""
    guids = Guids({101: ONE, 102: TWO})
    assert await guids.sign(of(101)) == {"Guid": ONE}
    assert await guids.sign(of(102)) == {"Guid": TWO}
    assert isinstance(guids, Auth)


@pytest.mark.parametrize("agent_id", [103, None])
async def test_an_agent_without_a_guid_is_not_signed_in(agent_id):
    """No GUID, no request: NotSignedIn before any I/O."""
    with pytest.raises(NotSignedIn, match=str(agent_id)):
        await Guids({101: ONE}).sign(of(agent_id))


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_a_new_guid_is_taken_from_any_answer(status):
    """Set-GUID counts on every answer, with its prefix stripped, in any letter case, for that agent only."""
    guids = Guids({101: ONE, 102: ONE})
    await absorbed(guids, 101, ("set-guid", f"JSESSIONID={TWO}"), status=status)
    assert await guids.sign(of(101)) == {"Guid": TWO}
    assert await guids.sign(of(102)) == {"Guid": ONE}


async def test_a_guid_without_its_prefix_is_taken_too():
    """A server that leaves the prefix out is understood."""
    guids = Guids({101: ONE})
    await absorbed(guids, 101, ("Set-GUID", TWO))
    assert await guids.sign(of(101)) == {"Guid": TWO}


@pytest.mark.parametrize("bad", ["", "JSESSIONID=", "JSESSIONID=a b", "a\rb", "a;b", "é"])
async def test_a_guid_that_cannot_be_sent_is_not_taken(bad, caplog):
    """A broken Set-GUID leaves the old GUID in place; the log names the agent, not the GUID."""
    guids = Guids({101: ONE})
    with caplog.at_level(logging.WARNING, logger="cc_async"):
        await absorbed(guids, 101, ("Set-GUID", bad))
    assert await guids.sign(of(101)) == {"Guid": ONE}
    assert "101" in caplog.text


async def test_cookies_are_kept_for_their_agent_only():
    """A load balancer's cookies go back with the agent they came to, and with no other."""
    guids = Guids({101: ONE, 102: TWO})
    await absorbed(guids, 101, ("Set-Cookie", "route=a1; Path=/; HttpOnly"), ("Set-Cookie", "zone=b"))
    assert await guids.sign(of(101)) == {"Guid": ONE, "Cookie": "route=a1; zone=b"}
    assert await guids.sign(of(102)) == {"Guid": TWO}


async def test_cookies_from_plain_headers():
    """Headers without getall bring at least their one cookie."""
    guids = Guids({101: ONE})
    await guids.sign(of(101))
    await guids.absorb(of(101), 200, {"Set-Cookie": "route=a1"})
    assert (await guids.sign(of(101)))["Cookie"] == "route=a1"


@pytest.mark.parametrize("line", ["route=; Path=/", "route=x; Max-Age=0", "route=x; max-age = -1"])
async def test_a_cookie_that_ends_is_dropped(line):
    """An emptied cookie, or one whose age is over, is not sent any more."""
    guids = Guids({101: ONE})
    await absorbed(guids, 101, ("Set-Cookie", "route=a1"))
    await absorbed(guids, 101, ("Set-Cookie", line))
    assert "Cookie" not in await guids.sign(of(101))


@pytest.mark.parametrize("line", ["", "novalue", "=x", "a=b\r\nX: y", "a=é", "a=" + "x" * 5000])
async def test_cookies_that_are_none_are_ignored(line):
    """Malformed or huge cookies are not sent back."""
    guids = Guids({101: ONE})
    await absorbed(guids, 101, ("Set-Cookie", line))
    assert "Cookie" not in await guids.sign(of(101))


async def test_cookies_have_a_bound():
    """A server that sets a thousand cookies does not fill the memory."""
    guids = Guids({101: ONE})
    for number in range(1000):
        await absorbed(guids, 101, ("Set-Cookie", f"c{number}=1"))
    assert (await guids.sign(of(101)))["Cookie"].count("=") == 20


async def test_an_answer_that_is_nobodys_changes_nothing():
    """Without an agent there is nothing to keep."""
    guids = Guids({101: ONE})
    await absorbed(guids, None, ("Set-GUID", TWO), ("Set-Cookie", "a=b"))
    assert await guids.sign(of(101)) == {"Guid": ONE}


async def test_a_source_may_be_asked_for_every_request():
    """An async function is asked each time: a GUID it changes is used at once, None means not signed in."""
    store = {101: ONE}

    async def find(agent_id):
        return store.get(agent_id)

    guids = Guids(find)
    assert await guids.sign(of(101)) == {"Guid": ONE}
    store[101] = TWO
    assert await guids.sign(of(101)) == {"Guid": TWO}
    with pytest.raises(NotSignedIn):
        await guids.sign(of(102))


async def test_the_server_is_newer_than_what_the_source_said_before():
    """A GUID from the server stands until the source gives another one than before."""
    store = {101: ONE}
    guids = Guids(store)
    await guids.sign(of(101))
    await absorbed(guids, 101, ("Set-GUID", TWO))
    assert await guids.sign(of(101)) == {"Guid": TWO}
    store[101] = "third"
    assert await guids.sign(of(101)) == {"Guid": "third"}


async def test_remember_and_forget():
    """A sign-in hands over a GUID; a sign-out drops it with the cookies, and the source counts again."""
    guids = Guids({})
    guids.remember(101, ONE)
    await absorbed(guids, 101, ("Set-Cookie", "a=b"))
    assert await guids.sign(of(101)) == {"Guid": ONE, "Cookie": "a=b"}
    guids.forget(101)
    with pytest.raises(NotSignedIn):
        await guids.sign(of(101))


async def test_on_guid_hears_of_new_ones_only():
    """The callback gets agent and GUID once per change."""
    heard = []
    guids = Guids({101: ONE}, on_guid=lambda agent_id, guid: heard.append((agent_id, str(guid))))
    await guids.sign(of(101))
    for text in (ONE, TWO, TWO):
        await absorbed(guids, 101, ("Set-GUID", f"JSESSIONID={text}"))
    assert heard == [(101, TWO)]


async def test_a_callback_that_raises_harms_nobody(caplog):
    """What on_guid raises is logged by its type alone, and the GUID is used."""

    def shout(agent_id, guid):
        raise RuntimeError(f"cannot store {guid}")

    guids = Guids({101: ONE}, on_guid=shout)
    await absorbed(guids, 101, ("Set-GUID", TWO))
    assert await guids.sign(of(101)) == {"Guid": TWO}
    assert "RuntimeError" in caplog.text
    assert TWO not in caplog.text


@pytest.mark.parametrize("bad", ["", "a b", "a\r\nX: y", "a\nb", "é", "a;b", "a,b", "a\x00", "\t"])
def test_a_guid_that_cannot_travel_is_refused(bad):
    """A GUID that would break the header is a ValueError that names the agent and not the GUID."""
    with pytest.raises(ValueError, match="agent 101") as caught:
        Guids({101: bad})
    assert not bad or bad not in str(caught.value).replace("agent 101", "").split("is empty")[0]


@pytest.mark.parametrize("bad", [None, 5, b"abc"])
def test_a_guid_of_another_type_is_refused(bad):
    """A GUID that is no text is a TypeError."""
    with pytest.raises(TypeError, match="agent 101"):
        Guids({101: bad})


@pytest.mark.parametrize(
    ("agent_id", "error"),
    [(100, ValueError), (-1, ValueError), ("101", TypeError), (True, TypeError), (3.0, TypeError)],
)
def test_agent_ids_are_checked(agent_id, error):
    """Agent ids are ints from 101."""
    with pytest.raises(error, match="agent id"):
        Guids({agent_id: ONE})


@pytest.mark.parametrize("bad", [None, 5, "guid"])
def test_a_source_of_another_kind_is_refused(bad):
    """Neither a mapping nor a function: TypeError."""
    with pytest.raises(TypeError, match="mapping"):
        Guids(bad)


async def test_what_a_function_gives_is_checked_too():
    """A function that gives a broken GUID is told so before anything is sent."""

    async def broken(agent_id):
        return "a\r\nX: y"

    with pytest.raises(NotSignedIn, match="agent 101"):
        await Guids(broken).sign(of(101))


async def test_guids_are_not_shown():
    """repr, identity, headers and pickles keep GUIDs and cookies to themselves."""
    guids = Guids({101: ONE})
    await absorbed(guids, 101, ("Set-Cookie", "route=verysecret"))
    headers = await guids.sign(of(101))
    shown = repr(guids) + guids.identity + repr(headers)
    assert ONE not in shown
    assert "verysecret" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(headers)


async def test_a_sign_in_is_newer_than_the_sources_first_answer():
    """What was remembered before the source was ever asked is not undone by an old GUID it holds."""
    store = {101: ONE}

    async def find(agent_id):
        return store[agent_id]

    guids = Guids(find)
    guids.remember(101, TWO)
    assert await guids.sign(of(101)) == {"Guid": TWO}
    store[101] = "third"
    assert await guids.sign(of(101)) == {"Guid": "third"}


async def test_the_guid_before_is_not_taken_back():
    """An answer that was long under way brings the one before: the newer stays, and a third is taken."""
    told = []
    guids = Guids({101: ONE}, on_guid=lambda agent_id, guid: told.append(guid))
    await guids.sign(of(101))
    for guid in (TWO, ONE, TWO):
        await absorbed(guids, 101, ("Set-GUID", f"JSESSIONID={guid}"))
    assert await guids.sign(of(101)) == {"Guid": TWO}
    third = ONE.replace("3d1f", "4d1f")
    await absorbed(guids, 101, ("Set-GUID", third))
    assert told == [TWO, third]


async def test_an_answer_that_was_overtaken_is_no_news():
    """Two answers bring two GUIDs out of order: by their dates the older one does not replace the newer."""
    third = ONE.replace("3d1f", "4d1f")
    guids = Guids({101: ONE})
    await absorbed(guids, 101, ("Set-GUID", TWO), ("Date", "Wed, 04 Mar 2026 12:02:00 GMT"))
    await absorbed(guids, 101, ("Set-GUID", third), ("Date", "Wed, 04 Mar 2026 12:01:01 GMT"))
    assert await guids.sign(of(101)) == {"Guid": TWO}
    await absorbed(guids, 101, ("Set-GUID", third), ("Date", "Wed, 04 Mar 2026 12:02:00 GMT"))
    assert await guids.sign(of(101)) == {"Guid": third}


async def test_clocks_that_differ_by_minutes_say_nothing():
    """Another node's clock is five minutes behind: its GUID is taken all the same."""
    guids = Guids({101: ONE})
    third = ONE.replace("3d1f", "4d1f")
    await absorbed(guids, 101, ("Set-GUID", TWO), ("Date", "Wed, 04 Mar 2026 12:06:00 GMT"))
    await absorbed(guids, 101, ("Set-GUID", third), ("Date", "Wed, 04 Mar 2026 12:02:00 GMT"))
    assert await guids.sign(of(101)) == {"Guid": third}


async def test_an_answer_after_the_sign_out_is_too_late():
    """What was under way then leaves nothing behind: the source speaks for the agent again."""
    guids = Guids({101: ONE})
    guids.signed_in(101, CIMultiDict([("Set-GUID", TWO)]))
    await guids.sign(of(101))
    guids.forget(101)
    late = CIMultiDict([("Set-GUID", "third"), ("Set-Cookie", "route=b")])
    await guids.absorb(of(101), 200, late)
    assert await guids.sign(of(101)) == {"Guid": ONE}
