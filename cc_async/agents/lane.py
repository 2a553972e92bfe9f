"""The lane of agent sessions: connections beside those of questions, and who may be on them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cc_async.agents.events import struck
from cc_async.agents.who import SignIn
from cc_async.clients.core import Core
from cc_async.clients.raw import send_raw
from cc_async.contract import agent_endpoints as table
from cc_async.contract.spec import Endpoint, KeyKind
from cc_async.errors import ApiError, CcError, ClosedError, ConfigError
from cc_async.session.arrivals import Arrivals
from cc_async.session.auth import Auth
from cc_async.session.clock import Clock
from cc_async.session.guid import Guids
from cc_async.session.quotas import Quotas
from cc_async.session.request import Request

if TYPE_CHECKING:
    from cc_async.agents.session import AgentSession

HOLD = 10.0
"""Seconds the gateway holds a poll when nothing happens."""
LONGEST_ABSENCE = 60.0
"""Seconds an agent may be without a request: half of what the gateway allows, so that no GUID dies either."""
VISITS = int(LONGEST_ABSENCE // (HOLD + 1.5))
"""Sessions that take turns on one connection: each is visited within that time."""
MOST_SIGN_INS = 64
"""Sign-ins under way at once, and as many sign-outs."""
_MARGIN = 0.85
"""Share of a quota of the user's own that polls may use up."""


