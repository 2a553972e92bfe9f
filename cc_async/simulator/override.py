"""What a test lays down for one skill queue, put over what the world itself has."""

from __future__ import annotations

import attrs

from .counts import Calls, Waiting, counters


@attrs.frozen
class Override:
    """What a test has laid down for one skill queue; None leaves the world's own value."""

    offered: int | None = None
    connected: int | None = None
    lost: int | None = None
    ended: int | None = None
    ivr_seconds: int | None = None
    connected_in_20s: int | None = None
    wrapped_up: int | None = None
    wrap_up_seconds: int | None = None
    calls_waiting: int | None = None
    longest_wait_seconds: int | None = None
    average_wait_seconds: int | None = None
    average_talk_seconds: int | None = None
    name: str | None = None
    media_type: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.offered is None or self.connected is None or self.lost is None:
            return
        if self.offered != self.connected + self.lost:
            raise ValueError("offered = connected + lost does not hold")

    def calls(self, own: Calls, bits: int) -> Calls:
        """Return the counters of the queue with these values in place of its own."""
        offered, connected = _offered_and_connected(self, own)
        return counters(
            own.start, offered, connected, bits,
            ended=self.ended, ivr_seconds=self.ivr_seconds, connected_in_20s=self.connected_in_20s,
            wrapped_up=self.wrapped_up, wrap_up_seconds=self.wrap_up_seconds,
        )  # fmt: skip

    def waiting(self, own: Waiting) -> Waiting:
        """Return what waits in the queue with these values in place of its own."""
        return attrs.evolve(
            own,
            calls_waiting=_or(self.calls_waiting, own.calls_waiting),
            longest_wait=_or(self.longest_wait_seconds, own.longest_wait),
            average_wait=_or(self.average_wait_seconds, own.average_wait),
            average_talk=_or(self.average_talk_seconds, own.average_talk),
        )


def _or(given: int | None, own: int) -> int:
    return own if given is None else given


def _offered_and_connected(laid_down: Override, own: Calls) -> tuple[int, int]:
    """Complete what a test gave so that offered = connected + lost."""
    offered, connected, lost = laid_down.offered, laid_down.connected, laid_down.lost
    if offered is not None and connected is None:
        connected = offered - (offered // 10 if lost is None else lost)
    elif offered is None and (connected is not None or lost is not None):
        connected = own.connected if connected is None else connected
        offered = connected + (0 if lost is None else lost)
    if offered is None or connected is None:
        return own.offered, own.connected
    return offered, connected
