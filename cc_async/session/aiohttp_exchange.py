"""One request on one of aiohttp's connections: is the connection fit, and what is a failure called."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError

from cc_async.errors import CcError, ConnectError, ProtocolError, RequestTimeout
from cc_async.session.deadline import Deadline
from cc_async.session.failures import StaleConnection, http_reason, os_reason, proxy_refusal
from cc_async.session.tls import check_pin, tls_failure

_MARK = "cc_async_exchange"


class HttpRequest(aiohttp.ClientRequest):
    """aiohttp's request, which tells its exchange when a connection is there and when its bytes go out."""

    exchange: HttpExchange

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send it; the connection is looked at first."""
        self.exchange.connected(conn)
        if not self.body:
            self.exchange.on_sent()
        return await super().send(conn)

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """Write head and body: before Python 3.12 in a task of its own, in a burst some 50 ms after ``send``.

        A slot of a quota counts from here, or it would end too early.
        """
        self.exchange.on_sent()
        await super().write_bytes(writer, conn, content_length)


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


class HttpExchange:
    """What is known about one request under way."""

    __slots__ = ("_connecting", "_mark", "_name", "_pin", "_protocol", "_reused", "_spoiled", "on_sent")

    def __init__(
        self, name: str, pin: bytes | None, on_sent: Callable[[], None], connecting: Deadline
    ) -> None:
        """Note what errors call the host, the certificate to find, and the limit of connecting."""
        self._connecting = connecting
        self._name = name
        self._pin = pin
        self.on_sent = on_sent
        """To be called when the bytes go out; it may be called again."""
        self._protocol: ResponseHandler | None = None
        self._reused = False
        self._spoiled = False
        self._mark = _Mark()

    async def once(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Hand the request on; aiohttp itself would repeat GET, PUT and DELETE if the error were its own."""
        cast("HttpRequest", request).exchange = self
        try:
            return await handler(request)
        except Exception as error:
            failure = self.failure(error)
        raise failure

    def connected(self, connection: Connection) -> None:
        """Look at the connection the request is about to go out on."""
        self._connecting.disarm()
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
