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


@define(eq=False)
class Errand:
    """One request on its way: what its attempts share."""

    request: Request[Any]
    call: Call
    route: Route
    wants: tuple[tuple[PaceKey, Quota | None], ...]
    number: int
    retries: RetryState | None = None
    """None until an attempt failed."""
    attempts: int = 0
    ticket: int | None = None
    """The breaker's, of the last attempt; None: nothing was sent in it."""
    shape: Shape | None = None
    body: bytes = field(default=b"", repr=False)

    @property
    def endpoint(self) -> Endpoint[Any]:
        """The interface."""
        return self.request.endpoint

    def write(self, shape: Shape) -> None:
        """Encode the body once per shape, however often it is sent."""
        if self.shape is not shape:
            self.shape = shape
            self.body = encode(self.endpoint, shape, self.request.params)


class Replaced(Exception):
    """The credential was replaced while the request was under way."""
