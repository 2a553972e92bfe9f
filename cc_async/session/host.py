"""What one host taught us: how it wants its requests written, how large a page may be, how its clock runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from cc_async.contract.spec import Endpoint, Shape


class HostMemory:
    """The lessons of one host, kept for the life of a client."""

    def __init__(self, *, wrapped: bool | None = None) -> None:
        """Start empty, or with the request shape forced: ``wrapped`` True, False, or None to learn it."""
        self._forced = wrapped
        self._habit = wrapped
        self._shapes: dict[str, Shape] = {}
        self.page_sizes: dict[str, int] = {}
        """Largest page by interface, once learned."""
        self.lessons: dict[str, asyncio.Lock] = {}
        """Held by the question that is learning the page size of an interface."""
        self.clock_offset: float | None = None
        """Seconds the server's clock is ahead of ours, by its last Date header (whole seconds)."""

    def shapes(self, endpoint: Endpoint[Any]) -> Iterator[Shape]:
        """The shapes to try, in order: the one that worked, or all, those of the host's habit first."""
        known = self._shapes.get(endpoint.name)
        if known is not None:
            yield known
            return
        if len(endpoint.shapes) == 1:
            yield endpoint.shapes[0]  # a GET has no body to write in another way, whatever is forced
            return
        rest = []
        for shape in endpoint.shapes:
            if self._habit is None or shape.wrapped == self._habit:
                yield shape
            else:
                rest.append(shape)
        if self._forced is None:
            yield from rest

    def knows_shape(self, endpoint: Endpoint[Any]) -> bool:
        """True when nothing is left to learn about the requests of this interface."""
        return len(endpoint.shapes) == 1 or endpoint.name in self._shapes

    def learn_shape(self, endpoint: Endpoint[Any], shape: Shape) -> None:
        """This shape was accepted: use it from now on, and its wrapping first for the other interfaces."""
        self._shapes[endpoint.name] = shape
        if len(endpoint.shapes) > 1:
            self._habit = shape.wrapped
