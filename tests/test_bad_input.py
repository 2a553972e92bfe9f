"""Wrong arguments: refused with one of four errors, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cc_async import AkSk, CmsClient, ConfigError, GatewayClient, Question, Quota
from cc_async.simulator import Simulator

BEGIN, END = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 4, 10, tzinfo=UTC)
NAIVE = datetime(2026, 3, 4)  # noqa: DTZ001 - that is what is refused
URL = "https://cms.example.com:28443"
KEYS = AkSk("ak", "sk")

# What is no list of ids, and what is no id: for queues, VDNs and agents alike.
WRONG_IDS: list[tuple[Any, type[Exception]]] = [
    ("123", TypeError),
    (b"123", TypeError),
    (7, TypeError),
    (None, TypeError),
    ([True], TypeError),
    ([3.0], TypeError),
    (["3"], TypeError),
    (["１０"], TypeError),
    (["../x"], TypeError),
    (["0101"], TypeError),
    ([None], TypeError),
    ([[101]], TypeError),
    ([101, 0], ValueError),
    ([-1], ValueError),
    ([101, -(2**70)], ValueError),
]
WRONG_ID: list[tuple[Any, type[Exception]]] = [
    ("170", TypeError),
    ("１０", TypeError),
    ("../x", TypeError),
    (True, TypeError),
    (3.0, TypeError),
    ([170], TypeError),
    (0, ValueError),
    (-5, ValueError),
]
BY_SKILL = ("skill_call_stats", "skill_states", "signed_in_agents")
ALL_BY_VDN = (*BY_SKILL, "agent_states", "skills")


def refused(error: type[Exception], call: Callable[[], Any]) -> None:
    """The method itself raises: nothing has to be awaited to hear of it."""
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) in (TypeError, ValueError, ConfigError)


@pytest.fixture(autouse=True)
def nothing_is_sent(sim: Simulator) -> Any:
    """After every test of this file the server has not seen a single request."""
    yield
    assert sim.requests == []


@pytest.mark.parametrize("method", BY_SKILL)
@pytest.mark.parametrize(("ids", "error"), WRONG_IDS)
async def test_wrong_skill_ids(method: str, ids: Any, error: type[Exception], cms: CmsClient) -> None:
    """Types and values of queue ids; None means every queue here and is no mistake."""
    ask = getattr(cms, method)
    if ids is not None:
        refused(error, lambda: ask(ids))
        refused(error, lambda: ask(by_vdn={170: [1], 171: ids}))


@pytest.mark.parametrize(("ids", "error"), WRONG_IDS)
async def test_wrong_agent_ids(ids: Any, error: type[Exception], gateway: GatewayClient) -> None:
    """Types and values of agent ids, which travel in the path; they begin at 101."""
    refused(error, lambda: gateway.agent_call_stats(ids))
    refused(error, lambda: gateway.agent_call_stats(ids, brief=True))
    refused(ValueError, lambda: gateway.agent_call_stats([100]))


@pytest.mark.parametrize(
    ("ids", "error"),
    [
        ("1122104910", TypeError), (1122104910, TypeError), (None, TypeError), ([1122104910], TypeError),
        ([True], TypeError), ([3.0], TypeError), ([b"1"], TypeError), ([""], ValueError),
        (["1" * 31], ValueError), (["１０"], ValueError), (["../x"], ValueError), (["-1"], ValueError),
        (["1\r\n2"], ValueError), (["1 "], ValueError),
    ],
)  # fmt: skip
async def test_wrong_task_ids(ids: Any, error: type[Exception], cms: CmsClient) -> None:
    """Task ids are text of 1 to 30 digits."""
    refused(error, lambda: cms.task_stats(ids))


@pytest.mark.parametrize(("vdn", "error"), WRONG_ID)
async def test_wrong_vdns(vdn: Any, error: type[Exception], cms: CmsClient) -> None:
    """A VDN by argument, by default, by mapping, in a list."""
    for method in ALL_BY_VDN:
        refused(error, lambda method=method: getattr(cms, method)(vdn=vdn))
    refused(error, lambda: cms.task_stats(["1"], vdn=vdn))
    refused(error, lambda: cms.with_options(vdn=vdn))
    refused(error, lambda: CmsClient(URL, KEYS, vdn=vdn))
    refused(error, lambda: CmsClient(URL, KEYS, cc_id=vdn))
    refused(error, lambda: cms.system_indicators(begin=BEGIN, end=END, vdns=[vdn]))
    if not isinstance(vdn, list):
        for method in BY_SKILL:
            refused(error, lambda method=method: getattr(cms, method)(by_vdn={vdn: [1]}))


@pytest.mark.parametrize("given", ["170", [170, 171], 170, [(170, [1])], {170}])
@pytest.mark.parametrize("method", BY_SKILL)
async def test_by_vdn_is_a_mapping(method: str, given: Any, cms: CmsClient) -> None:
    """Anything else is a TypeError that says what is wanted."""
    refused(TypeError, lambda: getattr(cms, method)(by_vdn=given))


async def test_by_vdn_stands_alone(cms: CmsClient) -> None:
    """It takes the place of ``skill_ids`` and ``vdn``; a VDN that nobody named is no default."""
    refused(TypeError, lambda: cms.skill_states([1], by_vdn={170: [1]}))
    refused(TypeError, lambda: cms.skill_states(vdn=1, by_vdn={170: [1]}))
    refused(TypeError, lambda: cms.skill_states(by_vdn={None: [1]}))  # type: ignore[dict-item]


async def test_no_vdn_at_all() -> None:
    """Without a default and without an argument the method says where to give one."""
    cms = CmsClient(URL, KEYS)
    for method in ALL_BY_VDN:
        refused(ValueError, lambda method=method: getattr(cms, method)())
    refused(ValueError, lambda: cms.task_stats(["1"]))


@pytest.mark.parametrize(
    ("begin", "end", "error"),
    [
        (NAIVE, END, TypeError),
        (BEGIN, NAIVE, TypeError),
        (END, BEGIN, ValueError),
        ("2026-03-04 00:00:00", END, TypeError),
        (1772582400, END, TypeError),
        (BEGIN, None, TypeError),
        (BEGIN.date(), END, TypeError),
        (datetime.min.replace(tzinfo=UTC), END, ValueError),
        (BEGIN, datetime.max.replace(tzinfo=UTC), ValueError),
    ],
)
async def test_wrong_times(begin: Any, end: Any, error: type[Exception], cms: CmsClient) -> None:
    """Naive datetimes, an end before the begin, text and numbers."""
    refused(error, lambda: cms.system_indicators(begin=begin, end=end))


@pytest.mark.parametrize(("vdns", "error"), [each for each in WRONG_IDS if each[0] is not None])
async def test_wrong_vdn_lists(vdns: Any, error: type[Exception], cms: CmsClient) -> None:
    """The VDNs of indicators."""
    refused(error, lambda: cms.system_indicators(begin=BEGIN, end=END, vdns=vdns))


async def test_nothing_asked_is_an_empty_batch(cms: CmsClient, gateway: GatewayClient) -> None:
    """No ids: a complete empty batch that knows its class, and no request; never "all"."""
    queries = {
        "SkillCallStats": cms.skill_call_stats([]),
        "SkillState": cms.skill_states(iter(())),
        "SignedInAgent": cms.signed_in_agents(by_vdn={170: [], 171: ()}),
        "TaskStats": cms.task_stats([]),
        "SystemIndicators": cms.system_indicators(begin=BEGIN, end=END, vdns=[]),
        "AgentCallStats": gateway.agent_call_stats([]),
    }
    for name, query in queries.items():
        assert query.plan().requests == 0
        batch = await query
        assert (len(batch), batch.complete, batch.request_count) == (0, True, 0), name
        assert batch.record is not None
        assert batch.record.__name__ == name
        assert await query == batch
    nothing = await cms.system_indicators(begin=BEGIN, end=BEGIN, vdns=[1])
    assert (len(nothing), nothing.complete) == (0, True)
    assert len(await cms.skill_states(by_vdn={})) == 0


@pytest.mark.parametrize(
    ("timeout", "error"),
    [("5", TypeError), (True, TypeError), (0, ValueError), (-1.0, ValueError), (float("inf"), ValueError),
     (float("nan"), ValueError), (timedelta(seconds=1), TypeError)],
)  # fmt: skip
async def test_wrong_timeouts(
    timeout: Any, error: type[Exception], cms: CmsClient, gateway: GatewayClient
) -> None:
    """Seconds above 0, or None; for every method, and for the client."""
    for method in ALL_BY_VDN:
        refused(error, lambda method=method: getattr(cms, method)(timeout=timeout))
    refused(error, lambda: cms.vdns(timeout=timeout))
    refused(error, lambda: cms.task_stats(["1"], timeout=timeout))
    refused(error, lambda: cms.system_indicators(begin=BEGIN, end=END, timeout=timeout))
    refused(error, lambda: gateway.agent_call_stats([101], timeout=timeout))
    refused(error, lambda: cms.with_options(timeout=timeout))
    refused(error, lambda: CmsClient(URL, KEYS, timeout=timeout))
    refused(error, lambda: GatewayClient(URL, {}, timeout=timeout))
    with pytest.raises(error):
        await cms.call("vdn/totalagentstate", timeout=timeout)
    with pytest.raises(error):
        await cms.ping(timeout=timeout)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"concurrency": 0}, ValueError),
        ({"concurrency": True}, TypeError),
        ({"concurrency": "32"}, TypeError),
        ({"concurrency": 1.5}, TypeError),
        ({"page_size": 0}, ValueError),
        ({"page_size": "100"}, ValueError),
        ({"page_size": 1.5}, TypeError),
        ({"array_limit": "bytes"}, ValueError),
        ({"array_limit": 1000}, ValueError),
        ({"request_shape": "round"}, ValueError),
        ({"quota": 10}, TypeError),
        ({"quota": "10/1"}, TypeError),
        ({"quota": {"skill_status": Quota(1)}}, ValueError),
        ({"quota": {"skill_states": 10}}, TypeError),
        ({"quota": {1: Quota(1)}}, TypeError),
        ({"lockout": 0}, ValueError),
        ({"lockout": "300"}, TypeError),
        ({"max_body": 0}, ConfigError),
        ({"max_body": 1.5}, ConfigError),
        ({"host": "cms.example.com\r\nX: y"}, ConfigError),
        ({"host": ""}, ConfigError),
        ({"proxy": "socks5://proxy:1080"}, ConfigError),
        ({"nonsense": 1}, TypeError),
        ({"qouta": Quota(1)}, TypeError),
    ],
)
async def test_wrong_options(options: dict[str, Any], error: type[Exception]) -> None:
    """Unknown names and wrong values of the constructor."""
    refused(error, lambda: CmsClient(URL, KEYS, **options))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"quota": {"skill_status": Quota(1)}}, ValueError),
        ({"quota": 5}, TypeError),
        ({"concurrency": -1}, ValueError),
        ({"page_size": True}, TypeError),
        ({"array_limit": None}, ValueError),
        ({"proxy": "http://x"}, TypeError),
    ],
)
async def test_wrong_options_of_a_copy(
    options: dict[str, Any], error: type[Exception], cms: CmsClient
) -> None:
    """``with_options`` checks what it is given; what copies share cannot be changed."""
    refused(error, lambda: cms.with_options(**options))


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "10"])
def test_wrong_quotas(limit: Any) -> None:
    """A quota counts whole requests, 1 or more, in a positive time."""
    refused(ValueError if type(limit) is int else TypeError, lambda: Quota(limit))
    refused(ValueError, lambda: Quota(1, per=0))
    refused(TypeError, lambda: Quota(1, per="1"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    ["http://cms.example.com:28080", "http://10.0.0.7", "ftp://x", "cms.example.com", "", None, 7,
     "https://user:password@cms.example.com", "https://cms.example.com?x=1", "https://:443"],
)  # fmt: skip
def test_wrong_addresses(url: Any) -> None:
    """Plain http to another machine, no URL, a URL with what does not belong there: ConfigError."""
    refused(ConfigError, lambda: CmsClient(url, KEYS))
    refused(ConfigError, lambda: GatewayClient(url, {101: "g"}))


def test_plain_http_where_it_is_allowed() -> None:
    """To this machine, and elsewhere when the caller says so."""
    CmsClient("http://127.0.0.1:1", KEYS)
    CmsClient("http://[::1]:1", KEYS)
    CmsClient("http://10.0.0.7", KEYS, allow_http=True)


@pytest.mark.parametrize("auth", [None, "ak:sk", ("ak", "sk"), {"access_key": "ak"}, AkSk])
def test_wrong_auth(auth: Any) -> None:
    """Only something with the halves of ``Auth`` signs requests."""
    refused(TypeError, lambda: CmsClient(URL, auth))


@pytest.mark.parametrize(
    ("guids", "error"),
    [
        ({101: ""}, ValueError),
        ({101: "abc\r\nX-Evil: 1"}, ValueError),
        ({101: "abc\n"}, ValueError),
        ({101: "a b"}, ValueError),
        ({101: None}, TypeError),
        ({101: 7}, TypeError),
        ({"101": "abc"}, TypeError),
        ({True: "abc"}, TypeError),
        ({100: "abc"}, ValueError),
        ("abc", TypeError),
        (None, TypeError),
    ],
)
async def test_wrong_guids(
    guids: Any, error: type[Exception], sim: Simulator, gateway: GatewayClient
) -> None:
    """An empty GUID, or one that would be more than a header value; the text never repeats it."""
    with pytest.raises(error) as caught:
        GatewayClient(sim.gateway_url, guids)
    assert "abc" not in str(caught.value)
    with pytest.raises(error):
        await gateway.replace_auth(guids)


@pytest.mark.parametrize("found", ["", "abc\r\nX: 1", 7, b"abc"])
async def test_a_wrong_guid_of_a_function(found: Any, sim: Simulator) -> None:
    """A GUID that only turns up with the request is refused all the same, before it is sent."""

    async def source(agent_id: int) -> Any:
        return found

    async with GatewayClient(sim.gateway_url, source) as gateway:
        with pytest.raises((TypeError, ValueError, ExceptionGroup)) as caught:
            await gateway.agent_call_stats([101])
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "options", "error"),
    [
        ("../../etc", {}, ValueError),
        ("a/../b", {}, ValueError),
        ("a b", {}, ValueError),
        ("a?b=1", {}, ValueError),
        ("", {}, ValueError),
        ("https://evil.example/x", {}, ValueError),
        ("a\r\nb", {}, ValueError),
        (7, {}, TypeError),
        ("a", {"method": "DELETE"}, ValueError),
        ("a", {"method": None}, TypeError),
        ("a", {"params": "x"}, (TypeError, ValueError)),
        ("a", {"params": {"x": object()}}, (TypeError, ValueError)),
        ("a", {"query": {"x": 1}}, (TypeError, ValueError)),
        ("a", {"query": "x=1"}, (TypeError, ValueError)),
        ("a", {"query": {1: "x"}}, (TypeError, ValueError)),
    ],
)
async def test_wrong_raw_calls(path: Any, options: dict[str, Any], error: Any, cms: CmsClient) -> None:
    """A path that leads elsewhere, a method that changes something, values JSON cannot hold."""
    with pytest.raises(error) as caught:
        await cms.call(path, **options)
    assert type(caught.value) in (TypeError, ValueError)


@pytest.mark.parametrize(
    "question",
    [
        "skill_states",
        None,
        Question("nonsense"),
        Question("agent_call_stats"),
    ],
)
async def test_wrong_questions(question: Any, cms: CmsClient, gateway: GatewayClient) -> None:
    """A question of the other host or of nobody; text is no question."""
    refused(TypeError if not isinstance(question, Question) else ValueError, lambda: cms.ask(question))
    with pytest.raises((TypeError, ValueError)):
        gateway.ask(Question("skill_states"))
