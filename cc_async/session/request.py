"""What passes between the batching layer and the session: one request in, one page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen

from cc_async.contract.spec import Endpoint

R = TypeVar("R")


# Made for every request and not to be changed after: a frozen class would take three times as long to make.
@define
class Request(Generic[R]):
    """One request, not yet written in a host's shape."""

    endpoint: Endpoint[R]
    params: Mapping[str, Any]
    """Body parameters by wire name, ``ccId`` and ``vdn`` included."""
    fill: Mapping[str, Any] = field(factory=dict)
    """Record fields that come from the question: ``cc_id``, ``vdn`` and those of ``endpoint.fills``."""
    path: str = ""
    """The path with its ids in place."""
    part: str = ""
    """For errors: which part of the question this is."""
    agent_id: int | None = None
    query: Mapping[str, str] = field(factory=dict)
    patience: float | None = None
    """Seconds one attempt may take; None: as many as the client's ``Timeouts`` say."""


@frozen
class Rejected:
    """A row that could not be read: its reason and its raw text (cut; never a name or a phone number)."""

    reason: str
    part: str = ""
    """Which part of the question the row belongs to."""
    row: int = 0
    """Position of the row in its answer, from 0."""


@define
class Page(Generic[R]):
    """One decoded answer."""

    rows: Sequence[R]
    received: int
    """Rows the server sent, readable or not: the stride of paging."""
    total: int | None = None
    """The total the server claims, or None."""
    rejected: tuple[Rejected, ...] = ()
    attempts: int = 1
