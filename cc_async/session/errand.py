"""One request on its way: what its attempts share."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from cc_async.contract.spec import Endpoint, Quota, Shape
from cc_async.session.call import Call
from cc_async.session.codec import encode
from cc_async.session.pacer import PaceKey
from cc_async.session.request import Request
from cc_async.session.retry import RetryState
from cc_async.session.route import Route
from cc_async.session.slot import FREE, Slot


@define(eq=False)
class Errand:
    """One request on its way: what its attempts share."""

    request: Request[Any]
    endpoint: Endpoint[Any]
    call: Call
    route: Route
    wants: tuple[tuple[PaceKey, Quota | None], ...]
    number: int
    slot: Slot = FREE
    """The right to send it now."""
    went_out: bool = False
    """True once an attempt went out: it may have arrived, whatever came of it."""
    retries: RetryState | None = None
    """None until an attempt failed."""
    attempts: int = 0
    ticket: int | None = None
    """The breaker's, of the last attempt; None: nothing was sent in it."""
    proving: bool = True
    """False when key and shape were proven before it went and nobody doubted the key at this interface."""
    shape: Shape | None = None
    body: bytes = field(default=b"", repr=False)

    def sent(self) -> None:
        """The bytes go out now."""
        self.went_out = True
        self.slot.sent()

    def write(self, shape: Shape) -> None:
        """Encode the body once per shape, however often it is sent."""
        if self.shape is not shape:
            self.shape = shape
            self.body = encode(self.endpoint, shape, self.request.params)


class Replaced(Exception):
    """The credential was replaced while the request was under way."""
