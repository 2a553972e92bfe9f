"""Transport: one HTTP exchange, every failure as our own error; the only file with aiohttp's client."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from attrs import frozen
from multidict import CIMultiDictProxy
from yarl import URL

from cc_async import __version__
from cc_async.errors import CcError, ClosedError, ConfigError, ConnectError, ProtocolError, RequestTimeout
from cc_async.session.address import read_base_url, read_proxy
from cc_async.session.body import decompressed, too_large
from cc_async.session.failures import StaleConnection, http_reason, os_reason, proxy_refusal
from cc_async.session.timeouts import Timeouts
from cc_async.session.tls import Tls, check_pin, tls_failure

__all__ = ["Reply", "StaleConnection", "Transport"]

_log = logging.getLogger("cc_async")
_MARK = "cc_async_exchange"
_AGENT = f"cc_async/{__version__}"


@frozen
class Reply:
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


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
    ) -> None:
        address = read_base_url(base_url, allow_http=allow_http, host=host)
        self.host = address.host
        """The ``Host`` header that is sent."""
        self.name = address.name
        """``host:port`` for errors and keys."""
        self.prefix = address.prefix
        """What stands before every path: it is sent, so it is signed."""
        self.timeouts = timeouts
        self.max_body = _positive("max_body", max_body)
        self._origin = address.origin + address.prefix
        self._secure = address.secure
        self._proxy = None if proxy is None else read_proxy(proxy)
        self._tls = tls if isinstance(tls, Tls) else Tls()
        self._pin = self._tls.pin
        # True stands for aiohttp's own default context: verified, TLS 1.2 at least, made once for all.
        self._ssl: ssl.SSLContext | bool = (
            tls.context() if isinstance(tls, Tls) else True if tls is None else tls
        )
        self._connector = connector
        self._limit = _positive("limit", limit)
        self.capacity = self._limit if connector is None else _smallest(connector, self._limit)
        """How many requests can travel at once."""
        self._limits = aiohttp.ClientTimeout(
            total=None, connect=timeouts.connect, sock_connect=timeouts.connect, sock_read=timeouts.read
        )
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._closed = False

    async def send(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        on_sent: Callable[[], None],
    ) -> Reply:
        """Send one request and read its whole answer, whatever its status.

        Args:
            method: the HTTP method.
            path: the encoded path, without the prefix.
            query: the encoded query, or an empty text.
            headers: headers to add to ours.
            body: the bytes to send.
            on_sent: called when a connection is there and the request is about to go out on it.

        Raises:
            ConnectError: no connection, or it was lost; ``StaleConnection`` when that says nothing.
            TlsError: the handshake failed.
            RequestTimeout: silence for longer than the read timeout.
            ProtocolError: not HTTP as it should be; ``ResponseTooLarge`` above the cap.
            DecodeError: the body cannot be decompressed.
            ClosedError: after close, from another loop, in a forked child.
        """
        session = self._usable()
        exchange = _Exchange(self.name, self._pin, on_sent)
        target = URL(f"{self._origin}{path}?{query}" if query else self._origin + path, encoded=True)
        try:
            response = await session.request(
                method,
                target,
                headers={**self._headers(body), **headers},
                data=body or None,
                allow_redirects=False,
                ssl=self._ssl,
                server_hostname=self._tls.server_name,
                proxy=self._proxy,
                middlewares=(exchange.once,),
            )
            try:
                return await self._read(response, exchange)
            finally:
                response.close()
        except Exception as error:
            failure = exchange.failure(error)
        # Raised out here, so that aiohttp's error, which knows the headers, does not travel along as context.
        raise failure

    def _headers(self, body: bytes) -> dict[str, str]:
        """Return the headers of every request."""
        return {
            "Host": self.host,
            "User-Agent": _AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
            "Content-Length": str(len(body)),
        }

    async def _read(self, response: aiohttp.ClientResponse, exchange: _Exchange) -> Reply:
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

    def _usable(self) -> aiohttp.ClientSession:
        """Return the session of this loop and process."""
        if self._closed:
            raise ClosedError("the client is closed", host=self.name)
        loop = asyncio.get_running_loop()
        if self._session is None:
            return self._open(loop)
        if self._pid != os.getpid():
            raise ClosedError("the client was opened before a fork; make one in each process", host=self.name)
        if self._loop is not loop:
            raise ClosedError(
                "the client belongs to another event loop; make one in each loop", host=self.name
            )
        if self._session.closed:
            raise ClosedError("the connector of the client is closed", host=self.name)
        return self._session

    def _open(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        """Make the session, and the connector unless there is one."""
        if self._tls.insecure:
            _log.warning("%s: the server's certificate is not checked (insecure=True)", self.name)
        connector = self._connector or aiohttp.TCPConnector(limit=self._limit)
        try:
            self._session = aiohttp.ClientSession(
                connector=connector,
                connector_owner=self._connector is None,
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=_Request,
                timeout=self._limits,
                auto_decompress=False,
                trust_env=False,
            )
        except RuntimeError:
            text = "the connector belongs to another event loop"
            raise ClosedError(text, host=self.name) from None
        self._loop, self._pid = loop, os.getpid()
        return self._session

    async def close(self) -> None:
        """Close the connections; a caller's connector stays open. A second call does nothing."""
        self._closed = True
        if self._session is None or self._pid != os.getpid():
            # A forked child shares sockets and selector with its parent: what it drops, the parent loses.
            return
        session, self._session = self._session, None
        if self._loop is asyncio.get_running_loop():
            await session.close()


