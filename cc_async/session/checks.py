"""Validators of settings: the type, the range, and an error that names both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Validator = Callable[[Any, Any, Any], None]
"""What attrs calls with the instance, the attribute and the value."""


def number(low: float, high: float, unit: str) -> Validator:
    """Return a validator for an int or float from ``low`` to ``high``."""

    def check(instance: Any, attribute: Any, value: Any) -> None:
        name = f"{type(instance).__name__} {attribute.name}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{name} must be a number of {unit}, not {type(value).__name__}")
        if not low <= value <= high:
            raise ValueError(f"{name} must be {low:g} to {high:g} {unit}, not {value}")

    return check


def whole(low: int, high: int, unit: str) -> Validator:
    """Return a validator for an int from ``low`` to ``high``."""

    def check(instance: Any, attribute: Any, value: Any) -> None:
        name = f"{type(instance).__name__} {attribute.name}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number of {unit}, not {type(value).__name__}")
        if not low <= value <= high:
            raise ValueError(f"{name} must be {low} to {high} {unit}, not {value}")

    return check
