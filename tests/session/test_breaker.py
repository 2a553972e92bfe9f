"""The breaker: when it opens, for how long, and the one probe that closes it."""

from __future__ import annotations

import random

import pytest

from cc_async.errors import (
    AddressBlocked,
    ApiError,
    CallTimeout,
    CcError,
    CircuitOpen,
    ConnectError,
    DecodeError,
    NotDeployed,
    NotTheApi,
    ProtocolError,
    RequestTimeout,
    ResponseTooLarge,
    ServerError,
    SignatureRejected,
    Throttled,
    TlsError,
)
from cc_async.session.breaker import Breaker, Circuit, State

DOWN = ConnectError("refused")
FIVE = Breaker(failures=5, open_for=1.0, growth=2.0, longest=30.0)


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


class HandClock:
    """Moved by the test; its wall clock runs 1000 s ahead of the monotonic one."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + 1000.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Bench:
    """A circuit with its clock and what it told."""

    def __init__(self, breaker: Breaker = FIVE) -> None:
        self.clock = HandClock()
        self.told: list[State] = []
        self.circuit = Circuit(breaker, self.clock, NoJitter(), "cms.test:1", self.told.append)

    def fail(self, times: int = 1, error: CcError = DOWN) -> None:
        for _ in range(times):
            self.circuit.failed(self.circuit.enter(), error)

    def opened(self) -> Bench:
        self.fail(5)
        assert self.circuit.state == "open"
        return self

    def refused(self) -> CircuitOpen:
        with pytest.raises(CircuitOpen) as caught:
            self.circuit.check()
        with pytest.raises(CircuitOpen):
            self.circuit.enter()
        return caught.value


@pytest.mark.parametrize(
    "error",
    [
        DOWN,
        TlsError("expired"),
        RequestTimeout("slow"),
        ProtocolError("not HTTP"),
        ServerError("failed", status=500),
        NotTheApi("maintenance page", status=200),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failures_in_a_row_open_it(error: CcError) -> None:
    """The fifth, not the fourth."""
    bench = Bench()
    bench.fail(4, error)
    assert bench.circuit.state == "closed"
    bench.circuit.check()
    bench.fail(1, error)
    assert bench.circuit.state == "open"
    assert bench.told == ["open"]
    bench.refused()


@pytest.mark.parametrize(
    "error",
    [
        ApiError("call failed", code="0100001"),
        DecodeError("a row"),
        SignatureRejected("401"),
        NotDeployed("404", status=404),
        Throttled("slow down", status=429),
        ServerError("no such version", status=505, retryable=False),
        ResponseTooLarge("10 GB"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_only_says_no_shows_that_the_host_lives(error: CcError) -> None:
    """It neither counts nor lets the failures before it count; as a probe it closes."""
    bench = Bench()
    bench.fail(4)
    bench.fail(1, error)
    bench.fail(4)
    assert bench.circuit.state == "closed"
    bench.fail(1)
    bench.clock.now += 1.0
    bench.fail(1, error)
    assert bench.circuit.state == "closed"


def test_what_says_nothing_about_the_host_changes_nothing() -> None:
    """The caller's deadline, a stale connection: four failures before stay four failures."""
    stale = ConnectError("closed while idle")
    stale.stale = True  # type: ignore[attr-defined]
    bench = Bench()
    bench.fail(4)
    bench.fail(3, CallTimeout("too late"))
    bench.fail(3, stale)
    bench.circuit.dropped(bench.circuit.enter())
    assert bench.circuit.state == "closed"
    bench.fail(1)
    assert bench.circuit.state == "open"


def test_a_403_opens_it_at_once_for_the_longest_time() -> None:
    """Every further request could keep the address locked."""
    bench = Bench()
    bench.fail(1, AddressBlocked("blocked by an address list"))
    error = bench.refused()
    assert error.until == bench.clock.wall() + 30.0
    assert "blocked by an address list" in str(error)


def test_the_refusal_says_why_where_and_until_when() -> None:
    """``until`` is epoch seconds, ``retry_after`` what is left of it."""
    bench = Bench().opened()
    bench.clock.now += 0.25
    error = bench.refused()
    assert error.until == bench.clock.wall() + 0.75
    assert error.retry_after == 0.75
    assert error.host == "cms.test:1"
    assert "ConnectError: refused" in str(error)


