"""Names are looked up as aiohttp does it, and a look-up that hangs holds nobody up."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from time import monotonic

import pytest
from aiohttp.resolver import ThreadedResolver

from cc_async.session.resolver import Resolver, aside

HANGING = """
import socket, sys, time
def hang(*_, **__):
    time.sleep(60)
socket.getaddrinfo = hang
from cc_async.cli import main
sys.exit(main(["check", "ping", "--vdn", "170", "--cms-url", "https://cms.example", "--timeout", "0.3"]))
"""


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNSPEC])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_it_finds_what_aiohttp_finds(host: str, family: socket.AddressFamily) -> None:
    """The same addresses in the same form."""
    found = await Resolver().resolve(host, 80, family)
    assert found == await ThreadedResolver().resolve(host, 80, family)
    assert "127.0.0.1" in {one["host"] for one in found}


async def test_a_name_that_does_not_exist() -> None:
    """The error of the system, as a connector expects it."""
    with pytest.raises(socket.gaierror):
        await Resolver().resolve("nowhere.invalid", 80)


async def test_what_is_run_aside_returns_and_raises() -> None:
    """The value or the error of the work."""
    assert await aside(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 / 0)


async def test_cancelled_it_is_over_at_once() -> None:
    """The thread goes on alone; what it finds later disturbs nobody."""
    go_on = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await aside(lambda: go_on.wait(60))
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "cc_async.aside":
            assert thread.daemon
            thread.join(5)
    await asyncio.sleep(0)  # what the thread has told is heard


def test_a_program_ends_while_a_name_server_is_silent() -> None:
    """A check with a limit of 0.3 s is over long before a look-up of a minute."""
    began = monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", HANGING],
        env={"CC_ASYNC_ACCESS_KEY": "ak", "CC_ASYNC_SECRET_KEY": "sk"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (ended.stdout, ended.returncode) == ("PING CRITICAL - no answer within 0.3 s\n", 2)
    assert monotonic() - began < 40
