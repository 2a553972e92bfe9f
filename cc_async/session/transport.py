"""Transport: one HTTP exchange over aiohttp's client, every failure as our own error."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping

import aiohttp
from attrs import define
from multidict import CIMultiDictProxy

from cc_async import __version__
from cc_async.errors import ConfigError
from cc_async.session.address import Targets, read_base_url, read_proxy
from cc_async.session.aiohttp_exchange import HttpExchange
from cc_async.session.body import decompressed, too_large
from cc_async.session.connections import Connections
from cc_async.session.failures import StaleConnection, proxy_refusal
from cc_async.session.timeouts import Timeouts
from cc_async.session.tls import Tls

__all__ = ["Reply", "StaleConnection", "Tap", "Transport"]

_AGENT = f"cc_async/{__version__}"
_CONTENT_TYPE = "application/json;charset=UTF-8"


@define(eq=False)
class Reply:
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


Tap = Callable[[str, str, bytes, Reply], None]
"""Shown each method, path, body and answer; never a header that was sent, so neither signature nor GUID."""


class Transport:
    """The connections to one server; opens with the first request, in the loop that sends it.

    Args:
        base_url: ``https://host[:port][/prefix]``.
        tls: how the server's certificate is checked; None: the system's issuers.
        host: another ``Host`` header than the base URL's.
        proxy: ``http://[user:password@]host:port``.
        connector: a caller's aiohttp connector, shared and not closed here.
        limit: the most connections of our own connector.
        timeouts: limits of connecting and reading; the limit of a whole attempt is the caller's.
        max_body: cap on an answer, in bytes, before and after decompression.
        allow_http: True lets plain http go to other machines.
        fresh: True gives each request a new connection of our own connector: none can have gone stale.

    Raises:
        ConfigError: an argument that cannot work, a file of ``tls`` that is missing.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tls: Tls | ssl.SSLContext | None = None,
        host: str | None = None,
        proxy: str | None = None,
        connector: aiohttp.BaseConnector | None = None,
        limit: int = 100,
        timeouts: Timeouts = Timeouts(),  # noqa: B008
        max_body: int = 8 * 2**20,
        allow_http: bool = False,
        fresh: bool = False,
    ) -> None:
        address = read_base_url(base_url, allow_http=allow_http, host=host)
        self.host = address.host
        """The ``Host`` header that is sent."""
        self.name = address.name
        """``host:port`` for errors and keys."""
        self.prefix = address.prefix
        """What stands before every path: it is sent, so it is signed."""
        self.content_type = _CONTENT_TYPE
        """The ``Content-Type`` that is sent."""
        self.base_url = address.origin + address.prefix
        """The base URL as it was understood."""
        self.timeouts = timeouts
        self.max_body = _positive("max_body", max_body)
        self._targets = Targets(self.base_url)
        self._proxy = None if proxy is None else read_proxy(proxy)
        self._tls = tls if isinstance(tls, Tls) else Tls()
        self._pin = self._tls.pin
        # True stands for aiohttp's own default context: verified, TLS 1.2 at least, made once for all.
        self._ssl: ssl.SSLContext | bool = (
            tls.context() if isinstance(tls, Tls) else True if tls is None else tls
        )
        self._connections = Connections(
            self.name,
            {
                "Host": self.host,
                "User-Agent": _AGENT,
                "Accept": "*/*",
                "Accept-Encoding": "gzip, deflate",
                "Content-Type": _CONTENT_TYPE,
            },
            connector=connector,
            limit=_positive("limit", limit),
            fresh=fresh,
            timeouts=timeouts,
            insecure=self._tls.insecure,
        )
        self.capacity = self._connections.capacity
        """How many requests can travel at once."""
        self.tap: Tap | None = None
        """Shown every exchange that has an answer, before that is handed on; it has to be quick."""

    async def send(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        on_sent: Callable[[], None],
        on_answer: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request and read its whole answer, whatever its status.

        Args:
            method: the HTTP method.
            path: the encoded path, without the prefix.
            query: the encoded query, or an empty text.
            headers: headers to add to ours.
            body: the bytes to send.
            on_sent: called when the bytes go out, on a connection that is there; it may be called again.
            on_answer: called when the head of the answer is there: the request has arrived.

        Raises:
            ConnectError: no connection, or it was lost; ``StaleConnection`` when that says nothing.
            TlsError: the handshake failed.
            RequestTimeout: silence for longer than the read timeout.
            ProtocolError: not HTTP as it should be; ``ResponseTooLarge`` above the cap.
            DecodeError: the body cannot be decompressed.
            ClosedError: after close, from another loop, in a forked child.
        """
        opened = self._connections.usable()
        connecting = opened.connecting.limit()
        exchange = HttpExchange(self.name, self._pin, on_sent, connecting)
        try:
            with connecting:
                response = await opened.session.request(
                    method,
                    self._targets[f"{path}?{query}" if query else path],
                    headers={**headers, "Content-Length": str(len(body))},
                    data=body or None,
                    allow_redirects=False,
                    ssl=self._ssl,
                    server_hostname=self._tls.server_name,
                    proxy=self._proxy,
                    middlewares=(exchange.once,),
                )
            try:
                if on_answer is not None:
                    on_answer()
                reply = await self._read(response, exchange)
            finally:
                response.close()
        except Exception as error:
            failure = exchange.failure(error)
        else:
            if self.tap is not None:
                self.tap(method, path, body, reply)
            return reply
        # Raised out here, so that aiohttp's error, which knows the headers, does not travel along as context.
        raise failure

    async def _read(self, response: aiohttp.ClientResponse, exchange: HttpExchange) -> Reply:
        """Read the body up to the cap."""
        headers = response.headers
        if response.status == 407 and self._proxy is not None:
            raise proxy_refusal(407)
        content, chunks, size = exchange.reading(response), list[bytes](), 0
        while not content.at_eof():
            chunk = await content.readany()
            size += len(chunk)
            if size > self.max_body:
                raise too_large(self.max_body)
            chunks.append(chunk)
        exchange.check_end(response)
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        encoding = headers.get("Content-Encoding")
        if encoding is not None:
            body = decompressed(body, encoding, self.max_body)
        return Reply(response.status, headers, body)

    async def close(self) -> None:
        """Close the connections; a caller's connector stays open. A second call does nothing."""
        await self._connections.close()


def _positive(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a whole number, 1 or more")
    return value