def test_one_probe_goes_and_the_others_fail_fast() -> None:
    """When its time is over the first request tests the host; a success closes it for all."""
    bench = Bench().opened()
    bench.clock.now += 1.0
    assert bench.circuit.state == "half-open"
    bench.circuit.check()
    probe = bench.circuit.enter()
    bench.refused()
    bench.circuit.succeeded(probe)
    assert bench.circuit.state == "closed"
    bench.circuit.enter()
    bench.circuit.enter()
    assert bench.told == ["open", "half-open", "closed"]


def test_a_cancelled_probe_frees_its_place() -> None:
    """The next request is the probe, and the late news of the first count no more."""
    bench = Bench().opened()
    bench.clock.now += 1.0
    first = bench.circuit.enter()
    bench.circuit.dropped(first)
    second = bench.circuit.enter()
    bench.refused()
    bench.circuit.succeeded(first)
    assert bench.circuit.state == "half-open"
    bench.circuit.succeeded(second)
    assert bench.circuit.state == "closed"
    assert bench.told == ["open", "half-open", "closed"]


def test_openings_grow_to_the_longest_and_start_anew_after_a_success() -> None:
    """1, 2, 4, 8, 16, 30, 30 ... seconds."""
    bench = Bench().opened()
    lasted = []
    for _ in range(8):
        pause = bench.refused().retry_after
        assert pause is not None
        lasted.append(pause)
        bench.clock.now += pause
        bench.fail(1)
    assert lasted == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])
    bench.clock.now += 30.0
    bench.circuit.succeeded(bench.circuit.enter())
    bench.fail(5)
    assert bench.refused().retry_after == pytest.approx(1.0)


def test_news_from_before_the_opening_do_not_close_or_prolong_it() -> None:
    """Thirty requests were under way when the host went down: their ends are old news."""
    bench = Bench()
    old = [bench.circuit.enter() for _ in range(30)]
    bench.fail(5)
    until = bench.refused().until
    for ticket in old[:15]:
        bench.circuit.succeeded(ticket)
    for ticket in old[15:]:
        bench.circuit.failed(ticket, DOWN)
    assert bench.refused().until == until
    assert bench.told == ["open"]


def test_trip_opens_it_at_once() -> None:
    """The retry budget is used up; a ticket from before the opening trips nothing again."""
    bench = Bench()
    ticket = bench.circuit.enter()
    bench.circuit.trip(ticket, DOWN)
    assert bench.circuit.state == "open"
    bench.clock.now += 1.0
    bench.circuit.succeeded(bench.circuit.enter())
    bench.circuit.trip(ticket, DOWN)
    assert bench.circuit.state == "closed"


def test_an_outage_of_half_an_hour_costs_few_requests() -> None:
    """200 pollers asking every second send at most 70 requests, and one when the host returns."""
    bench = Bench()
    sent = 0
    for _ in range(1800):
        for _ in range(200):
            try:
                ticket = bench.circuit.enter()
            except CircuitOpen:
                continue
            sent += 1
            bench.circuit.failed(ticket, DOWN)
        bench.clock.now += 1.0
    assert 60 <= sent <= 70
    bench.clock.now += 30.0
    bench.circuit.enter()
    bench.refused()


def test_the_jitter_makes_an_opening_up_to_a_tenth_longer() -> None:
    """So that many processes do not come back together."""
    pauses = set()
    for seed in range(50):
        clock = HandClock()
        circuit = Circuit(FIVE, clock, random.Random(seed), "h", lambda _: None)
        circuit.trip(circuit.enter(), DOWN)
        with pytest.raises(CircuitOpen) as caught:
            circuit.check()
        assert caught.value.retry_after is not None
        pauses.add(round(caught.value.retry_after, 6))
    assert 1.0 <= min(pauses) < max(pauses) <= 1.1
    assert len(pauses) > 40


def test_thousands_of_openings_do_not_overflow() -> None:
    """A host that is gone for a month."""
    bench = Bench(Breaker(failures=1, open_for=1.0, growth=100.0))
    for _ in range(2000):
        bench.fail(1)
        assert bench.circuit.state == "open"
        bench.clock.now += 31.0
    assert bench.circuit.state == "half-open"


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"failures": 0}, ValueError, "Breaker failures must be 1"),
        ({"failures": 1.5}, TypeError, "Breaker failures must be a whole number"),
        ({"open_for": 0}, ValueError, "Breaker open_for"),
        ({"growth": 0.5}, ValueError, "Breaker growth must be 1"),
        ({"longest": "30"}, TypeError, "Breaker longest must be a number of seconds, not str"),
    ],
)
def test_nonsense_is_refused(settings: dict[str, object], error: type[Exception], words: str) -> None:
    """The message names the setting."""
    with pytest.raises(error, match=words):
        Breaker(**settings)  # type: ignore[arg-type]
