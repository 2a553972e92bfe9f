"""Masks: people, phones, names and task ids become stable pseudonyms; counters, codes and times stay."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.wire import Kind, fields_of, wire_of

_IDS: Final[Mapping[str, tuple[str, int, int]]] = {
    "id": ("skill", 1, 10_000),
    "skillid": ("skill", 1, 10_000),
    "skillids": ("skill", 1, 10_000),
    "vdn": ("vdn", 1, 5_000),
    "vdnid": ("vdn", 1, 5_000),
    "ccid": ("call center", 1, 65_535),
    "workno": ("agent", 101, 59_999),
    "agentid": ("agent", 101, 59_999),
    "agentids": ("agent", 101, 59_999),
    "groupid": ("group", 1, 9_999),
}
"""Fields that hold ids: of what, and the range a pseudonym is taken from."""
_FIGURES: Final = frozenset(
    {"agentoccupynums", "agentpreoccupynums", "agentmaxidletimein5", "totalcallnums", "processingcallnums"}
    | {"locationid", "limit", "offset", "count", "timestamp", "status", "begindate", "enddate"}
)
"""Figures and times that no record reads."""
_CODES: Final = frozenset({"resultcode", "returncode", "retcode", "result"})
_MESSAGES: Final = frozenset({"resultdesc", "resultdatas", "message", "description", "error"})
_TASKS: Final = frozenset({"taskid", "taskids"})
_PLAIN = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?%?|--?|")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_CODE = re.compile(r"[0-9-]{1,10}")
_NUMBER = re.compile(r"[0-9]{1,40}")
_KEY = re.compile(r"[A-Za-z_][A-Za-z_0-9]{0,60} *")
_SMALL = 100_000
"""Numbers of unknown fields below this are no phone numbers."""
_NUMERIC = (Kind.COUNT, Kind.SIGNED, Kind.NUMBER, Kind.CODE, Kind.INSTANT, Kind.BUCKET, Kind.SINCE)
_FIGURE_KINDS = (*_NUMERIC, Kind.RATIO, Kind.RAW)


def _figures() -> frozenset[str]:
    """The wire names of everything that is counted, coded or timed."""
    wires = (wire_of(item) for endpoint in ENDPOINTS.values() for item in fields_of(endpoint.record))
    found = {name.lower() for wire in wires if wire.kind in _FIGURE_KINDS for name in wire.names}
    return frozenset((found | _FIGURES) - set(_IDS))


class Masker:
    """Replaces what must not leave a site, each value always by the same pseudonym, so that joins still work.

    Args:
        key: random bytes nobody keeps: without them no pseudonym can be traced back.
        ids: True replaces the ids of queues, VDNs, agents and call centers, too.
    """

    def __init__(self, key: bytes, *, ids: bool = False) -> None:
        self._key = key
        self._mask_ids = ids
        self._figures = _figures()
        self._ids: dict[tuple[str, int], int] = {}
        self._taken: set[tuple[str, int]] = set()

    def document(self, value: Any) -> Any:
        """Return a JSON value masked; the names of its fields stay."""
        return self._value("", value)

    def number(self, name: str, value: int) -> int:
        """Return an id as it is written: itself, or its pseudonym."""
        return self._id(name, value) if self._mask_ids else value

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {self._field(key): self._value(key.strip().lower(), item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(name, item) for item in value]
        if value is None or isinstance(value, bool):
            return value
        if name in _IDS:
            return self._identity(name, value)
        if name in _TASKS:
            return self._digits(value)
        if isinstance(value, str):
            return self._text(name, value)
        known = name in self._figures or name in _CODES
        return value if known or abs(value) < _SMALL else self._digits(value)

    def _field(self, key: str) -> str:
        """Names of fields are no secret, but for maps whose keys are data."""
        return key if _KEY.fullmatch(key) else f"key-{self._hex(key)}"

    def _text(self, name: str, value: str) -> str:
        if name in _CODES and _CODE.fullmatch(value):
            return value
        if name in self._figures and (_PLAIN.fullmatch(value) or _DATE.fullmatch(value)):
            return value
        if name in _MESSAGES:
            return "masked" if value else value
        if not value.strip():
            return value
        return str(self._digits(value)) if _NUMBER.fullmatch(value) else f"x-{self._hex(value)}"

    def _identity(self, name: str, value: Any) -> Any:
        """Ids are kept or replaced; whatever else stands in their place is masked as text."""
        if isinstance(value, int):
            return self.number(name, value)
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            return str(self.number(name, int(value))) if self._mask_ids else value
        return f"x-{self._hex(str(value))}"

    def _id(self, name: str, value: int) -> int:
        """Find a free number for an id; one that was seen keeps its own."""
        kind, low, high = _IDS[name.lower()]
        if value == 0:
            return 0  # "none" in many places
        known = self._ids.get((kind, value))
        if known is None:
            span = high - low + 1
            known = low + int(self._hex(f"{kind} {value}"), 16) % span
            while (kind, known) in self._taken and len(self._taken) < span:
                known = low + (known - low + 1) % span
            self._ids[kind, value] = known
            self._taken.add((kind, known))
        return known

    def _digits(self, value: Any) -> Any:
        """Return as many digits; the first is 9, so that none is taken for a time."""
        text = str(value).strip()
        drawn = str(int(hmac.digest(self._key, text.encode(), "sha256").hex(), 16))
        made = ("9" + drawn)[: max(len(text), 6)]
        return made if isinstance(value, str) else int(made)

    def _hex(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:10]
