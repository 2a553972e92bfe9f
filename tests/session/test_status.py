"""HTTP statuses: which error each of them is."""

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from cc_async import errors
from cc_async.session.status import refusal, retry_after, server_date

NOW = 1_710_504_000.0  # Fri, 15 Mar 2024 12:00:00 GMT
DATE = "Fri, 15 Mar 2024 12:00:00 GMT"


def judged(status, body=b"", hint=None, **headers):
    """Judge an answer with these headers, at ``NOW``."""
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return refusal(status, named, body, wall_now=NOW, hint=hint)


@pytest.mark.parametrize(
    "body", [b'{"resultCode":"0"}', b"[]", b'  {"a":1}', b"\xef\xbb\xbf{}", b"null", b"x"]
)
def test_a_200_is_an_answer(body):
    """200 with anything that is no page goes on to the codec, which is to judge it."""
    assert judged(200, body) is None


@pytest.mark.parametrize("body", [b"<html><title>Login</title></html>", b"\r\n <!DOCTYPE html>"])
def test_a_page_with_200_is_not_the_api(body):
    """HTML with 200 is a firewall or a login page."""
    error = judged(200, body)
    assert type(error) is errors.NotTheApi
    assert error.status == 200
    assert not error.retryable


def test_a_page_is_known_by_its_type_too():
    """text/html that does not begin with a tag is a page as well; JSON under that type is an answer."""
    assert type(judged(200, b"Blocked.", content_type="text/html; charset=utf-8")) is errors.NotTheApi
    assert judged(200, b"{}", content_type="text/html") is None


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b" \r\n"), (204, b" ")])
def test_an_empty_answer_may_be_asked_again(status, body):
    """204 or an empty 200 is a DecodeError that is worth another try."""
    error = judged(status, body)
    assert type(error) is errors.DecodeError
    assert error.retryable


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (301, errors.NotTheApi, False),
        (307, errors.NotTheApi, False),
        (304, errors.NotTheApi, False),
        (400, errors.NotTheApi, False),
        (401, errors.SignatureRejected, False),
        (403, errors.AddressBlocked, False),
        (404, errors.NotDeployed, False),
        (405, errors.NotTheApi, False),
        (408, errors.Throttled, True),
        (418, errors.NotTheApi, False),
        (425, errors.Throttled, True),
        (429, errors.Throttled, True),
        (500, errors.ServerError, True),
        (501, errors.ServerError, False),
        (502, errors.ServerError, True),
        (503, errors.ServerError, True),
        (504, errors.ServerError, True),
        (505, errors.ServerError, False),
        (599, errors.ServerError, False),
        (101, errors.NotTheApi, False),
        (201, errors.NotTheApi, False),
        (206, errors.NotTheApi, False),
        (999, errors.NotTheApi, False),
    ],
)
@pytest.mark.parametrize("body", [b"", b'{"error":"x"}', b"<html>x</html>"])
def test_the_status_decides(status, kind, retryable, body):
    """Each status is its own error, whatever the body; only what may pass by itself is retryable."""
    error = judged(status, body)
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.code == str(status)


def test_503_with_retry_after_is_throttling():
    """503 with Retry-After asks for fewer requests; without, the server failed."""
    error = judged(503, Retry_After="7")
    assert type(error) is errors.Throttled
    assert error.retry_after == 7.0


def test_a_throttle_says_how_long():
    """Retry-After of a 429 is kept, and missing is None."""
    assert judged(429, Retry_After="30").retry_after == 30.0
    assert judged(429).retry_after is None


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (NOW + 400, "400 s ahead of"),
        (NOW - 90, "90 s behind"),
        (NOW, "clocks agree"),
        (NOW + 1, "clocks agree"),
    ],
)
def test_a_401_says_how_far_our_clock_is(ours, words):
    """A rejected signature tells the distance of the clocks: the signature carries the time."""
    error = refusal(401, {"Date": DATE}, b"", wall_now=ours, hint=None)
    assert words in str(error)


def test_a_401_without_a_date():
    """Without the server's Date a 401 asks to check keys and clock."""
    assert "clock of this machine" in str(judged(401))


def test_a_403_names_the_three_causes():
    """403 has three causes, and the message names them all."""
    text = str(judged(403))
    assert "firewall" in text
    assert "locked" in text
    assert "permission" in text


