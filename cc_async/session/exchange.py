"""One attempt: sign, send, read, after all waiting; and what a 401 sets off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from cc_async.contract.spec import Endpoint, Quota, Shape
from cc_async.errors import ApiError, CcError, RequestTimeout, SignatureRejected
from cc_async.session import events
from cc_async.session.auth import Unsigned
from cc_async.session.breaker import Circuit
from cc_async.session.call import Call
from cc_async.session.clock import Clock
from cc_async.session.codec import decode, encode
from cc_async.session.deadline import Deadline
from cc_async.session.host import HostMemory
from cc_async.session.locks import Lockout, reason
from cc_async.session.pacer import PaceKey, Pacer
from cc_async.session.probation import Probation
from cc_async.session.request import Page, Request
from cc_async.session.retry import RetryState
from cc_async.session.route import Route
from cc_async.session.signing import encode_query
from cc_async.session.slot import Slot
from cc_async.session.status import refusal, server_date
from cc_async.session.transport import Reply, Transport

SILENCE = 1.0
"""Seconds without an answer that speak against a host, even when the call's time ends first."""
CONTENT_TYPE = "application/json;charset=UTF-8"


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
    ticket: int = 0
    """The breaker's, of the last attempt."""
    shape: Shape | None = None
    body: bytes = b""

    @property
    def endpoint(self) -> Endpoint[Any]:
        """The interface."""
        return self.request.endpoint

    def write(self, shape: Shape) -> None:
        """Encode the body once per shape, however often it is sent."""
        if self.shape is not shape:
            self.shape = shape
            self.body = encode(self.endpoint, shape, self.request.params)


