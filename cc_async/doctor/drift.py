"""Field drift: what rows hold against the contract, field by field; names and kinds only, never a value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import define, field

from cc_async.contract.wire import Kind, Wire, fields_of, wire_of
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok, remark
from cc_async.session.values import BadValue, number, ratio, signed, whole

_NOT_READ: Mapping[str, frozenset[str]] = {
    "skill_states": frozenset(
        {
            "agentOccupyNums",
            "agentPreOccupyNums",
            "agentMaxIdleTimeIn5",
            "totalCallNums",
            "processingCallNums",
        }
    ),
    "signed_in_agents": frozenset({"vdnId"}),
    "agent_states": frozenset({"locationId"}),
}
"""Documented fields that no record reads."""
_TEXTS: Mapping[str, frozenset[str]] = {
    "task_stats": frozenset({"totalCount", "succCount", "failCount", "compCount", "waitCount", "execCount"}),
    "system_indicators": frozenset({"beginTime"}),
}
"""Numbers that are documented as text."""
_NUMBERS = (Kind.COUNT, Kind.SIGNED, Kind.NUMBER, Kind.CODE, Kind.INSTANT, Kind.BUCKET, Kind.SINCE)
_SHOWN = 8
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}", re.ASCII)


@define
class Drift:
    """What the rows of one interface have otherwise than the documents; names are the documented ones."""

    unknown: set[str] = field(factory=set)
    missing: set[str] = field(factory=set)
    respelled: set[str] = field(factory=set)
    """As ``documented -> sent``."""
    as_text: set[str] = field(factory=set)
    as_number: set[str] = field(factory=set)
    unreadable: set[str] = field(factory=set)
    codes: set[str] = field(factory=set)
    """As ``field number``: codes that stand in no table."""


async def fields(patient: Patient) -> Sequence[Finding]:
    """Compare the rows that came with the contract; nothing is asked."""
    drifts = {
        name: compare(name, answer.endpoint.record, answer.rows)
        for name, answer in patient.answers.items()
        if answer.rows and answer.endpoint.record is not object
    }
    lines = [ok("fields", f"rows of {len(drifts)} interfaces compared: {', '.join(drifts) or 'none'}")]
    for name, (level, text, pick) in _KINDS.items():
        parts = {interface: sorted(pick(drift)) for interface, drift in drifts.items()}
        said = "; ".join(f"{interface}: {_listed(found)}" for interface, found in parts.items() if found)
        if said:
            lines.append(level(name, f"{text}: {said}"))
    return lines


def _worth_telling(name: str, text: str) -> Finding:
    return remark(name, text, "please report it with this report: the library gives None for these fields")


_KINDS: Mapping[str, tuple[Callable[[str, str], Finding], str, Callable[[Drift], set[str]]]] = {
    "unknown-fields": (note, "fields nobody documents", lambda drift: drift.unknown),
    "missing-fields": (_worth_telling, "documented fields that do not come", lambda drift: drift.missing),
    "respelled-fields": (note, "names are spelled otherwise", lambda drift: drift.respelled),
    "numbers-as-text": (note, "numbers come as text", lambda drift: drift.as_text),
    "text-as-numbers": (note, "documented as text, come as numbers", lambda drift: drift.as_number),
    "unreadable-fields": (_worth_telling, "values that cannot be read", lambda drift: drift.unreadable),
    "unknown-codes": (note, "codes that stand in no table", lambda drift: drift.codes),
}


def compare(interface: str, record: Any, rows: Iterable[Any]) -> Drift:
    """Compare rows with the wire names and kinds of a record."""
    drift, seen, count = Drift(), Counter[str](), 0
    declared: dict[str, Wire] = {}
    spelled: set[str] = set(_NOT_READ.get(interface, ()))
    for attribute in fields_of(record):
        wire = wire_of(attribute)
        for name in wire.names:
            declared.setdefault(name.lower(), wire)
        spelled.update(wire.names[:1])
    spelled_as = {name.lower(): name for name in spelled} | _documented_spelling(interface)
    for row in rows:
        if not isinstance(row, Mapping):
            drift.unreadable.add("a whole row")
            continue
        count += 1
        for sent, value in row.items():
            folded = sent.strip().lower()
            seen[folded] += 1
            _look(drift, interface, sent, folded, value, declared, spelled_as)
    wanted = {name for name in declared if name in spelled_as}
    drift.missing = {spelled_as[name] for name in wanted if count and not seen[name]}
    return drift


def _documented_spelling(interface: str) -> dict[str, str]:
    """Where records put another spelling first than the documents."""
    return {"incallnums": "incallNums"} if interface == "system_indicators" else {}


def _look(
    drift: Drift,
    interface: str,
    sent: str,
    folded: str,
    value: object,
    declared: Mapping[str, Wire],
    spelled_as: Mapping[str, str],
) -> None:
    """Judge one value by its name and its kind."""
    documented, wire = spelled_as.get(folded), declared.get(folded)
    if documented is None and wire is None:
        drift.unknown.add(field_name(sent))
        return
    if documented is not None and sent != documented:
        drift.respelled.add(f"{documented} -> {_seen(sent)}")
    if wire is None or value is None or value == "":
        return
    name = documented or sent
    if not _readable(wire, value):
        drift.unreadable.add(f"{name} ({type(value).__name__})")
    elif wire.kind in _NUMBERS:
        meant_as_text = name in _TEXTS.get(interface, ())
        if isinstance(value, str) and not meant_as_text:
            drift.as_text.add(name)
        elif not isinstance(value, str) and meant_as_text:
            drift.as_number.add(name)
        code = whole(value) if wire.table is not None else None
        if wire.table is not None and code is not None and not getattr(wire.table(code), "known", True):
            drift.codes.add(f"{name} {code}")


def _readable(wire: Wire, value: object) -> bool:
    """True for a value the library can read."""
    try:
        if wire.kind is Kind.SIGNED:
            signed(value)
        elif wire.kind is Kind.RATIO:
            ratio(value)
        elif wire.kind is Kind.NUMBER:
            number(value)
        elif wire.kind in _NUMBERS:
            whole(value)
        elif wire.kind is Kind.TEXT:
            return isinstance(value, str | int)
    except BadValue:
        return False
    return True


def field_name(sent: str) -> str:
    """Return the name of a field as it may be mailed: where maps are keyed by data, it could be anybody's."""
    return sent.strip() if _NAME.fullmatch(sent.strip()) else "(a key that is no name)"


def _seen(sent: str) -> str:
    """Show a name with a blank at its end as such."""
    return field_name(sent) if sent == sent.strip() else f'"{field_name(sent)} "'


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
