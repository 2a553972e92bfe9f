"""One request at a time to one server, counted, paced, and careful with signatures that may be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from cc_async.clients.cms_base import cms_quotas
from cc_async.contract.endpoints import ENDPOINTS, raw_endpoint
from cc_async.contract.spec import Endpoint, Host, KeyKind, Shape
from cc_async.errors import ApiError, CcError, RequestTimeout, SignatureRejected
from cc_async.session.auth import Unsigned
from cc_async.session.clock import Clock
from cc_async.session.envelope import open_envelope, parse, rows_of
from cc_async.session.quotas import Quotas
from cc_async.session.shapes import encode
from cc_async.session.status import refusal, server_date
from cc_async.session.timeouts import Timeouts
from cc_async.session.tolerant import fold
from cc_async.session.transport import Reply, Transport
from cc_async.settings import Site
from cc_async.settings.keys import quota_of

PING = "/rest/cmsapp/v1/ping"
MOST_REJECTED = 4
"""Rejected signatures of one examination at the most: servers lock an address after some."""
BETWEEN_REJECTED = 10.0
"""Seconds between a rejected signature and the next one that may be rejected."""
LONGEST_PAUSE = 10.0
"""Seconds a quota may keep us from one request; interfaces that are slower are left out."""
_LARGEST = 8 * 2**20
_CONTENT_TYPE = "application/json;charset=UTF-8"

__all__ = ["Answer", "Line", "OutOfTries", "QuotaTooSlow"]


class OutOfTries(Exception):
    """One more rejected signature could lock the address."""


class QuotaTooSlow(Exception):
    """The quota of an interface would keep us waiting."""


@frozen
class Answer:
    """What came back for one request."""

    endpoint: Endpoint[Any]
    reply: Reply
    wall: float
    """Our clock when it came, epoch seconds."""
    document: Mapping[str, Any]
    """The JSON object, or an empty one."""
    rows: tuple[Any, ...] = ()
    total: int | None = None
    error: CcError | None = None
    """What the status or the code stands for, or None."""

    @property
    def refused(self) -> bool:
        """True when the server finds fault with the parameters, or with how they are written."""
        return isinstance(self.error, ApiError) and self.error.code in self.endpoint.envelope.wrong_shape

    @property
    def code(self) -> Any:
        """The result code exactly as it was sent, or None."""
        return fold(self.document).get("resultcode")

    @property
    def data(self) -> Any:
        """What stands where the rows are, as it was sent."""
        folded = fold(self.document)
        return folded["resultdesc"] if "resultdesc" in folded else folded.get("resultdatas")

    @property
    def offset(self) -> float | None:
        """Seconds the server's clock is ahead of ours, or None when it does not say."""
        date = server_date(self.reply.headers)
        return None if date is None else date - self.wall

    def checked(self) -> Answer:
        """Return itself, or raise what is wrong with it."""
        if self.error is not None:
            raise self.error
        return self


