"""The lane of agent sessions: connections beside those of questions, and who may be on them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cc_async.agents.struck import harmless
from cc_async.agents.who import SignIn
from cc_async.clients.core import Core
from cc_async.clients.raw import send_raw
from cc_async.contract import agent_endpoints as table
from cc_async.contract.spec import Endpoint, KeyKind
from cc_async.errors import CcError, ClosedError, ConfigError
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
_CHANGE = 0.25
"""Seconds between the end of one poll on a connection and the next one's beginning, at the most."""
MOST_SIGN_INS = 64
"""Sign-ins under way at once, and as many sign-outs."""
_MARGIN = 0.85
"""Share of a quota of the user's own that polls may use up."""


class Lane:
    """Polls have a gate and connections of their own, so that held ones keep nothing from questions.

    Sign-ins and sign-outs get a new connection each (unless the connector is the caller's): on a kept one
    that the server is just closing, nobody could say whether they arrived, and they are never sent twice.
    """

    def __init__(self, core: Core, connections: int) -> None:
        self._core, self._connections = core, connections
        self._polls: Core | None = None
        self._verbs: Core | None = None
        self._open: dict[int, AgentSession] = {}
        self._polled = 0
        self._leaving = 0
        self._fastest_sign_in = math.inf
        self._rescues = asyncio.Semaphore(MOST_SIGN_INS)
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
        if not session.push and self._polled >= self._room(quotas):
            raise ConfigError(
                f"{self._polled} sessions are all this client can visit once a minute",
                hint="give a larger agent_connections=, or push mode: callback_uri= and service_token=",
            )
        self._open[agent_id] = session
        self._polled += not session.push

    def credentials_with(self, auth: Auth) -> dict[KeyKind, Auth]:
        """Who asks and who signs in from now on; a new credential learns the GUIDs of the open sessions.

        Raises ConfigError when it cannot be told GUIDs.
        """
        arrivals = self._core.credentials.get(KeyKind.SIGN_IN)
        if isinstance(arrivals, Arrivals) and isinstance(auth, Guids):
            for agent_id in self._open:
                auth.carry_over(agent_id, arrivals.guids)
            # The same one stays: a sign-in that is under way brings its GUID to it.
            arrivals.guids = auth
            return {KeyKind.AGENT: auth, KeyKind.SIGN_IN: arrivals}
        if self._open:
            raise ConfigError("agent sessions are open: give GUIDs, or sign the agents out first")
        return credentials_of(auth)

    def leave(self, session: AgentSession) -> None:
        """The session is over."""
        if self._open.get(session.agent_id) is session:
            del self._open[session.agent_id]
            self._polled -= not session.push
            self._core.signed_in_at.pop(session.agent_id, None)
            self.arrivals.guids.session_over(session.agent_id)

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

    def _patience(self) -> float | None:
        """Seconds a poll may take, so that one that hangs does not starve those who share its connection.

        A poll that is held takes 10 s and what this network adds, which is less than two sign-ins.
        """
        share, network = (
            math.ceil(self._polled / self._polling().places),
            min(self._fastest_sign_in, HOLD / 2),
        )
        return max(LONGEST_ABSENCE / share - _CHANGE, HOLD + 2 * network) if share > 1 else None

    def _acting(self) -> Core:
        if self._verbs is None:
            places = 3 * MOST_SIGN_INS  # for each: in, out, and polls that failed
            self._verbs = self._core.branch(concurrency=places, timeouts=self._core.timeouts, fresh=True)
        return self._verbs

    def _way(self, endpoint: Endpoint[Any]) -> Core:
        """Which connections a request takes: its own kind's, heartbeats those of questions."""
        return self._core if endpoint.retryable else self._acting()

    async def poll(self, who: SignIn, quotas: Quotas, *, again: bool) -> Any:
        """Send one poll, with no more patience than those leave who share its connection.

        ``again``: the one before failed. Where connections are shared it does not stand in line once more,
        since its GUID may have no minute left: it goes where sign-ins go.
        """
        patience = self._patience()
        if patience is None:
            return await self._send(self._polling(), table.events, who, quotas, None)
        if again and not self._rescues.locked():
            async with self._rescues:
                return await self._send(self._acting(), table.events, who, quotas, None, patience=2 * HOLD)
        return await self._send(self._polling(), table.events_once, who, quotas, None, patience=patience)

    async def send(
        self,
        endpoint: Endpoint[Any],
        who: SignIn,
        quotas: Quotas,
        seconds: float | None,
        params: dict[str, Any] | None = None,
    ) -> Any:
        """Send one request of a session that is no poll."""
        began = self.clock.monotonic()
        told = await self._send(self._way(endpoint), endpoint, who, quotas, seconds, params)
        if endpoint.needs is KeyKind.SIGN_IN:
            self._fastest_sign_in = min(self._fastest_sign_in, self.clock.monotonic() - began)
        return told

    async def _send(
        self,
        core: Core,
        endpoint: Endpoint[Any],
        who: SignIn,
        quotas: Quotas,
        seconds: float | None,
        params: dict[str, Any] | None = None,
        patience: float | None = None,
    ) -> Any:
        """Send one request; what the agent signs in with is struck out of every error."""
        path = endpoint.path.format(agent_id=who.agent_id)
        request: Request[Any] = Request(
            endpoint, params or {}, path=path, part=who.part, agent_id=who.agent_id, patience=patience
        )
        try:
            return await send_raw(core, quotas, request, seconds)
        except CcError as error:
            raise harmless(error, who.secrets).with_traceback(None) from None

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
