"""The lease against a real server: one leader, a stand-by that takes over, a leader that stops in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cc_async import Batch, ConfigError, SkillCallStats
from cc_async.integrations.redis_lease import Lease, LeaseLost
from cc_async.integrations.redis_link import RedisAway, checked, masked
from cc_async.integrations.redis_state import RedisState
from cc_async.monitor import Stitcher
from cc_async.monitor.alerts import alerts
from cc_async.monitor.rules import Rule
from cc_async.monitor.sums import ClosedBucket

SHORT = 0.6
"""Seconds of a lease here."""


@pytest.fixture
async def lease_of(valkey: str) -> AsyncIterator[Callable[..., Lease]]:
    """Leases on the server, closed at the end."""
    made: list[Lease] = []

    def maker(**given: object) -> Lease:
        lease = Lease(**({"url": valkey, "name": "test", "length": SHORT} | given))  # type: ignore[arg-type]  # of any kind here
        made.append(lease)
        return lease

    yield maker
    for lease in made:
        await lease.aclose()


@pytest.fixture
async def redis(valkey: str) -> AsyncIterator[Redis]:
    """The server itself."""
    async with Redis.from_url(valkey) as client:
        yield client


@asynccontextmanager
async def leading(lease: Lease) -> AsyncIterator[tuple[int, asyncio.Task[None]]]:
    """A leader at work, with its token, until the block ends."""
    tokens: asyncio.Queue[int] = asyncio.Queue()

    async def work(token: int) -> None:
        tokens.put_nowait(token)
        await asyncio.Event().wait()

    task = asyncio.create_task(lease.lead(work))
    try:
        async with asyncio.timeout(10):
            yield await tokens.get(), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, LeaseLost):
            await task


async def token_of(token: int) -> int:
    """Work that is done at once."""
    return token


async def test_one_leads_and_the_others_wait(lease_of: Callable[..., Lease]) -> None:
    """While a leader renews, nobody else leads, for longer than a lease; when it ends, the next one does."""
    told: list[str] = []
    waiting = lease_of(on_tell=told.append)
    async with leading(lease_of()) as (first, _):
        second = asyncio.create_task(waiting.lead(token_of))
        done, _ = await asyncio.wait([second], timeout=2 * SHORT)
        assert not done
    assert await second > first
    assert told == ["stands by: another process leads test", "leads test"]


async def test_a_stand_by_takes_over_within_the_lease(lease_of: Callable[..., Lease], redis: Redis) -> None:
    """A leader that dies without a word is followed within one lease (a dead one is a key nobody renews)."""
    await redis.set("cc_async:{test}:holder", "dead", px=round(SHORT * 1000))
    began = asyncio.get_running_loop().time()
    await lease_of().lead(token_of)
    # A tenth more for the pause between two questions, and a machine that is busy.
    assert asyncio.get_running_loop().time() - began < SHORT * 1.1 + 0.5


async def test_tokens_grow_even_when_redis_forgets(lease_of: Callable[..., Lease], redis: Redis) -> None:
    """Every leader has a higher token than the one before, after a loss of all data too."""
    tokens = []
    for number in range(4):
        tokens.append(await lease_of().lead(token_of))
        if number == 1:
            await redis.flushall()
            await asyncio.sleep(0.002)  # tokens are milliseconds at least
    assert tokens == sorted(set(tokens))


async def test_a_lease_that_was_taken_ends_the_work(lease_of: Callable[..., Lease], redis: Redis) -> None:
    """A leader who finds another name in its place stops, says why, and leaves the other's lease alone."""
    async with leading(lease_of()) as (_, task):
        await redis.set("cc_async:{test}:holder", "another", px=60_000)
        with pytest.raises(LeaseLost, match="another process has taken it"):
            await task
    assert await redis.get("cc_async:{test}:holder") == b"another"


async def test_redis_away_ends_the_work_in_time(lease_of: Callable[..., Lease], redis: Redis) -> None:
    """A server that stops answering: the work ends before the lease is over, and the reason is said."""
    told: list[str] = []
    clock = asyncio.get_running_loop().time
    lease = lease_of(on_tell=told.append, length=1.5)
    stopped = clock()

    async def work(token: int) -> None:
        nonlocal stopped
        await redis.execute_command("CLIENT", "PAUSE", 4000)
        stopped = clock()
        try:
            await asyncio.Event().wait()
        finally:
            stopped = clock() - stopped

    try:
        with pytest.raises(LeaseLost, match=r"not renewed within 1\.5 s .*did not answer"):
            await asyncio.wait_for(lease.lead(work), 5)
    finally:
        await redis.execute_command("CLIENT", "UNPAUSE")
    # Nobody else can lead earlier than the length of the lease after it was taken, just before the pause.
    assert stopped < 1.5
    assert any("cannot renew" in text for text in told)


async def test_a_lease_leads_one_work_at_a_time(lease_of: Callable[..., Lease]) -> None:
    """The same object cannot lead twice at once: both would believe to be alone."""
    lease = lease_of()
    async with leading(lease):
        with pytest.raises(RuntimeError, match="one work at a time"):
            await lease.lead(token_of)


async def test_a_stand_by_survives_an_absent_server(unused_tcp_port: int) -> None:
    """Without a server nobody leads; the stand-by says so once and goes on trying."""
    told: list[str] = []
    lease = Lease(f"redis://127.0.0.1:{unused_tcp_port}", "test", length=SHORT, on_tell=told.append)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lease.lead(token_of), 1)
    await lease.aclose()
    assert [text.partition(":")[0] for text in told] == ["stands by, and cannot lead"]


