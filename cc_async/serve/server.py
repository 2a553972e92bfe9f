"""The server itself: bound to one address, stopped within a second."""

from __future__ import annotations

from ipaddress import ip_address
from types import TracebackType
from typing import Self

from aiohttp import web

_STOP_SECONDS = 0.5
_BACKLOG = 256
_IDLE_SECONDS = 75.0
"""A connection on which nothing is asked for so long is closed; aiohttp would keep it for an hour."""


def is_loopback(host: str) -> bool:
    """True for an address only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Server:
    """Serves an application; use ``async with``.

    Raises OSError (on entering) when the address cannot be had.
    """

    def __init__(self, app: web.Application, host: str = "127.0.0.1", port: int = 0) -> None:
        # A reader who leaves ends its stream at once, not with the next board.
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=_STOP_SECONDS,
            handler_cancellation=True,
            keepalive_timeout=_IDLE_SECONDS,
        )
        self._host, self._port = host, port

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, backlog=_BACKLOG).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port, also where a free one was asked for."""
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        """Where to find it; for a server on all addresses, on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - to tell, not to bind
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
