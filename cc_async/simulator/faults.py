"""What can be made to go wrong: standing odds, and failures laid down one by one."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .hashing import mix, unit


@attrs.frozen(kw_only=True)
class Faults:
    """Standing odds; replace the whole object (`attrs.evolve`) to change them while running."""

    latency: float = 0.0
    """Seconds before every answer."""
    jitter: float = 0.0
    """Up to so many seconds more, by seed."""
    error_rate: Mapping[int, float] = attrs.field(factory=dict[int, float])
    """Share of requests answered with a status, such as {503: 0.05}."""
    throttle_rate: float = 0.0
    """Share of requests answered 429."""
    retry_after: str | None = "1"
    """`Retry-After` of those; None sends no such header."""
    lockout_after: int | None = None
    """Bad signatures after which an address gets 403; None never locks."""
    wrong_row_rate: float = 0.0
    """Share of rows with a value that cannot be read."""


@attrs.frozen(kw_only=True)
class Failure:
    """One failure laid down for an interface."""

    status: int
    code: str | None
    text: str
    retry_after: str | None
    body: bytes | None
    headers: Mapping[str, str]
    delay: float
    disconnect: bool


class Script:
    """Failures laid down by interface, used up in order."""

    def __init__(self) -> None:
        self._left: dict[str, list[tuple[Failure, int | None]]] = {}

    def add(self, interface: str, failure: Failure, times: int | None) -> None:
        """Lay down a failure for the next `times` requests; None: until cleared."""
        if times is None or times > 0:
            self._left.setdefault(interface, []).append((failure, times))

    def take(self, interface: str) -> Failure | None:
        """Use up one failure of an interface."""
        left = self._left.get(interface)
        if not left:
            return None
        failure, times = left[0]
        if times is not None:
            if times > 1:
                left[0] = (failure, times - 1)
            else:
                del left[0]
        return failure

    def clear(self, interface: str | None = None) -> None:
        """Forget what is laid down, for one interface or for all."""
        if interface is None:
            self._left.clear()
        else:
            self._left.pop(interface, None)


class Dice:
    """Chances from the seed: the n-th throw is the same in every run."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._throws = 0

    def throw(self) -> float:
        """Return a number from 0 to 1, without 1."""
        self._throws += 1
        return unit(mix(self._seed, 61, self._throws))

    def status(self, faults: Faults) -> int | None:
        """Return the status a request shall fail with, or None."""
        if not faults.throttle_rate and not faults.error_rate:
            return None
        chance = self.throw() - faults.throttle_rate
        if chance < 0:
            return 429
        for status, rate in faults.error_rate.items():
            chance -= rate
            if chance < 0:
                return status
        return None

    def wait(self, faults: Faults) -> float:
        """Return how many seconds an answer takes."""
        return faults.latency + (self.throw() * faults.jitter if faults.jitter else 0.0)
