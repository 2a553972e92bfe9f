"""The counters of one VDN: per queue within the current 5 minutes, and a row per closed 5 minutes."""

from __future__ import annotations

from ..counts import Calls, Indicator
from ..people import PERIOD
from .call import Call

_SOON = 20.0


class Ledger:
    """Every figure is counted at the instant it happens, in the period of that instant."""

    def __init__(self, queues: int, first_bucket: int) -> None:
        self._queues, self._first = queues, first_bucket
        self.bucket = first_bucket
        self.rows: list[Indicator] = []
        """One row per closed period, from the first one on."""
        self.outbound = 0
        self._restart()

    def _restart(self) -> None:
        zeros = [0] * self._queues
        self.offered, self.connected, self.connected_in_20s = zeros[:], zeros[:], zeros[:]
        self.ended, self.ivr_seconds, self.talk_seconds = zeros[:], zeros[:], zeros[:]
        self.wrapped_up, self.wrap_up_seconds = zeros[:], zeros[:]
        self.wait_seconds, self.longest_wait = [0.0] * self._queues, [0.0] * self._queues
        self.outbound = 0

    def arrived(self, queue: int, call: Call) -> None:
        """Count a call offered to a queue."""
        self.offered[queue] += 1
        self.ivr_seconds[queue] += call.ivr_seconds

    def answered(self, queue: int, waited: float) -> None:
        """Count a call connected to an agent."""
        self.connected[queue] += 1
        self.wait_seconds[queue] += waited
        if waited <= _SOON:
            self.connected_in_20s[queue] += 1
        if waited > self.longest_wait[queue]:
            self.longest_wait[queue] = waited

    def gave_up(self, queue: int, waited: float) -> None:
        """Count a caller who has hung up: only the longest wait shows it, "lost" is a difference."""
        self.longest_wait[queue] = max(self.longest_wait[queue], waited)

    def hung_up(self, queue: int, talked: int) -> None:
        """Count the end of a talk."""
        self.ended[queue] += 1
        self.talk_seconds[queue] += talked

    def wrapped(self, queue: int, seconds: float) -> None:
        """Count the end of a wrap-up."""
        self.wrapped_up[queue] += 1
        self.wrap_up_seconds[queue] += round(seconds)

    def calls(self, queue: int) -> Calls:
        """Return the counters of a queue in the current period."""
        offered, connected = self.offered[queue], self.connected[queue]
        return Calls(
            start=self.bucket * PERIOD,
            offered=offered,
            connected=connected,
            lost=offered - connected,
            ended=self.ended[queue],
            ivr_seconds=self.ivr_seconds[queue],
            connected_in_20s=self.connected_in_20s[queue],
            wrapped_up=self.wrapped_up[queue],
            wrap_up_seconds=self.wrap_up_seconds[queue],
        )

    def close(self, vdn: int, heads: tuple[int, int, int, int, int]) -> None:
        """End the current period; `heads`: agents online, talking, idle, busy, resting at its end."""
        inbound, connected = sum(self.offered), sum(self.connected)
        row = Indicator(vdn, self.bucket * PERIOD, *heads, inbound, connected, self.outbound)
        self.rows.append(row)
        self.bucket += 1
        self._restart()

    def row(self, bucket: int) -> Indicator:
        """Return a closed period."""
        if not self._first <= bucket < self.bucket:
            raise ValueError("this period is not closed, or from before the beginning of the world")
        return self.rows[bucket - self._first]