class Lane:
    """Polls have a gate and connections of their own, so that held ones keep nothing from questions.

    Sign-ins and sign-outs get a new connection each: on a kept one that the server is just closing, nobody
    could say whether they arrived, and they are never sent twice.
    """

    def __init__(self, core: Core, connections: int) -> None:
        self._core, self._connections = core, connections
        self._polls: Core | None = None
        self._verbs: Core | None = None
        self._open: dict[int, AgentSession] = {}
        self._leaving = 0
        self.turns = asyncio.Semaphore(MOST_SIGN_INS)
        """Held while signing in: who waits for it has sent nothing, so it may simply go away."""
        self.heartbeat = table.heartbeat
        """As this server wants it; the older way once the newer was refused."""

    @property
    def clock(self) -> Clock:
        """The client's clock; opens the client."""
        return self._core.open().clock

    @property
    def arrivals(self) -> Arrivals:
        """How sign-ins speak to the gateway now.

        Raises ConfigError where the client was given an Auth of the caller's, which cannot be told GUIDs.
        """
        found = self._core.credentials.get(KeyKind.SIGN_IN)
        if isinstance(found, Arrivals):
            return found
        raise ConfigError(
            "agent sessions need GUIDs that the client itself looks after",
            hint="give GatewayClient a mapping, an async function or Guids(...)",
        )

    def admit(self, session: AgentSession, quotas: Quotas) -> None:
        """Take a session in; before anything is sent.

        Raises:
            ClosedError: the client is closed.
            ConfigError: more sessions than the lane can visit, or an Auth that takes no GUIDs.
            ValueError: the agent has a session of this client.
        """
        self._core.open()
        _ = self.arrivals
        agent_id = session.agent_id
        if agent_id in self._open:
            raise ValueError(f"agent {agent_id} has a session of this client already")
        polling = sum(not each.push for each in self._open.values())
        room = self._room(quotas)
        if not session.push and polling >= room:
            raise ConfigError(
                f"{polling} sessions are all this client can visit once a minute",
                hint="give a larger agent_connections=, or push mode: callback_uri= and service_token=",
            )
        self._open[agent_id] = session

    def carry_over(self, auth: Auth) -> None:
        """Let a new credential know the GUIDs of the sessions that are open.

        Raises ConfigError when it cannot be told GUIDs.
        """
        if not self._open:
            return
        if not isinstance(auth, Guids):
            raise ConfigError("agent sessions are open: give GUIDs, or sign the agents out first")
        for agent_id in self._open:
            auth.carry_over(agent_id, self.arrivals.guids)

    def leave(self, session: AgentSession) -> None:
        """The session is over."""
        if self._open.get(session.agent_id) is session:
            del self._open[session.agent_id]
            self._core.signed_in_at.pop(session.agent_id, None)

    @contextmanager
    def leaving(self) -> Iterator[int]:
        """While an agent signs out: how many times the usual patience it needs, as many leave at once."""
        self._leaving += 1
        try:
            yield 1 + self._leaving // MOST_SIGN_INS
        finally:
            self._leaving -= 1

    def _room(self, quotas: Quotas) -> int:
        """How many polling sessions there may be: by connections, and by a quota of the user's own."""
        by_connections = VISITS * self._polling().places
        quota = quotas.of(table.events)
        if quota is None:
            return by_connections
        return min(by_connections, math.floor(_MARGIN * LONGEST_ABSENCE * quota.limit / quota.per))

    def _polling(self) -> Core:
        if self._polls is None:
            limits = self._core.timeouts
            longer = evolve(limits, read=max(limits.read, 2 * HOLD), attempt=max(limits.attempt, 3 * HOLD))
            polls = self._core.branch(concurrency=self._connections, timeouts=longer)
            if self._core.borrows_connections:
                spare = polls.transport.capacity - self._core.places
                if spare < 1:
                    raise ConfigError(
                        "the connector that was given has no connection left for polls",
                        hint="give it a limit above the client's concurrency",
                    )
                polls = self._core.branch(concurrency=min(self._connections, spare), timeouts=longer)
            self._polls = polls
        return self._polls

    def _acting(self) -> Core:
        if self._verbs is None:
            places = 2 * MOST_SIGN_INS
            self._verbs = self._core.branch(concurrency=places, timeouts=self._core.timeouts, fresh=True)
        return self._verbs

    def _way(self, endpoint: Endpoint[Any]) -> Core:
        """Which connections a request takes: its own kind's, heartbeats those of questions."""
        if endpoint is table.events:
            return self._polling()
        return self._core if endpoint.retryable else self._acting()

    async def send(
        self,
        endpoint: Endpoint[Any],
        who: SignIn,
        quotas: Quotas,
        seconds: float | None,
        params: dict[str, Any] | None = None,
    ) -> Any:
        """Send one request of a session; what the agent signs in with is struck out of every error."""
        path = endpoint.path.format(agent_id=who.agent_id)
        request: Request[Any] = Request(
            endpoint, params or {}, path=path, part=who.part, agent_id=who.agent_id
        )
        try:
            return await send_raw(self._way(endpoint), quotas, request, seconds)
        except CcError as error:
            raise _harmless(error, who.secrets).with_traceback(None) from None

    def signed_in(self, session: AgentSession) -> None:
        """Let statistics say since when they count."""
        at = session.signed_in_at
        if at is not None and self._open.get(session.agent_id) is session:
            self._core.signed_in_at[session.agent_id] = at

    async def aclose(self) -> None:
        """Sign out everybody who is still there, each within its own time, and close the connections."""
        why = ClosedError("the client was closed", host=self._core.transport.name)
        sessions = list(self._open.values())
        try:
            await asyncio.gather(*(each.aclose(why) for each in sessions), return_exceptions=True)
        finally:
            for core in (self._polls, self._verbs):
                if core is not None:
                    await core.aclose(grace=0)


def credentials_of(auth: Auth) -> dict[KeyKind, Auth]:
    """Who asks, and who signs in: that takes GUIDs which can be told new ones."""
    return {KeyKind.AGENT: auth, KeyKind.SIGN_IN: Arrivals(auth) if isinstance(auth, Guids) else auth}


def _harmless(error: CcError, secrets: tuple[str, ...]) -> CcError:
    """The error without what the agent signs in with, should the server have repeated it."""
    error.args = tuple(struck(each, secrets) if isinstance(each, str) else each for each in error.args)
    if isinstance(error, ApiError):
        error.text = struck(error.text, secrets)
    return error
