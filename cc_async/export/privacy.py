"""What becomes of agents' names, numbers and phones on their way into a file: dropped, hashed or kept."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Literal, get_args

from attrs import field, frozen

from cc_async.errors import ConfigError
from cc_async.export.schema import Columns, Schema

Agents = Literal["drop", "hash", "keep"]
CHOICES: tuple[Agents, ...] = get_args(Agents)
_PERSONAL = ("agent_id", "name", "phone_number")
_SHORTEST = 16
"""Bytes of a key: agent numbers are few, so only the key stands between a hash and its number."""


def check_agents(name: str) -> Agents:
    """One of the choices; raises ConfigError."""
    for choice in CHOICES:
        if choice == name:
            return choice
    raise ConfigError(f"agents must be one of {', '.join(CHOICES)}, not {name!r}")


@frozen
class Privacy:
    """How agents are written.

    ``drop`` leaves name, number and phone empty. ``hash`` writes a keyed hash (HMAC-SHA256, cut to 63 or 64
    bits) in place of each: the same agent has the same hash everywhere under one key. ``keep`` writes them.
    """

    agents: Agents = "drop"
    key: bytes = field(default=b"", repr=False)

    def __attrs_post_init__(self) -> None:
        check_agents(self.agents)
        if self.agents == "hash" and len(self.key) < _SHORTEST:
            raise ConfigError(
                f"agents='hash' needs a secret key of {_SHORTEST} bytes or more",
                hint="without one anybody could hash all numbers and compare",
            )

    @property
    def mark(self) -> str:
        """The choice as the manifest remembers it; says which key without giving it away."""
        return f"hash:{self._digest('', 'key').hex()[:12]}" if self.agents == "hash" else self.agents

    def apply(self, columns: Columns, schema: Schema) -> Columns:
        """The columns as they may be written; tables without agents stay as they are."""
        if self.agents == "keep" or not hasattr(schema.record, "agent_id"):
            return columns
        personal = [name for name in _PERSONAL if name in columns]
        return columns | {name: [self._told(name, value) for value in columns[name]] for name in personal}

    def _told(self, name: str, value: Any) -> Any:
        if value is None or self.agents == "drop":
            return None
        digest = self._digest(name, str(value))
        if isinstance(value, int):
            return int.from_bytes(digest[:8], "big") >> 1  # the column holds whole numbers of 64 bits, signed
        return digest[:8].hex()

    def _digest(self, name: str, text: str) -> bytes:
        return hmac.new(self.key, f"{name}\0{text}".encode(errors="surrogatepass"), hashlib.sha256).digest()
