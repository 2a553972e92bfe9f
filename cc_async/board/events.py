"""What happened, as events: numbered, kept for a while, handed to whoever subscribed; nobody is named."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cc_async.board.fanout import Fanout, Subscription
from cc_async.board.happening import Happening
from cc_async.board.privacy import Privacy
from cc_async.monitor.alert import Alert
from cc_async.monitor.beat import Beat
from cc_async.monitor.changes import Change, changes

KEPT_EVENTS = 256
"""Happenings kept for a reader who comes back, and for one who reads slowly."""


class Events:
    """Alerts, and what changed between two beats of a source.

    Args:
        privacy: what of agents may be told.
        now: the time of an event.
    """

    def __init__(self, privacy: Privacy, now: Callable[[], datetime]) -> None:
        self._privacy, self._now = privacy, now
        self._fanout: Fanout[Happening] = Fanout()
        self._recent: deque[Happening] = deque(maxlen=KEPT_EVENTS)
        self._before: dict[str, Any] = {}
        self._count = 0

    def subscribe(self, after: int | None = None) -> Subscription[Happening]:
        """A subscription; those since number ``after`` come first, if still known."""
        missed = () if after is None else (one for one in self._recent if one.number > after)
        return self._fanout.subscribe(KEPT_EVENTS, *missed)

    def end(self, error: BaseException | None) -> None:
        """There will be no more."""
        self._fanout.end(error)

    def ring(self, alert: Alert) -> None:
        """Tell of an alert."""
        self._tell(self._privacy.alert(alert))

    def compare(self, name: str, beat: Beat[Any]) -> None:
        """Tell what changed since the beat before of the source of this name."""
        if name == "system_indicators" or beat.batch is None:
            return
        before, self._before[name] = self._before.get(name), beat.batch
        for change in changes(before, beat):
            told = self._privacy.change(change)
            if told is not None:
                self._tell(told)

    def _tell(self, what: Alert | Change) -> None:
        self._count += 1
        happening = Happening(number=self._count, at=self._now(), what=what)
        self._recent.append(happening)
        self._fanout.publish(happening)
