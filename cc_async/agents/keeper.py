"""The keeper of one session: asks often enough that the gateway remembers the agent, and takes events."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from attrs import define

from cc_async.agents.events import AgentEvent
from cc_async.agents.through import carried_through
from cc_async.agents.verbs import Line, SignedIn
from cc_async.errors import ApiError, AuthError, CcError, ClosedError, GatewayError, NotSignedIn, SessionLost

SILENCE = 120.0
"""Seconds without a request after which the gateway signs an agent out."""
BEAT = 30.0
"""Seconds between two heartbeats."""
SHORTEST_REST, LONGEST_REST = 0.2, 0.5
"""Seconds between two polls."""
_LONGEST_PAUSE = 5.0
"""Seconds between two tries while the gateway does not answer."""
_FORGOTTEN = SILENCE + 5.0
"""Seconds after which the gateway has forgotten a sign-in that may have worked unseen."""

_log = logging.getLogger("cc_async")


@define(eq=False)
class Keeper:
    """Polls, or beats in push mode, one request at a time, until the session is lost or it is cancelled."""

    line: Line
    rng: random.Random
    grace: float
    resume: bool
    on_event: Callable[[AgentEvent], None]
    on_signed_in: Callable[[SignedIn], None]
    on_lost: Callable[[CcError], None]

    async def run(self) -> CcError:
        """Keep the session; returns why it is lost for good."""
        while True:
            try:
                await self._stay()
            except CcError as error:
                self.on_lost(error)
                if not self.resume or isinstance(error, ClosedError):
                    return error
            try:
                self.on_signed_in(await self._sign_in_again())
            except CcError as error:
                self.on_lost(error)
                return error

    async def _stay(self) -> None:
        """Ask again and again; raises what ended the session."""
        line, clock = self.line, self.line.lane.clock
        push, heard, failures = line.who.push, clock.monotonic(), 0
        if push:
            await clock.sleep(BEAT)
        while True:
            began = clock.monotonic()
            try:
                # Both ways by turns: who knows which of them fails.
                events = await (line.beat() if push else line.poll(again=failures % 2 == 1))
            except CcError as error:
                if _is_final(error):
                    raise
                if clock.monotonic() - heard > SILENCE:
                    raise _silent(error) from None
                await clock.sleep(min(_LONGEST_PAUSE, 0.5 * 2.0**failures))
                failures += 1
                continue
            heard, failures = clock.monotonic(), 0
            for event in events:
                self.on_event(event)
            beat = max(0.0, began + BEAT - heard)
            await clock.sleep(beat if push else self.rng.uniform(SHORTEST_REST, LONGEST_REST))

    async def _sign_in_again(self) -> SignedIn:
        """Sign in anew, without force; waits where an earlier sign-in may have worked unseen.

        Raises the first answer that says no.
        """
        line, clock, pause = self.line.unforced(), self.line.lane.clock, 1.0
        while True:
            try:
                return await carried_through(line.sign_in(), line.sign_out, self.grace)
            except (ApiError, AuthError, ClosedError):
                raise
            except CcError as error:
                _log.warning("signing in again failed: %s", error)
                await clock.sleep(_FORGOTTEN if error.attempts else pause)
                pause = min(30.0, 2 * pause)


def _is_final(error: CcError) -> bool:
    """True when asking again cannot bring the session back."""
    if isinstance(error, (SessionLost, NotSignedIn, ClosedError)):
        return True
    return isinstance(error, GatewayError) and not error.retryable


def _silent(error: CcError) -> SessionLost:
    return SessionLost(
        f"no answer for {SILENCE:g} s, so the gateway has signed the agent out: {error.message}",
        endpoint=error.endpoint,
        part=error.part,
        host=error.host,
        attempts=error.attempts,
        hint="sign the agent in again",
    )
