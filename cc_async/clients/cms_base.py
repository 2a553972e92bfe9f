"""What the methods of CmsClient are made of: arguments become questions, and the calls beside the table."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeVar

from attrs import evolve

from cc_async.batch.ids import CC_ID, SKILL, VDN, read_id, read_ids
from cc_async.batch.learn import PageSize
from cc_async.batch.packing import ArrayLimit
from cc_async.clients.base import (
    MOST_CONCURRENT,
    UNSET,
    BaseClient,
    Unset,
    check_auth,
    check_count,
    check_timeout,
)
from cc_async.clients.lookup import Resolved, resolve
from cc_async.contract import endpoints
from cc_async.contract.spec import Endpoint, Group, Host, IdArray, KeyKind, OneByOne, Question, Quota, Shape
from cc_async.query import Query
from cc_async.session.auth import Auth
from cc_async.session.call import Call
from cc_async.session.quotas import Quotas, QuotaSetting
from cc_async.session.request import Request

R = TypeVar("R")

Ids = Iterable[int] | None
"""Ids of skill queues; None: all of them."""
ByVdn = Mapping[int, Ids]
"""Ids by VDN."""

_PING = "/rest/cmsapp/v1/ping"


class CmsBase(BaseClient):
    """Everything of CmsClient but its constructor and its table of contents."""

    _host = Host.CMS

    async def call(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        query: Mapping[str, str] | None = None,
        retryable: bool | None = None,
        timeout: float | Unset | None = UNSET,
    ) -> Any:
        """Any sister interface: signed, paced and retried; returns its ``resultDesc`` as it came.

        Args:
            path: relative to ``/rest/cmsapp/v1/openapi/``, or absolute with a leading ``/``.
            params: the body; ``ccId`` and ``vdn`` are added to those of a relative path unless given.
            method: ``"POST"`` or ``"GET"`` (no body then).
            query: query parameters, signed with the rest.
            retryable: True: asked twice it does no harm, so a failed attempt may be repeated; False: what may
                have arrived is never sent again. None: True of a GET and of the documented interfaces that
                read (states, statistics, ``ping``), False of any other POST.
            timeout: seconds for the whole call.

        Raises:
            TypeError, ValueError: an argument that cannot work; nothing is sent.
            CcError: as any other call, bare.
        """
        endpoint = endpoints.raw_endpoint(path, method, retryable)
        pairs = dict(query or {})
        if not all(isinstance(text, str) for pair in pairs.items() for text in pair):
            raise TypeError("query must map text to text")
        body = dict(params or {})
        if method == "POST" and not path.startswith("/"):
            scope = {"ccId": self._options.cc_id, "vdn": self._options.vdn}
            body = {name: value for name, value in scope.items() if value is not None} | body
        request = Request(endpoint, body, path=endpoint.path, query=pairs)
        return await self._raw(request, timeout)

    async def ping(self, *, timeout: float | Unset | None = UNSET) -> None:
        """Check address, TLS and signature with the server's own ping; returns when all is well.

        Raises:
            CcError: what is wrong, with a hint.
        """
        # Not one of the interfaces: it is never wrapped, and teaches nothing about those that are.
        endpoint = evolve(endpoints.raw_endpoint(_PING), shapes=(Shape(),))
        await self._raw(Request(endpoint, {"say": "Hello world!"}, path=endpoint.path), timeout)

    def with_options(
        self,
        *,
        cc_id: int | Unset | None = UNSET,
        vdn: int | Unset | None = UNSET,
        quota: QuotaSetting | Unset = UNSET,
        concurrency: int | Unset = UNSET,
        timeout: float | Unset | None = UNSET,
        page_size: PageSize | Unset = UNSET,
        array_limit: ArrayLimit | Unset = UNSET,
    ) -> Self:
        """A copy with other options that shares connections, pacer and breaker, and is not to be closed.

        ``concurrency`` counts up to the client's own at the most: the copy shares its places.
        """
        return self._copy(
            cc_id=cc_id if isinstance(cc_id, Unset | None) else read_id(cc_id, CC_ID),
            vdn=vdn if isinstance(vdn, Unset | None) else read_id(vdn, VDN),
            quotas=quota if isinstance(quota, Unset) else cms_quotas(quota),
            concurrency=concurrency
            if isinstance(concurrency, Unset)
            else check_count("concurrency", concurrency, MOST_CONCURRENT),
            timeout=timeout if isinstance(timeout, Unset) else check_timeout(timeout),
            page_size=page_size if isinstance(page_size, Unset) else check_page_size(page_size),
            array_limit=array_limit if isinstance(array_limit, Unset) else check_array_limit(array_limit),
        )

    async def replace_auth(self, auth: Auth, *, global_auth: Auth | None = None) -> None:
        """Use another key from now on, here and in every copy; what a 401 locked is unlocked.

        ``global_auth=None``: ``auth`` is used for the interfaces that want the global key, too.
        """
        tenant, overall = check_auth(auth), check_auth(global_auth or auth)
        await self._core.replace({KeyKind.TENANT: tenant, KeyKind.GLOBAL: overall})

    # From arguments to questions

    def _vdn(self, vdn: int | None) -> int:
        if vdn is None:
            vdn = self._options.vdn
        if vdn is None:
            raise ValueError("which VDN? give vdn=, or a default with CmsClient(..., vdn=170)")
        number = read_id(vdn, VDN)
        self._warn_above((number,), VDN)
        return number

    def _grouped(
        self, interface: str, keys: Mapping[int, tuple[int, ...] | tuple[str, ...] | None]
    ) -> Question:
        groups = tuple(Group(vdn, mine) for vdn, mine in keys.items() if mine != ())
        return Question(interface, self._options.cc_id, groups)

    def _of_vdn(
        self, endpoint: Endpoint[R], vdn: int | None, timeout: float | Unset | None, partial: bool
    ) -> Query[R]:
        question = Question(endpoint.name, self._options.cc_id, (Group(self._vdn(vdn)),))
        return self._query(question, endpoint, timeout, partial)

    def _of_skills(
        self,
        endpoint: Endpoint[R],
        skill_ids: Ids,
        vdn: int | None,
        by_vdn: ByVdn | None,
        timeout: float | Unset | None,
        partial: bool,
    ) -> Query[R]:
        if by_vdn is None:
            by_vdn = {self._vdn(vdn): skill_ids}
        elif skill_ids is not None or vdn is not None:
            raise TypeError("by_vdn takes the place of skill_ids and vdn: give one or the other")
        elif not isinstance(by_vdn, Mapping):
            raise TypeError(f"by_vdn must map VDNs to ids, {{170: [1, 2]}}, not {type(by_vdn).__name__}")
        keys = {
            self._vdn(read_id(number, VDN)): None if ids is None else read_ids(ids, SKILL)
            for number, ids in by_vdn.items()
        }
        for ids in keys.values():
            self._warn_above(ids or (), SKILL)
        return self._query(self._grouped(endpoint.name, keys), endpoint, timeout, partial)

    # Groups that ask for every queue

    def _known_group(self, question: Question, group: Group) -> Group:
        directory = self._core.skills
        if group.keys is not None or directory is None:
            return group
        known = directory.known((question.cc_id, group.vdn))
        return group if known is None else evolve(group, keys=known)

    async def _resolve(self, question: Question, call: Call, endpoint: Endpoint[Any]) -> Resolved:
        if not isinstance(endpoint.split, IdArray | OneByOne):
            return Resolved(question)
        look_up = functools.partial(self._skill_ids, question.cc_id, call)
        return await resolve(question, look_up, at_once=self._options.concurrency)

    async def _skill_ids(self, cc_id: int | None, call: Call, group: Group) -> tuple[int, ...]:
        """Every skill queue of a VDN, as it was lately."""

        async def look_up() -> tuple[int, ...]:
            asked = Question("skills", cc_id, (Group(group.vdn),))
            left = call.left(self._core.open().clock.monotonic())
            # After a blocked loop the time may be over while the call still has its grace.
            left = None if left is None else max(left, 0.001)
            found = await self._query(asked, endpoints.skills, left, partial=False)
            return tuple(skill.skill_id for skill in found)

        directory = self._core.skills
        if directory is None:
            return await look_up()
        return await directory.keys((cc_id, group.vdn), look_up)


def cms_quotas(setting: QuotaSetting) -> Quotas:
    """The quotas a setting stands for; raises TypeError or ValueError."""
    known = [endpoint for endpoint in endpoints.ENDPOINTS.values() if endpoint.host is Host.CMS]
    return Quotas(setting, default=Quota(10, per=1.0), known=known)


def check_page_size(value: object) -> PageSize:
    """Rows per page, 1 to 10000, or ``"learn"``; raises TypeError or ValueError."""
    if value == "learn":
        return "learn"
    if isinstance(value, str):
        raise ValueError(f"page_size must be a number or 'learn', not {value[:20]!r}")
    return check_count("page_size", value, 10_000)


def check_array_limit(value: object) -> ArrayLimit:
    """One of the two readings of the documents; raises ValueError."""
    if value not in ("characters", "items"):
        raise ValueError(f"array_limit must be 'characters' or 'items', not {value!r}")
    return "characters" if value == "characters" else "items"
