"""The account the demo closes with, from the events a client tells."""

from __future__ import annotations

import pytest

from cc_async import Quota
from cc_async.cli.account import Account, Line
from cc_async.session.events import BatchStarted, RequestAnswered, RequestRetried, RequestSent


def answered(at: float, *, rows: int = 0, attempt: int = 1, error: str | None = None) -> RequestAnswered:
    """An answer of one interface."""
    return RequestAnswered(at, 1, "skills", 1, "", attempt, 200, 0.1, rows, error)


def test_requests_rows_and_retries_are_added_up() -> None:
    """Every attempt is a request, a repeated one is a retry, rows come from answers, time from both ends."""
    account = Account()
    for event in (
        BatchStarted(9.0, 1, "skills"),
        RequestSent(10.0, 1, "skills", 1, "", 1),
        answered(10.5, error="ServerError"),
        RequestRetried(10.5, 1, "skills", 1, "", 1, 0.5, "ServerError"),
        RequestSent(11.0, 1, "skills", 1, "", 2),
        answered(12.0, rows=30, attempt=2),
    ):
        account.on_event(event)
    line = account.lines["skills"]
    assert (line.sent, line.retried, line.rows, line.seconds) == (2, 1, 30, 2.0)
    assert line.rows_a_second == 15.0
    assert (account.answered, account.rows, account.retried) == (1, 30, 1)


@pytest.mark.parametrize(
    ("sent", "seconds", "used"),
    [(50, 0.2, 1.0), (9, 0.1, 0.18), (300, 5.5, 1.0), (150, 5.5, 0.5)],
)
def test_quota_used_counts_every_window_begun(sent: int, seconds: float, used: float) -> None:
    """50 requests in a fifth of a second use the whole first window of 50 a second; 300 use six of them."""
    line = Line(sent=sent, first=100.0, last=100.0 + seconds)
    assert line.used(Quota(50, per=1.0)) == pytest.approx(used)


def test_an_interface_that_was_not_asked() -> None:
    """Nothing sent is nothing a second, without a division by zero."""
    assert (Line().seconds, Line().rows_a_second, Line().used(Quota(50))) == (0.0, 0.0, 0.0)
