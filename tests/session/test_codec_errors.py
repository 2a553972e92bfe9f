"""What the codec says to failures and to bytes that are no answer: our own errors, and nothing else."""

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async.contract.endpoints import ENDPOINTS, raw_endpoint
from cc_async.errors import (
    ApiError,
    CcError,
    DecodeError,
    GatewayError,
    NoPermission,
    NotSignedIn,
    NotTheApi,
    SessionLost,
    Throttled,
)
from cc_async.session.codec import decode
from cc_async.session.request import Page, Request

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def read(name: str, body: Any) -> Page[Any]:
    """Decode an answer given as a value, or as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fill = {"cc_id": 1, "vdn": 170, "skill_id": 7, "task_id": "5", "agent_id": 101}
    return decode(Request(ENDPOINTS[name], {}, fill, part="vdn 170"), raw, NOW)


def failure(name: str, body: Any) -> Any:
    """The error an answer ends in; it says where it happened and survives pickling."""
    with pytest.raises(CcError) as caught:
        read(name, body)
    assert caught.value.endpoint == name
    assert caught.value.part == "vdn 170"
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    return caught.value


@pytest.mark.parametrize(
    ("code", "kept", "retryable"),
    [
        ("0100001", "0100001", True),
        ("0100999", "0100999", True),
        ("0100002", "0100002", False),
        ("7777777", "7777777", False),
        (100000, "100000", False),
        ("0200001", "0200001", False),
        (5.0, "5", False),
    ],
)
def test_failure_codes(code: Any, kept: str, retryable: bool) -> None:
    """A code outside the successes is an ApiError that keeps code and text; it is never read as a number."""
    error = failure("skills", {"resultCode": code, "resultDesc": "参数错误"})
    assert type(error) is ApiError
    assert (error.code, error.text, error.retryable) == (kept, "参数错误", retryable)
    assert kept in str(error)


def test_the_servers_words_are_cleaned() -> None:
    """No escapes, no control characters, no direction marks, no megabyte."""
    error = failure("skills", {"resultCode": "1", "resultDesc": "\x1b[31ma\r\nb\u202e\x00c" + "z" * 10**6})
    assert error.text.startswith("[31ma  bczzz")
    assert len(error.text) == 200
    assert len(str(error)) < 400
    assert failure("skills", {"resultCode": "1", "resultDesc": [{"id": 1}]}).text == ""
    assert len(failure("skills", {"resultCode": "9" * 9999}).code) == 40


@pytest.mark.parametrize("code", ["0101001", "0101002", "0101003"])
def test_no_permission(code: str) -> None:
    """Permission codes are errors of the credential; where the global key is wanted, the hint says so."""
    error = failure("skills", {"resultCode": code, "resultDesc": "no"})
    assert type(error) is NoPermission
    assert error.code == code
    for name in ("system_indicators", "vdns"):
        hint = failure(name, {"resultCode": code}).hint
        assert "global" in hint
        assert "grant this interface" in hint
    assert failure("task_stats", {"resultCode": code}).hint.startswith(error.hint)


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("100-006", NotSignedIn, False),
        ("100-008", SessionLost, False),
        ("000-003", SessionLost, False),
        ("000-004", GatewayError, True),
        ("100-007", GatewayError, True),
        ("100-002", GatewayError, False),
        ("zzz", GatewayError, False),
        ("0100000", GatewayError, False),
    ],
)
def test_gateway_codes(code: str, kind: type[CcError], retryable: bool) -> None:
    """The gateway's codes have kinds of their own; 0100000 is no success there."""
    error = failure("agent_call_stats", {"message": "m", "retcode": code, "result": {}})
    assert type(error) is kind
    assert (error.code, error.text, error.retryable) == (code, "m", retryable)


def test_called_too_often() -> None:
    """000-007 is a throttle like a 429, though it comes with 200."""
    error = failure("agent_call_stats", {"message": "m", "retcode": "000-007", "result": None})
    assert type(error) is Throttled
    assert (error.status, error.code, error.retryable) == (200, "000-007", True)


@pytest.mark.parametrize("code", [None, "", " ", True, [], {}])
def test_no_code(code: Any) -> None:
    """Without a result code nothing in the answer can be trusted."""
    body = {"resultCode": code, "resultDesc": [{"id": 1, "name": "x", "mediaType": 1}]}
    assert type(failure("skills", body)) is DecodeError
    del body["resultCode"]
    assert "no resultCode" in str(failure("skills", body))


