"""What every test of a fault checks: our own error in time, nothing leaked, no secret anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import random
import traceback
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from typing import Any, TypeVar

import pytest

from cc_async import AkSk, CmsClient, GatewayClient, Quota, Retry, Timeouts
from cc_async.errors import BatchError, CcError, DecodeError, PaginationLoop

from . import answers
from .server import TASK, FaultServer

ACCESS_KEY = "AKFAULTSAKFAULTS"
SECRET_KEY = "sk-7d1Never-Show-This-9f"
GUID = "4f3c2b1a-9d8e-4c7b-8a6f-0123456789ab.AgentGateway1"
NEXT_GUID = "77777777-9d8e-4c7b-8a6f-ba9876543210.AgentGateway1"
TOKEN = "tok-5c4Never-Show-This-3b"
SECRETS = (SECRET_KEY, GUID, NEXT_GUID, TOKEN, "auth-v2/", answers.PHONE)
"""What may stand in no text: signatures begin with ``auth-v2/``."""

AGENT = 101
LEAK_SECONDS = 1.0
QUICK: dict[str, Any] = {
    "quota": Quota(1000, per=0.05),
    "timeout": 5.0,
    "timeouts": Timeouts(connect=1.0, read=0.8, attempt=1.5),
    "retry": Retry(attempts=3, base=0.002, throttle_base=0.002, cap=0.01),
}
"""Short limits, so that a test is over before anybody waits for it."""

FROM_SEVERAL_ANSWERS = (PaginationLoop, DecodeError)
"""May be said of a whole part of the question, by the half that knows no hosts."""

R = TypeVar("R")


@contextlib.asynccontextmanager
async def asking(server: FaultServer, **overrides: Any) -> AsyncIterator[CmsClient]:
    """A client of a fault server; afterwards nothing of it may be left, nor anything wrong it has sent."""
    client = cms_for(server, **overrides)
    async with nothing_left(client, server):
        yield client


@contextlib.asynccontextmanager
async def asking_gateway(server: FaultServer, **overrides: Any) -> AsyncIterator[GatewayClient]:
    """The same for the agent gateway."""
    options = {**QUICK, "rng": random.Random(1), "guids": {AGENT: GUID}, **overrides}
    guids = options.pop("guids")
    client = GatewayClient(server.url, guids, **options)
    async with nothing_left(client, server):
        yield client


def cms_for(server: FaultServer, **overrides: Any) -> CmsClient:
    """A client with short limits, which has to be closed."""
    options = {
        "auth": AkSk(ACCESS_KEY, SECRET_KEY),
        **QUICK,
        "vdn": 170,
        "rng": random.Random(1),
        **overrides,
    }
    return CmsClient(server.url, **options)


@contextlib.asynccontextmanager
async def nothing_left(client: Any, *servers: FaultServer) -> AsyncIterator[None]:
    """Check at the end: gate, quota, connections and tasks as they were before."""
    before = own_tasks()
    try:
        yield
        check_idle(client)
    finally:
        await client.aclose(grace=0)
    for server in servers:
        await server.drained()
        assert server.complaints == []
    # A connection that ends takes its last steps on the loop.
    await until(lambda: own_tasks() <= before)


def own_tasks() -> set[asyncio.Task[Any]]:
    """The tasks under way, those of the fault servers left out."""
    return {task for task in asyncio.all_tasks() if task.get_name() != TASK}


def check_idle(client: Any) -> None:
    """No request under way, the gate free, every slot of the quota sent or given back."""
    core = client._core
    assert core.calls == 0
    session = core.session
    if session is None:
        return
    assert session.gate.in_use == 0
    assert session.exchange.in_flight == 0
    for window in session.pacer._windows.values():
        counted = window.counted
        expiring = len(window._landed) + sum(not slot.landed for slot in window._flying)
        assert counted == expiring, "a slot was neither sent nor given back"


async def until(true: Any, seconds: float = LEAK_SECONDS) -> None:
    """Wait for something that other tasks are about to make true; TimeoutError names nothing else."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


async def failing(asked: Awaitable[Any], kind: type[CcError], *, within: float, **expected: Any) -> CcError:
    """Ask, and return the error that came in time, taken out of its group; ``expected``: its attributes."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(within + 5):
            await asked
    except CcError as caught:
        error = caught
    else:
        pytest.fail("there is no error")
    assert loop.time() - began < within
    # What this function knows is not the library's to hide.
    del asked
    return checked(error, kind, **expected)


def checked(error: BaseException, kind: type[CcError], **expected: Any) -> CcError:
    """The error itself, out of its group: of the right kind, telling where, and with no secret in it."""
    assert isinstance(error, CcError)
    no_secret(error)
    found = error.exceptions[0] if isinstance(error, BatchError) else error
    assert isinstance(found, kind), f"{type(found).__name__}: {found}"
    assert found.endpoint, found
    assert found.host or isinstance(found, FROM_SEVERAL_ANSWERS), found
    assert found.message
    assert len(str(found)) < 900
    for name, value in expected.items():
        assert getattr(found, name) == value, f"{name} of {found!r} is {getattr(found, name)!r}"
    return found


def no_secret(*things: object) -> None:
    """None of the secrets in the text, repr, pickle or traceback (with locals) of these."""
    for text in texts_of(things):
        for secret in SECRETS:
            if secret in text:
                at = text.index(secret)
                pytest.fail(f"{secret[:6]}... is shown: {text[max(0, at - 300) : at + 60]}")


def texts_of(things: Iterable[object]) -> Iterator[str]:
    """Everything that could be printed, logged or stored of some things."""
    for thing in things:
        yield str(thing)
        yield repr(thing)
        if isinstance(thing, BaseException):
            for chained in _chain(thing):
                yield str(chained)
                yield repr(chained)
            yield "".join(traceback.TracebackException.from_exception(thing, capture_locals=True).format())
            yield pickle.dumps(_without_batch(thing), protocol=0).decode("latin-1")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _without_batch(error: BaseException) -> BaseException:
    """The error alone: a pickled batch has the rows, and those are the user's, phone numbers included."""
    copy: BaseException = pickle.loads(pickle.dumps(error))
    if isinstance(copy, CcError):
        copy.batch = None
    return copy
