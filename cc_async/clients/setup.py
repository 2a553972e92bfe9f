"""What a client is made of, as its constructor was given it; values only, nothing is opened."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from cc_async.contract.spec import KeyKind
from cc_async.errors import ConfigError
from cc_async.session.auth import Auth
from cc_async.session.breaker import Breaker
from cc_async.session.clock import Clock
from cc_async.session.events import Observer
from cc_async.session.file_book import file_pacer
from cc_async.session.pacer import MemoryPacer, Pacer
from cc_async.session.retry import Retry
from cc_async.session.timeouts import Timeouts
from cc_async.session.tls import Tls

if TYPE_CHECKING:
    import aiohttp

RequestShape = Literal["learn", "flat", "wrapped"]
"""How CC-CMS wants its parameters: ``{...}``, ``{"queryParam": {...}}``, or to be found out."""

WRAPPED: dict[RequestShape, bool | None] = {"learn": None, "flat": False, "wrapped": True}


def _known(_: object, __: object, shape: object) -> None:
    if shape not in WRAPPED:
        raise ValueError(f"request_shape must be 'learn', 'flat' or 'wrapped', not {shape!r}")


@frozen(kw_only=True)
class Setup:
    """Everything the copies of one client have in common, as the constructor was given it."""

    base_url: str
    credentials: Mapping[KeyKind, Auth] = field(repr=False)
    concurrency: int = 32
    tls: Tls | ssl.SSLContext | None = None
    host: str | None = None
    proxy: str | None = field(default=None, repr=False)
    retry: Retry = field(factory=Retry)
    breaker: Breaker = field(factory=Breaker)
    lockout: float = 300.0
    timeouts: Timeouts = field(factory=Timeouts)
    pacer: Pacer | None = None
    shared: str | None = None
    """File in which the quotas are counted, as they name it."""
    paced: bool = True
    """False: there is no quota at all."""
    connector: aiohttp.BaseConnector | None = None
    observers: Iterable[Observer] = ()
    clock: Clock | None = None
    rng: random.Random | None = None
    allow_http: bool = False
    max_body: int = 8 * 2**20
    request_shape: RequestShape = field(default="learn", validator=_known)
    fresh: bool = False
    """True: a new connection for each request."""


def pacer_of(setup: Setup) -> Pacer:
    """The pacer given, one that counts in the file the quotas name, or one of this client's own."""
    if setup.shared is None:
        return setup.pacer or MemoryPacer()
    if setup.pacer is not None:
        text = "a quota names a shared file, and a pacer is given as well"
        raise ConfigError(text, hint="give shared= or pacer=, not both")
    return file_pacer(setup.shared)
