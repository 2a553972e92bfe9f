"""The books of a soak: what observers and callers saw, and whether the retry budget was kept."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import Any

from cc_async import Retry
from cc_async.session import events


class Ledger:
    """An observer of one client that keeps its retry budget as the client should."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._paid: dict[int, int] = {}
        self.sent = 0
        self.first = 0
        self.spent = 0
        """Tokens paid and not given back."""
        self.earned = retry.budget
        """Tokens there ever were: the budget, again when the breaker closes, and one per first success."""
        self.worst = 0
        """Most that was overspent at any time; 0 or less is within the budget."""
        self.errors: Counter[str] = Counter()

    def on_event(self, event: events.Event) -> None:
        """Book one event."""
        match event:
            case events.RequestSent():
                self.sent += 1
                self.first += event.attempt == 1
            case events.RequestRetried():
                self._pay(event)
            case events.RequestAnswered():
                self._answered(event)
            case events.BreakerChanged(state="closed"):
                self.earned += self._retry.budget
            case _:
                pass

    def _pay(self, event: events.RequestRetried) -> None:
        if event.error == "StaleConnection":
            return
        cost = self._retry.throttle_cost if event.error == "Throttled" else self._retry.cost
        self._paid[event.request] = cost
        self.spent += cost
        self.worst = max(self.worst, self.spent - self.earned)

    def _answered(self, event: events.RequestAnswered) -> None:
        self.errors[event.error or "answered"] += 1
        if event.error is None:
            paid = self._paid.pop(event.request, 0)
            self.spent -= paid
            self.earned += paid == 0


_key = attrgetter("key")


class Found:
    """What callers were handed."""

    def __init__(self) -> None:
        self.calls = 0
        self.complete = 0
        self.rows = 0
        self.wrong: list[str] = []
        """Rows or accounts that do not agree with the truth."""
        self.strange: list[str] = []
        """Errors that are not ours, calls that took too long, complaints of the loop."""
        self.failed: Counter[str] = Counter()
        self.cancelled = 0
        self.longest = 0.0
        """Most seconds a call took beyond its timeout."""

    def compare(self, what: str, batch: Any, truth: Any) -> None:
        """Every row as it should be, none twice, and everything that is missing told."""
        self.rows += len(batch)
        if batch.complete:
            self.complete += 1
            # Nobody asks for an agent: what only a second reading of the pages found stands at the end.
            told, true = batch.records, truth.records
            if what == "agent_states":
                told, true = (tuple(sorted(rows, key=_key)) for rows in (told, true))
            if told != true:
                self.wrong.append(f"{what}: a complete batch differs")
            return
        known = set(truth.records)
        if not known.issuperset(batch.records):
            self.wrong.append(f"{what}: a row differs")
        if len(set(batch.records)) != len(batch.records):
            self.wrong.append(f"{what}: a row came twice")
        if not batch.failures and not batch.rejected:
            self.wrong.append(f"{what}: rows are missing and nobody says so")
