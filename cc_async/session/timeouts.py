"""Timeouts: how long the steps of one attempt may take."""

from __future__ import annotations

import math
from typing import Any

from attrs import field, frozen


def _seconds(_: Any, attribute: Any, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"Timeouts {attribute.name} must be a number of seconds, not {type(value).__name__}")
    if not 0 < value < math.inf:
        raise ValueError(f"Timeouts {attribute.name} must be a positive number of seconds, not {value}")


@frozen
class Timeouts:
    """Limits of one attempt in seconds; the whole call has its own, ``timeout``.

    Raises:
        TypeError: a limit that is no number.
        ValueError: a limit that is not above 0, or not finite.
    """

    connect: float = field(default=10.0, validator=_seconds)
    """Name look-up, TCP and TLS together."""
    read: float = field(default=30.0, validator=_seconds)
    """The longest silence while an answer is awaited or read."""
    attempt: float = field(default=60.0, validator=_seconds)
    """One attempt from connecting to the last byte."""
