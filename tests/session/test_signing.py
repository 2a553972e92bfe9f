"""AkSk: the signature of CC-CMS."""

import hashlib
import hmac
import json
import pickle
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.session.auth import Unsigned
from cc_async.session.signing import AkSk, encode_query

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "auth_v2.json").read_text(encoding="utf-8"))
NOON = 1_710_504_000.0  # 2024-03-15 12:00:00 UTC
HOST = {"host": "cms.example.com:28443"}


def arguments(vector):
    """Make the arguments of ``authorization`` from a vector."""
    return {
        "method": vector["method"],
        "path": vector["path"],
        "headers": vector["signed_headers"],
        "body": vector["body"].encode(),
        "query": vector["query"],
        "now": vector["timestamp_ms"] / 1000,
    }


def test_there_are_forty_vectors():
    """The vendor's vectors are all there."""
    assert len(VECTORS) == 40


@pytest.mark.parametrize("vector", VECTORS)
def test_the_vendors_vectors(vector):
    """What the vendor's published code signs, we sign the same, byte for byte."""
    key = AkSk(vector["access_key"], vector["secret_key"])
    assert key.authorization(**arguments(vector)) == vector["authorization"]


@pytest.mark.parametrize("vector", VECTORS)
def test_explain_agrees_with_the_vectors(vector):
    """An explanation leads to the same header and shows neither the secret key nor the signing key."""
    explained = AkSk(vector["access_key"], vector["secret_key"]).explain(**arguments(vector))
    assert explained.authorization == vector["authorization"]
    secret = vector["secret_key"]
    signing_key = hmac.new(secret.encode(), explained.prefix.encode(), hashlib.sha256).hexdigest()
    assert secret not in repr(explained)
    assert signing_key not in repr(explained)


def test_one_key_signs_many_requests():
    """A key used for other times and headers in turn signs as a fresh one does: nothing stale is kept."""
    kept = AkSk("ak", "sk")
    for now in (NOON, NOON + 0.9, NOON + 1, NOON, NOON + 86400):
        for headers in (HOST, {**HOST, "content-type": "application/json"}, HOST):
            wanted = AkSk("ak", "sk").authorization("GET", "/a", headers=headers, now=now)
            assert kept.authorization("GET", "/a", headers=headers, now=now) == wanted


def test_header_names_are_signed_in_lower_case():
    """Letter case of a header name changes nothing."""
    upper = AkSk("ak", "sk").authorization("GET", "/a", headers={"Host": "h"}, now=NOON)
    assert upper == AkSk("ak", "sk").authorization("GET", "/a", headers={"host": "h"}, now=NOON)


@given(st.binary(max_size=300))
def test_bodies_are_percent_encoded(body):
    """Any bytes are written as RFC 3986 writes them: unreserved characters stay, others become %XX."""
    explained = AkSk("ak", "sk").explain("POST", "/a", headers=HOST, body=body, now=NOON)
    assert explained.canonical_request.rsplit("\n", 1)[1] == quote(body, safe="-._~")


def test_the_canonical_request_is_six_lines():
    """Method, path, query, names, headers, body: each on its line, encoded as the contract says."""
    explained = AkSk("ak", "sk").explain(
        "POST", "/a b", headers=HOST, body=b'{"a":1}', query={"z": "", "a": "x/ y"}, now=NOON
    )
    assert explained.canonical_request.split("\n") == [
        "POST",
        "/a b",
        "a=x%2F%20y&z=",
        "host",
        "host:cms.example.com%3A28443",
        "%7B%22a%22%3A1%7D",
    ]
    assert explained.prefix == "auth-v2/ak/2024-03-15T12:00:00Z/host"


def test_a_request_without_query_and_body():
    """Without a query its line is left out; without a body the text ends in a newline."""
    explained = AkSk("ak", "sk").explain("GET", "/a", headers={"host": "h"}, now=NOON)
    assert explained.canonical_request == "GET\n/a\nhost\nhost:h\n"


def test_the_empty_query_line_option():
    """The option keeps an empty line in place of a missing query, and changes nothing where there is one."""
    key = AkSk("ak", "sk", empty_query_line=True)
    assert key.explain("GET", "/a", headers={"host": "h"}, now=NOON).canonical_request == (
        "GET\n/a\n\nhost\nhost:h\n"
    )
    with_query = {"headers": HOST, "query": {"a": "1"}, "now": NOON}
    assert key.authorization("GET", "/a", **with_query) == AkSk("ak", "sk").authorization(
        "GET", "/a", **with_query
    )


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (NOON, "2024-03-15T12:00:00.000Z"),
        (NOON + 0.123, "2024-03-15T12:00:00.123Z"),
        (NOON + 0.9999, "2024-03-15T12:00:01.000Z"),
    ],
)
def test_the_milliseconds_option(now, text):
    """With milliseconds the timestamp has three decimals, rounded over the second if need be."""
    prefix = AkSk("ak", "sk", milliseconds=True).explain("GET", "/a", headers=HOST, now=now).prefix
    assert prefix == f"auth-v2/ak/{text}/host"


