"""What the copies of one client share: connections, pacer, breaker, lessons; opened late, closed once."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
from collections.abc import Mapping
from datetime import datetime

from attrs import evolve

from cc_async.batch.coalesce import Coalescer
from cc_async.clients.company import Company, join, leave, workers
from cc_async.clients.setup import WRAPPED, Setup, pacer_of
from cc_async.contract.spec import KeyKind
from cc_async.errors import ClosedError, ConfigError
from cc_async.session.auth import Auth
from cc_async.session.breaker import Circuit
from cc_async.session.call import Call
from cc_async.session.clock import LoopClock
from cc_async.session.directory import KeyDirectory
from cc_async.session.events import BreakerChanged, Watchers
from cc_async.session.exchange import Exchange
from cc_async.session.gate import Gate
from cc_async.session.host import HostMemory
from cc_async.session.locks import Lockout, forgive
from cc_async.session.pacer import MemoryPacer
from cc_async.session.retry import RetryBudget
from cc_async.session.session import Session
from cc_async.session.shared_pacer import SharedPacer
from cc_async.session.timeouts import Timeouts
from cc_async.session.transport import Transport


class Core:
    """Shared by a client and its ``with_options`` copies; belongs to the loop of its first use."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._credentials = dict(setup.credentials)
        self._lockout = Lockout(setup.lockout)
        self.transport = Transport(
            setup.base_url,
            tls=setup.tls,
            host=setup.host,
            proxy=setup.proxy,
            connector=setup.connector,
            limit=setup.concurrency,
            timeouts=setup.timeouts,
            max_body=setup.max_body,
            allow_http=setup.allow_http,
            fresh=setup.fresh,
        )
        self.watchers = Watchers(setup.observers, self.transport.base_url)
        self.memory = HostMemory(wrapped=WRAPPED[setup.request_shape])
        self.pacer = pacer_of(setup)
        self.budget = RetryBudget(setup.retry.budget)
        self.skills: KeyDirectory | None = None
        self.coalescer: Coalescer | None = None
        self.signed_in_at: dict[int, datetime] = {}
        """When agents signed in, of those whose sessions this client keeps."""
        self.warned: set[str] = set()
        """Kinds of ids above the newest known bound that were warned about."""
        self._session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._closed = False
        self._numbers = itertools.count(1)
        self._calls: set[Call] = set()
        self._quiet: asyncio.Event | None = None
        self._companies: list[Company] = []

    def branch(self, *, concurrency: int, timeouts: Timeouts, fresh: bool = False) -> Core:
        """Another way to the same host: connections, gate, retry budget and breaker apart, the rest shared.

        Who opens one closes it.
        """
        setup = evolve(
            self._setup,
            concurrency=concurrency,
            timeouts=timeouts,
            fresh=fresh,
            pacer=self.pacer,
            observers=(),
        )
        other = Core(setup)
        other._credentials, other._numbers = self._credentials, self._numbers
        other.watchers, other.memory = self.watchers, self.memory
        return other

    @property
    def places(self) -> int:
        """Requests that can be under way at once."""
        return min(self._setup.concurrency, self.transport.capacity)

    @property
    def borrows_connections(self) -> bool:
        """True when the connections are those of a caller's connector."""
        return self._setup.connector is not None

    @property
    def timeouts(self) -> Timeouts:
        """Limits of one attempt."""
        return self._setup.timeouts

    @property
    def credentials(self) -> Mapping[KeyKind, Auth]:
        """Who asks, by what it takes."""
        return self._credentials

    @property
    def session(self) -> Session | None:
        """The session, or None before the first use."""
        return self._session

    @property
    def closed(self) -> bool:
        """True once ``aclose`` was called."""
        return self._closed

    def check_shared(self, file: str | None) -> None:
        """Refuse quotas of a copy that name another file than the client's."""
        if file not in (None, self._setup.shared):
            text = f"a copy can't count in {file}: it shares the pacer of the client it is made from"
            raise ConfigError(text, hint="give quota=Quota(..., shared=...) to the client itself")

    def open(self) -> Session:
        """The session of this loop; opened now if it was not.

        Raises:
            ClosedError: after close, from another loop, in a forked child.
        """
        name = self.transport.name
        if self._closed:
            raise ClosedError("the client is closed", host=name, hint="make a new one")
        if self._session is not None and self._pid != os.getpid():
            # Asked first: a forked child has no running loop even inside of one.
            raise ClosedError(
                "the client was opened before a fork", host=name, hint="make one in each process"
            )
        loop = asyncio.get_running_loop()
        if self._session is None:
            self._session = self._start(loop)
        elif self._loop is not loop:
            raise ClosedError("the client belongs to another event loop", host=name, hint="make one per loop")
        return self._session

    def _start(self, loop: asyncio.AbstractEventLoop) -> Session:
        setup = self._setup
        clock = setup.clock or LoopClock(loop)
        rng = setup.rng or random.Random()  # noqa: S311 - jitter is no secret
        if isinstance(self.pacer, SharedPacer):
            self.pacer.bind(clock, self.watchers)
        elif isinstance(self.pacer, MemoryPacer):
            self.pacer.bind(clock)
            self._look_around(self.pacer)
        self._loop, self._pid = loop, os.getpid()
        self.skills = KeyDirectory(clock)
        self.coalescer = Coalescer(clock, self.transport.name)
        exchange = Exchange(
            self.transport,
            self._credentials,
            Circuit(setup.breaker, clock, rng, self.transport.name, self._breaker_changed),
            self.pacer,
            self.pacer.probation,
            self._lockout,
            self.memory,
            clock,
            self.watchers,
        )
        gate = Gate(setup.concurrency, self.transport.capacity)
        return Session(exchange, gate, setup.retry, self.budget, rng)

    def _look_around(self, pacer: MemoryPacer) -> None:
        """Say so if others use the same credentials and nobody counts for all."""
        if self._setup.paced:
            count = workers(os.environ, sys.argv)
            identities = {auth.identity for auth in self._credentials.values()}
            self._companies = join(pacer, [(self.transport.name, each) for each in identities], count)

    def _breaker_changed(self, state: str) -> None:
        if state == "closed":
            self.budget.refill()
        if self.watchers and self._session is not None:
            now = self._session.clock.wall()
            self.watchers.tell(BreakerChanged(now, 0, "*", self.transport.name, state))

    def begin(self, endpoint: str, timeout: float | None) -> Call:
        """Register a call; it is ended by ``end``, or cut by ``aclose``."""
        call = Call.begin(next(self._numbers), endpoint, timeout, self.open().clock)
        self._calls.add(call)
        return call

    def end(self, call: Call) -> None:
        """The call is over."""
        self._calls.discard(call)
        if self._quiet is not None and not self._calls:
            self._quiet.set()

    @property
    def calls(self) -> int:
        """Calls under way."""
        return len(self._calls)

    async def replace(self, credentials: Mapping[KeyKind, Auth]) -> None:
        """Use other credentials from now on, and unlock them."""
        self._credentials.update(credentials)
        for auth in credentials.values():
            await forgive(self.pacer, (self.transport.name, auth.identity))

    async def aclose(self, grace: float) -> None:
        """Let calls under way end for ``grace`` seconds, end the rest with ClosedError, close connections."""
        if self._closed:
            return
        self._closed = True
        if isinstance(self.pacer, MemoryPacer):
            leave(self._companies, self.pacer)
        try:
            if self._session is not None and self._pid == os.getpid():
                await self._wait_for_calls(grace)
                if self.coalescer is not None:
                    await self.coalescer.aclose()
        finally:
            try:
                opened = self._session is not None and self._pid == os.getpid()
                if opened and isinstance(self.pacer, SharedPacer):
                    await self.pacer.unbind()
            finally:
                await self.transport.close()

    async def _wait_for_calls(self, grace: float) -> None:
        if not self._calls:
            return
        self._quiet = asyncio.Event()
        try:
            async with asyncio.timeout(grace):
                await self._quiet.wait()
        except TimeoutError:
            self._cut_calls()
            await self._quiet.wait()
        except BaseException:
            self._cut_calls()  # whoever closes is cancelled: nobody waits for the calls any more
            raise

    def _cut_calls(self) -> None:
        for call in list(self._calls):
            call.limit.cut(ClosedError("the client was closed", host=self.transport.name))
