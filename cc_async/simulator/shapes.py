"""How answers look: envelopes, copies, counts and the spelling of rows, by profile."""

from __future__ import annotations

import attrs
import msgspec

from .profiles import Profile

Row = dict[str, object]
SUCCESS = "0100000"
_CODE_FIELDS = ("status", "ctiStatus", "currentState", "mediaType")
# What names a row: it stays readable.
_KEYS = frozenset({"id", "skillid", "workno", "agentid", "phonenumber", "begintime", "ccid", "vdn", "vdnid"})
_UNREADABLE: tuple[object, ...] = ("--", "1_000", "１２", True, [1])


@attrs.frozen
class Reply:
    """A whole answer, ready to be sent."""

    status: int
    body: bytes
    code: str | None = None
    headers: dict[str, str] = attrs.field(factory=dict[str, str])
    content_type: str = "application/json;charset=UTF-8"


def failure(code: str, text: str, status: int = 200) -> Reply:
    """Return a CC-CMS failure: HTTP 200, the message as text in resultDesc."""
    return Reply(status, msgspec.json.encode({"resultCode": code, "resultDesc": text}), code)


class Shapes:
    """Rows and envelopes as one server writes them."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def key(self, key: str) -> str:
        """Spell the name of a field."""
        if key == "incallNums":
            key = self.profile.inbound_key
        elif key == "agentSetBusyNums":
            key = self.profile.set_busy_key
        if self.profile.key_case == "lower":
            key = key.lower()
        elif self.profile.key_case == "upper":
            key = key.upper()
        return f"{key} " if self.profile.padded_keys else key

    @property
    def _plain(self) -> bool:
        profile, documented = self.profile, _DOCUMENTED
        return (
            profile.numbers == documented.numbers
            and profile.inbound_key == documented.inbound_key
            and profile.set_busy_key == documented.set_busy_key
            and profile.key_case == documented.key_case
            and not profile.padded_keys
            and not profile.unknown_codes
            and not profile.extra_fields
        )

    def rows(self, rows: list[Row]) -> list[Row]:
        """Spell rows as the profile has them."""
        if self._plain:
            return rows
        return [self._row(row, place) for place, row in enumerate(rows)]

    def _row(self, row: Row, place: int) -> Row:
        shaped: Row = {}
        for key, value in row.items():
            if self.profile.unknown_codes and place % 3 == 0 and key in _CODE_FIELDS:
                value = 42
            if self.profile.numbers == "text" and isinstance(value, int):
                value = str(value)
            shaped[self.key(key)] = value
        if self.profile.extra_fields:
            shaped["reserved1"], shaped["extParam"] = None, {"v": [1]}
        return shaped

    def spoil(self, row: Row, bits: int) -> Row:
        """Return a copy of a row with one number made unreadable; never one of the key."""
        names = [
            name
            for name, value in row.items()
            if (isinstance(value, int) or (isinstance(value, str) and value.isdigit()))
            and name.strip().lower() not in _KEYS
        ]
        if not names:
            return row
        return {**row, names[bits % len(names)]: _UNREADABLE[(bits >> 16) % len(_UNREADABLE)]}

    def count(self, total: int) -> object:
        """Return what the server says the total is; msgspec.UNSET when it says nothing."""
        lies: dict[str, object] = {
            "right": total,
            "large": total + max(total // 2, 7),
            "small": total // 2,
            "missing": msgspec.UNSET,
            "text": str(total),
        }
        return lies[self.profile.count]

    def success(self, content: bytes, *, documented_copies: bool = False, beside: bytes = b"") -> Reply:
        """Wrap encoded content; `beside` goes into the envelope after it."""
        copies = self.profile.legacy_copies
        code = msgspec.json.encode(self.profile.success_code)
        parts = []
        if copies in ("all", "only") or (copies == "documented" and documented_copies):
            parts.append(b'"result":"0"')
        parts.append(b'"resultCode":' + code)
        if copies in ("all", "only") or (copies == "documented" and documented_copies):
            parts.append(b'"resultDatas":' + content)
        if copies != "only":
            parts.append(b'"resultDesc":' + content)
        if beside:
            parts.append(beside)
        if self.profile.extra_fields:
            parts.append(b'"traceId":"3f2a","returnParam":null')
        return Reply(200, b"{" + b",".join(parts) + b"}", str(self.profile.success_code))

    def page(self, rows: bytes, total: int) -> bytes:
        """Return `{"data": [...], "count": n}`; `rows` are encoded, without brackets."""
        count = self.count(total)
        tail = b"" if count is msgspec.UNSET else b',"count":' + msgspec.json.encode(count)
        return b'{"data":[' + rows + b"]" + tail + b"}"


_DOCUMENTED = Profile()
