"""The steps of one send, in one visible order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable
from typing import Any, TypeVar

from attrs import define, evolve

from cc_async.contract.spec import Endpoint, KeyKind
from cc_async.errors import ApiError, CcError, HttpError
from cc_async.session import events
from cc_async.session.auth import Auth
from cc_async.session.call import Call
from cc_async.session.errand import Errand, Replaced
from cc_async.session.exchange import Exchange
from cc_async.session.gate import Gate
from cc_async.session.probation import ANYTIME, Turn
from cc_async.session.quotas import Quotas
from cc_async.session.request import Page, Request
from cc_async.session.retry import Retry, RetryBudget, RetryState
from cc_async.session.route import Route

R = TypeVar("R")


@define(eq=False, slots=False)
class Session:
    """Sends requests for many callers: paced, signed, retried, decoded.

    The order of one send: breaker, turn (a key or a shape nobody has proven travels alone), quota, gate,
    then one attempt (sign, send, read). A failed attempt waits outside of all of them. The quota comes
    before the gate: whoever waits for a quota or a pause keeps no place from the other interfaces; a slot
    counts from the moment the bytes go out, so the quota stays exact all the same.
    """

    exchange: Exchange
    gate: Gate
    retry: Retry
    budget: RetryBudget
    rng: random.Random

    def __attrs_post_init__(self) -> None:
        self._numbers = itertools.count(1)
        # Of the interfaces of the table only: names of raw calls are made up by callers, without an end.
        self._routes: dict[str, Route] = {}
        self.credentials: dict[KeyKind, Auth] = self.exchange.credentials
        self.pacer = self.exchange.pacer
        self.memory = self.exchange.memory
        self.clock = self.exchange.clock
        self.watchers = self.exchange.watchers
        self.host = self.exchange.transport.name

    async def send(self, request: Request[R], call: Call, quotas: Quotas) -> Page[R]:
        """Send until there is an answer, or an error that more attempts would not change."""
        errand = self._errand(request, call, quotas)
        delay: float | None = None
        while True:
            try:
                if delay is not None:
                    await self.exchange.rest(errand, delay)
                    delay = None
                page: Page[R] | None = await self._turn(errand)
                if page is None:
                    continue
            except Replaced:
                self._renew(errand, quotas)
                continue
            except CcError as error:
                delay = await self._after(errand, error)
                if delay is None:
                    # Below this line are headers and bodies: nobody prints them as locals of a traceback.
                    raise error.with_traceback(None) from None
            else:
                if errand.retries is None:
                    self.budget.give(1)
                else:
                    errand.retries.succeeded()
                return page if errand.attempts == 1 else evolve(page, attempts=errand.attempts)

    def _errand(self, request: Request[Any], call: Call, quotas: Quotas) -> Errand:
        route = self._route(request.endpoint)
        wants = quotas.wants(*route.credential, request.endpoint, request.agent_id)
        return Errand(request, route.endpoint, call, route, wants, next(self._numbers))

    def _renew(self, errand: Errand, quotas: Quotas) -> None:
        """Go on with the credential that took the place of the old one."""
        errand.route = self._route(errand.endpoint)
        errand.wants = quotas.wants(*errand.route.credential, errand.endpoint, errand.request.agent_id)

    def _route(self, endpoint: Endpoint[Any]) -> Route:
        """The route of an interface, made anew when its credential was replaced."""
        auth = self.credentials[endpoint.needs]
        if endpoint.record is object:
            return Route(self.host, endpoint, auth, id(self.memory))
        route = self._routes.get(endpoint.name)
        if route is None or route.auth is not auth or route.endpoint is not endpoint:
            route = self._routes[endpoint.name] = Route(self.host, endpoint, auth, id(self.memory))
        return route

    def _turn(self, errand: Errand) -> Awaitable[Page[Any] | None]:
        """One attempt; while something is to be learned (a key, a shape) nobody else travels with it.

        None: a pause was waited out in place of it.
        """
        route = errand.route
        learning = not self.memory.knows_shape(errand.endpoint)
        turn = self.exchange.probation.turn(route.learning[learning], trusted=route.trusted)
        errand.proving = turn is not ANYTIME
        return self._alone(errand, turn, learning) if errand.proving else self._in_shape(errand, learning)

    async def _alone(self, errand: Errand, turn: Turn, learning: bool) -> Page[Any] | None:
        async with turn as alone:
            pause = self.pacer.paused_for([key for key, _ in errand.wants]) if alone else 0.0
            if pause <= 0:
                return await self._in_shape(errand, learning)
        # Whoever has something to prove keeps others waiting: a pause is waited out before its turn.
        await self.exchange.rest(errand, pause)
        return None

    async def _in_shape(self, errand: Errand, learning: bool) -> Page[Any]:
        """Write the request as this host wants it, trying the shapes in turn until one is known."""
        endpoint = errand.endpoint
        refused: list[ApiError] = []
        for shape in self.memory.shapes(endpoint):
            errand.write(shape)
            try:
                page = await self._paced(errand)
            except ApiError as error:
                if error.code not in endpoint.envelope.wrong_shape:
                    raise
                refused.append(error)
                continue
            if learning or refused:
                self.memory.learn_shape(endpoint, shape)
                self.exchange.probation.prove(errand.route.shape)
            return page
        raise refused[0]

    async def _paced(self, errand: Errand) -> Page[Any]:
        exchange, gate = self.exchange, self.gate
        while True:
            exchange.circuit.check()
            slot = errand.slot = await self.pacer.acquire(errand.wants)
            try:
                if waited := not gate.take():
                    await gate.wait()
                try:
                    # Much may have happened while we waited.
                    if exchange.replaced(errand):
                        raise Replaced
                    if not self._stopped(errand, waited):
                        return await exchange.attempt(errand)
                finally:
                    gate.leave()
            finally:
                slot.release()

    def _stopped(self, errand: Errand, waited: bool) -> bool:
        """True when it is the pacer's turn again: a lock came, or a pause while we stood at the gate."""
        if self.pacer.locked(errand.route.credential, errand.endpoint.name) is not None:
            return True
        return waited and self.pacer.paused_for([key for key, _ in errand.wants]) > 0

    async def _after(self, errand: Errand, error: CcError) -> float | None:
        """What a failed attempt leads to: the seconds until the next one, or None."""
        endpoint, part = errand.endpoint, errand.request.part
        if errand.retries is None:
            errand.retries = RetryState(self.retry, self.budget, self.rng, codes=endpoint.envelope.retry)
        retries = errand.retries
        retries.repeatable = endpoint.retryable or not errand.went_out
        error.located(endpoint=endpoint.name, part=part, host=self.host, attempts=errand.attempts)
        delay = retries.decide(error, errand.call.left(self.clock.monotonic()))
        if retries.pause > 0:
            # A status is about everybody; the gateway's code 000-007 is about the agent that asked too often.
            concerns = -1 if isinstance(error, HttpError) and error.status != 200 else 0
            await self.pacer.pause(errand.wants[concerns][0], retries.pause)
            if self.watchers:
                self.watchers.tell(events.QuotaPaused(*self.exchange.stamp(errand), retries.pause))
        if retries.exhausted and errand.ticket is not None:
            self.exchange.circuit.trip(errand.ticket, error)
        if delay is not None and self.watchers:
            stamp, name = self.exchange.stamp(errand), type(error).__name__
            self.watchers.tell(
                events.RequestRetried(*stamp, errand.number, part, errand.attempts, delay, name)
            )
        return delay
