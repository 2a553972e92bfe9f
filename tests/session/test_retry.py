"""Retries: the published cases of the AWS specification with our numbers, and the rules around them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.errors import (
    AddressBlocked,
    ApiError,
    CallTimeout,
    CcError,
    CircuitOpen,
    ConnectError,
    DecodeError,
    NotTheApi,
    RequestTimeout,
    ServerError,
    SignatureRejected,
    Throttled,
    TlsError,
)
from cc_async.session.retry import Retry, RetryBudget, RetryState
from cc_async.session.status import refusal


class Always(random.Random):
    """A random source that always draws the same."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


class Stale(ConnectError):
    """What the transport raises when a kept connection turns out to be closed."""

    stale = True


LONGEST = Always(1.0)
SERVER = ServerError("failed", status=503)
THROTTLED = Throttled("slow down", status=429)
STOP = None

# Name, settings, errors in turn, what comes after each: (delay with the longest draw, or STOP; tokens left),
# and the tokens left after a final success (None: there is none).
# The specification's own cases in shape; delays and tokens worked out by hand from DESIGN's numbers.
CASES: list[tuple[str, dict[str, Any], list[CcError], list[tuple[float | None, int]], int | None]] = [
    ("succeeds in the end", {}, [SERVER, SERVER], [(0.05, 486), (0.1, 472)], 486),
    ("attempts used up", {}, [SERVER] * 3, [(0.05, 486), (0.1, 472), (STOP, 472)], None),
    ("budget for one retry", {"budget": 14}, [SERVER] * 2, [(0.05, 0), (STOP, 0)], None),
    ("no budget", {"budget": 0}, [SERVER], [(STOP, 0)], None),
    ("budget one short", {"budget": 13}, [SERVER], [(STOP, 13)], None),
    (
        "doubling",
        {"attempts": 5},
        [SERVER] * 5,
        [(0.05, 486), (0.1, 472), (0.2, 458), (0.4, 444), (STOP, 444)],
        None,
    ),
    (
        "longest backoff",
        {"attempts": 5, "base": 1.0, "cap": 3.0},
        [SERVER] * 5,
        [(1.0, 486), (2.0, 472), (3.0, 458), (3.0, 444), (STOP, 444)],
        None,
    ),
    ("throttled", {}, [THROTTLED] * 2, [(1.0, 495), (2.0, 490)], 495),
    ("throttled, then failed", {}, [THROTTLED, SERVER], [(1.0, 495), (0.1, 481)], 495),
    ("first try", {"budget": 500}, [], [], 500),
    ("never repeated", {"attempts": 1}, [SERVER], [(STOP, 500)], None),
]


