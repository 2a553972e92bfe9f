"""The vocabulary of the table: what an interface is made of. Values only, no behaviour, no I/O."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from attrs import field, frozen

R = TypeVar("R")


class Host(enum.Enum):
    """Which of the two servers answers an interface."""

    CMS = "cms"
    GATEWAY = "gateway"


class KeyKind(enum.Enum):
    """Which credential an interface wants."""

    TENANT = "tenant"
    GLOBAL = "global"
    AGENT = "agent"
    SIGN_IN = "sign-in"
    """None yet: the answer brings it."""

    # Members are single objects, and every request looks its key up by one of them.
    __hash__ = object.__hash__


def _check_limit(_: Any, __: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"Quota limit must be an int, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"Quota limit must be 1 or more, not {value}; use quota=None for no pacing")


def _check_per(_: Any, __: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"Quota per must be a number of seconds, not {type(value).__name__}")
    if not 0 < value < float("inf"):
        raise ValueError(f"Quota per must be a positive number of seconds, not {value}")


def _shared_path(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _check_shared(_: Any, __: Any, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"Quota shared must be the path of a file or None, not {type(value).__name__}")
    if value is not None and (not value.strip() or "\0" in value):
        raise ValueError("Quota shared must be the path of a file, such as /run/cc-async/site.quota")


@frozen
class Quota:
    """At most ``limit`` requests in any window of ``per`` seconds, counted as the server counts arrivals."""

    limit: int = field(validator=_check_limit)
    per: float = field(default=1.0, kw_only=True, validator=_check_per)
    shared: str | os.PathLike[str] | None = field(
        default=None, kw_only=True, converter=_shared_path, validator=_check_shared
    )
    """File in which all processes of this host count together, such as ``/run/cc-async/site.quota``; None:
    this process counts for itself."""


@frozen
class Envelope:
    """How an answer is wrapped, and what its codes mean."""

    code: str
    """Field that holds the result code."""
    data: tuple[str, ...]
    """Fields that hold the rows, the one to read first, then its fallback."""
    text: tuple[str, ...]
    """Fields that hold the message of a failure."""
    success: frozenset[str]
    """Codes (as text) that mean success."""
    count: str | None = None
    """Field of the total: beside the rows, or inside ``{"data": [...], "count": n}``."""
    empty: frozenset[str] = frozenset()
    """Codes that mean an empty answer."""
    retry: Mapping[str, int] = field(factory=dict, hash=False)
    """Codes that may be asked again, and how many times."""
    throttle: frozenset[str] = frozenset()
    """Codes that mean: too many requests."""
    wrong_shape: frozenset[str] = frozenset()
    """Codes that may mean: this server wants the request in another shape."""
    otherwise: Envelope | None = None
    """How to read an answer that has no ``code`` field at all, or None."""


@frozen
class Shape:
    """One way of writing the request of an interface; tried in order, remembered per host."""

    wrapped: bool = False
    """True: ``{"queryParam": {...}}`` (a habit of a whole server); False: flat."""
    as_text: frozenset[str] = frozenset()
    """Parameters sent as text although their value is a number."""
    as_number: frozenset[str] = frozenset()
    """Parameters sent as a number although their value is text (digits)."""


@frozen
class Whole:
    """One request answers the whole question of one VDN (or of the server, for ``vdns``)."""


@frozen
class IdArray:
    """Keys travel as an array in the body."""

    param: str
    """Wire name of the array, such as ``skillIds``."""
    max_items: int = 1000
    max_characters: int = 1000
    """Length of the serialised array, brackets and commas included."""


@frozen
class OneByOne:
    """One request per key, in the body (``param``) or in the path (``{agent_id}``)."""

    param: str


@frozen
class Windows:
    """A time range times a list of VDNs: windows of bounded span and bounded rows, VDNs by ``max_vdns``."""

    max_vdns: int = 100
    max_days: int = 31
    period: int = 300
    """Seconds between two rows of one VDN."""
    rows: int = 30_000
    """Rows one window may hold at the most: deep offsets are slow for the server."""


Split = Whole | IdArray | OneByOne | Windows


@frozen
class Pages:
    """Paging by a row offset."""

    limit: int = 100
    """Page size asked for unless the client says otherwise."""
    max_limit: int = 1000
    """The largest page size known to be accepted anywhere."""


@frozen
class Endpoint(Generic[R]):
    """One interface: everything the library knows about it, in one row of the table."""

    name: str
    """Method name on the client, and the name in ``Question``, quotas, errors and events."""
    host: Host
    method: str
    path: str
    record: type[R]
    envelope: Envelope
    split: Split
    scope: tuple[str, ...] = ("ccId", "vdn")
    """Which of ``ccId`` and ``vdn`` the request carries."""
    cc_id_optional: bool = False
    """True: without a ``ccId`` the server takes its default call center."""
    key: str | None = None
    """Record field that answers a key of the question (None: rows are not asked for by key)."""
    fills: tuple[str, ...] = ()
    """Record fields (besides cc_id and vdn) that come from the question: the rows do not carry them."""
    reports: tuple[str, ...] | None = None
    """Record fields this interface answers; None: all that have a wire name."""
    pages: Pages | None = None
    shapes: tuple[Shape, ...] = (Shape(),)
    needs: KeyKind = KeyKind.TENANT
    quota: Quota | None = None
    """Published frequency limit of the whole system; None: the client's own default."""
    agent_quota: Quota | None = None
    """Published frequency limit per agent."""
    counted_with: str | None = None
    """Name of the interface whose requests the published limits count together with this one's."""
    retryable: bool = True
    """True: asking twice is harmless, so a failed attempt may be repeated."""
    snapshot: bool = True
    """True: rows describe the moment of asking and carry ``sampled_at``."""
    hint: str | None = None
    """What to say when this interface in particular is refused."""


@frozen
class Group:
    """The keys asked of one VDN; ``keys=None`` means all of them, ``vdn=None`` no VDN at all."""

    vdn: int | None = None
    keys: tuple[int, ...] | tuple[str, ...] | None = None


@frozen
class Window:
    """A stretch of time, [begin, end), asked of some VDNs (``vdns=None``: all)."""

    begin: datetime
    end: datetime
    vdns: tuple[int, ...] | None = None


@frozen
class Question:
    """What is asked, apart from who asks: serialisable, without secrets, versioned.

    ``groups`` holds the keys by VDN; ``begin``, ``end`` and ``vdns`` belong to ``system_indicators``
    (``vdns=None``: all). ``windows`` takes their place when the stretches of time do not touch or ask
    different VDNs (what is left of a time question after some parts failed); then those three are None.
    ``cc_id=None`` leaves the call center to the server's default.
    """

    interface: str
    cc_id: int | None = None
    groups: tuple[Group, ...] = ()
    vdns: tuple[int, ...] | None = None
    begin: datetime | None = None
    end: datetime | None = None
    version: int = 1
    windows: tuple[Window, ...] = ()

    def to_json(self) -> str:
        """Return the question as one line of JSON; see ``cc_async.contract.question``."""
        from cc_async.contract.question import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Question:
        """Read what ``to_json`` wrote; ValueError when it is no question this release can read."""
        from cc_async.contract.question import from_json

        return from_json(text)
