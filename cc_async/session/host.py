"""What one host taught us: how it wants its requests written, how large a page may be, how its clock runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from cc_async.contract.spec import Endpoint, Shape

_LOOK_AGAIN = 20
"""Of so many refusals of a shape that once worked, one makes us try the others, too."""


class HostMemory:
    """The lessons of one host, kept for the life of a client.

    A raw call (its record is ``object``) may be written in any way its caller likes: it teaches the host's
    habit, and nothing about an interface. So nothing is kept under the names callers make up.
    """

    def __init__(self, *, wrapped: bool | None = None) -> None:
        """Start empty, or with the request shape forced: ``wrapped`` True, False, or None to learn it."""
        self._forced = wrapped
        self._habit = wrapped
        self._shapes: dict[str, Shape] = {}
        self._refusals: dict[str, int] = {}
        self.page_sizes: dict[str, int] = {}
        """Largest page by interface, once learned."""
        self.lessons: dict[str, asyncio.Lock] = {}
        """Held by the question that is learning the page size of an interface."""
        self.clock_offset: float | None = None
        """Seconds the server's clock is ahead of ours, by its last Date header (whole seconds)."""

    def shapes(self, endpoint: Endpoint[Any]) -> Iterator[Shape]:
        """The shapes to try, in order, one after another as they are refused.

        Nothing learned yet: all of them, those of the host's habit first. Otherwise the one that worked; the
        others follow at its first refusal and at every twentieth, since a refusal is nearly always about the
        values, and only after an update of the server about the shape.
        """
        if len(endpoint.shapes) == 1:
            yield endpoint.shapes[0]  # a GET has no body to write in another way, whatever is forced
            return
        known = self._known(endpoint)
        if known is None:
            yield from self._by_habit(endpoint)
            return
        yield known
        # Here it was refused; whoever asked at the same time may know better by now.
        learned = self._known(endpoint)
        if learned is not None and learned != known:
            yield learned
        elif self._look_again(endpoint.name):
            yield from (shape for shape in self._by_habit(endpoint) if shape != known)

    def knows_shape(self, endpoint: Endpoint[Any]) -> bool:
        """True when nothing is left to learn about the requests of this interface."""
        if len(endpoint.shapes) == 1:
            return True
        return self._habit is not None if _is_raw(endpoint) else self._known(endpoint) is not None

    def learn_shape(self, endpoint: Endpoint[Any], shape: Shape) -> None:
        """This shape was accepted: use it from now on, and its wrapping first for the other interfaces."""
        if len(endpoint.shapes) == 1:
            return
        self._habit = shape.wrapped
        if not _is_raw(endpoint):
            self._shapes[endpoint.name] = shape
            self._refusals.pop(endpoint.name, None)

    def _known(self, endpoint: Endpoint[Any]) -> Shape | None:
        """The shape that worked at this interface, if it is one of those the caller could send."""
        shape = None if _is_raw(endpoint) else self._shapes.get(endpoint.name)
        return shape if shape in endpoint.shapes else None

    def _by_habit(self, endpoint: Endpoint[Any]) -> Iterator[Shape]:
        rest = []
        for shape in endpoint.shapes:
            if self._habit is None or shape.wrapped == self._habit:
                yield shape
            else:
                rest.append(shape)
        if self._forced is None:
            yield from rest

    def _look_again(self, name: str) -> bool:
        lesson = self.lessons.get(name)
        if lesson is not None and lesson.locked():
            return False  # a page larger than documented is being tried: that is what was refused
        refusals = self._refusals.get(name, 0)
        self._refusals[name] = refusals + 1
        return refusals % _LOOK_AGAIN == 0


def _is_raw(endpoint: Endpoint[Any]) -> bool:
    return endpoint.record is object
