"""What happens when: the events of one VDN, in order of time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class Agenda:
    """Events to come. Those of one instant happen in the order in which they were put down."""

    def __init__(self, begin: float) -> None:
        self.now = begin
        self._events: list[tuple[float, int, Callable[[float, Any], None], Any]] = []
        self.put_down = 0
        """How many events there have been, those to come included: the work done so far."""

    def at(self, when: float, do: Callable[[float, Any], None], what: Any = None) -> None:
        """Put down an event: `do(when, what)`."""
        self.put_down += 1
        heappush(self._events, (when, self.put_down, do, what))

    def run(self, until: float) -> None:
        """Let everything happen up to a moment, which is the present afterwards.

        Raises ValueError for a moment before the present.
        """
        if until < self.now:
            raise ValueError(
                f"a living world does not go back: it stands at {self.now:.3f}, asked for {until:.3f}"
            )
        events = self._events
        while events and events[0][0] <= until:
            when, _, do, what = heappop(events)
            self.now = when
            do(when, what)
        self.now = until
