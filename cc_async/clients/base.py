"""What both clients share: how a question becomes a query, is asked, and is closed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from attrs import evolve

from cc_async.batch.checked import check_cc_id, checked
from cc_async.batch.ids import IdRange, above
from cc_async.batch.merge import merged
from cc_async.batch.plan import Plan, plan
from cc_async.batch.result import Batch
from cc_async.clients.asking import Asking, Options, ask, stream
from cc_async.clients.core import Core
from cc_async.clients.health import Health, health_of
from cc_async.clients.lookup import Resolved
from cc_async.clients.one import one, single
from cc_async.clients.raw import send_raw
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Endpoint, Group, Host, Question
from cc_async.errors import CcError
from cc_async.query import Origin, Query
from cc_async.session.auth import Auth
from cc_async.session.call import Call
from cc_async.session.request import Request

R = TypeVar("R")

_log = logging.getLogger("cc_async")


class Unset:
    """The type of ``UNSET``: an argument that was not given, where None means something."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final[Unset] = Unset()

MOST_CONCURRENT: Final = 10_000
"""Requests under way at the same time that a client can be told to allow."""


def check_timeout(value: object, name: str = "timeout") -> float | None:
    """A timeout in seconds, or None; raises TypeError or ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be seconds or None, not {type(value).__name__}")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a positive number of seconds or None, not {value}")
    return float(value)


def check_count(name: str, value: object, most: int) -> int:
    """A whole number from 1 to ``most``; raises TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not 1 <= value <= most:
        raise ValueError(f"{name} must be 1 to {most}, not {value}")
    return value


def check_auth(value: object) -> Auth:
    """Anything with the halves of the Auth protocol; raises TypeError."""
    if isinstance(value, Auth) and not isinstance(value, type):
        return value
    raise TypeError(f"auth must be AkSk(...) or another Auth, not {type(value).__name__}")


class BaseClient:
    """Asks questions of one host."""

    _host: Host

    def __init__(self, core: Core, options: Options, *, owner: bool = True) -> None:
        self._core = core
        self._options = options
        self._owner = owner

    async def __aenter__(self) -> Self:
        self._core.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error on its way out does not wait for calls that nobody will use.
        await self.aclose(grace=5.0 if kind is None else 0.0)

    async def aclose(self, grace: float = 5.0) -> None:
        """Close: calls under way may end within ``grace`` seconds, then they end with ClosedError.

        A copy made by ``with_options`` closes nothing: the client it was made from does.
        """
        if self._owner:
            await self._core.aclose(grace)

    @property
    def health(self) -> Health:
        """How this client is doing: breaker, locks, quotas, age of the last good answer; no I/O."""
        return health_of(self._core, self._host)

    def _copy(self, **changes: Any) -> Self:
        given = {name: value for name, value in changes.items() if not isinstance(value, Unset)}
        if "quotas" in given:
            self._core.check_shared(given["quotas"].shared)
        copy = object.__new__(type(self))
        BaseClient.__init__(copy, self._core, evolve(self._options, **given), owner=False)
        return copy

    def _endpoint(self, question: Question) -> Endpoint[Any]:
        endpoint = ENDPOINTS.get(question.interface)
        if endpoint is None or endpoint.host is not self._host:
            known = sorted(name for name, entry in ENDPOINTS.items() if entry.host is self._host)
            raise ValueError(
                f"{type(self).__name__} cannot ask {question.interface!r}; it asks {', '.join(known)}"
            )
        return endpoint

    def ask(
        self, question: Question, *, timeout: float | Unset | None = UNSET, partial: bool = False
    ) -> Query[Any]:
        """The query of a question made elsewhere or earlier (``query.question``, ``batch.unanswered``).

        Raises:
            ValueError: a question of the other host, or of an interface nobody knows.
        """
        if not isinstance(question, Question):
            raise TypeError(f"ask takes a Question, not {type(question).__name__}")
        endpoint = self._endpoint(question)
        return self._query(checked(question, endpoint), endpoint, timeout, partial)

    async def retry(self, batch: Batch[R], *, partial: bool = False) -> Batch[R]:
        """Ask what a batch left unanswered, and return both merged; a complete batch is returned as it is.

        Raises what the query raises, with the merged batch in ``.batch``.
        """
        question = batch.unanswered
        if question is None:
            return batch
        try:
            again: Batch[R] = await self.ask(question, partial=partial)
        except CcError as error:
            if error.batch is not None:
                error.batch = merged(batch, error.batch)
            raise
        return merged(batch, again)

    def _query(
        self,
        question: Question,
        endpoint: Endpoint[R],
        timeout: float | Unset | None,
        partial: bool,
    ) -> Query[R]:
        check_cc_id(question, endpoint)
        seconds = self._options.timeout if isinstance(timeout, Unset) else check_timeout(timeout)
        limit = None if isinstance(timeout, Unset) else seconds

        def asking(most: float | None) -> Asking[R]:
            resolve = functools.partial(self._resolve, endpoint=endpoint)
            return Asking(self._core, self._options, question, endpoint, resolve, most)

        return Query(
            question,
            ask=lambda: ask(asking(seconds), partial=partial),
            plan=lambda: self._plan(question, endpoint),
            # A stream has no end to wait for: only a timeout that was asked for holds.
            stream=lambda: stream(asking(limit), partial=partial),
            one=lambda key, max_age: self._one(question, endpoint, seconds, key, max_age),
            origin=Origin(
                endpoint.record,
                lambda other: self._query(other, endpoint, timeout, partial),
                self._now,
                partial,
                self._core.transport.name,
            ),
        )

    def _one(
        self, question: Question, endpoint: Endpoint[R], timeout: float | None, key: object, max_age: float
    ) -> Coroutine[Any, Any, R]:
        wanted = single(question, endpoint, key)
        if wanted.kind is not None:
            self._warn_above((wanted.key,), wanted.kind)
        return one(self._core, self._options, wanted, endpoint, timeout, max_age)

    def _now(self) -> datetime:
        """The server's time, as far as it is known."""
        ahead = self._core.memory.clock_offset or 0.0
        return datetime.fromtimestamp(self._core.open().clock.wall() + ahead, UTC)

    def _plan(self, question: Question, endpoint: Endpoint[Any]) -> Plan:
        known = evolve(
            question, groups=tuple(self._known_group(question, group) for group in question.groups)
        )
        quota = self._options.quotas.of(endpoint)
        learned = self._core.memory.page_sizes.get(endpoint.name)
        return plan(known, endpoint, self._options.split(endpoint, learned), quota, learned)

    def _known_group(self, question: Question, group: Group) -> Group:
        """A group of all keys, with its keys where they were looked up lately."""
        return group

    async def _resolve(self, question: Question, call: Call, endpoint: Endpoint[Any]) -> Resolved:
        """The question with its keys: groups that ask for all of them have to be looked up."""
        return Resolved(question)

    async def _raw(self, request: Request[Any], timeout: float | Unset | None) -> Any:
        """Send one request of no table, and return the one row of its answer."""
        seconds = self._options.timeout if isinstance(timeout, Unset) else check_timeout(timeout)
        return await send_raw(self._core, self._options.quotas, request, seconds)

    def _warn_above(self, ids: tuple[int, ...], kind: IdRange) -> None:
        largest = above(ids, kind)
        if largest is not None and kind.noun not in self._core.warned:
            self._core.warned.add(kind.noun)
            _log.warning(
                "%s %d is above %d, the newest bound known; asking all the same",
                kind.noun,
                largest,
                kind.high_known,
            )
