"""The figures every world is asked for: a queue's calls, what waits in it, a VDN's closed period."""

from __future__ import annotations

import attrs


@attrs.frozen
class Calls:
    """The counters of one skill queue so far in one period."""

    start: int
    offered: int
    connected: int
    lost: int
    ended: int
    ivr_seconds: int
    connected_in_20s: int
    wrapped_up: int
    wrap_up_seconds: int


@attrs.frozen
class Waiting:
    """Calls in the queue and the vendor's 5-minute averages, in seconds."""

    calls_waiting: int
    longest_wait: int
    average_wait: int
    average_talk: int
    at_agents: int | None = None
    """Calls of this queue that agents are answering or talking to; None: as many as its agents talk."""


@attrs.frozen
class Indicator:
    """One VDN in one 5-minute period."""

    vdn: int
    begin: int
    online: int
    talking: int
    idle: int
    busy: int
    resting: int
    inbound: int
    connected: int
    outbound: int

    @property
    def connection_rate(self) -> int:
        """Connected of inbound in percent."""
        return 100 * self.connected // self.inbound if self.inbound else 0


def counters(start: int, offered: int, connected: int, bits: int, **given: int | None) -> Calls:
    """Fill in the counters that follow from offered and connected; `given` ones win.

    Each one is a share rounded the same way all the time, so none goes down while a period fills; the one
    within 20 s is rounded by seed, or a thousand queues with one call each would have none in all.
    """
    in_20s = given.get("connected_in_20s")
    wrapped_up = given.get("wrapped_up")
    if wrapped_up is None:
        wrapped_up = connected * 7 // 10
    seconds = given.get("wrap_up_seconds")
    ended = given.get("ended")
    ivr = given.get("ivr_seconds")
    return Calls(
        start=start,
        offered=offered,
        connected=connected,
        lost=offered - connected,
        ended=offered * 8 // 10 if ended is None else ended,
        ivr_seconds=offered * (15 + bits % 30) if ivr is None else ivr,
        connected_in_20s=(connected * (70 + (bits >> 8) % 28) + (bits >> 24) % 100) // 100
        if in_20s is None
        else in_20s,
        wrapped_up=wrapped_up,
        wrap_up_seconds=wrapped_up * (20 + (bits >> 16) % 60) if seconds is None else seconds,
    )
