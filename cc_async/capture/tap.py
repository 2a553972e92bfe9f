"""The tap: somebody is shown every exchange of a client before its answer is handed on."""

from __future__ import annotations

from typing import TypeVar

from cc_async.clients.base import BaseClient
from cc_async.session.transport import Tap

C = TypeVar("C", bound=BaseClient)


def attach(client: C, tap: Tap) -> C:
    """Put a tap on a client that has not been opened yet; not public, since it sees bodies as they are."""
    core = client._core
    if core.session is not None:
        raise RuntimeError("a tap has to be there before the first request")
    core.transport.tap = tap
    return client
