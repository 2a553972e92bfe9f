"""Rules from a TOML file: opening hours, thresholds, and thresholds of single queues."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from os import PathLike
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

from attrs import evolve, fields

from cc_async.errors import ConfigError
from cc_async.monitor.figures_agents import State
from cc_async.monitor.hours import Hours
from cc_async.monitor.rules import DEFAULTS, Rule
from cc_async.monitor.subject import Measure

_BY_ID = {rule.id: rule for rule in DEFAULTS}
_NUMBERS = ("threshold", "clear_threshold", "coverage")
_COUNTS = ("minimum", "raise_after", "clear_after")
_KNOWN = {attribute.name for attribute in fields(Rule)} - {"id"} | {"off"}


def load_rules(path: str | PathLike[str]) -> tuple[Rule, ...]:
    """Read rules from a file.

    ::

        zone = "Europe/Berlin"                     # without zone and hours: around the clock
        hours = "mon-fri 08:00-18:00, sat 09:00-13:00"
        closed = [2026-12-25]

        [rules."service level"]                    # one of the usual rules: what is not said stays as it is
        threshold = 0.85
        thresholds = {7 = 0.9, "queue/170/8" = false}   # queue 7 is stricter, queue 8 is not judged

        [rules."lost calls"]
        off = true

        [rules."hangs in wrap-up"]                 # one of your own
        measure = "state_time"
        states = ["wrap-up"]
        threshold = 600

    A rule may have ``hours`` of its own, ``""`` for around the clock. The usual rules that are
    not named are on.

    Raises:
        ConfigError: the file cannot be read, or says something else.
    """
    place = Path(path)
    try:
        with place.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{place}: {error.strerror or type(error).__name__}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place} is no TOML: {error}") from None
    try:
        return parse_rules(found)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from None


def parse_rules(found: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a table as TOML gives it; raises ValueError."""
    _refuse(set(found) - {"zone", "hours", "closed", "rules"}, "the file")
    zone = _zone(found)
    hours = _hours(found.get("hours"), zone, found.get("closed", []))
    tables = found.get("rules", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ValueError('rules are tables: [rules."service level"]')
    rules = {rule.id: evolve(rule, hours=hours) for rule in DEFAULTS}
    for id_, table in tables.items():
        _refuse(set(table) - _KNOWN, f"rule {id_!r}")
        if _is_off(id_, table):
            del rules[id_]
            continue
        rules[id_] = _rule(id_, table, hours, zone, found.get("closed", []))
    return tuple(rules.values())


def _is_off(id_: str, table: Mapping[str, Any]) -> bool:
    off = table.get("off", False)
    if not isinstance(off, bool):
        raise ValueError(f"off of rule {id_!r} must be true or false, not {off!r}")
    if off and id_ not in _BY_ID:
        raise ValueError(f"there is no usual rule {id_!r} to be off; there are {', '.join(_BY_ID)}")
    return off


def _refuse(unknown: set[str], where: str) -> None:
    if unknown:
        raise ValueError(f"{where} has no key {', '.join(sorted(unknown))}")


def _rule(
    id_: str, table: Mapping[str, Any], hours: Hours | None, zone: ZoneInfo | None, closed: Any
) -> Rule:
    base = _BY_ID.get(id_)
    measure = table.get("measure", base.measure if base else None)
    if measure not in get_args(Measure):
        raise ValueError(f"rule {id_!r} needs a measure: one of {', '.join(get_args(Measure))}")
    given: dict[str, Any] = {"measure": measure, "hours": hours}
    given |= {name: _number(table[name], name, id_) for name in _NUMBERS if name in table}
    given |= {name: _count(table[name], name, id_) for name in _COUNTS if name in table}
    if "hours" in table:
        given["hours"] = _hours(table["hours"], zone, closed)
    if "states" in table:
        given["states"] = _states(table["states"], id_)
    if "thresholds" in table:
        given["thresholds"] = _thresholds(table["thresholds"], id_)
    if base is not None and base.measure == measure:
        return evolve(base, **given)
    if "threshold" not in given:
        raise ValueError(f"rule {id_!r} needs a threshold")
    return Rule(id=id_, **given)


def _number(value: Any, name: str, id_: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError(f"{name} of rule {id_!r} must be a number, not {value!r}")
    return float(value)


def _count(value: Any, name: str, id_: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} of rule {id_!r} must be a whole number, not {value!r}")
    return value


def _states(value: Any, id_: str) -> tuple[State, ...]:
    known = get_args(State)
    if not isinstance(value, list) or not value or not all(state in known for state in value):
        raise ValueError(f"states of rule {id_!r} must be a list of {', '.join(known)}")
    return tuple(value)


def _thresholds(value: Any, id_: str) -> dict[str, float | None]:
    if not isinstance(value, dict):
        raise ValueError(f"thresholds of rule {id_!r} must be a table: {{7 = 0.9, 8 = false}}")
    return {key: None if one is False else _number(one, key, id_) for key, one in value.items()}


def _zone(found: Mapping[str, Any]) -> ZoneInfo | None:
    name = found.get("zone")
    try:
        return None if name is None else ZoneInfo(name)
    except (ValueError, OSError, LookupError, TypeError):
        raise ValueError(f"no time zone {name!r}") from None


def _hours(text: Any, zone: ZoneInfo | None, closed: Any) -> Hours | None:
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise ValueError(f"hours are a text, not {text!r}")
    if zone is None:
        raise ValueError('hours need a zone = "Europe/Berlin"')
    if not isinstance(closed, list) or not all(type(day) is date for day in closed):
        raise ValueError("closed is a list of dates: [2026-12-25]")
    return Hours.parse(text, zone, closed)