@pytest.mark.parametrize(
    ("settings", "errors", "steps", "after"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_cases_of_the_specification(
    settings: dict[str, Any],
    errors: list[CcError],
    steps: list[tuple[float | None, int]],
    after: int | None,
) -> None:
    """Delay and tokens left after each step."""
    retry = Retry(**settings)
    budget = RetryBudget(retry.budget)
    state = RetryState(retry, budget, LONGEST)
    for error, (delay, left) in zip(errors, steps, strict=True):
        decided = state.decide(error)
        assert decided == (pytest.approx(delay) if delay is not None else None)
        assert budget.left == left
    if after is not None:
        state.succeeded()
        assert budget.left == after


def test_a_first_try_success_gives_one_token_back() -> None:
    """Never over the full amount."""
    budget = RetryBudget(500)
    assert budget.take(2)
    for left in (499, 500, 500):
        RetryState(Retry(), budget, LONGEST).succeeded()
        assert budget.left == left


def test_exhaustion_is_told_apart_from_other_refusals() -> None:
    """Only a missing budget opens the breaker."""
    state = RetryState(Retry(budget=10), RetryBudget(10), LONGEST)
    assert state.decide(SERVER) is None
    assert state.exhausted
    assert state.decide(THROTTLED) is not None
    assert not state.exhausted
    assert state.decide(TlsError("expired")) is None
    assert not state.exhausted


def test_refill_makes_the_budget_full() -> None:
    """When the breaker closes."""
    budget = RetryBudget(20)
    assert budget.take(14)
    assert not budget.take(14)
    budget.refill()
    assert budget.take(14)


@pytest.mark.parametrize(
    "error",
    [
        TlsError("expired"),
        SignatureRejected("401"),
        AddressBlocked("403"),
        NotTheApi("html", status=418),
        DecodeError("no resultCode"),
        ServerError("no such version", status=505, retryable=False),
        CircuitOpen("open"),
        CallTimeout("too late"),
        ApiError("illegal parameter", code="0100002"),
        ApiError("no code"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_final_errors_are_not_repeated_and_cost_nothing(error: CcError) -> None:
    """Asking again would not help, or somebody decided already."""
    budget = RetryBudget(500)
    assert RetryState(Retry(), budget, LONGEST, codes={"0100001": 1}).decide(error) is None
    assert budget.left == 500


@pytest.mark.parametrize(
    "error", [ConnectError("refused"), RequestTimeout("slow"), DecodeError("empty", retryable=True)]
)
def test_transient_errors_are_repeated(error: CcError) -> None:
    """At the price of a transient error."""
    budget = RetryBudget(500)
    assert RetryState(Retry(), budget, LONGEST).decide(error) == pytest.approx(0.05)
    assert budget.left == 486


def test_what_does_harm_twice_is_sent_once() -> None:
    """Neither a transient error, nor a stale connection, nor a code repeats it."""
    for error in (SERVER, Stale("closed"), ApiError("again", code="0100001")):
        state = RetryState(Retry(), RetryBudget(500), LONGEST, repeatable=False, codes={"0100001": 1})
        assert state.decide(error) is None


def test_a_code_is_repeated_as_often_as_the_envelope_says() -> None:
    """Each code by its own count, never over the attempts."""
    again, unknown = ApiError("failed", code="0100001"), ApiError("unknown", code="0100999")
    state = RetryState(Retry(attempts=10), RetryBudget(500), LONGEST, codes={"0100001": 1, "0100999": 1})
    assert [state.decide(error) is not None for error in (again, unknown, again)] == [True, True, False]
    state = RetryState(Retry(attempts=3), RetryBudget(500), LONGEST, codes={"000-004": 9})
    assert [state.decide(ApiError("switched", code="000-004")) is not None for _ in range(3)] == [
        True,
        True,
        False,
    ]


def test_one_stale_connection_is_free_and_the_second_is_not() -> None:
    """The free one costs no token, no wait and no attempt."""
    budget = RetryBudget(500)
    state = RetryState(Retry(attempts=2), budget, LONGEST)
    assert state.decide(Stale("closed")) == 0.0
    assert budget.left == 500
    assert state.decide(Stale("closed")) == pytest.approx(0.05)
    assert budget.left == 486
    assert state.decide(Stale("closed")) is None
    assert RetryState(Retry(), budget, LONGEST).decide(Stale("closed"), 0.0) is None


@pytest.mark.parametrize(
    ("asked", "delay"),
    [(None, 1.0), (-5.0, 1.0), (0.0, 1.0), (0.5, 1.0), (7.0, 7.0), (300.0, 300.0), (1e9, 300.0)],
)
def test_retry_after_is_at_least_the_backoff_and_at_most_its_cap(asked: float | None, delay: float) -> None:
    """And everybody of the quota is told to pause as long."""
    state = RetryState(Retry(), RetryBudget(500), LONGEST)
    assert state.decide(Throttled("slow", status=429, retry_after=asked)) == delay
    assert state.pause == delay


def test_a_longer_retry_after_is_believed_if_the_caller_says_so() -> None:
    """What the server's header says reaches ``max_retry_after`` as it is; nothing else cuts it."""
    for text, most, delay in (("3600", 86_400.0, 3600.0), ("3600", 300.0, 300.0), ("9" * 400, 60.0, 60.0)):
        error = refusal(429, {"Retry-After": text}, b"", wall_now=0)
        assert error is not None
        state = RetryState(Retry(max_retry_after=most), RetryBudget(500), LONGEST)
        assert state.decide(error) == delay
        assert (state.pause, error.retry_after) == (delay, delay)


def test_beyond_the_time_left_it_stops_at_once_and_pays_nothing() -> None:
    """The others still learn about the pause."""
    budget = RetryBudget(500)
    state = RetryState(Retry(), budget, LONGEST)
    assert state.decide(Throttled("slow", status=429, retry_after=30.0), time_left=29.9) is None
    assert state.pause == 30.0
    assert budget.left == 500
    assert not state.exhausted
    assert RetryState(Retry(), budget, LONGEST).decide(SERVER, time_left=0.051) == pytest.approx(0.05)


def test_only_a_throttle_pauses_the_others() -> None:
    """A pause of an earlier error is not carried on."""
    state = RetryState(Retry(), RetryBudget(500), LONGEST)
    state.decide(THROTTLED)
    state.decide(SERVER)
    assert state.pause == 0.0


@given(draw=st.floats(0, 1, exclude_max=True), attempt=st.integers(1, 100))
def test_the_jitter_is_full(draw: float, attempt: int) -> None:
    """Any delay from 0 to the longest of its attempt can come, and none beyond."""
    state = RetryState(Retry(attempts=100, cap=20.0), RetryBudget(1_000_000), Always(draw))
    state.failures = attempt - 1
    delay = state.decide(SERVER)
    if attempt == 100:
        assert delay is None
    else:
        assert delay == pytest.approx(draw * min(20.0, 0.05 * 2 ** (attempt - 1)))


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"attempts": 0}, ValueError, "Retry attempts must be 1 to 100 attempts, not 0"),
        ({"attempts": True}, TypeError, "Retry attempts must be a whole number of attempts, not bool"),
        ({"attempts": 2.0}, TypeError, "not float"),
        ({"budget": -1}, ValueError, "Retry budget"),
        ({"cost": "14"}, TypeError, "Retry cost"),
        ({"base": -0.1}, ValueError, "Retry base must be 0 to 3600 seconds"),
        ({"cap": float("nan")}, ValueError, "Retry cap"),
        ({"max_retry_after": float("inf")}, ValueError, "Retry max_retry_after"),
        ({"throttle_base": None}, TypeError, "Retry throttle_base must be a number of seconds, not NoneType"),
    ],
)
def test_nonsense_is_refused(settings: dict[str, Any], error: type[Exception], words: str) -> None:
    """The message names the setting, its range and what came."""
    with pytest.raises(error, match=words):
        Retry(**settings)
