"""How large a page may be: asked once per host and interface, by the first page that could use it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar

from attrs import evolve

from cc_async.batch.chunk import Chunk
from cc_async.batch.paging import paged
from cc_async.contract.spec import Endpoint
from cc_async.errors import ApiError, CcError
from cc_async.session.host import HostMemory
from cc_async.session.request import Page, Request

R = TypeVar("R")

PageSize = int | Literal["learn"]
"""Rows asked for per page, or ``"learn"``: as many as the host really gives."""


def teachable(endpoint: Endpoint[Any]) -> bool:
    """True for interfaces documented with smaller pages than servers of the family are known to give."""
    return endpoint.pages is not None and endpoint.pages.limit < endpoint.pages.max_limit


class Learner(Generic[R]):
    """Sends the requests of one question, and learns the page size from the first of them.

    A server that refuses the largest size known (``0100002``) is asked for the documented one from then on;
    of a server that gives fewer rows although there are more, what it really gives is remembered. Whatever
    was answered on the way is not asked again. Questions that begin meanwhile wait for the lesson.
    """

    def __init__(
        self, send: Callable[[Request[R]], Awaitable[Page[R]]], memory: HostMemory, endpoint: Endpoint[R]
    ) -> None:
        if endpoint.pages is None:
            raise ValueError(f"{endpoint.name} has no pages")
        self._send = send
        self._memory = memory
        self._endpoint = endpoint
        self._small, self._large = endpoint.pages.limit, endpoint.pages.max_limit
        self._early: Page[R] | CcError | None = None
        self._spent = 0

    async def page_size(self, first: Chunk[R]) -> int:
        """The page size of this question; to know it, the first page of its first chunk may be asked."""
        name = self._endpoint.name
        async with self._memory.lessons.setdefault(name, asyncio.Lock()):
            known = self._memory.page_sizes.get(name)
            if known is not None:
                return known
            if first.expect_rows is not None and first.expect_rows <= self._small:
                return self._small  # nothing to gain, nothing to learn
            return await self._learn(first.request)

    async def send(self, request: Request[R]) -> Page[R]:
        """Send a request, unless it is the first page and was answered while learning."""
        early, self._early = self._early, None
        spent, self._spent = self._spent, 0
        if isinstance(early, CcError):
            early.attempts += spent
            raise early
        page = early or await self._send(request)
        self._note_cap(request, page)
        return evolve(page, attempts=page.attempts + spent) if spent else page

    async def _learn(self, request: Request[R]) -> int:
        if not self._memory.knows_shape(self._endpoint):
            # A refusal would leave open what is refused, the size or the shape: so the shape comes first.
            self._early = small = await self._ask(request, self._small)
            if isinstance(small, CcError) or (small.total is not None and small.received >= small.total):
                return self._small
        answer = await self._ask(request, self._large)
        if isinstance(answer, ApiError) and answer.code in self._endpoint.envelope.wrong_shape:
            self._spent += answer.attempts
            return self._remember(self._small)
        if isinstance(self._early, Page):
            self._spent += self._early.attempts
        self._early = answer
        if isinstance(answer, Page):
            given, total = answer.received, answer.total
            if given >= self._large or (given > self._small and total == given):
                return self._remember(self._large)
            if total is not None and total > given > 0:
                return self._remember(given)
        return self._large

    async def _ask(self, request: Request[R], size: int) -> Page[R] | CcError:
        try:
            return await self._send(paged(request, size, 0))
        except CcError as error:
            return error

    def _note_cap(self, request: Request[R], page: Page[R]) -> None:
        """Rows behind a page that was not full: without a total, only this tells that the server caps."""
        offset = request.params.get("offset", 0)
        if page.received and 0 < offset < request.params.get("limit", 0) == self._large:
            self._memory.page_sizes.setdefault(self._endpoint.name, offset)

    def _remember(self, size: int) -> int:
        self._memory.page_sizes[self._endpoint.name] = size
        return size
