"""AgentSession: one agent signed in at CC-Gateway for as long as a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from datetime import datetime
from types import TracebackType
from typing import Self

from cc_async.agents.events import AgentEvent
from cc_async.agents.inbox import Inbox
from cc_async.agents.keeper import Keeper
from cc_async.agents.through import begun, carried_through, to_its_end
from cc_async.agents.verbs import Line, SignedIn
from cc_async.errors import CcError, ClosedError, NotSignedIn, SessionLost

_log = logging.getLogger("cc_async")
_GONE = (SessionLost, NotSignedIn)


class AgentSession:
    """An agent who is signed in while the block runs: ``async with gw.agent_session(101, ...) as session:``.

    Its events are read with ``async for event in session``; whether or not somebody reads them, the session
    is kept alive and the agent's GUID is kept up to date, so that ``agent_call_stats([101])`` works. At the
    end the agent is signed out, also when the block is cancelled; a sign-in that is cancelled under way is
    awaited for up to ``grace`` seconds and undone. Use it once.
    """

    def __init__(self, line: Line, *, resume: bool, grace: float, rng: random.Random) -> None:
        self._line, self._grace = line, grace
        self._inbox = Inbox()
        self._keeper = Keeper(line, rng, grace, resume, self._happened, self._arrived, self._lose)
        self._task: asyncio.Task[None] | None = None
        self._signed_in: SignedIn | None = None
        self._there = False
        self._begun = False
        self._entered = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._lost: CcError | None = None

    @property
    def agent_id(self) -> int:
        """Whose session it is."""
        return self._line.who.agent_id

    @property
    def push(self) -> bool:
        """True when events go to ``callback_uri``: then there are none to read here."""
        return self._line.who.push

    @property
    def signed_in_at(self) -> datetime | None:
        """When the gateway says the agent signed in, the last time if it was again; None: never."""
        return None if self._signed_in is None else self._signed_in.at

    @property
    def vdn(self) -> int | None:
        """The agent's VDN, if the gateway said."""
        return None if self._signed_in is None else self._signed_in.vdn

    @property
    def must_change_password(self) -> bool:
        """True when the gateway wants the password changed."""
        return self._signed_in is not None and self._signed_in.must_change_password

    @property
    def lost(self) -> CcError | None:
        """Why the session was lost, or None; reading its events raises the same."""
        return self._lost

    @property
    def dropped(self) -> int:
        """Events that nobody read in time: a thousand are kept."""
        return self._inbox.dropped

    async def __aenter__(self) -> Self:
        """Sign in.

        Raises:
            GatewayError: refused: 100-002 signed in elsewhere (nobody is forced out), 100-004 wrong password.
            ConfigError: more sessions than the client can visit.
            ValueError: the agent has a session of this client.
            CcError: the gateway cannot be reached, or did not answer: then it may have signed the agent in,
                and forgets it after 120 s.
        """
        if self._begun:
            raise RuntimeError("an agent session is used once: make a new one with agent_session(...)")
        line = self._line
        line.lane.admit(self, line.quotas)
        self._begun = True
        try:
            async with line.lane.turns:
                self._arrived(await carried_through(self._sign_in(), line.sign_out, self._grace))
            self._task = begun(self._keep())
        except BaseException:
            line.lane.leave(self)
            raise
        finally:
            self._entered.set()
        return self

    async def _sign_in(self) -> SignedIn:
        """Sign in, unless the session was closed before its turn, and undo it if nobody waited for it."""
        closed = ClosedError(f"the session of {self._line.who.part} was closed while it signed in")
        if self._ending is not None:
            raise closed
        signed_in = await self._line.sign_in()
        if self._ending is not None and self._ending.done():
            self._there = True
            await self._sign_out(self._grace)
            raise closed
        return signed_in

    async def _keep(self) -> None:
        """Keep the session alive; whoever reads its events is told when that ends."""
        try:
            self._inbox.finish(await self._keeper.run())
        except Exception:
            self._inbox.finish()  # a mistake of ours: nobody shall wait for ever, and aclose raises it
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, why: CcError | None = None) -> None:
        """Sign out now, within ``grace`` seconds; reading ends, with the error ``why`` if one is given.

        Whoever calls it while another does waits for the same end.
        """
        if self._ending is None:
            if not self._begun:
                return
            self._ending = begun(self._end(why))
        await to_its_end(self._ending)

    async def _end(self, why: CcError | None) -> None:
        """Stop asking, then sign out; a sign-in under way is waited for."""
        lane = self._line.lane
        try:
            with lane.leaving() as times:
                patience = times * self._grace
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await self._entered.wait()
                if self._task is not None:
                    self._task.cancel()
                    await asyncio.wait({self._task})
                    await self._sign_out(patience)
                    if not self._task.cancelled():
                        self._task.result()
        finally:
            self._inbox.finish(why)
            lane.leave(self)

    async def _sign_out(self, patience: float) -> None:
        """Sign out if need be; what fails is told, and the gateway signs out itself after 120 s."""
        if not self._there:
            return
        self._there = False
        try:
            async with asyncio.timeout(patience):
                await self._line.sign_out()
        except _GONE:
            pass  # somebody was quicker
        except CcError as error:
            _log.warning("signing out failed: %s", error)
        except TimeoutError:
            _log.warning("%s: not signed out within %g s", self._line.who.part, patience)

    def __aiter__(self) -> AsyncIterator[AgentEvent]:
        return self

    async def __anext__(self) -> AgentEvent:
        if not self._begun:
            raise RuntimeError("enter the session first: async with gw.agent_session(...) as session")
        return await self._inbox.get()

    def _happened(self, event: AgentEvent) -> None:
        if not self._inbox.put(event):
            _log.warning("%s: events are not read in time; the oldest are dropped", self._line.who.part)

    def _arrived(self, signed_in: SignedIn) -> None:
        if self._lost is not None:
            _log.warning("%s: signed in again", self._line.who.part)
        self._signed_in, self._there, self._lost = signed_in, True, None
        self._line.lane.signed_in(self)

    def _lose(self, error: CcError) -> None:
        """The session is lost, for now or for good: say so."""
        if not isinstance(error, ClosedError):
            _log.warning("the session is lost: %s", error)
        self._lost = error
        self._there = self._there and not isinstance(error, _GONE)

    def __repr__(self) -> str:
        return f"<AgentSession {self.agent_id}>"