def test_a_fraction_of_a_second_is_cut():
    """Without milliseconds the second is the one that has begun, never one from the future."""
    prefix = AkSk("ak", "sk").explain("GET", "/a", headers=HOST, now=NOON + 0.999).prefix
    assert prefix == "auth-v2/ak/2024-03-15T12:00:00Z/host"


async def test_sign_takes_the_headers_that_are_sent():
    """sign covers the headers chosen, with the values that travel: length of the body, type, host."""
    request = Unsigned("POST", "/a", {}, "h:1", "application/json", b'{"n":"\xc3\xa9"}', NOON)
    key = AkSk("ak", "sk", signed_headers=("host", "Content-Type", "content-length"))
    headers = {"host": "h:1", "content-type": "application/json", "content-length": "10"}
    wanted = AkSk("ak", "sk").authorization("POST", "/a", headers=headers, body=request.body, now=NOON)
    signed = await key.sign(request)
    assert signed == {"Authorization": wanted}
    assert "/content-length;content-type;host/" in wanted
    assert wanted not in repr(signed)


async def test_an_answer_changes_nothing():
    """absorb leaves a key as it is."""
    key = AkSk("ak", "sk")
    await key.absorb(Unsigned("GET", "/", {}, "h", "", b"", NOON), 401, {"Set-Cookie": "a=b"})
    assert key == AkSk("ak", "sk")


def test_the_query_is_sent_as_signed():
    """Keys and values are encoded, pairs sorted as whole strings, an empty value keeps its sign."""
    assert encode_query({"b": "2", "a-": "1", "a": "é /", "c": ""}) == "a-=1&a=%C3%A9%20%2F&b=2&c="


@pytest.mark.parametrize("bad", ["", "a/b", "a\rb", "a\nb", "a b", "é", "a\x00"])
def test_access_keys_that_cannot_travel(bad):
    """An access key that is empty or breaks the header is refused at once."""
    with pytest.raises(ValueError, match="access_key"):
        AkSk(bad, "sk")


@pytest.mark.parametrize("bad", ["", "sk\n", "s\rk"])
def test_secret_keys_that_are_none(bad):
    """A secret key that is empty or has a line break is refused without repeating it."""
    with pytest.raises(ValueError, match="secret_key") as caught:
        AkSk("ak", bad)
    assert not bad or bad.strip() not in str(caught.value).split()


@pytest.mark.parametrize("pair", [(None, "sk"), (b"ak", "sk"), ("ak", None), ("ak", 5)])
def test_keys_of_another_type(pair):
    """A key that is no text is a TypeError."""
    with pytest.raises(TypeError, match="must be text"):
        AkSk(*pair)


@pytest.mark.parametrize(
    ("names", "error"), [(("x-date",), ValueError), ((), ValueError), ("host", TypeError), ((1,), TypeError)]
)
def test_headers_that_cannot_be_signed(names, error):
    """Only host, content-type and content-length can be signed, and at least one must be."""
    with pytest.raises(error, match=r"sign"):
        AkSk("ak", "sk", signed_headers=names)


def test_keys_are_values():
    """Two keys are equal when everything that decides a signature is."""
    assert AkSk("ak", "sk") == AkSk("ak", "sk")
    assert hash(AkSk("ak", "sk")) == hash(AkSk("ak", "sk"))
    different = [
        AkSk("ak2", "sk"),
        AkSk("ak", "sk2"),
        AkSk("ak", "sk", milliseconds=True),
        AkSk("ak", "sk", empty_query_line=True),
        AkSk("ak", "sk", signed_headers=("host", "content-type")),
        "ak",
    ]
    assert all(AkSk("ak", "sk") != other for other in different)


def test_a_key_gives_nothing_away():
    """Neither repr nor identity shows a key, and a key is not pickled."""
    key = AkSk("access-key-1", "very-secret-key")
    assert "very-secret-key" not in repr(key) + key.identity
    assert "access-key-1" not in repr(key) + key.identity
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(key)


def test_the_identity_is_stable():
    """The identity depends on the access key alone, so that processes share their quotas."""
    assert AkSk("ak", "sk").identity == AkSk("ak", "another").identity
    assert AkSk("ak", "sk").identity != AkSk("ak2", "sk").identity