GOOD = json.dumps({"resultCode": "0", "resultDesc": [{"id": 1, "name": "ä\U0001f600", "mediaType": 1}]})


@pytest.mark.parametrize(
    ("body", "retryable"),
    [
        (b"", True),
        (b" \r\n", True),
        (GOOD.encode()[:-1], True),
        (GOOD.encode()[:40], True),
        (b"{", True),
        (b'{"resultCode": "0", "resultDesc": [tru', True),
        ('{"a": "ä'.encode()[:-1], True),
        (b'{"a": "\\u00', True),
        (b"\xef\xbb\xbf" + GOOD.encode(), False),
        (GOOD.encode("utf-16"), False),
        (GOOD.encode("utf-16-le"), False),
        (b'{"resultCode": "0", "resultDesc": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", False),
        (b"[" * 100_000, False),
        (b'{"resultCode": "0", "resultDesc": [{"id": 1, "name": "\\ud800"}]}', False),
        (b'{"resultCode": "0", "x": "\xff"}', False),
        (b"[]", False),
        (b"null", False),
        (b"7", False),
        (b'"x"', False),
        (b"\x1f\x8b\x08junk", False),
        (b"\x00" * 100, False),
        (GOOD.encode() + b"}", False),
        (b'{"resultCode": "0", "resultDesc": "three rows"}', False),
        (b'{"resultCode": "0", "resultDesc": 5}', False),
        (b'{"resultCode": "0", "resultDesc": true}', False),
        (b'{"a": 1,, }', False),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.parametrize("name", ["skills", "agent_call_stats"])
def test_bytes_that_are_no_answer(name: str, body: bytes, retryable: bool) -> None:
    """A DecodeError each, worth another try when the body is empty or cut off."""
    if name == "agent_call_stats":
        body = body.replace(b"resultCode", b"retcode").replace(b"resultDesc", b"result")
    error = failure(name, body)
    assert type(error) is DecodeError
    assert error.retryable is retryable


def test_markup_is_not_the_api() -> None:
    """A firewall's page with status 200 is told apart, and shown cleaned and cut."""
    error = failure("skills", b"\n<html><body>\x1b[2JBlocked" + b"x" * 5000)
    assert type(error) is NotTheApi
    assert error.status == 200
    assert "Blocked" in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 400


def test_a_broken_second_copy_does_not_pass_unseen() -> None:
    """Both ways of reading agree that bytes which are no UTF-8 are no answer."""
    body = (
        b'{"resultCode": "0", "resultDatas": "\xff", "resultDesc": [{"id": 1, "name": "x", "mediaType": 1}]}'
    )
    assert "UTF-8" in str(failure("skills", body))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["0", "0100000", "50%"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                [
                    "resultCode",
                    "resultDesc",
                    "retcode",
                    "result",
                    "count",
                    "data",
                    "id",
                    "vdn",
                    "workNo",
                    "name",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "resultCode": st.sampled_from(["0", "0100000", 0, "0100002", "0101003", "0300012", 1.5, float("nan")])
        | json_values,
        "retcode": st.sampled_from(["0", "100-006", "000-007"]) | json_values,
        "resultDesc": json_values,
        "resultDatas": json_values,
        "result": json_values,
        "count": json_values,
        "message": json_values,
    },
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*ENDPOINTS.values(), raw_endpoint("x/y")]),
    st.binary() | (answers | json_values).map(json.dumps).map(str.encode),
)
def test_junk_raises_our_errors_only(endpoint: Any, body: bytes) -> None:
    """Whatever comes, it is a page or one of our errors."""
    try:
        page = decode(
            Request(endpoint, {}, {"vdn": 1, "skill_id": 7, "task_id": "5", "agent_id": 101}), body, NOW
        )
    except CcError:
        return
    assert len(page.rows) + len(page.rejected) == page.received


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD.encode())), st.integers(0, len(GOOD.encode())))
def test_cut_and_spliced_answers_raise_our_errors_only(end: int, start: int) -> None:
    """An answer cut anywhere, or with a piece missing, is a page or one of our errors."""
    whole = GOOD.encode()
    for body in (whole[:end], whole[:end] + whole[start:]):
        try:
            page = read("skills", body)
        except CcError:
            continue
        assert len(page.rows) + len(page.rejected) == page.received <= 1