@define(eq=False)
class Line:
    """The way to one server: no retries, nothing learned, every request granted beforehand."""

    site: Site
    clock: Clock
    timeouts: Timeouts
    ahead: float = 0.0
    """Seconds to sign ahead of our clock: shows whether the clock is what is wrong."""
    granted: int = 0
    """Requests that may still be sent."""
    sent: int = 0
    rejected: int = 0
    """Rejected signatures so far."""

    _last: dict[str, float] = field(factory=dict, init=False)
    _last_rejected: float = field(default=0.0, init=False)
    _proven: set[str] = field(factory=set, init=False)
    _transport: Transport = field(init=False)
    _quotas: Quotas = field(init=False)

    def __attrs_post_init__(self) -> None:
        site = self.site
        site.require("cms_url", "access_key", "secret_key")
        site.key_pair(site.access_key, site.secret_key)  # refuses what can be no key
        self._transport = self._open()
        self._quotas = cms_quotas(quota_of(site.quota, Host.CMS))

    def _open(self) -> Transport:
        site = self.site
        return Transport(
            site.cms_url or "",
            tls=site.tls,
            host=site.host,
            proxy=None if site.proxy is None else str(site.proxy),
            limit=1,
            timeouts=self.timeouts,
            max_body=_LARGEST,
            allow_http=site.allow_http,
            fresh=True,  # ten seconds lie between some requests: a kept connection may be gone by then
        )

    async def use(self, site: Site) -> None:
        """Sign and send as this site says from now on."""
        await self._transport.close()
        self.site = site
        self._transport = self._open()

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.close()

    async def ask(
        self,
        interface: str,
        params: Mapping[str, Any],
        shape: Shape = Shape(),  # noqa: B008 - frozen
        *,
        key: str = "tenant",
    ) -> Answer:
        """Send one request, signed with the ``tenant`` or the ``global`` key.

        Raises:
            CcError: no answer came; what an answer means is in ``Answer.error``.
            OutOfTries: it could be one rejected signature too many.
            QuotaTooSlow: the quota leaves no room for it now.
        """
        endpoint = ENDPOINTS.get(interface) or raw_endpoint(interface)
        if key not in self._proven:
            await self._careful()
        if self.granted < 1:
            raise RuntimeError(f"{interface}: a step asked more than it said it would")
        await self._pace(endpoint)
        self.granted -= 1
        self.sent += 1
        answer = self._read(endpoint, await self._send(endpoint, params, shape, key))
        if isinstance(answer.error, SignatureRejected):
            self.rejected += 1
            self._last_rejected = self.clock.monotonic()
            # A tenant key may be turned away from the interfaces of the global key; elsewhere it is as good.
            if endpoint.needs is not KeyKind.GLOBAL:
                self._proven.discard(key)
        elif answer.document and answer.reply.status == 200:
            self._proven.add(key)
        return answer

    async def _pace(self, endpoint: Endpoint[Any]) -> None:
        """Keep so much distance between two requests of an interface that its quota holds in any window."""
        quota, now = self._quotas.of(endpoint), self.clock.monotonic()
        if quota is not None and endpoint.name in self._last:
            wait = self._last[endpoint.name] + quota.per / quota.limit - now
            if wait > LONGEST_PAUSE:
                raise QuotaTooSlow(
                    f"the quota of {endpoint.name} leaves room for the next request in {wait:.0f} s"
                )
            if wait > 0:
                await self.clock.sleep(wait)
        self._last[endpoint.name] = self.clock.monotonic()

    async def _careful(self) -> None:
        """Stay below the lock-out: few signatures that may be wrong, and far apart."""
        if self.rejected >= MOST_REJECTED:
            raise OutOfTries
        wait = self._last_rejected + BETWEEN_REJECTED - self.clock.monotonic()
        if self.rejected and wait > 0:
            await self.clock.sleep(wait)

    async def _send(
        self, endpoint: Endpoint[Any], params: Mapping[str, Any], shape: Shape, key: str
    ) -> Reply:
        site, transport = self.site, self._transport
        body = encode(endpoint, shape, params)
        pair = (site.access_key, site.secret_key)
        if key == "global":
            pair = (site.global_access_key, site.global_secret_key)
        unsigned = Unsigned(
            method=endpoint.method,
            path=transport.prefix + endpoint.path,
            query={},
            host=transport.host,
            content_type=_CONTENT_TYPE,
            body=body,
            now=self.clock.wall() + self.ahead,
        )
        headers = {"Content-Type": _CONTENT_TYPE, **await site.key_pair(*pair).sign(unsigned)}
        try:
            async with asyncio.timeout(self.timeouts.attempt):
                return await transport.send(
                    endpoint.method, endpoint.path, "", headers, body, on_sent=lambda: None
                )
        except TimeoutError as error:
            if isinstance(error, CcError):
                raise
            raise RequestTimeout(f"no whole answer within {self.timeouts.attempt:g} s") from None

    def _read(self, endpoint: Endpoint[Any], reply: Reply) -> Answer:
        """Judge an answer as the library would."""
        wall = self.clock.wall()
        document: Mapping[str, Any] = {}
        try:
            error = refusal(reply.status, reply.headers, reply.body, wall_now=wall, hint=endpoint.hint)
            if error is not None:
                raise error
            document = parse(reply.body)
            opened = open_envelope(endpoint, "", document)
            rows, total = rows_of(endpoint.envelope, opened)
        except CcError as wrong:
            return Answer(endpoint, reply, wall, document, error=wrong)
        return Answer(endpoint, reply, wall, document, tuple(rows), total)
