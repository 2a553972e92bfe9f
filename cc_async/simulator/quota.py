"""Quotas counted as they are meant: every arrival, over exact sliding windows."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

_ROUNDING = 1e-9


class Window:
    """At most `limit` arrivals of one key in any `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self.over = 0
        """Arrivals beyond the limit so far."""
        self.most = 0
        """The most arrivals of one key in any window so far."""
        self._arrivals: dict[Hashable, deque[float]] = {}

    def arrive(self, key: Hashable, now: float) -> bool:
        """Count an arrival, refused ones too; False when it is beyond the limit."""
        arrivals = self._arrivals.get(key)
        if arrivals is None:
            arrivals = self._arrivals[key] = deque()
        while arrivals and now - arrivals[0] >= self.seconds - _ROUNDING:
            arrivals.popleft()
        arrivals.append(now)
        self.most = max(self.most, len(arrivals))
        if len(arrivals) > self.limit:
            self.over += 1
            return False
        return True


def most_in_any_window(times: list[float], seconds: float) -> int:
    """Return the largest number of ascending moments that lie within any window of `seconds`."""
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] >= seconds - _ROUNDING:
            first += 1
        most = max(most, last - first + 1)
    return most