@define(eq=False)
class Exchange:
    """Makes the attempts of one client at one host."""

    transport: Transport
    circuit: Circuit
    pacer: Pacer
    probation: Probation
    lockout: Lockout
    memory: HostMemory
    clock: Clock
    watchers: events.Watchers
    last_success: float | None = None
    """Monotonic seconds of the last good answer, or None."""
    last_failure: float | None = None
    """Monotonic seconds of the last attempt that failed, or None."""

    _running: dict[Deadline, Errand] = field(factory=dict, init=False)
    _last_date: tuple[str, datetime] = field(default=("", datetime.fromtimestamp(0, UTC)), init=False)

    @property
    def in_flight(self) -> int:
        """Requests that are being sent or answered now."""
        return len(self._running)

    async def attempt(self, errand: Errand, slot: Slot) -> Page[Any]:
        """Sign, send, read: after all waiting."""
        errand.ticket = ticket = self.circuit.enter()
        began = self.clock.monotonic()
        try:
            page = await self._exchange(errand, slot)
        except CcError as error:
            self.circuit.failed(ticket, error)
            self.last_failure = self.clock.monotonic()
            raise
        except BaseException:
            if errand.call.limit.expired and self.clock.monotonic() - began >= SILENCE:
                self.circuit.failed(ticket, RequestTimeout("no answer before the time of the call was over"))
            else:
                self.circuit.dropped(ticket)
            raise
        self.circuit.succeeded(ticket)
        self.last_success = self.clock.monotonic()
        return page

    async def _exchange(self, errand: Errand, slot: Slot) -> Page[Any]:
        request, endpoint, clock = errand.request, errand.endpoint, self.clock
        unsigned = Unsigned(
            method=endpoint.method,
            path=self.transport.prefix + request.path,
            query=request.query,
            host=self.transport.host,
            content_type=CONTENT_TYPE,
            body=errand.body,
            now=clock.wall(),
            agent_id=request.agent_id,
        )
        headers = {"Content-Type": CONTENT_TYPE, **await errand.route.auth.sign(unsigned)}
        errand.attempts += 1
        began, watched = clock.monotonic(), bool(self.watchers)
        if watched:
            self.watchers.tell(
                events.RequestSent(*self.stamp(errand), errand.number, request.part, errand.attempts)
            )
        reply: Reply | None = None
        try:
            reply = await self._sent(errand, slot, headers)
            page: Page[Any] = await self._read(errand, unsigned, reply)
        except BaseException as error:
            if watched:
                self._tell_answered(errand, began, reply, None, type(error).__name__)
            raise
        if watched:
            self._tell_answered(errand, began, reply, page, None)
        return page

    def _tell_answered(
        self, errand: Errand, began: float, reply: Reply | None, page: Page[Any] | None, error: str | None
    ) -> None:
        """Tell observers what came of an attempt, and of every row that could not be read."""
        self.watchers.tell(
            events.RequestAnswered(
                *self.stamp(errand),
                errand.number,
                errand.request.part,
                errand.attempts,
                status=None if reply is None else reply.status,
                seconds=self.clock.monotonic() - began,
                rows=0 if page is None else page.received,
                error=error,
            )
        )
        for rejected in () if page is None else page.rejected:
            self.watchers.tell(events.RowRejected(*self.stamp(errand), rejected.part, rejected.reason))

    async def _sent(self, errand: Errand, slot: Slot, headers: Mapping[str, str]) -> Reply:
        request = errand.request
        query = encode_query(request.query) if request.query else ""
        limit = Deadline(self.clock.monotonic() + self.transport.timeouts.attempt, self.clock)
        try:
            async with limit:
                self._running[limit] = errand
                reply = await self.transport.send(
                    errand.endpoint.method, request.path, query, headers, errand.body, on_sent=slot.sent
                )
        except TimeoutError as error:
            if isinstance(error, CcError):
                raise
            seconds = self.transport.timeouts.attempt
            raise RequestTimeout(f"no whole answer within {seconds:g} s") from None
        finally:
            self._running.pop(limit, None)
        slot.answered()
        return reply

    async def _read(self, errand: Errand, unsigned: Unsigned, reply: Reply) -> Page[Any]:
        """Turn an answer into a page, or into the error it stands for."""
        sampled_at = self._sampled_at(reply)
        await errand.route.auth.absorb(unsigned, reply.status, reply.headers)
        error = refusal(
            reply.status, reply.headers, reply.body, wall_now=self.clock.wall(), hint=errand.endpoint.hint
        )
        if isinstance(error, SignatureRejected):
            await self._reject(errand)
        if error is not None:
            raise error
        try:
            page = decode(errand.request, reply.body, sampled_at)
        except ApiError:
            self._prove(errand)  # a code of the interface: the signature was good
            raise
        self._prove(errand)
        return page

    def _prove(self, errand: Errand) -> None:
        self.probation.prove(errand.route.whole)
        self.probation.prove(errand.route.at_interface)

    async def _reject(self, errand: Errand) -> None:
        """After a 401: lock, and end what is running with the same credential."""
        ahead = None if self.memory.clock_offset is None else -self.memory.clock_offset
        why = reason(ahead)
        credential = errand.route.credential
        scope = await self.lockout.reject(self.pacer, self.probation, credential, errand.endpoint.name, why)
        for limit, other in list(self._running.items()):
            if other.route.credential == credential and scope in (None, other.endpoint.name):
                limit.cut(SignatureRejected(f"ended: {why}", code="401", hint="correct the key"))
        if self.watchers:
            until = self.clock.wall() + self.lockout.seconds
            self.watchers.tell(events.CredentialLocked(*self.stamp(errand), scope=scope or "*", until=until))

    def _sampled_at(self, reply: Reply) -> datetime:
        """The server's Date if it sent one, else our clock."""
        text = reply.headers.get("Date", "")
        if not text or text != self._last_date[0]:
            wall = self.clock.wall()
            date = server_date(reply.headers)
            if date is None:
                return datetime.fromtimestamp(wall, UTC)
            self.memory.clock_offset = date - wall
            self._last_date = (text, datetime.fromtimestamp(date, UTC))
        return self._last_date[1]

    def stamp(self, errand: Errand) -> tuple[float, int, str]:
        """What every event begins with."""
        return self.clock.wall(), errand.call.number, errand.endpoint.name
