"""How a credential stands with all processes that share it: locked, proven, doubted, being tried."""

from __future__ import annotations

import struct
from typing import Final

from attrs import define

_FORM: Final = struct.Struct("<ddddQdQ?7x128s")

SIZE: Final = _FORM.size


@define
class Standing:
    """One credential as a whole, or at one interface; times are monotonic seconds."""

    used_at: float = 0.0
    locked_since: float = 0.0
    locked_until: float = 0.0
    proven_until: float = 0.0
    """Of the whole credential: until then a process that starts need not travel alone."""
    turn: int = 0
    """The process that tries it now; 0: nobody."""
    turn_until: float = 0.0
    doubts: int = 0
    """Of the whole credential: how often it had to prove itself anew."""
    doubted: bool = False
    """At an interface: it has to prove itself there."""
    reason: str = ""

    def lock(self, now: float, until: float, reason: str) -> None:
        """Lock until then; a longer lock stays."""
        if self.locked_until <= now:
            self.locked_since = now
        self.locked_until, self.reason = max(self.locked_until, until), reason

    def pack(self) -> bytes:
        """Return the record."""
        return _FORM.pack(
            self.used_at, self.locked_since, self.locked_until, self.proven_until, self.turn, self.turn_until,
            self.doubts, self.doubted, self.reason.encode()[:128],
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> Standing:
        """Read what ``pack`` wrote."""
        *values, reason = _FORM.unpack_from(data)
        found = cls(*values)
        found.reason = reason.rstrip(b"\0").decode(errors="ignore")
        return found
