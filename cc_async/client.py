"""CmsClient: one method per interface of CC-CMS; reads like the table of contents."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from cc_async.batch.ids import CC_ID, VDN, read_id, read_ids, read_task_ids, read_window
from cc_async.batch.learn import PageSize
from cc_async.batch.packing import ArrayLimit
from cc_async.clients.asking import Options
from cc_async.clients.base import MOST_CONCURRENT, UNSET, Unset, check_auth, check_count, check_timeout
from cc_async.clients.cms_base import ByVdn, CmsBase, Ids, check_array_limit, check_page_size, cms_quotas
from cc_async.clients.core import Core
from cc_async.clients.setup import RequestShape, Setup
from cc_async.contract import endpoints
from cc_async.contract.records import (
    AgentState,
    SignedInAgent,
    Skill,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
    Vdn,
)
from cc_async.contract.spec import Group, KeyKind, Question, Quota
from cc_async.query import Query
from cc_async.session.auth import Auth
from cc_async.session.breaker import Breaker
from cc_async.session.clock import Clock
from cc_async.session.events import Observer
from cc_async.session.pacer import Pacer
from cc_async.session.quotas import QuotaSetting
from cc_async.session.retry import Retry
from cc_async.session.timeouts import Timeouts
from cc_async.session.tls import Tls
from cc_async.settings import Site, from_env, from_site

if TYPE_CHECKING:
    import aiohttp


class CmsClient(CmsBase):
    """The monitoring interfaces of CC-CMS, asked concurrently, merged into records.

    A client belongs to one event loop. It opens with its first request; ``async with`` or ``aclose``
    closes it. Methods return a ``Query``: ``await`` it for a ``Batch``, call ``plan()`` to see the cost.

    Args:
        base_url: ``https://host[:port]``; plain http to this machine only, unless ``allow_http``.
        auth: ``AkSk(access_key, secret_key)``, or any object of the ``Auth`` protocol.
        global_auth: the global key, for ``system_indicators`` and ``vdns``; None: ``auth`` is used.
        cc_id: call center, 1 to 65535; None leaves it out where it is optional.
        vdn: VDN of the methods that are called without one.
        quota: requests allowed per interface: one ``Quota``, a mapping from method name, path or ``"*"``,
            or None for no pacing. Ten a second unless told otherwise: the server's limit is not published.
        concurrency: requests under way at the same time, at most.
        timeout: seconds for a whole call, waiting, retries and pages included; None: only its requests'.
        page_size: rows asked for per page of ``system_indicators``; ``"learn"`` asks for 1000 once and keeps
            what the host really gives: the documents promise 100, ten times as many requests.
        array_limit: ``"characters"``: an id array has at most 1000 characters and 1000 items, which holds
            by every edition of the documents; ``"items"``: 1000 items.
        tls: ``Tls(...)`` or an ``ssl.SSLContext``; None: verified with the system's issuers.
        host: the ``Host`` to sign and send where it differs from the address dialled.
        proxy: ``http://[user:password@]host:port``.
        retry, breaker: the numbers of retries and of the breaker.
        lockout: seconds a credential rests after a 401.
        timeouts: limits of one attempt.
        pacer: quotas, pauses and lock-outs shared with other clients.
        connector: a caller's aiohttp connector; it is not closed.
        observers: see every event (``cc_async.session.events``).
        clock, rng: where time and jitter come from.
        allow_http: True allows plain http to other machines.
        max_body: cap on an answer in bytes.
        request_shape: ``"flat"`` or ``"wrapped"`` (``{"queryParam": ...}``); ``"learn"`` finds out.

    Raises:
        ConfigError, TypeError, ValueError: an argument that cannot work; nothing is sent.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        *,
        global_auth: Auth | None = None,
        cc_id: int | None = 1,
        vdn: int | None = None,
        quota: QuotaSetting = Quota(10, per=1.0),  # noqa: B008 - frozen
        concurrency: int = 32,
        timeout: float | None = 60.0,
        page_size: PageSize = 100,
        array_limit: ArrayLimit = "characters",
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
        request_shape: RequestShape = "learn",
    ) -> None:
        options = Options(
            cms_quotas(quota),
            cc_id=None if cc_id is None else read_id(cc_id, CC_ID),
            vdn=None if vdn is None else read_id(vdn, VDN),
            concurrency=check_count("concurrency", concurrency, MOST_CONCURRENT),
            timeout=check_timeout(timeout),
            page_size=check_page_size(page_size),
            array_limit=check_array_limit(array_limit),
        )
        tenant, overall = check_auth(auth), check_auth(global_auth or auth)
        setup = Setup(
            base_url=base_url,
            credentials={KeyKind.TENANT: tenant, KeyKind.GLOBAL: overall},
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
            request_shape=request_shape,
        )
        super().__init__(Core(setup), options)

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """A client from ``CC_ASYNC_*`` variables, and arguments that win. Raises ConfigError."""
        return cls._from(from_env(), overrides)

    @classmethod
    def from_site(cls, name: str, path: str | None = None, **overrides: Any) -> Self:
        """A client from ``[sites.NAME]`` of the file, and arguments that win. Raises ConfigError."""
        return cls._from(from_site(name, path), overrides)

    @classmethod
    def _from(cls, site: Site, overrides: Mapping[str, Any]) -> Self:
        return cls(**{**site.cms_arguments(), **overrides})

    # What is there

    def skills(
        self, *, vdn: int | None = None, timeout: float | Unset | None = UNSET, partial: bool = False
    ) -> Query[Skill]:
        """Every skill queue of a VDN, with its name and media type (``configures/skills``)."""
        return self._of_vdn(endpoints.skills, vdn, timeout, partial)

    def vdns(self, *, timeout: float | Unset | None = UNSET, partial: bool = False) -> Query[Vdn]:
        """Every VDN, with its name (``configures/vdns``); global key and independent deployment only."""
        question = Question("vdns", self._options.cc_id, (Group(),))
        return self._query(question, endpoints.vdns, timeout, partial)

    # How the queues are doing

    def skill_call_stats(
        self,
        skill_ids: Ids = None,
        *,
        vdn: int | None = None,
        by_vdn: ByVdn | None = None,
        timeout: float | Unset | None = UNSET,
        partial: bool = False,
    ) -> Query[SkillCallStats]:
        """Call statistics of skill queues in the current 5 minutes (``skill/currentcallstateinfo``).

        Args:
            skill_ids: queues, 1 to 10000; None: every queue of the VDN. 2 000 queues are 9 requests.
            vdn: the VDN, if not the client's own.
            by_vdn: queues of several VDNs in one batch, ``{170: [1, 2], 171: None}``.
            timeout: seconds for the whole call, if not the client's own; None: no limit.
            partial: True returns what arrived when some parts failed.

        Raises (when awaited):
            BatchError: some parts failed or some rows were unreadable; ``.batch`` holds the others.
            AuthError, ConnectError, CircuitOpen, CallTimeout, ClosedError: nothing more could be asked.
        """
        return self._of_skills(endpoints.skill_call_stats, skill_ids, vdn, by_vdn, timeout, partial)

    def skill_states(
        self,
        skill_ids: Ids = None,
        *,
        vdn: int | None = None,
        by_vdn: ByVdn | None = None,
        timeout: float | Unset | None = UNSET,
        partial: bool = False,
    ) -> Query[SkillState]:
        """Calls waiting, longest wait and agents by state of skill queues (``skill/stateinfo``).

        Arguments and errors as ``skill_call_stats``.
        """
        return self._of_skills(endpoints.skill_states, skill_ids, vdn, by_vdn, timeout, partial)

    def signed_in_agents(
        self,
        skill_ids: Ids = None,
        *,
        vdn: int | None = None,
        by_vdn: ByVdn | None = None,
        timeout: float | Unset | None = UNSET,
        partial: bool = False,
    ) -> Query[SignedInAgent]:
        """Signed-in agents of skill queues, one request per queue (``skill/agentbyconfigedskill``).

        An agent with several skills comes once per queue. Where counts are enough, ``skill_states`` needs
        9 requests for 2 000 queues. Arguments and errors as ``skill_call_stats``.
        """
        return self._of_skills(endpoints.signed_in_agents, skill_ids, vdn, by_vdn, timeout, partial)

    def agent_states(
        self, *, vdn: int | None = None, timeout: float | Unset | None = UNSET, partial: bool = False
    ) -> Query[AgentState]:
        """The state of every agent of a VDN, each once, paged (``vdn/totalagentabstractex3``).

        In the server's order; when rows moved while the pages were read, they are read again, and agents
        found only then stand at the end.
        """
        return self._of_vdn(endpoints.agent_states, vdn, timeout, partial)

    def task_stats(
        self,
        task_ids: Iterable[str],
        *,
        vdn: int | None = None,
        timeout: float | Unset | None = UNSET,
        partial: bool = False,
    ) -> Query[TaskStats]:
        """Real-time statistics of outbound tasks, one request per task (``fromisales/realstatistic``).

        Args:
            task_ids: text of 1 to 30 digits each. Needs the iSales service module on the server.
            vdn: the VDN, if not the client's own.
            timeout: seconds for the whole call.
            partial: as in ``skill_call_stats``.
        """
        question = self._grouped("task_stats", {self._vdn(vdn): read_task_ids(task_ids)})
        return self._query(question, endpoints.task_stats, timeout, partial)

    def system_indicators(
        self,
        *,
        begin: datetime,
        end: datetime,
        vdns: Iterable[int] | None = None,
        timeout: float | Unset | None = UNSET,
        partial: bool = False,
    ) -> Query[SystemIndicators]:
        """CTI system indicators, one row per 5 minutes and VDN (``cti/sysindex``).

        Args:
            begin: an aware datetime, any zone.
            end: an aware datetime; [begin, end), so neighbouring questions share no row.
            vdns: VDNs, 1 to 5000; None: all of them. An empty list is an empty batch.
            timeout: seconds for the whole call; months of rows want None, or ``.stream()``.
            partial: as in ``skill_call_stats``.

        Needs the global key and an independent deployment.
        """
        first, last = read_window(begin, end)
        chosen = None if vdns is None else read_ids(vdns, VDN)
        self._warn_above(chosen or (), VDN)
        question = Question("system_indicators", self._options.cc_id, vdns=chosen, begin=first, end=last)
        return self._query(question, endpoints.system_indicators, timeout, partial)
