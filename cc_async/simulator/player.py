"""Plays captured answers at their moment, every time in them moved to now."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from .clock import Clock
from .people import PERIOD
from .recording import Answer, Asked, Pair, Recording, is_date
from .rows import with_rows
from .shapes import Reply

_YEAR = 366 * 86_400 * 1000
_FORMAT = "%Y-%m-%d %H:%M:%S"
HOW = "X-Replay"
"""Header that says how an answer was found: exact, nearest, or never captured."""


class Player:
    """A recording that goes on from the moment this was made."""

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self.recording, self._clock = recording, clock
        self._shift = int((clock.wall() - recording.began) // PERIOD) * PERIOD

    def of_now(self, pairs: Sequence[Pair]) -> Pair:
        """Return the pair that was the newest at this moment of the capture."""
        position = self._clock.wall() - self._shift - self.recording.began
        return pairs[max(0, bisect_right(pairs, position, key=lambda pair: pair.time) - 1)]

    def reply(self, pair: Pair, how: str, rows: list[Any] | None = None, total: int = 0) -> Reply:
        """Write an answer, with other rows if they are given; ``how`` says how it was found."""
        answer = pair.read()
        headers = dict(answer.headers)
        kind = headers.pop("Content-Type", "application/json;charset=UTF-8")
        headers[HOW] = how
        return Reply(answer.status, self._written(answer, rows, total), pair.code, headers, kind)

    def _written(self, answer: Answer, rows: list[Any] | None, total: int) -> bytes:
        if answer.body is None:
            return answer.text.encode()
        body = dict(answer.body) if rows is None else with_rows(answer.body, rows, total)
        return msgspec.json.encode(self._shifted(body))

    def _shifted(self, value: Any) -> Any:
        """Move every epoch in milliseconds that lies about the time of the capture."""
        if not self._shift:
            return value
        if isinstance(value, dict):
            return {name: self._shifted(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._shifted(item) for item in value]
        text = value if isinstance(value, str) else str(value) if type(value) is int else ""
        if len(text) == 13 and text.isdigit() and abs(int(text) - self.recording.began * 1000) < _YEAR:
            moved = int(text) + self._shift * 1000
            return str(moved) if isinstance(value, str) else moved
        return value

    def then(self, request: Asked) -> Asked:
        """Move the dates of a request back to the time of the capture; raises ValueError."""
        params = {name: self._then(value) for name, value in request.params.items()}
        return Asked.of(params, request.shape)

    def _then(self, value: Any) -> Any:
        if not is_date(value):
            return value
        return datetime.fromtimestamp(seconds(value) - self._shift, UTC).strftime(_FORMAT)


def seconds(value: object) -> float:
    """Read an instant of a request; raises ValueError."""
    return datetime.strptime(str(value), _FORMAT).replace(tzinfo=UTC).timestamp()


def told(reply: Reply, how: str) -> Reply:
    """Say how an answer was found."""
    reply.headers[HOW] = how
    return reply
