"""What a session says to the gateway: sign in, fetch events, beat, sign out; one function each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, frozen

from cc_async.agents.events import AgentEvent, read_events
from cc_async.agents.lane import Lane
from cc_async.agents.who import SignIn
from cc_async.contract import agent_endpoints as table
from cc_async.errors import CcError, GatewayError, NotDeployed, NotTheApi, SessionLost
from cc_async.session import values
from cc_async.session.quotas import Quotas

_WRONG_URL = "000-002"
_METHOD_NOT_ALLOWED = 405


@frozen
class SignedIn:
    """What the gateway says about a sign-in; None where it says nothing."""

    at: datetime
    """Its login time, else the moment of its answer."""
    vdn: int | None = None
    must_change_password: bool = False


@frozen
class Line:
    """How one session reaches the gateway."""

    lane: Lane
    who: SignIn
    quotas: Quotas
    timeout: float | None

    async def sign_in(self) -> SignedIn:
        """Sign in, by force if the caller said so; never sent twice.

        Raises:
            GatewayError: refused; 100-002 when the agent is signed in elsewhere.
            CcError: no answer, so that nobody knows whether it worked.
        """
        arrivals, who = self.lane.arrivals, self.who
        endpoint = table.force_sign_in if who.force else table.sign_in
        try:
            told = await self.lane.send(endpoint, who, self.quotas, self.timeout, who.params)
        except BaseException as error:
            arrivals.drop(who.agent_id)
            if isinstance(error, SessionLost) and error.code == "401":
                raise _refused(error) from None
            raise
        if not arrivals.accept(who.agent_id):
            raise GatewayError(
                "the answer to the sign-in brought no GUID",
                endpoint=endpoint.name,
                part=who.part,
                attempts=1,
                hint="does a proxy take away Set-GUID?",
            )
        return self._signed_in(told)

    async def sign_out(self) -> None:
        """Sign out and forget the GUID; never sent twice."""
        try:
            await self.lane.send(table.sign_out, self.who, self.quotas, self.timeout)
        finally:
            self.lane.arrivals.guids.forget(self.who.agent_id)

    async def poll(self, *, again: bool) -> list[AgentEvent]:
        """Fetch what has happened, or nothing after 10 s; ``again``: the poll before failed."""
        told = await self.lane.poll(self.who, self.quotas, again=again)
        return list(read_events(self.who.agent_id, told, self._now(), self.who.secrets))

    async def beat(self) -> list[AgentEvent]:
        """Tell the gateway that the agent is still there; learns which way this server has."""
        tried = self.lane.heartbeat
        try:
            await self.lane.send(tried, self.who, self.quotas, self.timeout)
        except CcError as error:
            if tried is table.heartbeat_put or not _is_unknown(error):
                raise
            self.lane.heartbeat = table.heartbeat_put
            await self.lane.send(table.heartbeat_put, self.who, self.quotas, self.timeout)
        return []

    def unforced(self) -> Line:
        """The same without force."""
        return evolve(self, who=evolve(self.who, force=False))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.lane.clock.wall(), UTC)

    def _signed_in(self, told: Any) -> SignedIn:
        found = {str(name).strip().lower(): value for name, value in told.items()} if _is_row(told) else {}
        return SignedIn(
            _login_time(found.get("logintime")) or self._now(),
            _number(found.get("vdnid")),
            str(found.get("isforcechange")).lower() == "true",
        )


def _refused(error: SessionLost) -> GatewayError:
    """A 401 is about a GUID everywhere but here, where there is none yet."""
    return GatewayError(
        "the gateway refuses the sign-in (HTTP 401)",
        endpoint=error.endpoint,
        part=error.part,
        host=error.host,
        attempts=error.attempts,
        code="401",
    )


def _is_unknown(error: CcError) -> bool:
    """True when the server knows no such heartbeat."""
    if isinstance(error, NotTheApi):
        return error.status == _METHOD_NOT_ALLOWED
    return isinstance(error, NotDeployed) or error.code == _WRONG_URL


def _is_row(told: Any) -> bool:
    return isinstance(told, Mapping)


def _login_time(value: Any) -> datetime | None:
    """Read epoch milliseconds; None for anything else, since a sign-in is worth more than its clock."""
    try:
        moment = values.moment(value)
    except values.BadValue:
        return None
    return None if moment is None else moment[0]


def _number(value: Any) -> int | None:
    try:
        return values.whole(value)
    except values.BadValue:
        return None
