"""Failures: what is said when there is no answer."""

import errno

import pytest

from cc_async.session.failures import http_reason, os_reason, proxy_refusal


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refused"),
        (OSError(errno.ENETUNREACH, "x"), "unreachable"),
        (OSError(errno.EHOSTUNREACH, "x"), "unreachable"),
        (ConnectionResetError(), "while it was being made"),
        (OSError(errno.EMFILE, "x"), "open files"),
        (OSError("unheard of 13800138000"), "OSError"),
    ],
)
def test_why_there_is_no_connection(error, words):
    """The system's number decides; a text that comes along is not repeated."""
    assert words in os_reason(error)
    assert "13800138000" not in os_reason(error)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Got more than 8190 bytes when reading: b'secret'", "too large"),
        ("Too many headers received", "too large"),
        ("Bad status line:\n b'secret'", "another protocol"),
        ("Duplicate Content-Length:\n b'secret'", "length"),
        ("anything else secret", "not HTTP"),
    ],
)
def test_what_is_wrong_with_the_bytes(message, words):
    """The parser's complaint is sorted, and the bytes it quotes are left out."""
    assert words in http_reason(message)
    assert "secret" not in http_reason(message)


@pytest.mark.parametrize(("status", "retryable"), [(407, False), (403, False), (500, True), (504, True)])
def test_a_proxy_that_refuses(status, retryable):
    """A proxy's own failure may pass, its refusal does not."""
    error = proxy_refusal(status)
    assert error.retryable is retryable
    assert str(status) in str(error)
