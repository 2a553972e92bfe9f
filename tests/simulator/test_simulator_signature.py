"""Who is let in: signatures, lock-out, permissions."""

from __future__ import annotations

from urllib.parse import quote

import attrs
import pytest

from cc_async.simulator.signature import verify

PING = "/rest/cmsapp/v1/ping"
HELLO = {"say": "Hello world!"}


def _verified(vector, **changes):
    headers = {**vector["signed_headers"], "authorization": vector["authorization"]}
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in vector["query"].items())
    request = {
        "method": vector["method"],
        "path": vector["path"],
        "query": query,
        "headers": headers,
        "body": vector["body"].encode(),
        "secrets": {vector["access_key"]: vector["secret_key"]},
        **changes,
    }
    return verify(**request)


def test_every_vendor_vector_is_accepted(vectors):
    """Every vendor vector is accepted."""
    assert len(vectors) == 40
    assert [_verified(vector).refusal for vector in vectors] == [""] * 40


def test_one_changed_byte_is_refused(vectors):
    """One changed byte is refused."""
    for vector in vectors:
        assert not _verified(vector, body=vector["body"].encode() + b" ").good
        assert not _verified(vector, path=vector["path"] + "/").good
        assert not _verified(vector, query="a=b").good
        host = {**vector["signed_headers"], "host": "other", "authorization": vector["authorization"]}
        assert not _verified(vector, headers=host).good
        assert not _verified(vector, secrets={vector["access_key"]: "wrong"}).good
        assert not _verified(vector, secrets={}).good


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "auth-v2/a/b/c", "auth-v2/ak/today/host/00", "auth-v1/a/b/c/d"]
)
def test_what_is_no_signature_is_refused(header):
    """What is no signature is refused."""
    assert not verify("GET", "/", "", {"authorization": header}, b"", {"ak": "sk"}).good


async def test_both_timestamp_forms_are_accepted(ask):
    """Both timestamp forms are accepted."""
    for timestamp in ("2026-03-04T12:00:00Z", "2026-03-04T12:00:00.123Z"):
        assert (await ask.post(PING, HELLO, timestamp=timestamp)).status == 200
    assert (await ask.post(PING, HELLO, timestamp="2026-03-04T12:00:00")).status == 401
    assert (await ask.post(PING, HELLO, timestamp="2026-13-04T12:00:00Z")).status == 401


async def test_more_headers_may_be_signed_but_host_must_be(ask):
    """More headers may be signed but host must be."""
    host = ask.sim.cms_url.partition("//")[2]
    kind = "application/json;charset=UTF-8"
    every = {"host": host, "content-type": kind, "content-length": str(len(b'{"say":"Hello world!"}'))}
    assert (await ask.post(PING, HELLO, signed=every)).status == 200
    assert (await ask.post(PING, HELLO, signed={"content-type": kind})).status == 401
    assert (await ask.post(PING, HELLO, signed={"host": "localhost"})).status == 401
    assert (await ask.post(PING, HELLO, signed={"host": host, "x-not-sent": "1"})).status == 401


async def test_a_wrong_secret_is_401(ask):
    """A wrong secret is 401."""
    answer = await ask.post(PING, HELLO, pair=(ask.sim.access_key, "wrong"))
    assert answer.status == 401
    assert ask.sim.requests[0].status == 401


async def test_a_query_is_part_of_the_signature(ask):
    """A query is part of the signature."""
    path = "configures/agents/1/170/0/3"
    assert (await ask.post(path, method="GET", query="a=%20b&c=")).status == 200
    ask.sim.requests.clear()
    url = ask.sim.cms_url + "/rest/cmsapp/v1/openapi/" + path + "?a=1"
    signed = await ask.raw("GET", url, headers={"Authorization": "auth-v2/x/y/z/q"})
    assert signed.status == 401


async def test_the_empty_query_line_is_a_matter_of_profile(open_sim, ask):
    """The empty query line is a matter of profile."""
    assert (await ask.post(PING, HELLO, empty_query_line=True)).status == 401
    other = await open_sim(profile="empty_query_line")
    assert (await other.post(PING, HELLO, empty_query_line=True)).status == 200
    assert (await other.post(PING, HELLO)).status == 401


async def test_the_timestamp_window_is_optional(open_sim, ask):
    """The timestamp window is optional."""
    long_ago = "2020-01-01T00:00:00Z"
    assert (await ask.post(PING, HELLO, timestamp=long_ago)).status == 200
    strict = await open_sim(timestamp_window=300.0)
    assert (await strict.post(PING, HELLO, timestamp=long_ago)).status == 401
    assert (await strict.post(PING, HELLO, timestamp="2026-03-04T12:09:59Z")).status == 200


async def test_an_address_is_locked_after_bad_signatures_until_unlocked(open_sim):
    """An address is locked after bad signatures until unlocked."""
    ask = await open_sim(lockout_after=2)
    bad = {"pair": (ask.sim.access_key, "wrong")}
    assert [(await ask.post(PING, HELLO, **bad)).status for _ in range(3)] == [401, 401, 403]
    locked = await ask.post(PING, HELLO)
    assert locked.status == 403
    assert set(locked.json) == {"timestamp", "status", "error", "message", "path"}
    ask.sim.unlock()
    assert (await ask.post(PING, HELLO)).status == 200


async def test_a_good_signature_ends_the_row_of_bad_ones(open_sim):
    """A good signature ends the row of bad ones."""
    ask = await open_sim()
    ask.sim.faults = attrs.evolve(ask.sim.faults, lockout_after=2)
    bad = {"pair": (ask.sim.access_key, "wrong")}
    await ask.post(PING, HELLO, **bad)
    await ask.post(PING, HELLO)
    await ask.post(PING, HELLO, **bad)
    assert (await ask.post(PING, HELLO)).status == 200


async def test_global_interfaces_turn_a_tenant_key_away(open_sim, ask):
    """Global interfaces turn a tenant key away."""
    window = {"beginDate": "2026-03-01 00:00:00", "endDate": "2026-03-01 01:00:00"}
    for path, params in (("cti/sysindex", window), ("configures/vdns", {"ccId": 1})):
        assert (await ask.post(path, params)).code == "0101003"
        assert (await ask.post(path, params, globally=True)).code == "0100000"
    strict = await open_sim(profile="global_401")
    assert (await strict.post("configures/vdns", {"ccId": 1})).status == 401
    assert (await strict.post("configures/vdns", {"ccId": 1}, globally=True)).status == 200


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=UTF-8", "application/json;charset=utf-8", "Application/JSON ; charset=UTF-8"],
)
async def test_the_content_type_may_vary_in_case_and_blanks(ask, kind):
    """The content type may vary in case and blanks."""
    assert (await ask.post("configures/skills", {"ccId": 1, "vdn": 170}, content_type=kind)).code == "0100000"


async def test_other_content_types_methods_and_paths_are_refused(ask):
    """Other content types methods and paths are refused."""
    params = {"ccId": 1, "vdn": 170}
    for kind in ("application/json", "text/plain;charset=UTF-8"):
        assert (await ask.post("configures/skills", params, content_type=kind)).code == "0100002"
    agents = "configures/agents/1/170/0/3"
    assert (await ask.post(agents, method="GET", content_type="text/plain")).code == "0100002"
    assert (await ask.post("configures/skills", params, method="PUT")).status == 405
    assert (await ask.post("no/such/thing", params)).status == 404
    assert (await ask.raw("GET", ask.sim.gateway_url + "/nothing")).status == 404
