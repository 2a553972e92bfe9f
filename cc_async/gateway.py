"""GatewayClient: the statistics of agents on CC-Gateway."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from cc_async.agents.lane import Lane, credentials_of
from cc_async.agents.session import AgentSession
from cc_async.agents.verbs import Line
from cc_async.agents.who import read_sign_in
from cc_async.batch.ids import AGENT, read_ids
from cc_async.clients.asking import Options
from cc_async.clients.base import (
    MOST_CONCURRENT,
    UNSET,
    BaseClient,
    Unset,
    check_auth,
    check_count,
    check_timeout,
)
from cc_async.clients.core import Core
from cc_async.clients.setup import Setup
from cc_async.contract import endpoints
from cc_async.contract.agent_endpoints import AGENT_ENDPOINTS
from cc_async.contract.codes import AgentStatus
from cc_async.contract.records import AgentCallStats
from cc_async.contract.spec import Group, Host, Question
from cc_async.query import Query
from cc_async.session.auth import Auth
from cc_async.session.breaker import Breaker
from cc_async.session.clock import Clock
from cc_async.session.events import Observer
from cc_async.session.guid import Guids, GuidSource
from cc_async.session.pacer import Pacer
from cc_async.session.quotas import Quotas, QuotaSetting
from cc_async.session.retry import Retry
from cc_async.session.timeouts import Timeouts
from cc_async.session.tls import Tls
from cc_async.settings import Site, from_env, from_site

if TYPE_CHECKING:
    import aiohttp

PUBLISHED = {
    endpoint.name: endpoint.quota
    for endpoint in endpoints.ENDPOINTS.values()
    if endpoint.host is Host.GATEWAY
}
"""The overload control the vendor publishes: 15 000 queries in 2 s; the 5 in 2 s per agent come on top."""


class GatewayClient(BaseClient):
    """The call statistics of agents, each asked with that agent's GUID.

    Args:
        base_url: ``https://host[:port]``; plain http to this machine only, unless ``allow_http``.
        guids: GUIDs by agent id, an async function that finds one, or an ``Auth``.
        on_guid: called with (agent_id, guid) when an answer brings a new one.
        agent_connections: connections for the polls of agent sessions, beside those of questions; five
            sessions can take turns on one.
        quota: the published overload control unless told otherwise; None turns it off, per agent as well.

    The other arguments, and what is raised, are those of ``CmsClient``.
    """

    _host = Host.GATEWAY

    def __init__(
        self,
        base_url: str,
        guids: GuidSource | Auth,
        *,
        on_guid: Callable[[int, str], None] | None = None,
        quota: QuotaSetting = PUBLISHED,
        concurrency: int = 32,
        timeout: float | None = 60.0,
        tls: Tls | ssl.SSLContext | None = None,
        host: str | None = None,
        proxy: str | None = None,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        breaker: Breaker = Breaker(),  # noqa: B008 - frozen
        lockout: float = 300.0,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        pacer: Pacer | None = None,
        connector: aiohttp.BaseConnector | None = None,
        observers: Iterable[Observer] = (),
        clock: Clock | None = None,
        rng: random.Random | None = None,
        allow_http: bool = False,
        max_body: int = 8 * 2**20,
        agent_connections: int = 500,
    ) -> None:
        options = Options(
            gateway_quotas(quota),
            concurrency=check_count("concurrency", concurrency, MOST_CONCURRENT),
            timeout=check_timeout(timeout),
        )
        auth = check_auth(guids if isinstance(guids, Auth) else Guids(guids, on_guid=on_guid))
        self._on_guid = on_guid
        setup = Setup(
            base_url=base_url,
            credentials=credentials_of(auth),
            concurrency=concurrency,
            tls=tls,
            host=host,
            proxy=proxy,
            retry=retry,
            breaker=breaker,
            lockout=lockout,
            timeouts=timeouts,
            pacer=pacer,
            shared=options.quotas.shared,
            paced=quota is not None,
            connector=connector,
            observers=observers,
            clock=clock,
            rng=rng,
            allow_http=allow_http,
            max_body=max_body,
        )
        connections = check_count("agent_connections", agent_connections, MOST_CONCURRENT)
        super().__init__(Core(setup), options)
        self._lane, self._rng = Lane(self._core, connections), rng or random.Random()  # noqa: S311 - pauses

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """A client from ``CC_ASYNC_*`` variables and their GUIDs file. Raises ConfigError."""
        return cls._from(from_env(), overrides)

    @classmethod
    def from_site(cls, name: str, path: str | None = None, **overrides: Any) -> Self:
        """A client from ``[sites.NAME]`` of the configuration file. Raises ConfigError."""
        return cls._from(from_site(name, path), overrides)

    @classmethod
    def _from(cls, site: Site, overrides: Mapping[str, Any]) -> Self:
        return cls(**{**site.gateway_arguments(guids="guids" not in overrides), **overrides})

    def agent_call_stats(
        self,
        agent_ids: Iterable[int],
        *,
        brief: bool = False,
        timeout: float | Unset | None = UNSET,
        partial: bool = False,
    ) -> Query[AgentCallStats]:
        """Call statistics of agents since their sign-in, one request each (``calldata/{agentid}/...``).

        Args:
            agent_ids: 101 to 999999; each needs a GUID.
            brief: True asks ``statisticsEx``: talk_seconds, answered and outbound only, which the vendor
                recommends where it is enough.
            timeout: seconds for the whole call, if not the client's own; None: no limit.
            partial: True returns what arrived when some agents failed; wise here, since an agent who is not
                signed in or (on some servers) not in a call is a failure of that agent.

        Raises (when awaited):
            BatchError: some agents failed (NotSignedIn, SessionLost, GatewayError); ``.batch`` has the rest.
            ConnectError, CircuitOpen, CallTimeout, ClosedError: nothing more could be asked.
        """
        ids = read_ids(agent_ids, AGENT)
        self._warn_above(ids, AGENT)
        endpoint = endpoints.agent_call_stats_brief if brief else endpoints.agent_call_stats
        question = Question(endpoint.name, groups=(Group(None, ids),) if ids else ())
        return self._query(question, endpoint, timeout, partial)

    def agent_session(
        self,
        agent_id: int,
        *,
        password: str,
        phone: str,
        status: AgentStatus | int = AgentStatus.NOT_READY,
        enter_idle: bool = False,
        auto_answer: bool | None = None,
        release_phone: bool | None = None,
        agent_type: int = 4,
        callback_uri: str | None = None,
        service_token: str | None = None,
        force: bool = False,
        resume: bool = False,
        grace: float = 5.0,
    ) -> AgentSession:
        """One agent, signed in while a block runs: ``async with gw.agent_session(101, ...) as session:``.

        Args:
            agent_id: 101 to 999999; one session each.
            password: the agent's, at most 32 characters.
            phone: the softphone number to work with, at most 24 characters.
            status: 3 not ready, so that no call is offered; 4 idle, 5 wrap-up.
            enter_idle: True makes the agent ready again after each call.
            auto_answer: whether calls are answered without asking; None: as the gateway has it (they are).
            release_phone: whether the phone hangs up after each call; None: as the gateway has it (it does).
            agent_type: 4 is a phone agent, 11 one with video.
            callback_uri: where the gateway shall push events, with ``service_token``; then none are fetched,
                and a heartbeat goes out every 30 s.
            service_token: what the gateway shall send along, at most 50 letters and digits.
            force: True ends a session the agent has elsewhere: whoever works there is thrown out.
            resume: True signs in again when the session is lost, never by force.
            grace: seconds that signing out may take, and waiting for a sign-in that is cancelled under way.

        Raises:
            TypeError, ValueError: a wrong argument; nothing is sent.
        """
        who = read_sign_in(
            agent_id,
            password=password,
            phone=phone,
            status=status,
            enter_idle=enter_idle,
            auto_answer=auto_answer,
            release_phone=release_phone,
            agent_type=agent_type,
            force=force,
            callback_uri=callback_uri,
            service_token=service_token,
        )
        line = Line(self._lane, who, self._options.quotas, self._options.timeout)
        if not isinstance(resume, bool):
            raise TypeError(f"resume must be True or False, not {type(resume).__name__}")
        seconds = check_timeout(grace, "grace")
        if seconds is None:
            raise TypeError("grace must be seconds: a sign-out is not waited for without an end")
        return AgentSession(line, resume=resume, grace=seconds, rng=self._rng)

    def with_options(
        self,
        *,
        quota: QuotaSetting | Unset = UNSET,
        concurrency: int | Unset = UNSET,
        timeout: float | Unset | None = UNSET,
    ) -> Self:
        """A copy with other options that shares connections, pacer and breaker, and is not to be closed.

        ``concurrency`` counts up to the client's own at the most: the copy shares its places.
        """
        copy = self._copy(
            quotas=quota if isinstance(quota, Unset) else gateway_quotas(quota),
            concurrency=concurrency
            if isinstance(concurrency, Unset)
            else check_count("concurrency", concurrency, MOST_CONCURRENT),
            timeout=timeout if isinstance(timeout, Unset) else check_timeout(timeout),
        )
        copy._on_guid, copy._lane, copy._rng = self._on_guid, self._lane, self._rng
        return copy

    async def replace_auth(self, guids: GuidSource | Auth) -> None:
        """Use other GUIDs from now on, here and in every copy; ``on_guid`` goes on being told of new ones."""
        auth = check_auth(guids if isinstance(guids, Auth) else Guids(guids, on_guid=self._on_guid))
        await self._core.replace(self._lane.credentials_with(auth))

    async def aclose(self, grace: float = 5.0) -> None:
        """Sign out the agents whose sessions are still open, then close as every client does."""
        try:
            if self._owner:
                await self._lane.aclose()
        finally:
            await super().aclose(grace)


def gateway_quotas(setting: QuotaSetting) -> Quotas:
    """The quotas a setting stands for; raises TypeError or ValueError."""
    known = [endpoint for endpoint in endpoints.ENDPOINTS.values() if endpoint.host is Host.GATEWAY]
    known += AGENT_ENDPOINTS.values()
    return Quotas(setting, known=known)