class _Request(aiohttp.ClientRequest):
    """aiohttp's request, which tells its exchange when a connection is there."""

    exchange: _Exchange

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.exchange.connected(conn)
        return await super().send(conn)


class _Mark:
    """Who uses a connection, as a note on the connection itself."""

    __slots__ = ("content",)

    def __init__(self) -> None:
        self.content: aiohttp.StreamReader | None = None


def _wake_reader(marks: dict[str, Any], closed: asyncio.Future[None]) -> None:
    """End the reading of a body whose connection is gone: aiohttp forgets the reader after a bad chunk."""
    if not closed.cancelled():
        closed.exception()  # looked at, so that nobody complains that it never was
    content = marks[_MARK].content
    if content is not None and not content.is_eof() and content.exception() is None:
        content.set_exception(ProtocolError("the answer is not HTTP as it should be: a bad chunk"))


class _Exchange:
    """What is known about one request under way."""

    __slots__ = ("_mark", "_name", "_on_sent", "_pin", "_protocol", "_reused", "_spoiled")

    def __init__(self, name: str, pin: bytes | None, on_sent: Callable[[], None]) -> None:
        self._name = name
        self._pin = pin
        self._on_sent = on_sent
        self._protocol: ResponseHandler | None = None
        self._reused = False
        self._spoiled = False
        self._mark = _Mark()

    async def once(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Hand the request on; aiohttp itself would repeat GET, PUT and DELETE if the error were its own."""
        cast("_Request", request).exchange = self
        try:
            return await handler(request)
        except Exception as error:
            failure = self.failure(error)
        raise failure

    def connected(self, connection: Connection) -> None:
        """Look at the connection the request is about to go out on."""
        protocol = self._protocol = cast("ResponseHandler", connection.protocol)
        marks = vars(protocol)
        self._reused = _MARK in marks
        if self._reused and protocol.should_close:
            # Bytes came after the last answer: whatever they are, they must not be taken for ours.
            raise StaleConnection("the kept connection had been spoiled")
        if self._pin is not None and not self._reused:
            check_pin(self._pin, connection.transport)
        if not self._reused and protocol.closed is not None:
            protocol.closed.add_done_callback(partial(_wake_reader, marks))
        marks[_MARK] = self._mark
        connection.add_callback(self._released)
        self._on_sent()

    def reading(self, response: aiohttp.ClientResponse) -> aiohttp.StreamReader:
        """Return the stream of the body, known to the connection while it is read."""
        self._mark.content = response.content
        return response.content

    def _released(self) -> None:
        self._spoiled = self._is_spoiled()

    def _is_spoiled(self) -> bool:
        """Tell whether the connection, while nobody else has taken it, is unfit although it is open."""
        protocol = self._protocol
        if protocol is None or vars(protocol).get(_MARK) is not self._mark:
            return False
        if isinstance(protocol.exception(), HttpProcessingError):
            return True
        return protocol.should_close and protocol.is_connected()

    def check_end(self, response: aiohttp.ClientResponse) -> None:
        """Refuse an answer with more bytes behind its end."""
        self._mark.content = None
        kept = response.version == aiohttp.HttpVersion11 and response.status >= 200
        kept = kept and "close" not in response.headers.get("Connection", "").lower()
        if kept and (self._spoiled or self._is_spoiled()):
            cast("ResponseHandler", self._protocol).close()
            raise ProtocolError("there are bytes behind the end of the answer")

    def failure(self, error: Exception) -> Exception:
        """Return our error for one of aiohttp's; what is no fault of the exchange stays as it is."""
        if isinstance(error, CcError):
            return error.located(host=self._name)
        if isinstance(error, (aiohttp.ClientError, OSError)):
            return self._explained(error).located(host=self._name)
        return error

    def _explained(self, error: Exception) -> CcError:
        handshake = _tls_cause(error)
        if handshake is not None:
            return tls_failure(handshake)
        if isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str):
            return ConnectError("the answer was cut off")  # message holds what had come of it
        match error:
            case aiohttp.SocketTimeoutError():
                return RequestTimeout("no byte came for longer than the read timeout")
            case TimeoutError():
                return ConnectError(
                    "no connection within the connect timeout", hint="is a firewall in the way?"
                )
            case aiohttp.ClientHttpProxyError():
                return proxy_refusal(error.status)
            case aiohttp.ClientProxyConnectionError():
                return ConnectError(f"cannot reach the proxy: {os_reason(error.os_error)}")
            case aiohttp.ClientConnectorDNSError():
                return ConnectError("the host name cannot be resolved", hint="check the base URL, or the DNS")
            case aiohttp.ClientConnectorError():
                return ConnectError(os_reason(error.os_error))
            case aiohttp.ClientResponseError():
                return ProtocolError(http_reason(error.message))
            case aiohttp.ClientPayloadError():
                return ConnectError("the answer was cut off")
            case aiohttp.ClientConnectionError() | OSError() if self._reused:
                return StaleConnection("the kept connection was closed before the answer")
            case aiohttp.ClientConnectionError() | OSError():
                return ConnectError("the connection was lost before the answer")
        return ProtocolError(f"the exchange failed ({type(error).__name__})")


def _tls_cause(error: Exception) -> ssl.SSLError | None:
    """Find the TLS error an error was made from: an alert after the handshake comes as a lost connection."""
    cause: BaseException | None = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorSSLError):
        cause = error.os_error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__
    return cause


def _positive(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a whole number, 1 or more")
    return value


def _smallest(connector: aiohttp.BaseConnector, limit: int) -> int:
    """Return how many connections a caller's connector opens to one host; its 0 means any number."""
    return min((n for n in (connector.limit, connector.limit_per_host) if n), default=limit)
