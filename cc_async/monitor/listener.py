"""Whoever is told what a watched contact center does: metrics, an event stream, a log."""

from __future__ import annotations

from typing import Any, Protocol

from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.sums import Stitched


class Listener(Protocol):
    """Told of everything in the order it happens, on the loop, so be quick; what it raises is a bug."""

    def on_beat(self, interface: str, beat: Beat[Any]) -> None:
        """A beat of an interface (``skill_call_stats``, ``skill_states``...) came, good or bad."""
        ...

    def on_stitched(self, stitched: Stitched) -> None:
        """What the newest samples of ``skill_call_stats`` closed, revised or missed."""
        ...

    def on_alert(self, alert: Alert) -> None:
        """An alert was raised or cleared."""
        ...
