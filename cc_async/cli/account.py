"""The account of a run: requests, rows, retries and quota used, by interface, from the client's events."""

from __future__ import annotations

from attrs import define, field

from cc_async.cli.progress import Counter
from cc_async.contract.spec import Quota
from cc_async.session.events import Event, RequestAnswered, RequestRetried, RequestSent


@define
class Line:
    """What one interface took."""

    sent: int = 0
    retried: int = 0
    rows: int = 0
    first: float | None = None
    """Epoch seconds of the first request."""
    last: float = 0.0
    """Epoch seconds of the last answer."""

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        return 0.0 if self.first is None else max(0.0, self.last - self.first)

    @property
    def rows_a_second(self) -> float:
        """Rows by second; 0 where it took no time that a clock could see."""
        return self.rows / self.seconds if self.seconds else 0.0

    def used(self, quota: Quota) -> float:
        """Share of what the quota allowed while it ran: so many in each window begun."""
        windows = int(self.seconds // quota.per) + 1
        return self.sent / (quota.limit * windows)


@define
class Account(Counter):
    """Keeps a line per interface, in the order of their first requests."""

    lines: dict[str, Line] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        Counter.__init__(self)

    def on_event(self, event: Event) -> None:
        """Take one event of a client."""
        super().on_event(event)
        line = self.lines.setdefault(event.endpoint, Line())
        if isinstance(event, RequestSent):
            line.sent += 1
            line.first = event.at if line.first is None else line.first
        elif isinstance(event, RequestRetried):
            line.retried += 1
        elif isinstance(event, RequestAnswered):
            line.last = max(line.last, event.at)
            line.rows += event.rows
