"""The connections to one server: aiohttp's session, opened with the first request in its loop and process."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping

import aiohttp
from attrs import define

from cc_async.errors import ClosedError
from cc_async.session.aiohttp_exchange import HttpRequest
from cc_async.session.clock import LoopClock
from cc_async.session.deadline import Line
from cc_async.session.resolver import Resolver
from cc_async.session.timeouts import Timeouts

_log = logging.getLogger("cc_async")


@define(eq=False)
class Opened:
    """What is made with the first request."""

    session: aiohttp.ClientSession
    connecting: Line
    """The limit of connecting, where that is ours to keep."""
    loop: asyncio.AbstractEventLoop
    pid: int


class Connections:
    """Hands out the session to whoever may use it.

    Args:
        name: ``host:port`` for errors.
        headers: sent with every request.
        connector: a caller's, shared and not closed here; None: one of our own.
        limit: the most connections of our own connector.
        fresh: True gives each request a new connection of our own connector.
        timeouts: limits of connecting and reading.
        insecure: the server's certificate is not checked, which is told when it is opened.
    """

    def __init__(
        self,
        name: str,
        headers: Mapping[str, str],
        *,
        connector: aiohttp.BaseConnector | None,
        limit: int,
        fresh: bool,
        timeouts: Timeouts,
        insecure: bool,
    ) -> None:
        self._name = name
        self._headers = headers
        self._connector, self._limit, self._fresh = connector, limit, fresh
        self._insecure = insecure
        # Connecting has a limit of our own, which forgives a blocked loop. It would count the wait for a
        # place in a pool that others use too: there aiohttp limits the making of each connection.
        self._connect = timeouts.connect if connector is None else None
        each = timeouts.connect if connector is not None else None
        self._limits = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=each, sock_read=timeouts.read
        )
        self.capacity = limit if connector is None else _smallest(connector, limit)
        """How many requests can travel at once."""
        self._opened: Opened | None = None
        self._closed = False

    def usable(self) -> Opened:
        """Return what was opened here; raises ClosedError in another loop or process, and after close."""
        if self._closed:
            raise ClosedError("the client is closed", host=self._name)
        loop, opened = asyncio.get_running_loop(), self._opened
        if opened is None:
            opened = self._opened = self._open(loop)
        if opened.pid != os.getpid():
            text = "the client was opened before a fork; make one in each process"
            raise ClosedError(text, host=self._name)
        if opened.loop is not loop:
            text = "the client belongs to another event loop; make one in each loop"
            raise ClosedError(text, host=self._name)
        if opened.session.closed:
            raise ClosedError("the connector of the client is closed", host=self._name)
        return opened

    def _open(self, loop: asyncio.AbstractEventLoop) -> Opened:
        """Make the session, and the connector unless there is one."""
        if self._insecure:
            _log.warning("%s: the server's certificate is not checked (insecure=True)", self._name)
        connector = self._connector or aiohttp.TCPConnector(
            limit=self._limit, force_close=self._fresh, resolver=Resolver()
        )
        try:
            session = aiohttp.ClientSession(
                connector=connector,
                connector_owner=self._connector is None,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                request_class=HttpRequest,
                timeout=self._limits,
                auto_decompress=False,
                trust_env=False,
            )
        except RuntimeError:
            text = "the connector belongs to another event loop"
            raise ClosedError(text, host=self._name) from None
        return Opened(session, Line(self._connect, LoopClock(loop)), loop, os.getpid())

    async def close(self) -> None:
        """Close the connections; a caller's connector stays open. A second call does nothing."""
        self._closed = True
        opened = self._opened
        if opened is None or opened.pid != os.getpid():
            # A forked child shares sockets and selector with its parent: what it drops, the parent loses.
            return
        self._opened = None
        if opened.loop is asyncio.get_running_loop():
            await opened.session.close()


def _smallest(connector: aiohttp.BaseConnector, limit: int) -> int:
    """Return how many connections a caller's connector opens to one host; its 0 means any number."""
    return min((n for n in (connector.limit, connector.limit_per_host) if n), default=limit)
