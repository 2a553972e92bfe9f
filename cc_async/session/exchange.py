"""One attempt: sign, send, read, after all waiting; and what a 401 sets off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from cc_async.contract.spec import KeyKind
from cc_async.errors import (
    ApiError,
    CcError,
    NoPermission,
    RequestTimeout,
    SessionLost,
    SignatureRejected,
    Throttled,
)
from cc_async.session import events
from cc_async.session.auth import Auth, Unsigned, own_error
from cc_async.session.breaker import Circuit
from cc_async.session.clock import Clock
from cc_async.session.codec import decode
from cc_async.session.deadline import Deadline, Line
from cc_async.session.errand import Errand, Replaced
from cc_async.session.host import HostMemory
from cc_async.session.locks import Lockout, reason
from cc_async.session.pacer import Pacer
from cc_async.session.probation import Probation
from cc_async.session.request import Page
from cc_async.session.signing import encode_query
from cc_async.session.status import answers, refusal, server_date
from cc_async.session.transport import Reply, Transport

SILENCE = 1.0
"""Seconds without an answer that speak against a host, even when the call's time ends first."""
CENTURY = 100 * 365.25 * 86_400.0
"""Seconds: a Date header further off than this is no date."""


@define(eq=False)
class Exchange:
    """Makes the attempts of one client at one host."""

    transport: Transport
    credentials: dict[KeyKind, Auth]
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

    _attempts: Line = field(init=False)
    _watched: bool = field(init=False)
    _resting: dict[Deadline, Errand] = field(factory=dict, init=False)
    _last_date: tuple[str, datetime] = field(default=("", datetime.fromtimestamp(0, UTC)), init=False)

    def __attrs_post_init__(self) -> None:
        self._attempts = Line(self.transport.timeouts.attempt, self.clock)
        self._watched = bool(self.watchers)

    @property
    def in_flight(self) -> int:
        """Requests that are being sent or answered now."""
        return len(self._attempts.open)

    def replaced(self, errand: Errand) -> bool:
        """True when the errand carries a credential that is not used any more."""
        return self.credentials[errand.endpoint.needs] is not errand.route.auth

    async def rest(self, errand: Errand, seconds: float) -> None:
        """Wait outside of everything; a lock of the credential ends it."""
        limit = Deadline(None, self.clock)
        self._resting[limit] = errand
        try:
            with limit:
                await self.clock.sleep(seconds)
        finally:
            del self._resting[limit]

    async def attempt(self, errand: Errand) -> Page[Any]:
        """Sign, send, read, under one limit; the breaker hears what came of it."""
        errand.ticket = None
        patience = errand.request.patience
        if patience is None:
            seconds, limit = self.transport.timeouts.attempt, self._attempts.limit(errand)
        else:
            seconds, limit = patience, Deadline(self.clock.monotonic() + patience, self.clock)
        try:
            with limit:
                page = await self._exchange(errand)
        except CcError as error:
            self._failed(errand, error)
            raise
        except TimeoutError:
            late = RequestTimeout(f"no whole answer within {seconds:g} s")
            self._failed(errand, late)
            raise late from None
        except BaseException:
            began = limit.due - seconds
            silent = errand.call.limit.expired and self.clock.monotonic() - began >= SILENCE
            if silent and errand.ticket is not None:
                self.circuit.failed(errand.ticket, RequestTimeout("no answer before the time was over"))
            elif errand.ticket is not None:
                self.circuit.dropped(errand.ticket)
            raise
        if errand.ticket is not None:
            self.circuit.succeeded(errand.ticket)
        self.last_success = self.clock.monotonic()
        return page

    def _failed(self, errand: Errand, error: CcError) -> None:
        """What failed before anything was sent says nothing about the host; a vendor code is an answer."""
        if errand.ticket is not None:
            self.circuit.failed(errand.ticket, error)
            if not isinstance(error, ApiError):
                self.last_failure = self.clock.monotonic()

    async def _exchange(self, errand: Errand) -> Page[Any]:
        request, endpoint, transport = errand.request, errand.endpoint, self.transport
        unsigned = Unsigned(
            endpoint.method,
            transport.prefix + request.path,
            request.query,
            transport.host,
            transport.content_type,
            errand.body,
            self.clock.wall(),
            request.agent_id,
        )
        try:
            headers = await errand.route.auth.sign(unsigned)
        except Exception as error:
            raise own_error(error, "could not sign", "look at the Auth or the GUID source") from None
        query = encode_query(request.query) if request.query else ""
        errand.ticket = self.circuit.enter()
        errand.attempts += 1
        began = self._tell_sent(errand) if self._watched else 0.0
        reply: Reply | None = None
        try:
            reply = await transport.send(
                endpoint.method,
                request.path,
                query,
                headers,
                errand.body,
                on_sent=errand.sent,
                on_answer=errand.slot.answered,
            )
            page: Page[Any] = await self._read(errand, unsigned, reply)
        except BaseException as error:
            if self._watched:
                self._tell_answered(errand, began, reply, None, type(error).__name__)
            raise
        if self._watched:
            self._tell_answered(errand, began, reply, page, None)
        return page

    def _tell_sent(self, errand: Errand) -> float:
        """Tell observers that an attempt goes out; returns when."""
        endpoint, part = errand.endpoint, errand.request.part
        self.watchers.tell(
            events.RequestSent(
                *self.stamp(errand), errand.number, part, errand.attempts, endpoint.method, endpoint.path
            )
        )
        return self.clock.monotonic()

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

    async def _read(self, errand: Errand, unsigned: Unsigned, reply: Reply) -> Page[Any]:
        """Turn an answer into a page, or into the error it stands for."""
        sampled_at = self._sampled_at(reply)
        error = None if answers(reply.status, reply.body) else await self._refused(errand, reply)
        try:
            await errand.route.auth.absorb(unsigned, reply.status, reply.headers)
        except Exception as failure:
            raise own_error(failure, "could not take the answer", "look at the Auth that was given") from None
        if error is not None:
            raise error
        try:
            page = decode(errand.request, reply.body, sampled_at)
        except (ApiError, NoPermission, Throttled):
            self._prove(errand)  # a code of the interface: the signature was good
            raise
        self._prove(errand)
        return page

    async def _refused(self, errand: Errand, reply: Reply) -> CcError | None:
        """The error a status stands for, if it is one; a 401 has consequences."""
        hint = errand.endpoint.hint
        error = refusal(reply.status, reply.headers, reply.body, wall_now=self.clock.wall(), hint=hint)
        if isinstance(error, SignatureRejected):
            if self.replaced(errand) and errand.endpoint.retryable:
                raise Replaced  # it was the old key that was rejected: the new one has not been tried
            if errand.request.agent_id is not None:
                # One agent's GUID, not a signature: nobody else is concerned.
                return SessionLost("the gateway does not accept the agent's GUID (HTTP 401)", code="401")
            await self._reject(errand)
        return error

    def _prove(self, errand: Errand) -> None:
        if self.replaced(errand):
            return  # what an old key did says nothing about the new one
        self.probation.prove(errand.route.whole)
        if errand.proving:  # else nobody doubts it: a name for every path that is called would only grow
            self.probation.prove(errand.route.at_interface)

    async def _reject(self, errand: Errand) -> None:
        """After a 401: lock, and end what is running with the same credential."""
        ahead = None if self.memory.clock_offset is None else -self.memory.clock_offset
        why = reason(ahead)
        credential = errand.route.credential
        scope = await self.lockout.reject(self.pacer, self.probation, credential, errand.endpoint.name, why)
        running = [(limit, limit.about) for limit in self._attempts.open]
        for limit, other in [*running, *self._resting.items()]:
            concerned = other.route.credential == credential and scope in (None, other.endpoint.name)
            if concerned and other is not errand:  # its own error says more
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
            if date is None or abs(date - wall) > CENTURY:
                return datetime.fromtimestamp(wall, UTC)
            self.memory.clock_offset = date - wall
            self._last_date = (text, datetime.fromtimestamp(date, UTC))
        return self._last_date[1]

    def stamp(self, errand: Errand) -> tuple[float, int, str]:
        """What every event begins with."""
        return self.clock.wall(), errand.call.number, errand.endpoint.name
