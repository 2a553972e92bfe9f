"""Host names looked up in threads nobody waits for: a name server that hangs keeps no program from ending."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TypeVar

from aiohttp.abc import AbstractResolver, ResolveResult

T = TypeVar("T")

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """As the resolver of aiohttp, but that a look-up which is given up is left behind.

    The threads of the loop are waited for at the end of the program, which is half a minute where the name
    server is silent, whatever time limit there was.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up the addresses of a name; raises socket.gaierror."""
        return await aside(partial(_look_up, host, port, family))

    async def close(self) -> None:
        """Nothing is kept."""


async def aside(work: Callable[[], T]) -> T:
    """Run what blocks and cannot be cancelled in a thread of its own; cancelled, it is left behind.

    A daemon: Python waits for every other thread at its end, those of anyio and of executors included.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(found: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(found)  # type: ignore[arg-type] # None only where T is
        else:
            future.set_exception(error)

    def run() -> None:
        found, error = None, None
        try:
            found = work()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know
            loop.call_soon_threadsafe(settle, found, error)

    Thread(target=run, name="cc_async.aside", daemon=True).start()
    return await future


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    ask = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
    try:
        found = ask(flags=socket.AI_ADDRCONFIG)
    except socket.gaierror:
        if host.rstrip(".") != "localhost":
            raise
        found = ask()  # Windows without a network knows no address that is configured
    return [
        ResolveResult(
            hostname=host, host=_numeric(address), port=port, family=kind, proto=proto, flags=_NUMERIC
        )
        for kind, _, proto, _, address in found
    ]


def _numeric(address: tuple[str | int, ...] | tuple[int, bytes]) -> str:
    """The address alone; one that is valid on a single link says on which."""
    return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]  # type: ignore[arg-type] # no pairs of bytes: they come where there is no IPv6