async def test_a_wrong_password_is_told_at_once(lease_of: Callable[..., Lease], redis: Redis) -> None:
    """Nobody stands by for a server that will never let it lead; the password is in no text."""
    await redis.acl_setuser("guarded", enabled=True, passwords=["+right"], commands=["+@all"], keys=["*"])
    url = f"redis://guarded:wr0ng@{redis.connection_pool.connection_kwargs['host']}:"
    url += f"{redis.connection_pool.connection_kwargs['port']}"
    with pytest.raises(ConfigError) as caught:
        await lease_of(url=url).lead(token_of)
    assert "refuses our password" in str(caught.value)
    assert "wr0ng" not in str(caught.value) + repr(caught.value.__cause__)


async def test_what_the_work_raises_comes_through(lease_of: Callable[..., Lease]) -> None:
    """An error of the work ends it, and the lease is given back for the next one."""

    async def fails(token: int) -> None:
        raise KeyError("of the work")

    with pytest.raises(KeyError):
        await lease_of().lead(fails)
    await asyncio.wait_for(lease_of().lead(token_of), SHORT / 2)


async def test_sums_continue_with_the_next_leader(lease_of: Callable[..., Lease]) -> None:
    """What one leader has stitched the next one finds; a stale leader cannot write over it."""
    stale: list[Stitcher] = []

    async def first(token: int) -> None:
        stale.append(Stitcher(state=await RedisState.open(lease_of(), token, "sums")))
        await stale[0].take(_rows(5))

    async def second(token: int) -> int | None:
        stitcher = Stitcher(state=await RedisState.open(later, token, "sums"))
        await stitcher.take(_rows(8))
        with pytest.raises(LeaseLost, match="another leader"):
            await stale[0].take(_rows(6))
        again = Stitcher(state=await RedisState.open(later, token, "sums"))
        return again.sums[170, 7].offered

    later = lease_of()
    await lease_of().lead(first)
    assert await later.lead(second) == 8


async def test_the_next_leader_repeats_no_alert(lease_of: Callable[..., Lease]) -> None:
    """An alert that one leader has told stands with the next one, who tells only its end."""

    async def watched(*fast: int) -> AsyncIterator[Batch[ClosedBucket]]:
        for number, connected in enumerate(fast):
            yield Batch.of([_window(number, connected)])

    def work(lease: Lease, *fast: int) -> Callable[[int], Awaitable[list[str]]]:
        async def told(token: int) -> list[str]:
            rules = [Rule(id="sl", measure="service_level", threshold=0.8, raise_after=2)]
            store = await RedisState.open(lease, token, "alerts")
            async with alerts(watched(*fast), rules, state=store) as ringing:
                return [alert.state async for alert in ringing]

        return told

    first, second = lease_of(), lease_of()
    assert await first.lead(work(first, 3, 3)) == ["raised"]
    assert await second.lead(work(second, 3, 3, 3, 10)) == ["cleared"]


def _window(number: int, fast: int) -> ClosedBucket:
    start = datetime(2026, 3, 4, 10, 5 * number, tzinfo=UTC)
    return ClosedBucket(
        skill_id=7, vdn=170, interval_start=start, offered=10, connected=10, lost=0, connected_in_20s=fast,
        coverage=1.0, last_sample_at=start.replace(second=59),
    )  # fmt: skip


async def test_a_stitcher_is_kept_in_one_place(lease_of: Callable[..., Lease], tmp_path: Path) -> None:
    """A file and a store exclude each other; ``save`` is for files and says what else to do."""

    async def work(token: int) -> None:
        store = await RedisState.open(lease, token, "sums")
        with pytest.raises(ValueError, match="exclude each other"):
            Stitcher(state_file=tmp_path / "sums.json", state=store)
        with pytest.raises(TypeError, match=r"await stitcher\.take"):
            Stitcher(state=store).save()

    lease = lease_of()
    await lease.lead(work)


async def test_a_state_that_may_not_be_kept_is_told(unused_tcp_port: int) -> None:
    """Without a server a state is neither read as empty nor written in silence."""
    lease = Lease(f"redis://127.0.0.1:{unused_tcp_port}", "test", length=SHORT)
    with pytest.raises(RedisAway):
        await RedisState.open(lease, 1, "sums")
    with pytest.raises(RedisAway):
        await RedisState(lease, 1, "sums", None).write(b"{}")
    await lease.aclose()


@pytest.mark.parametrize(
    "url", ["", "host:6379", "http://host", "redis://", "redis://host:x", "redis://[::1"]
)
def test_an_address_that_is_none(url: str) -> None:
    """Refused before anything is sent, with what to write."""
    with pytest.raises(ConfigError, match="redis://host:6379/0"):
        checked(url)


def test_addresses() -> None:
    """Valkey's own schemes are Redis's; a shown address has no password, user or option in it."""
    assert checked("valkeys://host:1/2") == "rediss://host:1/2"
    assert masked("redis://me:secret@host:6379/0?password=secret") == "redis://***@host:6379/0"


def _rows(offered: int) -> list[SkillCallStats]:
    at = datetime(2026, 3, 4, 12, 1, tzinfo=UTC)
    start = at.replace(minute=0)
    return [SkillCallStats(7, start, start, offered, 0, 0, sampled_at=at, cc_id=1, vdn=170)]