def test_a_418_says_what_to_do():
    """A cloud firewall that misses the name says 418."""
    assert "use the host name, not the address" in str(judged(418))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_hint_of_the_interface_is_added(status):
    """What the table knows about an interface is said where it is refused, beside the general advice."""
    error = judged(status, hint="needs the global key")
    assert error.hint.endswith("needs the global key")
    assert error.hint != "needs the global key"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://other.example.com:8443/login?token=s3cret#x", "https://other.example.com:8443"),
        ("/login?token=s3cret", "same host"),
        ("//cdn.example.com/s3cret", "cdn.example.com"),
        ("http://[s3cret", "unreadable"),
        ("http://user:s3cret@other.example.com/", "http://other.example.com"),
        ("", "same host"),
    ],
)
def test_a_redirect_shows_the_host_only(location, words):
    """A redirect is refused; of its target nothing but scheme, host and port is shown."""
    text = str(judged(302, Location=location))
    assert words in text
    assert "s3cret" not in text


def test_a_page_is_shown_cleaned_and_cut():
    """Tags, scripts, entities, control and right-to-left characters are gone; 200 characters are left."""
    page = (
        "<html><head><title>t</title></head><script>alert('code')</script><!-- note -->"
        "<p>Access&nbsp;\x1b[31mdenied\u202e &lt;now&gt;</p>" + "word " * 500
    )
    text = judged(500, page.encode()).message
    shown = text.split('"')[1]
    assert shown.startswith("Access [31mdenied <now> word word")
    assert len(shown) <= 200
    assert "alert" not in text
    assert "note" not in text


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"status":401,"error":"Unauthorized","message":"no such key","path":"/x"}', '"no such key"'),
        (b'{"status":401,"error":"Unauthorized","message":""}', '"Unauthorized"'),
        (b'{"message":"call +8613800138000"}', '"call ***"'),
        (b'{"message":7}', '"{"message":7}"'),
        (b'["message"]', '"["message"]"'),
        (b'{"message":', '"{"message":"'),
        (b'{"message":"\xff"}', '"{"message":"\ufffd"}"'),
    ],
)
def test_of_a_json_error_page_the_message_is_shown(body, shown):
    """What such a page says in words is enough; one that says nothing in words is shown as it is."""
    assert judged(401, body).message.endswith(f"(HTTP 401): {shown}")


@pytest.mark.parametrize(
    "secret",
    [
        "auth-v2/ak/2024-03-15T12:00:00Z/host/0011",
        "3d1f5d5e-6d5c-4f2a-9d9d-0f6f0a3a7d11.AgentGateway1",
        "+8613800138000",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_an_echo_of_secrets_is_masked(secret):
    """A page that repeats a signature, a GUID or a phone number does not get them into an error text."""
    text = str(judged(500, f"<p>failed for {secret} today</p>".encode()))
    assert secret not in text
    assert "failed for *** today" in text


@given(st.integers(100, 999), st.binary(max_size=400))
def test_any_body_is_bearable(status, body):
    """No status and no bytes make refusal fail, and what it says is one printable line."""
    error = judged(status, body)
    if error is not None:
        assert isinstance(error, errors.CcError)
        assert str(error).isprintable()


def test_a_large_broken_page_is_quick():
    """Megabytes of unclosed tags are no reason to be slow: only the beginning is looked at."""
    error = judged(500, b"<a" * 2_000_000 + b"<script>" * 100_000)
    assert type(error) is errors.ServerError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("5", 5.0),
        (" 5 ", 5.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("3600", 3600.0),
        ("1000000000", 1e9),
        ("9" * 400, math.inf),
        ("Fri, 15 Mar 2024 12:00:20 GMT", 20.0),
        ("Friday, 15-Mar-24 12:00:20 GMT", 20.0),
        ("Fri, 15 Mar 2024 11:00:00 GMT", 0.0),
        ("Sat, 16 Mar 2024 12:00:00 GMT", 86_400.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("１０", None),
        ("Fri, 99 Mar 2024 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read(text, seconds):
    """Seconds or a date, past, negative, huge or garbage: 0 or more, or None."""
    assert retry_after(CIMultiDict({"retry-after": text}), NOW) == seconds


def test_no_retry_after_is_none():
    """Without the header there is nothing to wait for."""
    assert retry_after({}, NOW) is None


@given(st.integers(0, 4_102_444_800))
def test_the_servers_date_is_read(seconds):
    """Every date a server writes in the usual form is read to the second."""
    assert server_date({"Date": formatdate(seconds, usegmt=True)}) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Fri, 15 Mar 2024 12:00:00 +0000", NOW),
        ("Fri, 15 Mar 2024 13:00:00 +0100", NOW),
        ("Fri, 15 Mar 2024 12:00:00 -0000", NOW),
        ("Fri, 15 Mar 20x4 12:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_unusual_dates(text, seconds):
    """Other forms are read where they can be, and are None where they cannot."""
    assert server_date({"Date": text}) == seconds
    assert server_date({}) is None
