"""The file: a versioned header, then one masked pair of request and answer a line (JSONL)."""

from __future__ import annotations

import json
import re
from typing import Any, Final, TextIO

from cc_async.capture.mask import Masker
from cc_async.contract.endpoints import ENDPOINTS, name_of
from cc_async.contract.spec import Host
from cc_async.session.clock import Clock
from cc_async.session.transport import Reply

VERSION: Final = 1
"""Version of the format; it stands in the header."""
_HEADERS = ("Content-Type", "Retry-After")
"""All that is kept of an answer's: no Set-GUID, no cookie."""
_AGENT = re.compile(r"(?<=/calldata/)[0-9]+(?=/)")
_BY_AGENT = {each.path: each.name for each in ENDPOINTS.values() if each.host is Host.GATEWAY}
"""Interfaces whose path names an agent."""


class Writer:
    """Writes every exchange it is shown, masked, with the seconds since it began."""

    def __init__(
        self, out: TextIO, masker: Masker, clock: Clock, *, cc_id: int, vdn: int | None, ids: str
    ) -> None:
        """Write the header; ``ids`` says whether ids are ``kept`` or ``masked``."""
        self._out, self._masker, self._clock = out, masker, clock
        self._began = clock.wall()
        self.pairs = 0
        """Pairs written so far."""
        self.interfaces: dict[str, int] = {}
        """Pairs by interface."""
        self._line(
            {
                "cc_async_capture": VERSION,
                "began": round(self._began, 3),
                "cc_id": masker.number("ccId", cc_id),
                "vdn": None if vdn is None else masker.number("vdn", vdn),
                "ids": ids,
            }
        )

    def exchanged(self, method: str, path: str, body: bytes, reply: Reply) -> None:
        """Write one pair."""
        answer = _parsed(reply.body)
        pair: dict[str, Any] = {
            "t": round(self._clock.wall() - self._began, 3),
            "interface": _BY_AGENT.get(_AGENT.sub("{agent_id}", path)) or name_of(path),
            "method": method,
            "path": _AGENT.sub(self._agent, path),
            "params": self._masker.document(_parsed(body)),
            "status": reply.status,
            "headers": {name: reply.headers[name] for name in _HEADERS if name in reply.headers},
        }
        if isinstance(answer, dict):
            pair["body"] = self._masker.document(answer)
        else:
            # A page of somebody else: that there was one is what matters.
            pair["text"] = "<html>masked</html>" if reply.body.lstrip()[:1] == b"<" else "masked"
        self.pairs += 1
        self.interfaces[pair["interface"]] = self.interfaces.get(pair["interface"], 0) + 1
        self._line(pair)

    def _agent(self, found: re.Match[str]) -> str:
        return str(self._masker.number("agentId", int(found[0])))

    def _line(self, document: dict[str, Any]) -> None:
        self._out.write(json.dumps(document, separators=(",", ":")) + "\n")


def _parsed(body: bytes) -> Any:
    """Return a body as JSON, or None."""
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
